/** Findings on the incident's subject that concern the period, and what was done about each, up to the newest record. */
import type { FieldName, Fields } from '../../fields.ts'
import { compares, equals } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { compareText } from '../../kql/text-match.ts'
import { toSql } from '../../kql/to-sql.ts'
import { toDocuments } from '../../store/documents.ts'
import type { Parameter } from '../../store/duckdb.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import type { IncidentScope } from './incident-scope.ts'

/** Findings told, the gravest first; the rest is counted. */
export const FINDINGS_MAX = 500

export type IncidentFinding = {
  readonly id: string
  readonly from: Micros
  readonly to: Micros
  readonly machine: string
  readonly rule: string
  readonly title: string
  /** 1 low to 4 critical, 0 = not said. */
  readonly severity: number
  readonly summary: string
  readonly publicKey: string
  readonly evidence: readonly string[]
  /** Reason of the exception that excuses it; '' = none does. */
  readonly exception: string
  /** Oldest first. */
  readonly handled: readonly Handling[]
}

export type Handling = {
  readonly id: string
  readonly at: Micros
  readonly by: string
  readonly reference: string
  readonly note: string
}

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.end',
  'event.id',
  'event.kind',
  'event.severity',
  'event.start',
  'host.name',
  'rule.id',
  'rule.name',
  'wireguard.finding.evidence_ids',
  'wireguard.finding.exception',
  'wireguard.finding.summary',
  'wireguard.peer.public_key',
]

/** Gravest first, then oldest; and how many there are. */
export async function readIncidentFindings(
  reader: EventReader,
  { about, period }: IncidentScope,
): Promise<{ findings: IncidentFinding[]; total: number }> {
  // A finding has the time of its first document, and may reach into the period.
  const query = allOf([
    about,
    equals('event.kind', ['alert']),
    anyOf([compares('event.end', '>=', period.from), compares('@timestamp', '>=', period.from)]),
  ])
  const parameters: Parameter[] = []
  const where = toSql(query, parameters)
  const result = await reader.select(
    {
      datasets: ['wireguard.finding'],
      since: ALL_TIME.since,
      until: period.to - 1,
      columns: [...new Set([...COLUMNS, ...fieldsOf(query)])],
      filter: query,
    },
    `SELECT *, count(*) OVER () AS total FROM events WHERE ${where} AND "@timestamp" < make_timestamp($${parameters.length + 1}::BIGINT)
     ORDER BY coalesce("event.severity", 0) DESC, "@timestamp", "event.id" LIMIT ${FINDINGS_MAX}`,
    [...parameters, BigInt(period.to)],
  )
  const documents = toDocuments(result)
  const handled = await readHandling(
    reader,
    documents.map((document) => document['event.id'] ?? ''),
  )
  return {
    findings: documents.map((document) => toFinding(document, handled)),
    total: Number(result.rows[0]?.[result.names.indexOf('total')] ?? 0),
  }
}

/** By the finding they are about. */
async function readHandling(reader: EventReader, ids: readonly string[]): Promise<Map<string, Handling[]>> {
  if (ids.length === 0) return new Map()
  const result = await reader.select(
    {
      datasets: ['wireguard.finding'],
      ...ALL_TIME,
      columns: [
        '@timestamp',
        'event.id',
        'event.reason',
        'wireguard.finding.case',
        'wireguard.finding.handled_by',
        'wireguard.finding.id',
      ],
      filter: equals('wireguard.finding.id', ids),
    },
    `SELECT * FROM events WHERE "wireguard.finding.id" IN (SELECT unnest(string_split($1, ','))) ORDER BY "@timestamp", "event.id"`,
    [ids.join(',')],
  )
  return Map.groupBy(
    toDocuments(result).map((document) => ({
      finding: document['wireguard.finding.id'] ?? '',
      id: document['event.id'] ?? '',
      at: document['@timestamp'] ?? 0,
      by: document['wireguard.finding.handled_by'] ?? '',
      reference: document['wireguard.finding.case'] ?? '',
      note: document['event.reason'] ?? '',
    })),
    ({ finding }) => finding,
  )
}

function toFinding(document: Fields, handled: ReadonlyMap<string, readonly Handling[]>): IncidentFinding {
  const id = document['event.id'] ?? ''
  const at = document['@timestamp'] ?? 0
  return {
    id,
    from: document['event.start'] ?? at,
    to: document['event.end'] ?? at,
    machine: document['host.name'] ?? '',
    rule: document['rule.id'] ?? '',
    title: document['rule.name'] ?? document['rule.id'] ?? '',
    severity: document['event.severity'] ?? 0,
    summary: document['wireguard.finding.summary'] ?? '',
    publicKey: document['wireguard.peer.public_key'] ?? '',
    evidence: [...(document['wireguard.finding.evidence_ids'] ?? [])].sort(compareText),
    exception: document['wireguard.finding.exception'] ?? '',
    handled: handled.get(id) ?? [],
  }
}
