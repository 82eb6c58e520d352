/** How much happened when, by outcome, and when the keys were present: what the charts show, and the numbers of the summary. */
import type { FieldName } from '../../fields.ts'
import { equals } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { compareText } from '../../kql/text-match.ts'
import { toSql } from '../../kql/to-sql.ts'
import { toDocuments } from '../../store/documents.ts'
import type { Parameter } from '../../store/duckdb.ts'
import type { EventReader } from '../../store/event-reader.ts'
import { DAY, HOUR, MINUTE, type Micros, SECOND } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'
import type { IncidentScope } from './incident-scope.ts'
import { STORY_COLUMNS, storyTables } from './story-sql.ts'

/**
 * What a bar counts: connections and packets that are part of none by their outcome, and what happened on hosts. Of a peer or a person
 * `perhaps` is what may as well be another's: it stands in none of the others.
 */
export const ACTIVITIES = ['connected', 'refused', 'no-answer', 'denied', 'unknown', 'host', 'perhaps'] as const
export type Activity = (typeof ACTIVITIES)[number]
export type ActivityCounts = { readonly [activity in Activity]: number }

export type ActivityFacts = {
  readonly counts: ActivityCounts
  readonly width: Micros
  /** Without holes, over the whole period. */
  readonly buckets: readonly { readonly at: Micros; readonly counts: ActivityCounts }[]
  /** Documents about the subject by the certainty of their attribution; '' = none has to be attributed. */
  readonly statuses: ReadonlyMap<string, number>
  /** Of connections in the period, both directions, without what is `perhaps`. */
  readonly bytes: number
}

/** Columns of the chart at most. */
const BUCKETS_MAX = 120
const WIDTHS: readonly Micros[] = [
  SECOND,
  5 * SECOND,
  10 * SECOND,
  30 * SECOND,
  ...[1, 5, 10, 30].map((count) => count * MINUTE),
  ...[1, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 30, 90, 365].map((count) => count * DAY),
]

/** The smallest round width with which the period has at most BUCKETS_MAX of them. */
export function bucketWidth({ from, to }: ReportPeriod): Micros {
  const least = (to - from) / (BUCKETS_MAX - 1)
  const widest = WIDTHS.at(-1) ?? DAY
  return WIDTHS.find((width) => width >= least) ?? widest * Math.ceil(least / widest)
}

/** Of the documents about the subject. */
export async function readActivity(
  reader: EventReader,
  { about, story, period, subject }: IncidentScope,
): Promise<ActivityFacts> {
  const width = bucketWidth(period)
  const parameters: Parameter[] = []
  const tables = storyTables(toSql(about, parameters))
  const scope = {
    datasets: story.datasets,
    since: story.since,
    until: story.until,
    columns: [
      ...new Set<FieldName>([
        ...STORY_COLUMNS,
        'wireguard.attribution.status',
        'wireguard.flow.outcome',
        ...fieldsOf(about),
      ]),
    ],
    filter: about,
  }
  const isOfKeys = subject.kind === 'peer' || subject.kind === 'person'
  const isSure = isOfKeys ? `coalesce("wireguard.attribution.status", 'exact') = 'exact'` : 'true'
  const { rows } = await reader.select(
    scope,
    `${tables} SELECT epoch_us(began) // ${width}, outcome, count(*) FROM (
       SELECT line, min("@timestamp") FILTER (WHERE NOT is_of_host) AS began,
         CASE WHEN NOT bool_or(${isSure}) THEN 'perhaps' WHEN any_value(kind) = 'flow' THEN coalesce(arg_max("wireguard.flow.outcome", ("@timestamp", "event.id"))
             FILTER (WHERE "event.dataset" = 'wireguard.flow' AND "wireguard.flow.outcome" IS NOT NULL), 'unknown') ELSE 'host' END AS outcome
       FROM told WHERE kind IN ('flow', 'login', 'command', 'file', 'host') GROUP BY line HAVING began IS NOT NULL
       UNION ALL SELECT "event.id", "@timestamp", CASE WHEN ${isSure} THEN coalesce("wireguard.flow.outcome", 'unknown') ELSE 'perhaps' END FROM told WHERE kind = 'packet')
     GROUP BY 1, 2`,
    parameters,
  )
  const first = Math.floor(period.from / width)
  const last = Math.floor((period.to - 1) / width)
  const buckets = Array.from({ length: Math.max(0, last - first + 1) }, () => emptyCounts())
  const counts = emptyCounts()
  for (const [number, outcome, count] of rows) {
    const activity = activityOf(String(outcome))
    counts[activity] += Number(count)
    const bucket = buckets[Number(number) - first]
    if (bucket !== undefined) bucket[activity] += Number(count)
  }
  const sums = await reader.select(
    scope,
    `${tables} SELECT coalesce("wireguard.attribution.status", ''), count(*), CAST(coalesce(sum(coalesce("wireguard.flow.delta.source.bytes", 0)
       + coalesce("wireguard.flow.delta.destination.bytes", 0)) FILTER (WHERE ${isSure}), 0) AS BIGINT) FROM told GROUP BY 1 ORDER BY 1`,
    parameters,
  )
  return {
    counts,
    width,
    buckets: buckets.map((each, i) => ({ at: (first + i) * width, counts: each })),
    statuses: new Map(sums.rows.map(([status, count]) => [String(status), Number(count)])),
    bytes: sums.rows.reduce((sum, row) => sum + Number(row[2]), 0),
  }
}

