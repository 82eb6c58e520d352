/** What each key of one poll may reach that nothing documents: resources no policy line grants it, other peers, and space beyond both. */
import type { Inventory } from '../identity/inventory.ts'
import type { Resource } from '../identity/inventory-entries.ts'
import type { RulesetDocument } from '../sources/nftables/ruleset-document.ts'
import type { Micros } from '../time.ts'
import { type Access, accessOf, type Reached, type ReachedPeer, type ReachedResource } from './reach-access.ts'
import { createPeerReach, type RunningPeer } from './reach-peers.ts'
import type { Region } from './reach-regions.ts'

export type PeerOverreach = {
  readonly peer: RunningPeer
  /** By inventory; '' = documented nowhere. */
  readonly name: string
  readonly access: Access
  /** Reached, and granted by no line of the policy. */
  readonly resources: readonly ReachedResource[]
  readonly peers: readonly ReachedPeer[]
  readonly beyond: readonly Reached[]
}

/** Keys looked at: each walks the rules anew. The rest is said, not judged. */
const PEERS_MAX = 1_000
/** Keys times peers they might reach: each pair costs some ten microseconds and a few hundred bytes, in the midst of the daemon's work. */
const PAIRS_MAX = 200_000

/** How many keys of so many peers are looked at. */
export function keysLookedAt(peers: number): number {
  return Math.min(peers, PEERS_MAX, Math.max(1, Math.floor(PAIRS_MAX / Math.max(1, peers))))
}

export type OverreachQuestion = {
  readonly gateway: string
  readonly at: Micros
  readonly document: RulesetDocument
  /** All that run: those not asked about are still somebody's addresses. */
  readonly peers: readonly RunningPeer[]
  readonly inventory: Inventory
  readonly regions: readonly Region[]
  /** The gateway's own, beside those the inventory gives a host of its name. */
  readonly addresses: readonly string[]
}

/** Of the host that the gateway is. */
export function documentedAddresses({ hosts }: Inventory, gateway: string): readonly string[] {
  return hosts.find(({ name }) => name === gateway)?.addresses ?? []
}

/** Of the first keysLookedAt peers. A site that answers for its own servers is not asked about them: they lie behind it. */
export function overreachOf(question: OverreachQuestion): PeerOverreach[] {
  const { gateway, at, document, peers, inventory, regions } = question
  const gatewayAddresses = [...question.addresses, ...documentedAddresses(inventory, gateway)]
  const reader = createPeerReach(document, peers)
  return peers.slice(0, keysLookedAt(peers.length)).map((peer) => {
    const documented = inventory.peerByKey(gateway, peer.interface, peer.publicKey)
    const groups = documented === null ? [] : inventory.groupsAt(documented, at)
    const access = accessOf({
      reach: reader.reachOf(peer),
      regions,
      own: peer.allowedIps,
      gatewayAddresses,
      peers: reader.othersOf(peer),
    })
    const isGranted = ({ name }: Resource) => inventory.policyFor(groups, name, at) === 'allowed'
    return {
      peer,
      name: documented?.name ?? '',
      access,
      resources: access.resources.filter(({ resource }) => !isGranted(resource)),
      peers: access.peers,
      beyond: access.beyond,
    }
  })
}
