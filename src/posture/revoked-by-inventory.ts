/** Whether documented access by a key is over, in words: what a stored configuration must not bring back. */
import type { Inventory } from '../identity/inventory.ts'
import { dateText } from '../identity/inventory-diff-text.ts'
import { holdsAt, type InventoryPeer } from '../identity/inventory-entries.ts'
import type { Micros } from '../time.ts'

/** `its key ended on 2026-11-22`, `it is documented nowhere`; '' while it may run. */
export function hasEndedByInventory(
  inventory: Inventory,
  peer: InventoryPeer | null,
  publicKey: string,
  at: Micros,
): string {
  if (peer === null) return 'it is documented nowhere'
  const keys = peer.keys.filter((each) => each.publicKey === publicKey)
  const [key] = keys
  if (key !== undefined && !keys.some((each) => holdsAt(each, at))) {
    return key.until !== null && key.until <= at
      ? `its key ended on ${dateText(key.until)} by the inventory`
      : `its key is documented only from ${dateText(key.since)} on`
  }
  if (peer.expires !== null && peer.expires <= at) return `it expired on ${dateText(peer.expires)} by the inventory`
  const left = inventory.ownerAt(peer, at)?.until ?? null
  return left !== null && left <= at ? `its owner left on ${dateText(left)} by the inventory` : ''
}
