/** Gaps and losses that overlap a time, by gateway and source: what was not seen then (design 7). */
import type { FieldName } from '../fields.ts'
import { compares, equals } from '../kql/build.ts'
import { allOf } from '../kql/combine.ts'
import { toDocuments } from '../store/documents.ts'
import { ALL_TIME, type EventReader } from '../store/event-reader.ts'
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

/** Of `gateways`, those that overlap the time asked for; oldest first. A gap whose end is not recorded is not among them. */
export async function readGaps(
  reader: EventReader,
  { moment }: Question,
  gateways: readonly string[],
): Promise<GapAnswer[]> {
  if (gateways.length === 0) return []
  // A gap may be as long as an outage, and its time is its beginning: all of the past is looked at.
  const result = await reader.select(
    {
      datasets: ['wireguard.coverage'],
      since: ALL_TIME.since,
      until: moment.to,
      columns: COLUMNS,
      filter: allOf([
        equals('event.action', ['source-gap', 'source-lost']),
        compares('event.end', '>=', moment.from),
        equals('host.name', gateways),
      ]),
    },
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