function emptyCounts(): { [activity in Activity]: number } {
  return { connected: 0, refused: 0, 'no-answer': 0, denied: 0, unknown: 0, host: 0, perhaps: 0 }
}

function activityOf(outcome: string): Activity {
  return ACTIVITIES.find((each) => each === outcome) ?? 'unknown'
}

export type Presence = {
  readonly publicKey: string
  readonly gateway: string
  readonly from: Micros
  /** Null: no end of it is recorded in the period. */
  readonly to: Micros | null
}

/** How far before the period sessions are looked for that were not ended. */
export const SESSION_REACH: Micros = 7 * DAY
/** Sessions shown, the oldest first. */
export const SESSIONS_MAX = 2_000

/** Peer sessions of the keys that overlap the period, by gateway, key and time; inferred from handshakes. */
export async function readPresence(reader: EventReader, { keys, period }: IncidentScope): Promise<Presence[]> {
  if (keys.length === 0) return []
  const result = await reader.select(
    {
      datasets: ['wireguard.session'],
      since: period.from - SESSION_REACH,
      until: period.to - 1,
      columns: [
        '@timestamp',
        'event.action',
        'host.name',
        'wireguard.peer.public_key',
        'wireguard.session.end',
        'wireguard.session.id',
        'wireguard.session.start',
      ],
      filter: allOf([
        equals('event.action', ['peer-session-started', 'peer-session-ended']),
        equals('wireguard.peer.public_key', keys),
      ]),
    },
    `SELECT "host.name", "wireguard.peer.public_key", min(coalesce("wireguard.session.start", "@timestamp")) AS "event.start",
       max(coalesce("wireguard.session.end", "@timestamp")) FILTER (WHERE "event.action" = 'peer-session-ended') AS "event.end"
     FROM events WHERE "event.action" IN ('peer-session-started', 'peer-session-ended')
       AND "wireguard.peer.public_key" IN (SELECT unnest(string_split($1, ',')))
     GROUP BY "host.name", "wireguard.peer.public_key", "wireguard.session.id"
     HAVING "event.end" IS NULL OR "event.end" > make_timestamp($2::BIGINT)
     ORDER BY "host.name", "wireguard.peer.public_key", "event.start" LIMIT ${SESSIONS_MAX}`,
    [keys.join(','), BigInt(period.from)],
  )
  return toDocuments(result)
    .map((document) => ({
      publicKey: document['wireguard.peer.public_key'] ?? '',
      gateway: document['host.name'] ?? '',
      from: document['event.start'] ?? 0,
      to: document['event.end'] ?? null,
    }))
    .sort((a, b) => compareText(a.gateway, b.gateway) || compareText(a.publicKey, b.publicKey) || a.from - b.from)
}
