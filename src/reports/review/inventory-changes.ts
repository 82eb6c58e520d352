/** What one version of the inventory says otherwise than the version before it: entries that came, went, or changed in one of their parts. */

import type { Inventory } from '../../identity/inventory.ts'
import { dateText, periodText } from '../../identity/inventory-diff-text.ts'
import type { Exception, InventoryPeer, Period, PolicyLine, Resource } from '../../identity/inventory-entries.ts'
import { spanText } from '../../quantity-text.ts'

export type InventoryPart = 'person' | 'gateway' | 'host' | 'peer' | 'resource' | 'policy' | 'exception'

export type InventoryChange = {
  readonly part: InventoryPart
  /** Of a policy line or exception the whole line: they have no name. */
  readonly name: string
  readonly change: 'added' | 'removed' | 'changed'
  /** Of what changed: `allowed_ips`; '' = the whole entry. */
  readonly field: string
  /** As the inventory spells it, lists in order; '' = nothing. */
  readonly before: string
  readonly after: string
}

/** Name of an entry, and its parts as text. */
type Entry = readonly [name: string, fields: Readonly<Record<string, string>>]

/** By part, name and field. */
export function inventoryChanges(before: Inventory, after: Inventory): InventoryChange[] {
  const [old, now] = [entriesOf(before), entriesOf(after)]
  return PARTS.flatMap((part) => compared(part, old[part], now[part]))
}

const PARTS: readonly InventoryPart[] = ['person', 'gateway', 'host', 'peer', 'resource', 'policy', 'exception']

function compared(part: InventoryPart, before: readonly Entry[], after: readonly Entry[]): InventoryChange[] {
  const [old, now] = [named(before), named(after)]
  const all = [...new Set([...old.keys(), ...now.keys()])].sort()
  return all.flatMap((identity): InventoryChange[] => {
    const [was, is] = [old.get(identity), now.get(identity)]
    const name = (was ?? is)?.[0] ?? ''
    const whole = { part, name, field: '' }
    if (was === undefined) return [{ ...whole, change: 'added', before: '', after: summaryOf(is) }]
    if (is === undefined) return [{ ...whole, change: 'removed', before: summaryOf(was), after: '' }]
    return Object.keys(is[1]).flatMap((field): InventoryChange[] => {
      const [first, second] = [was[1][field] ?? '', is[1][field] ?? '']
      return first === second ? [] : [{ part, name, change: 'changed', field, before: first, after: second }]
    })
  })
}

/** Entries of one name are told apart by their order: nothing else does. */
function named(entries: readonly Entry[]): Map<string, Entry> {
  const found = new Map<string, Entry>()
  for (const entry of entries) {
    let identity = entry[0]
    for (let i = 2; found.has(identity); i++) identity = `${entry[0]}\0${i}`
    found.set(identity, entry)
  }
  return found
}

function summaryOf(entry: Entry | undefined): string {
  const fields = Object.entries(entry?.[1] ?? {}).filter(([, text]) => text !== '')
  return fields.map(([name, text]) => `${name}: ${text}`).join('; ')
}

function entriesOf(inventory: Inventory): Readonly<Record<InventoryPart, readonly Entry[]>> {
  return {
    person: inventory.people.map(({ email, name, groups, until }) => [
      email,
      { name, groups: sorted(groups), until: dateText(until) },
    ]),
    gateway: inventory.gateways.map(({ name, interfaces, sources }) => [
      name,
      { interfaces: sorted(interfaces), sources: sorted(sources) },
    ]),
    host: inventory.hosts.map(({ name, addresses, sources }) => [
      name,
      { addresses: sorted(addresses), sources: sorted(sources) },
    ]),
    peer: inventory.peers.map(peerEntry),
    resource: inventory.resources.map(resourceEntry),
    policy: inventory.policy.map((line) => [policyText(line), {}]),
    exception: inventory.exceptions.map((each) => [exceptionText(each), {}]),
  }
}

function peerEntry(peer: InventoryPeer): Entry {
  return [
    peer.name,
    {
      gateway: peer.gateway,
      interface: peer.interface,
      kind: peer.kind,
      device: peer.device,
      owner: sorted(peer.owners.map((each) => dated(each.email, each))),
      groups: sorted(peer.groups),
      keys: sorted(peer.keys.map((each) => dated(each.publicKey, each))),
      allowed_ips: sorted(
        peer.allowedIps.map(({ prefix, requirement, expires }) =>
          [prefix, requirement, expires === null ? '' : `expires ${dateText(expires)}`]
            .filter((text) => text !== '')
            .join(' '),
        ),
      ),
      requirement: peer.requirement,
      expires: dateText(peer.expires),
      rotate_every: peer.rotateEvery === 0 ? '' : spanText(peer.rotateEvery),
    },
  ]
}

function resourceEntry({ name, addresses, ports, owner, classification }: Resource): Entry {
  return [name, { addresses: sorted(addresses), ports: sorted(ports), owner, classification }]
}

/** `dba, engineering may reach customer-db since 2026-01-01` */
export function policyText({ groups, resources, ...period }: PolicyLine): string {
  return dated(`${groups.join(', ')} may reach ${resources.join(', ')}`, period)
}

function exceptionText({ check, peer, reason, approvedBy, until }: Exception): string {
  return dated(`${check} for ${peer}: ${reason} (approved by ${approvedBy})`, { since: null, until })
}

function dated(text: string, period: Period): string {
  return `${text} ${periodText(period)}`.trim()
}

/** Order says nothing in these lists. */
function sorted(texts: readonly string[]): string {
  return texts.toSorted().join(', ')
}
