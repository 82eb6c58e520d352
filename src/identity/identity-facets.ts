/**
 * Peer, owner and attribution as facets: one object per (ledger entry, role, other end, endpoint, inventory epoch), printed
 * once and shared by every document that names it (design 2.10). Names come from the inventory as of event time and stay
 * frozen in the document, whatever the inventory says later.
 */
import { createFacet, type Facet } from '../event.ts'
import { hashDigits } from '../event-id.ts'
import type { Fields } from '../fields.ts'
import type { Micros } from '../time.ts'
import type { Claim } from './attribute.ts'
import type { Inventory } from './inventory.ts'
import type { InventoryPeer } from './inventory-entries.ts'
import type { Entry, Ledger } from './ledger.ts'

export type Role = 'source' | 'destination'

export type IdentityFacets = {
  /** `claim` is the responsible peer's, `target` the other end's when it is an exact peer too. */
  facetFor(claim: Claim, role: Role, target: Claim | null, at: Micros, isHolderChanged: boolean): Facet
  /** The peer of a ledger entry or key alone, for session documents. */
  peerFacet(
    publicKey: string,
    interfaceName: string,
    allowedIps: readonly string[],
    at: Micros,
    endpoint: { ip: string; port: number } | null,
  ): Facet
  /** What the policy says of the peer and a resource at a time; '' without a documented peer or resource. */
  policyOf(claim: Claim, role: Role, resourceName: string, at: Micros): 'allowed' | 'violation' | ''
  /** `claims` are those that may come again. */
  save(claims: Iterable<Claim>): SavedIdentityFacets
}

export type SavedIdentityFacets = {
  /** What the names are from: another inventory may have others. */
  readonly inventory: string
  readonly lasts: readonly (readonly [Claim, LastFacet])[]
}

/** The facet a claim had last. It may be older than the entry's end, so making it anew could give another one. */
type LastFacet = { readonly role: Role; readonly target: Entry | null; readonly epoch: number; readonly facet: Facet }

/** Facets remembered; beyond it the older half is made anew when needed. About 2 kB each. */
const FACETS_MAX = 32_768

