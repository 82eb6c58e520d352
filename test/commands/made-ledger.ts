/** Documents from which a store rebuilds a ledger, out of snapshots a test wrote. */

import type { Fields } from '../../src/fields.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { createLedger } from '../../src/identity/ledger.ts'
import { createLedgerJournal } from '../../src/identity/ledger-journal.ts'
import type { SnapshotRecord } from '../../src/sources/wireguard/record.ts'

/** As one run of the collector writes them: it knows nothing of what came before. */
export function ledgerDocuments(gateway: string, snapshots: readonly SnapshotRecord[], inventoryText = ''): Fields[] {
  const documents: Fields[] = []
  const ledger = createLedger(null)
  const hash = inventoryText === '' ? '' : parseInventory(inventoryText, 'inventory.yaml').hash
  const journal = createLedgerJournal(
    { gateway, ledger, period: null, inventory: { hash, text: inventoryText } },
    (event) => documents.push(Object.assign({}, ...event.facets.map(({ fields }) => fields), event.own)),
  )
  for (const snapshot of snapshots) journal.observe(snapshot, ledger.observe(snapshot))
  journal.flush()
  return documents
}
