/** Findings about a key and their handling: by them its compromise was, or was not, noticed. */
import type { FieldName, Fields } from '../../fields.ts'
import { equals, exists } from '../../kql/build.ts'
import { compareText } from '../../kql/text-match.ts'
import { toDocuments } from '../../store/documents.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import type { AcknowledgementFact, FindingFact } from './revocation-facts.ts'

/** Read of one key, beside the newest of each rule: the oldest, because the first one counts. */
export const FINDINGS_MAX = 500

const KEY: FieldName = 'wireguard.peer.public_key'
const DATASETS = ['wireguard.finding']

export type FindingsQuestion = {
  readonly publicKey: string
  readonly since: Micros | null
  readonly until: Micros
  /** What was known before it is left out where there is too much; null = the oldest are kept. */
  readonly compromisedAt: Micros | null
}

/** Oldest first, from `since` to `until`, and how many there are. */
export async function readFindings(
  reader: EventReader,
  { publicKey, since, until, compromisedAt }: FindingsQuestion,
): Promise<{ findings: FindingFact[]; count: number }> {
  const result = await reader.select(
    {
      datasets: DATASETS,
      since: since ?? ALL_TIME.since,
      until,
      columns: [
        '@timestamp',
        'event.created',
        'event.end',
        'event.id',
        'event.kind',
        'event.severity',
        'host.name',
        'rule.id',
        'rule.name',
        'wireguard.finding.summary',
        KEY,
      ],
      filter: equals(KEY, [publicKey]),
    },
    `SELECT *, count(*) OVER () AS total FROM (
       SELECT *, greatest("@timestamp", coalesce("event.end", "@timestamp"), coalesce("event.created", "@timestamp")) AS known FROM events
       WHERE "wireguard.peer.public_key" = $1 AND "event.kind" = 'alert')
     QUALIFY row_number() OVER (ORDER BY known < make_timestamp($2::BIGINT), known, "event.id") <= ${FINDINGS_MAX}
       OR row_number() OVER (PARTITION BY "rule.id", "host.name" ORDER BY known DESC, "event.id") = 1`,
    [publicKey, BigInt(compromisedAt ?? ALL_TIME.since)],
  )
  const total = result.names.indexOf('total')
  const findings = toDocuments(result).map((document) => ({
    id: document['event.id'] ?? '',
    at: knownSince(document),
    rule: document['rule.id'] ?? '',
    title: document['rule.name'] ?? document['rule.id'] ?? '',
    summary: document['wireguard.finding.summary'] ?? '',
    severity: severityOf(document['event.severity']),
    gateway: document['host.name'] ?? '',
  }))
  return {
    findings: findings.toSorted((a, b) => a.at - b.at || compareText(a.id, b.id)),
    count: Number(result.rows[0]?.[total] ?? 0),
  }
}

/** A finding has the time of what it is about; it was there when its evidence was whole, and live when it was made. */
function knownSince(document: Fields): Micros {
  return Math.max(document['@timestamp'] ?? 0, document['event.end'] ?? 0, document['event.created'] ?? 0)
}

/** Of these findings, oldest first. */
export async function readAcknowledgements(
  reader: EventReader,
  findings: readonly FindingFact[],
  until: Micros,
): Promise<AcknowledgementFact[]> {
  const [first] = findings
  if (first === undefined) return []
  const ids = new Set(findings.map(({ id }) => id))
  const result = await reader.select(
    {
      datasets: null,
      // The finding's own time may be earlier than it was known.
      since: ALL_TIME.since,
      until,
      columns: [
        '@timestamp',
        'event.id',
        'wireguard.finding.case',
        'wireguard.finding.handled_by',
        'wireguard.finding.id',
      ],
      filter: exists('wireguard.finding.id'),
    },
    `SELECT * FROM events WHERE "wireguard.finding.id" IS NOT NULL ORDER BY "@timestamp", "event.id"`,
  )
  return toDocuments(result).flatMap((document) => {
    const findingId = document['wireguard.finding.id'] ?? ''
    if (!ids.has(findingId)) return []
    return [
      {
        id: document['event.id'] ?? '',
        at: document['@timestamp'] ?? 0,
        findingId,
        by: document['wireguard.finding.handled_by'] ?? '',
        reference: document['wireguard.finding.case'] ?? '',
      },
    ]
  })
}

function severityOf(value: number | undefined): FindingFact['severity'] {
  return value === 1 || value === 2 || value === 3 || value === 4 ? value : 0
}
