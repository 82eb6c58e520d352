/** Session and metric documents of one gateway's peers, from what the ledger saw change (design 6, 13). */
import type { Event } from '../event.ts'
import type { Inventory } from '../identity/inventory.ts'
import type { LedgerChange } from '../identity/ledger.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import type { Micros } from '../time.ts'
import type { Gateway } from './gateway.ts'

export function createPeerEvents(
  _options: { readonly gateway: Gateway; readonly inventory: Inventory },
  _emit: (event: Event) => void,
) {
  return {
    observe(_snapshot: SnapshotRecord, _changes: readonly LedgerChange[]): void {},
    tick(_watermark: Micros): void {},
  }
}
