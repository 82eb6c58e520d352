/** The list of evidence: every document of the story, by its id. Files beside the report and the pack hold the documents themselves. */
import type { FieldName, Fields } from '../../fields.ts'
import { compareText } from '../../kql/text-match.ts'
import { toIso } from '../../time.ts'
import type { Progress } from '../report-question.ts'
import type { Row } from '../rows/row-lines.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { createRowFile } from './row-file.ts'
import type { OpenStory } from './story-read.ts'

export const EVIDENCE_FILE = 'evidence'

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
  story: OpenStory,
  outlet: RowOutlet,
  progress: Progress,
): Promise<ReadonlyMap<string, number>> {
  const file = createRowFile(outlet, EVIDENCE_FILE, TITLES)
  const counts = new Map<string, number>()
  let done = 0
  for await (const documents of story.evidence(COLUMNS)) {
    for (const { 'event.dataset': dataset = '' } of documents) counts.set(dataset, (counts.get(dataset) ?? 0) + 1)
    await file.write(documents.map(toRow))
    done += documents.length
    progress('evidence', done, story.documents)
  }
  await file.end()
  return new Map([...counts].sort(([a], [b]) => compareText(a, b)))
}

function toRow(document: Fields): Row {
  return {
    ...Object.fromEntries(COLUMNS.slice(1).map((name) => [name, document[name]])),
    timestamp: toIso(document['@timestamp'] ?? 0),
  }
}
