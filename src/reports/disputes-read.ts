/** Findings that a key is in wrong hands, out of the records. */
import { equals } from '../kql/build.ts'
import { allOf } from '../kql/combine.ts'
import { toDocuments } from '../store/documents.ts'
import { ALL_TIME, type EventReader, type Scope } from '../store/event-reader.ts'
import { DAY, type Micros } from '../time.ts'
import type { Dispute } from './disputes.ts'
import type { ReportPeriod } from './report-question.ts'

/**
 * Rules that mean that not the documented holder used the key, and the severity from which they do:
 *
 * - `alternating-endpoints` high: sessions were renewed faster than one device does it, so two devices have the key. Its low ones are as
 *   well a phone behind a provider's NAT.
 * - `impossible-travel`: at two places that nobody travels between.
 * - `leaver-key` high: used after its owner left, by whoever has the device or a copy.
 * - `survived-removal` critical: bytes came from the address of a key that was removed: through another key.
 *
 * Not among them: `new-network`, `silent-key-woke`, `off-hours` (most often the owner herself), `key-expired` and `key-overdue` (use after its
 * time by its owner), and what is about addresses or the gateway. Users' own rules mean what they mean; nothing here knows it.
 */
const DISPUTING: ReadonlyMap<string, number> = new Map([
  ['alternating-endpoints', 3],
  ['impossible-travel', 2],
  ['leaver-key', 3],
  ['survived-removal', 4],
])

/** Findings last minutes; those that began so long before a period are looked at for one that goes on. */
const REACH: Micros = 31 * DAY
/** Disputes of one report: beyond them the oldest are left out, which an access report of a fleet of stolen keys may need. */
export const DISPUTES_MAX = 10_000

/** What somebody wrote who looked at it. The newest acknowledgement counts. */
const FALSE_ALARM = /\bfalse[\s-]+(?:alarm|positive)\b/i

/**
 * Findings that overlap the period, oldest first. One that was acknowledged as a false alarm (`findings ack ID --note 'false alarm: …'`)
 * disputes nothing. Throws AppError of the reader.
 */
export async function readDisputes(reader: EventReader, { from, to }: ReportPeriod): Promise<Dispute[]> {
  const rules = [...DISPUTING.keys()]
  const scope: Scope = {
    datasets: ['wireguard.finding'],
    since: from - REACH,
    until: to - 1,
    columns: [
      '@timestamp',
      'event.action',
      'event.end',
      'event.id',
      'event.kind',
      'event.severity',
      'event.start',
      'wireguard.peer.public_key',
    ],
    filter: allOf([equals('event.kind', ['alert']), equals('event.action', rules)]),
  }
  const result = await reader.select(
    scope,
    `SELECT * FROM events WHERE "event.kind" = 'alert' AND (${[...DISPUTING].map(([rule, least]) => `("event.action" = '${rule}' AND "event.severity" >= ${least})`).join(' OR ')})
       AND "wireguard.peer.public_key" IS NOT NULL AND greatest("@timestamp", "event.end") >= make_timestamp($1::BIGINT)
     ORDER BY "@timestamp" DESC, "event.id" LIMIT ${DISPUTES_MAX}`,
    [BigInt(from)],
  )
  const found = toDocuments(result)
    .map((each): Dispute => {
      const at = each['@timestamp'] ?? 0
      return {
        publicKey: each['wireguard.peer.public_key'] ?? '',
        from: Math.min(at, each['event.start'] ?? at),
        to: Math.max(at, each['event.end'] ?? at),
        finding: each['event.id'] ?? '',
        rule: each['event.action'] ?? '',
      }
    })
    .reverse()
  if (found.length === 0) return found
  const notes = await readNotes(reader)
  return found.filter(({ finding }) => !FALSE_ALARM.test(notes.get(finding) ?? ''))
}

/** The note of the newest acknowledgement, by finding. They come whenever somebody looks at it, long after the period too. */
async function readNotes(reader: EventReader): Promise<Map<string, string>> {
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.finding'],
      ...ALL_TIME,
      columns: ['@timestamp', 'event.action', 'event.id', 'event.reason', 'wireguard.finding.id'],
      filter: equals('event.action', ['finding-acknowledged']),
    },
    `SELECT "wireguard.finding.id", coalesce("event.reason", '') FROM events WHERE "event.action" = 'finding-acknowledged'
     ORDER BY "@timestamp", "event.id"`,
  )
  return new Map(rows.map(([finding, note]) => [String(finding), String(note)]))
}
