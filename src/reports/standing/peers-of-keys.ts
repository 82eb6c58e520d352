/**
 * Whose key it was that records tell of. A key that was rotated may stand in an earlier inventory only: what it was used for was used by
 * its peer all the same, and a grant is not unused because the line of a key was replaced.
 */
import type { Inventory } from '../../identity/inventory.ts'
import type { InventoryPeer } from '../../identity/inventory-entries.ts'
import type { InventoryVersion } from '../names/inventory-versions.ts'

/** The peer of the report's inventory; null = none. */
export type PeerOfKey = (gateway: string, publicKey: string) => InventoryPeer | null

/** Earlier versions count where the report's own does not know the key, the newest of them first: by name and gateway of its peer then. */
export function peersOfKeys(inventory: Inventory, versions: readonly InventoryVersion[]): PeerOfKey {
  const byName = new Map(inventory.peers.map((peer) => [nameKey(peer), peer]))
  const former = new Map<string, InventoryPeer>()
  for (const version of versions) {
    for (const old of version.inventory?.peers ?? []) {
      const peer = byName.get(nameKey(old))
      if (peer === undefined) continue
      for (const { publicKey } of old.keys) former.set(`${old.gateway}\0${publicKey}`, peer)
    }
  }
  return (gateway, publicKey) =>
    inventory.peerByKey(gateway, '', publicKey) ?? former.get(`${gateway}\0${publicKey}`) ?? null
}

/** NUL stands in no name. */
function nameKey({ gateway, interface: tunnel, name }: InventoryPeer): string {
  return `${gateway}\0${tunnel}\0${name}`
}
