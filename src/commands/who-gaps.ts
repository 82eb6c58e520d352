/** Gaps and losses that overlap a time, by gateway and source: what was not seen then (design 7). */
import type { FieldName } from '../fields.ts'
import { toDocuments } from '../store/documents.ts'
import { ALL_TIME, type StoreReader } from '../store/reader.ts'
import type { GapAnswer } from './who-answer.ts'
import type { Question } from './who-question.ts'

/** Told; more of them at one moment are no help. */
const GAPS_MAX = 20

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.action',
  'event.start',
  'event.end',
  'event.id',
  'host.name',
  'wireguard.coverage.reason',
  'wireguard.coverage.source',
]

/** Of `gateways`, those that overlap the time asked for; oldest first. A gap that has no end in the store is not among them. */
export async function readGaps(
  store: StoreReader,
  { moment }: Question,
  gateways: readonly string[],
): Promise<GapAnswer[]> {
  if (gateways.length === 0) return []
  // A gap may be as long as an outage, and its time is its beginning: all of the past is looked at.
  const result = await store.select(
    { datasets: ['wireguard.coverage'], since: ALL_TIME.since, until: moment.to, columns: COLUMNS },
    `SELECT * FROM events WHERE "event.action" IN ('source-gap', 'source-lost') AND "event.end" >= make_timestamp($1::BIGINT)
     AND "host.name" IN (${gateways.map((_, i) => `$${i + 2}`).join(', ')}) ORDER BY "event.start", "event.id" LIMIT ${GAPS_MAX}`,
    [BigInt(moment.from), ...gateways],
  )
  return toDocuments(result).map((document) => ({
    gateway: document['host.name'] ?? '',
    source: document['wireguard.coverage.source'] ?? '',
    reason: document['wireguard.coverage.reason'] ?? '',
    start: document['event.start'] ?? 0,
    end: document['event.end'] ?? 0,
    isLoss: document['event.action'] === 'source-lost',
  }))
}