export function createIdentityFacets(
  gateway: string,
  ledger: Ledger,
  inventory: Inventory,
  saved?: SavedIdentityFacets,
): IdentityFacets {
  const epochOf = createEpochs(inventory)
  /** Claims are shared by all lines of an address between two polls. */
  const lastOf = new WeakMap<Claim, LastFacet>(saved?.inventory === inventory.hash ? saved.lasts : [])
  let recent = new Map<string, Facet>()
  let older = new Map<string, Facet>()

  function remembered(key: string, make: () => Facet): Facet {
    let facet = recent.get(key)
    if (facet === undefined) {
      facet = older.get(key) ?? make()
      recent.set(key, facet)
      if (recent.size > FACETS_MAX / 2) {
        older = recent
        recent = new Map()
      }
    }
    return facet
  }

  function endpointAt(entry: Entry, at: Micros) {
    const endpoints = ledger.peer(entry.interface, entry.publicKey)?.endpoints ?? []
    const known = endpoints.findLast((each) => each.at <= at)
    return known === undefined || known.ip === '' ? null : known
  }

  function peerFields(
    publicKey: string,
    interfaceName: string,
    at: Micros,
  ): { fields: Fields; people: string[]; hosts: string[] } {
    const peer = inventory.peerByKey(gateway, interfaceName, publicKey)
    if (peer === null) return { fields: { 'wireguard.peer.public_key': publicKey }, people: [], hosts: [] }
    const owner = inventory.ownerAt(peer, at)
    const groups = inventory.groupsAt(peer, at)
    return {
      fields: {
        'wireguard.peer.public_key': publicKey,
        'wireguard.peer.name': peer.name,
        'wireguard.peer.kind': peer.kind,
        'wireguard.peer.device': peer.device || undefined,
        'wireguard.peer.groups': groups.length > 0 ? groups : undefined,
        'wireguard.peer.owner.name': owner?.name || undefined,
        'wireguard.peer.owner.email': owner?.email,
      },
      people: owner === null ? [] : [owner.email, ...(owner.name ? [owner.name] : [])],
      hosts: [peer.name, ...(peer.device ? [peer.device] : [])],
    }
  }

  function makeIdentity(claim: Claim, role: Role, target: Claim | null, at: Micros, isHolderChanged: boolean): Facet {
    const { entry } = claim
    const self = entry === null ? null : peerFields(entry.publicKey, entry.interface, at)
    const other = target?.entry ? peerFields(target.entry.publicKey, target.entry.interface, at) : null
    const endpoint = entry === null ? null : endpointAt(entry, claim.before)
    const wasKind = self?.fields['wireguard.peer.kind']
    return createFacet({
      'wireguard.interface.name': claim.interface || undefined,
      ...self?.fields,
      // A prefix wider than one address is a network behind the key, whatever nobody documented (design 5.8).
      'wireguard.peer.kind': wasKind ?? (entry === null ? undefined : isOneAddress(entry.prefix) ? undefined : 'site'),
      'wireguard.peer.allowed_ips': entry === null ? undefined : allowedIpsOf(entry),
      'wireguard.peer.prefix': entry?.prefix,
      'wireguard.peer.role': entry === null ? undefined : role,
      'wireguard.peer.endpoint.ip': endpoint?.ip,
      'wireguard.peer.endpoint.port': endpoint?.port,
      'wireguard.target_peer.public_key': target?.entry?.publicKey,
      'wireguard.target_peer.name': other?.fields['wireguard.peer.name'],
      'wireguard.target_peer.owner.name': other?.fields['wireguard.peer.owner.name'],
      'wireguard.target_peer.owner.email': other?.fields['wireguard.peer.owner.email'],
      'wireguard.attribution.status': claim.status,
      'wireguard.attribution.method': claim.method || undefined,
      'wireguard.attribution.reason': isHolderChanged ? 'holder-changed' : claim.reason || undefined,
      'wireguard.attribution.since': entry?.since,
      'wireguard.attribution.until':
        entry === null || entry.until === Number.POSITIVE_INFINITY ? undefined : entry.until,
      'wireguard.attribution.candidates': claim.candidates.length > 0 ? claim.candidates : undefined,
      'wireguard.attribution.distance': claim.distance < 0 ? undefined : claim.distance,
      'wireguard.attribution.mapping_id': entry === null ? undefined : mappingId(gateway, entry),
      'wireguard.attribution.inventory': inventory.hash || undefined,
      'related.hosts': [...new Set([gateway, ...(self?.hosts ?? []), ...(other?.hosts ?? [])])],
      'related.user': orAbsent([...new Set([...(self?.people ?? []), ...(other?.people ?? [])])]),
    })
  }

  /** AllowedIPs as they ran: of a peer that is gone only the matching entry is still known. */
  function allowedIpsOf(entry: Entry): readonly string[] {
    const peer = ledger.peer(entry.interface, entry.publicKey)
    return peer?.entries.get(entry.prefix) === entry ? peer.row.allowedIps : [entry.prefix]
  }

  return {
    facetFor(claim, role, target, at, isHolderChanged) {
      const { entry } = claim
      if (entry === null) {
        const key = `${claim.status} ${claim.reason} ${claim.method} ${claim.interface} ${claim.distance} ${claim.candidates.join(' ')}`
        return remembered(key, () => makeIdentity(claim, role, null, at, false))
      }
      const epoch = epochOf(at)
      const other = target?.entry ?? null
      const last = lastOf.get(claim)
      if (!isHolderChanged && last !== undefined && last.role === role && last.target === other && last.epoch === epoch)
        return last.facet
      const endpoint = endpointAt(entry, claim.before)
      const key = `${entry.number} ${role} ${claim.method} ${other?.number ?? ''} ${epoch} ${endpoint?.at ?? ''} ${entry.until} ${isHolderChanged} ${allowedIpsOf(entry).join(' ')}`
      const facet = remembered(key, () => makeIdentity(claim, role, target, at, isHolderChanged))
      if (!isHolderChanged) lastOf.set(claim, { role, target: other, epoch, facet })
      return facet
    },
    peerFacet(publicKey, interfaceName, allowedIps, at, endpoint) {
      const self = peerFields(publicKey, interfaceName, at)
      return createFacet({
        'wireguard.interface.name': interfaceName,
        ...self.fields,
        'wireguard.peer.allowed_ips': allowedIps,
        'wireguard.peer.endpoint.ip': endpoint === null ? undefined : endpoint.ip,
        'wireguard.peer.endpoint.port': endpoint === null ? undefined : endpoint.port,
        'wireguard.attribution.status': 'exact',
        'wireguard.attribution.method': 'snapshot',
        'wireguard.attribution.inventory': inventory.hash || undefined,
        'related.hosts': [...new Set([gateway, ...self.hosts])],
        'related.user': orAbsent(self.people),
      })
    },
    policyOf(claim, role, resourceName, at) {
      const { entry } = claim
      // The policy says what a peer may reach, not who may reach a peer.
      if (role === 'destination') return ''
      const peer: InventoryPeer | null =
        entry === null ? null : inventory.peerByKey(gateway, entry.interface, entry.publicKey)
      return peer === null ? '' : inventory.policyFor(inventory.groupsAt(peer, at), resourceName, at)
    },
    save: (claims) => ({
      inventory: inventory.hash,
      lasts: [...claims].flatMap((claim) => {
        const last = lastOf.get(claim)
        return last === undefined ? [] : [[claim, last] as const]
      }),
    }),
  }
}

/** Counts the inventory's dated changes up to a time: between two of them every name stays the same. */
function createEpochs(inventory: Inventory): (at: Micros) => number {
  const points = new Set<Micros>()
  const note = (at: Micros | null) => {
    if (at !== null) points.add(at)
  }
  for (const person of inventory.people) note(person.until)
  for (const peer of inventory.peers) {
    for (const owner of peer.owners) {
      note(owner.since)
      note(owner.until)
    }
  }
  for (const line of inventory.policy) {
    note(line.since)
    note(line.until)
  }
  const sorted = [...points].sort((a, b) => a - b)
  let epoch = 0
  return (at) => {
    // Times come nearly in order: the epoch before last is hardly ever asked for.
    while (epoch < sorted.length && (sorted[epoch] ?? 0) <= at) epoch++
    while (epoch > 0 && (sorted[epoch - 1] ?? 0) > at) epoch--
    return epoch
  }
}

function isOneAddress(prefix: string): boolean {
  return prefix.endsWith(prefix.includes(':') ? '/128' : '/32')
}

function orAbsent(list: readonly string[]): readonly string[] | undefined {
  return list.length > 0 ? list : undefined
}

function mappingId(gateway: string, entry: Entry): string {
  return hashDigits(`mapping\0${gateway}\0${entry.interface}\0${entry.publicKey}\0${entry.prefix}\0${entry.since}`, 16)
}
