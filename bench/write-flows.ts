/**
 * Child of store-bench.ts and report-bench.ts: makes FLOWS flows of DAYS days and writes their documents through the store's own writer
 * into DIR, or nowhere when DIR is `-`. KIND `mixed`: not only their starts and ends. The parent measures it from outside.
 */
import { setImmediate } from 'node:timers/promises'
import type { Event } from '../src/event.ts'
import { openStoreWriter } from '../src/store/writer.ts'
import { createFlowDocuments, documentsOf } from './flow-documents.ts'

/** Between two looks at the event loop, where sealing goes on: as many rows as replay takes from one read. */
const ROWS_AT_ONCE = 512

async function writeFlows(directory: string, flows: number, days: number, isMixed: boolean): Promise<void> {
  const rows = documentsOf(flows, isMixed)
  const documents = createFlowDocuments(flows, days, isMixed)
  const writer = directory === '-' ? null : await openStoreWriter(directory)
  let made = 0
  const emit = (event: Event): void => {
    made++
    writer?.add(event)
  }
  for (let i = 0; i < flows; i++) {
    documents.step(emit)
    if (i % (ROWS_AT_ONCE / 2) !== 0) continue
    await writer?.drain()
    await setImmediate()
  }
  documents.end(emit)
  const totals = await writer?.close()
  if (made !== rows || (totals !== undefined && totals.added !== rows))
    throw new Error(`${rows} rows were wanted, ${made} made, ${totals?.added} sealed`)
}

const [, , directory = '-', flows = '0', days = '0', kind = ''] = process.argv
await writeFlows(directory, Number(flows), Number(days), kind === 'mixed')
