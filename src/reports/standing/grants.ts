/**
 * Documented access against its use: for each line of the policy, who may reach what by it at the end of the period, and when somebody
 * last did. A grant is unused only where use would have been recorded; where it would not, that is said instead.
 */
import type { Inventory } from '../../identity/inventory.ts'
import { holdsAt, type PolicyLine } from '../../identity/inventory-entries.ts'
import type { Micros } from '../../time.ts'
import type { PeerOfKey } from './peers-of-keys.ts'
import type { Standing } from './standing-gateways.ts'
import { lastOf, type UsedPlace } from './used-places.ts'

/**
 * `used` answered in the period; `tried` asked for, and no answer is recorded; `unused` nothing is recorded of it in the period;
 * `not-recorded` nobody tracked connections on the peer's gateway then, or nobody knows whose they were: what was tried there may have been
 * answered; `renamed` the catalogue called it otherwise at some time of the
 * period, so that the records cannot be counted under its name.
 */
export type GrantState = 'used' | 'tried' | 'unused' | 'not-recorded' | 'renamed'

export type Grant = {
  /** Its line of the policy, from 1 on. */
  readonly line: number
  /** Groups of the peer that the line names. */
  readonly groups: readonly string[]
  readonly gateway: string
  readonly interface: string
  readonly peer: string
  /** One of its keys runs somewhere; false also where no poll of its gateway is recorded. */
  readonly isRunning: boolean
  readonly ownerName: string
  readonly ownerEmail: string
  readonly resource: string
  readonly classification: string
  readonly state: GrantState
  /** Last connection that was answered, over all that is recorded; null = none is. */
  readonly lastUse: Micros | null
  /** Last attempt without an answer, or packet that was let through; null = none is. */
  readonly lastTry: Micros | null
}

export type GrantLine = {
  readonly line: number
  readonly policy: PolicyLine
  /** Grants it gives, by state. */
  readonly counts: Readonly<Record<GrantState, number>>
  readonly peers: number
}

export type Grants = {
  /** By line, resource, then peer; at most GRANTS_MAX. */
  readonly grants: readonly Grant[]
  readonly count: number
  /** Lines that hold at the end of the period. */
  readonly lines: readonly GrantLine[]
}

/** Grants of one report: a policy for thousands of peers and hundreds of resources has more than anybody reviews. */
export const GRANTS_MAX = 100_000

export type GrantQuestion = {
  readonly standing: Standing
  readonly used: readonly UsedPlace[]
  readonly peerOf: PeerOfKey
  /** Begin of the period. */
  readonly from: Micros
  /** Machines of which connection tracking was recorded in the period. */
  readonly tracked: ReadonlySet<string>
  /** Resources that some inventory of the period catalogues otherwise. */
  readonly renamed: ReadonlySet<string>
}

export function readGrants(question: GrantQuestion): Grants {
  const { inventory, at } = question.standing
  if (inventory === null) return { grants: [], count: 0, lines: [] }
  const uses = usesByPeer(question)
  const classes = new Map(inventory.resources.map(({ name, classification }) => [name, classification]))
  const peers = inventory.peers.map((peer) => ({
    peer,
    groups: inventory.groupsAt(peer, at),
    owner: inventory.ownerAt(peer, at),
  }))
  const running = runningKeys(question.standing)
  const grants: Grant[] = []
  const lines: GrantLine[] = []
  let count = 0
  for (const [i, policy] of inventory.policy.entries()) {
    if (!holdsAt(policy, at)) continue
    const counts = { used: 0, tried: 0, unused: 0, 'not-recorded': 0, renamed: 0 }
    const covered = peers.flatMap((each) => {
      const own = policy.groups.filter((group) => each.groups.includes(group))
      return own.length === 0 ? [] : [{ ...each, own }]
    })
    for (const resource of [...new Set(policy.resources)].sort(byText)) {
      for (const { peer, owner, own } of covered.toSorted((a, b) => byText(a.peer.name, b.peer.name))) {
        const places = uses.get(`${peerIdentity(peer)}\0${resource}`) ?? []
        const { state, lastUse, lastTry } = judge(places, peer.gateway, resource, question)
        counts[state]++
        count++
        if (grants.length === GRANTS_MAX) continue
        grants.push({
          line: i + 1,
          groups: own,
          gateway: peer.gateway,
          interface: peer.interface,
          peer: peer.name,
          isRunning: peer.keys.some(({ publicKey }) => running.has(publicKey)),
          ownerName: owner?.name ?? '',
          ownerEmail: owner?.email ?? '',
          resource,
          classification: classes.get(resource) ?? '',
          state,
          lastUse,
          lastTry,
        })
      }
    }
    lines.push({ line: i + 1, policy, counts, peers: covered.length })
  }
  return { grants, count, lines }
}

function runningKeys({ gateways }: Standing): Set<string> {
  const tunnels = gateways.flatMap(({ running }) => running)
  return new Set(tunnels.flatMap(({ peers }) => peers.map(({ publicKey }) => publicKey)))
}

function judge(
  places: readonly UsedPlace[],
  gateway: string,
  resource: string,
  { from, tracked, renamed }: GrantQuestion,
): Pick<Grant, 'state' | 'lastUse' | 'lastTry'> {
  const lastUse = lastOf(places, 'connected')
  const lastTry = lastOf(places.filter(({ kind }) => kind !== 'connected'))
  const isSince = (at: Micros | null) => at !== null && at >= from
  if (isSince(lastUse)) return { state: 'used', lastUse, lastTry }
  if (!tracked.has(gateway)) return { state: 'not-recorded', lastUse, lastTry }
  if (isSince(lastTry)) return { state: 'tried', lastUse, lastTry }
  return { state: renamed.has(resource) ? 'renamed' : 'unused', lastUse, lastTry }
}

/** By peer and resource, all keys of a peer together. What was reached by somebody is no use by the key. */
function usesByPeer({ used, peerOf }: GrantQuestion): Map<string, UsedPlace[]> {
  const found = new Map<string, UsedPlace[]>()
  for (const place of used) {
    if (!place.isInitiator || place.resource === '') continue
    const peer = peerOf(place.gateway, place.publicKey)
    if (peer === null) continue
    const identity = `${peerIdentity(peer)}\0${place.resource}`
    const list = found.get(identity)
    if (list === undefined) found.set(identity, [place])
    else list.push(place)
  }
  return found
}

function peerIdentity({ name, gateway, interface: tunnel }: Inventory['peers'][number]): string {
  return `${gateway}\0${tunnel}\0${name}`
}

/** By code unit: the same order on every machine. */
function byText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
