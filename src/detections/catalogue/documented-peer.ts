/** What the inventory documents of a running key at a time, as detections ask it. The words are those of inventory-diff-running.ts. */
import type { Inventory } from '../../identity/inventory.ts'
import { holdsAt, type InventoryPeer } from '../../identity/inventory-entries.ts'
import { createPrefixIndex } from '../../identity/prefix-index.ts'
import { MINUTE, type Micros } from '../../time.ts'
import type { PeerPlace } from './peer-points.ts'

/** Documented dates are written by people, and gateways' clocks differ: this much before and after one nothing is said. */
export const DATE_SLACK: Micros = 5 * MINUTE

/** Without documented peers nothing can be held against documentation. */
export function documentsPeers(inventory: Inventory): boolean {
  return inventory.peers.length > 0
}

/** The device the key stands for, also outside its documented place and dates; null = the inventory does not know the key. */
export function documentedPeer(inventory: Inventory, place: PeerPlace): InventoryPeer | null {
  return inventory.peerByKey(place.gateway, place.interface, place.publicKey)
}

/** AllowedIPs documented for another interface say nothing about this one. */
export function isDocumentedHere(peer: InventoryPeer, place: PeerPlace): boolean {
  return peer.gateway === place.gateway && peer.interface === place.interface
}

/** Prefixes the device may hold here at that time. An expired one may not be held. */
export function documentedPrefixes(peer: InventoryPeer | null, place: PeerPlace, at: Micros): string[] {
  if (peer === null || !isDocumentedHere(peer, place)) return []
  return peer.allowedIps
    .filter(({ expires }) => expires === null || at < expires + DATE_SLACK)
    .map(({ prefix }) => prefix)
}

/** Whether a key of the device is documented for that time, give or take DATE_SLACK. */
export function isKeyDocumentedAt(peer: InventoryPeer, publicKey: string, at: Micros): boolean {
  const key = peer.keys.find((each) => each.publicKey === publicKey)
  return key !== undefined && (holdsAt(key, at) || holdsAt(key, at - DATE_SLACK) || holdsAt(key, at + DATE_SLACK))
}

/** Peers of the interface that are documented with exactly this prefix. */
export function documentedFor(
  inventory: Inventory,
  place: Omit<PeerPlace, 'publicKey'>,
  prefix: string,
): InventoryPeer[] {
  return inventory
    .candidatesFor(addressOf(prefix), place.gateway)
    .filter((peer) => peer.interface === place.interface && peer.allowedIps.some((each) => each.prefix === prefix))
}

/** Those of `prefixes` that none of `within` covers: their addresses are new to it. */
export function uncovered(prefixes: readonly string[], within: readonly string[]): string[] {
  const index = createPrefixIndex(within.map((prefix) => [prefix, prefix]))
  return prefixes.filter((prefix) => !index.covering(addressOf(prefix)).some((outer) => isWithin(prefix, outer)))
}

/** Of one family: an index takes ::ffff:10.0.0.1 for the IPv4 address, WireGuard does not. */
function isWithin(inner: string, outer: string): boolean {
  return inner.includes(':') === outer.includes(':') && prefixLength(outer) <= prefixLength(inner)
}

/** 24 of `10.8.0.0/24`. */
export function prefixLength(prefix: string): number {
  return Number(prefix.slice(prefix.indexOf('/') + 1))
}

function addressOf(prefix: string): string {
  return prefix.slice(0, prefix.indexOf('/'))
}

/**
 * The documented device whose prefixes are all that a new key runs with, as after a rotation; null = none, or the key runs with none.
 * Of several one with a key at that time: an address may be documented for its holders one after the other.
 */
export function rotatedDevice(
  inventory: Inventory,
  place: Omit<PeerPlace, 'publicKey'>,
  prefixes: readonly string[],
  at: Micros,
): InventoryPeer | null {
  const [first, ...rest] = prefixes.map((prefix) => documentedFor(inventory, place, prefix))
  const devices = first?.filter((peer) => rest.every((others) => others.includes(peer))) ?? []
  return devices.find((peer) => peer.keys.some((key) => holdsAt(key, at))) ?? devices[0] ?? null
}

/**
 * Another peer of the interface whose documented prefix covers all of `prefix`: its addresses go to whoever runs with `prefix`. The
 * longest one's; null = none. A documented default route gives nobody an address.
 */
export function otherHolder(
  inventory: Inventory,
  place: Omit<PeerPlace, 'publicKey'>,
  prefix: string,
  self: InventoryPeer | null,
): InventoryPeer | null {
  let found: InventoryPeer | null = null
  let longest = 0
  for (const peer of inventory.candidatesFor(addressOf(prefix), place.gateway)) {
    if (peer === self || peer.interface !== place.interface) continue
    for (const { prefix: documented } of peer.allowedIps) {
      const length = prefixLength(documented)
      if (length <= longest || uncovered([prefix], [documented]).length > 0) continue
      longest = length
      found = peer
    }
  }
  return found
}
