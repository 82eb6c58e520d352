/** The list of evidence: every document of the story, by its id. Files beside the report and the pack hold the documents themselves. */
import type { FieldName } from '../../fields.ts'
import { equals } from '../../kql/build.ts'
import { toDocuments } from '../../store/documents.ts'
import type { EventReader, Place, Selection } from '../../store/event-reader.ts'
import { toIso } from '../../time.ts'
import type { Progress } from '../report-question.ts'
import type { Row } from '../rows/row-lines.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { createRowFile } from './row-file.ts'

export const EVIDENCE_FILE = 'evidence'
/** Documents read at a time, of few fields. */
const PAGE = 5_000

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.id',
  'event.dataset',
  'event.action',
  'host.name',
  'event.provider',
  'wireguard.attribution.status',
]
/** Titles begin with no @: spreadsheets take what does for a formula. */
const TITLES: readonly string[] = ['timestamp', ...COLUMNS.slice(1)]

/** Writes all of it; by dataset, sorted, how many there are. */
export async function writeEvidenceList(
  reader: EventReader,
  selection: Selection,
  total: number,
  outlet: RowOutlet,
  progress: Progress,
): Promise<ReadonlyMap<string, number>> {
  const file = createRowFile(outlet, EVIDENCE_FILE, TITLES)
  const counts = new Map<string, number>()
  let done = 0
  for (let after: Place | null = null; ; ) {
    const places: readonly Place[] = await reader.places(selection, 'oldest', PAGE, after)
    const rows = await readRows(reader, selection, places)
    for (const row of rows) {
      const dataset = String(row['event.dataset'] ?? '')
      counts.set(dataset, (counts.get(dataset) ?? 0) + 1)
    }
    await file.write(rows)
    done += rows.length
    progress('evidence', done, total)
    after = places.at(-1) ?? null
    if (places.length < PAGE) break
  }
  await file.end()
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function readRows(reader: EventReader, { datasets }: Selection, places: readonly Place[]): Promise<Row[]> {
  const [first, last] = [places[0], places.at(-1)]
  if (first === undefined || last === undefined) return []
  const ids = places.map(({ id }) => id)
  const result = await reader.select(
    { datasets, since: first.at, until: last.at, columns: COLUMNS, filter: equals('event.id', ids) },
    `SELECT * FROM events WHERE "event.id" IN (SELECT unnest(string_split($1, ','))) ORDER BY "@timestamp", "event.id"`,
    [ids.join(',')],
  )
  return toDocuments(result).map((document) => ({
    ...Object.fromEntries(COLUMNS.slice(1).map((name) => [name, document[name]])),
    timestamp: toIso(document['@timestamp'] ?? 0),
  }))
}
