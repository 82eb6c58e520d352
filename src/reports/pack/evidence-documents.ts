/** Documents of a pack as nested ECS JSON, and the raw lines behind them with their hashes. */
import { hash } from 'node:crypto'
import { createSortedPrinter } from '../../sorted-json.ts'
import type { EventReader, Selection } from '../../store/event-reader.ts'
import { toIso } from '../../time.ts'
import type { Progress } from '../report-question.ts'
import type { EvidenceOutlet } from './evidence-outlet.ts'
import { evidencePages } from './evidence-pages.ts'

/** One document a line, in order of time; how many. `name` is also what the progress tells. */
export async function writeDocuments(
  reader: EventReader,
  selection: Selection,
  name: string,
  outlet: EvidenceOutlet,
  progress: Progress,
): Promise<number> {
  const print = createSortedPrinter()
  const file = outlet.open(name)
  const total = await reader.count(selection)
  let done = 0
  for await (const documents of evidencePages(reader, selection)) {
    await file.write(documents.map((document) => `${print(document)}\n`).join(''))
    done += documents.length
    progress(name, done, total)
  }
  await file.end(done)
  return done
}

/** Lines of the raw file by dataset: with an original, and documents without one. */
export type RawCounts = ReadonlyMap<string, number>

/**
 * One document a line: its id, machine, dataset, and the lines it was made of as they were read, each with the SHA-256 of its UTF-8.
 * Bytes that were no UTF-8 stand as U+FFFD, so that the hash is of this text.
 */
export async function writeRawLines(
  reader: EventReader,
  selection: Selection,
  outlet: EvidenceOutlet,
  progress: Progress,
): Promise<{ lines: number; byDataset: RawCounts }> {
  const file = outlet.open(RAW_FILE)
  const total = await reader.count(selection)
  const counts = new Map<string, number>()
  let done = 0
  const columns = ['event.original', 'event.dataset', 'event.provider', 'host.name'] as const
  for await (const documents of evidencePages(reader, selection, columns)) {
    let text = ''
    for (const document of documents) {
      const { 'event.original': original = '', 'event.dataset': dataset = '' } = document
      counts.set(dataset, (counts.get(dataset) ?? 0) + 1)
      const lines = original.split('\n').map((line) => ({ sha256: hash('sha256', line), line }))
      text += `${JSON.stringify({ 'event.id': document['event.id'], '@timestamp': toIso(document['@timestamp'] ?? 0), 'host.name': document['host.name'], 'event.dataset': dataset, 'event.provider': document['event.provider'], lines })}\n`
    }
    await file.write(text)
    done += documents.length
    progress(RAW_FILE, done, total)
  }
  await file.end(done)
  return { lines: done, byDataset: new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1))) }
}

export const RAW_FILE = 'raw.ndjson'
