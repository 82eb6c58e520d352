/** Documented requirements, what hangs on each, and when it was last used. Facts, without judgement. */
import type { Inventory } from '../../identity/inventory.ts'
import type { InventoryPeer } from '../../identity/inventory-entries.ts'
import { compareText } from '../../kql/text-match.ts'
import type { Micros } from '../../time.ts'
import type { Grant } from '../standing/grants.ts'
import type { PrefixUse } from '../standing/used-places.ts'
import { requirementId } from './requirement-id.ts'
import type { PeerUses, RunningPrefixes } from './running-prefixes.ts'

/** One documented prefix of one peer, under the requirement it is there for; '' = a peer that documents no prefix. */
export type RequirementPrefix = {
  readonly id: string
  readonly text: string
  readonly peer: string
  readonly gateway: string
  readonly interface: string
  readonly ownerName: string
  readonly ownerEmail: string
  readonly prefix: string
  /** By the prefix itself; false: the requirement of its peer stands for it. */
  readonly isOwn: boolean
  /** Null = no poll of its gateway is recorded. */
  readonly isRunning: boolean | null
  /** The earlier of prefix and peer; null = none. */
  readonly expires: Micros | null
} & PrefixUse

export type RequirementRow = {
  readonly id: string
  /** Every wording of it, sorted. */
  readonly texts: readonly string[]
  /** Sorted, each once. */
  readonly peers: readonly string[]
  readonly owners: readonly string[]
  /** Peers for whom nobody answers. */
  readonly withoutOwner: number
  readonly prefixes: readonly string[]
  readonly running: number
  /** What the policy lets its peers reach, with the last use by them; null = none recorded. */
  readonly grants: readonly { readonly resource: string; readonly lastUse: Micros | null }[]
  /** The earliest; null = none. */
  readonly expires: Micros | null
} & PrefixUse

/** Prefixes of one report: more than any inventory has that people keep by hand. */
export const PREFIXES_MAX = 100_000

export type RequirementsFound = {
  /** By id. */
  readonly rows: readonly RequirementRow[]
  /** By id, peer, prefix; at most PREFIXES_MAX. */
  readonly prefixes: readonly RequirementPrefix[]
  readonly count: number
}

/** `at`: owners and groups as of then. */
export function readRequirements(
  inventory: Inventory,
  at: Micros,
  running: RunningPrefixes,
  uses: PeerUses,
  grants: readonly Grant[],
): RequirementsFound {
  const all = inventory.peers.flatMap((peer) => prefixesOf(peer, inventory, at, running, uses))
  const sorted = all.sort(
    (a, b) =>
      compareText(a.id, b.id) ||
      compareText(a.peer, b.peer) ||
      compareText(a.gateway, b.gateway) ||
      compareText(a.interface, b.interface) ||
      compareText(a.prefix, b.prefix),
  )
  const granted = Map.groupBy(grants, (grant) => placeOf(grant))
  const rows = [...Map.groupBy(sorted, ({ id }) => id)].map(([id, own]) => rowOf(id, own, granted))
  return { rows, prefixes: sorted.slice(0, PREFIXES_MAX), count: sorted.length }
}

function prefixesOf(
  peer: InventoryPeer,
  inventory: Inventory,
  at: Micros,
  running: RunningPrefixes,
  uses: PeerUses,
): RequirementPrefix[] {
  const owner = inventory.ownerAt(peer, at)
  const base = {
    peer: peer.name,
    gateway: peer.gateway,
    interface: peer.interface,
    ownerName: owner?.name ?? '',
    ownerEmail: owner?.email ?? '',
  }
  const entries = peer.allowedIps.length > 0 ? peer.allowedIps : [{ prefix: '', requirement: '', expires: null }]
  return entries.flatMap(({ prefix, requirement, expires }): RequirementPrefix[] => {
    const text = requirement || peer.requirement
    if (text === '') return []
    return [
      {
        ...base,
        id: requirementId(text),
        text,
        prefix,
        isOwn: requirement !== '',
        isRunning: running.isRunning(peer, prefix),
        expires: earlier(expires, peer.expires),
        ...uses.ofPrefix(peer, prefix),
      },
    ]
  })
}

function rowOf(
  id: string,
  own: readonly RequirementPrefix[],
  granted: ReadonlyMap<string, readonly Grant[]>,
): RequirementRow {
  const peers = new Map(own.map((each) => [placeOf(each), each]))
  const grants = new Map<string, Micros | null>()
  for (const place of peers.keys())
    for (const { resource, lastUse } of granted.get(place) ?? [])
      grants.set(resource, later(grants.get(resource) ?? null, lastUse))
  const owners = [...peers.values()].map(({ ownerName, ownerEmail }) => ownerName || ownerEmail)
  return {
    id,
    texts: unique(own.map(({ text }) => text)),
    peers: unique(own.map(({ peer }) => peer)),
    owners: unique(owners.filter((name) => name !== '')),
    withoutOwner: owners.filter((name) => name === '').length,
    prefixes: unique(own.map(({ prefix }) => prefix).filter((prefix) => prefix !== '')),
    running: own.filter(({ isRunning }) => isRunning === true).length,
    grants: [...grants]
      .map(([resource, lastUse]) => ({ resource, lastUse }))
      .sort((a, b) => compareText(a.resource, b.resource)),
    lastUse: own.reduce<Micros | null>((last, each) => later(last, each.lastUse), null),
    lastTry: own.reduce<Micros | null>((last, each) => later(last, each.lastTry), null),
    lastReached: own.reduce<Micros | null>((last, each) => later(last, each.lastReached), null),
    expires: own.reduce<Micros | null>((first, each) => earlier(first, each.expires), null),
  }
}

/** NUL stands in no name. */
function placeOf({ gateway, interface: name, peer }: Pick<Grant, 'gateway' | 'interface' | 'peer'>): string {
  return `${gateway}\0${name}\0${peer}`
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort(compareText)
}

function later(a: Micros | null, b: Micros | null): Micros | null {
  if (a === null || b === null) return a ?? b
  return Math.max(a, b)
}

function earlier(a: Micros | null, b: Micros | null): Micros | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}

/** No answered connection of it is recorded since `from`, at whichever end. */
export function isIdle({ lastUse, lastReached }: PrefixUse, from: Micros): boolean {
  const last = later(lastUse, lastReached)
  return last === null || last < from
}
