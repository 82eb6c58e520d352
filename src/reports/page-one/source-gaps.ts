/** Gaps and losses that sources stated, as the coverage documents of a period tell them. */
import { compares, equals } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import { MINUTE, type Micros } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'
import { keyOfPlace, type Place } from './place.ts'

export type GapRow = Place & {
  readonly from: Micros
  /** A loss without an extent ends where it begins. */
  readonly to: Micros
  readonly reason: string
  readonly isLoss: boolean
  /** How many, 0 = no number was given. */
  readonly lost: number
  /** Beginning of the newest minute before, in which anything came: a loss without a number may have begun there. Null = not known. */
  readonly spokenBefore: Micros | null
}

export type PlaceGaps = {
  readonly place: Place
  /** Oldest first, at most GAPS_READ_MAX. */
  readonly rows: readonly GapRow[]
  /** How many there are. */
  readonly total: number
}

/** Gaps and losses read of a source; those after them make the rest of the period doubtful. */
export const GAPS_READ_MAX = 5_000

/** What is said of losses and is no reason to doubt what came (docs/operations.md). */
export const HARMLESS_LOSSES = ['limit', 'sampled-rule', 'printk', 'journald-suppressed', 'nf-log-buffer'] as const

/** Only these say that all of their time is missing; the others say that some of it may be (correlate/gaps.ts, `certain`). */
export const CERTAIN_REASONS: ReadonlySet<string> = new Set(['daemon-stopped', 'polls-missing', 'never-spoke'])

/** Rows of `told` are gaps and losses that overlap the period, `$1` to `$2`, those of `kept` are read. */
const KEPT = `, told AS (SELECT "host.name" AS machine, "wireguard.coverage.source" AS source, epoch_us("@timestamp") AS since,
      coalesce(epoch_us("event.end"), epoch_us("@timestamp")) AS upto, "event.id" AS id,
      coalesce("wireguard.coverage.reason", '') AS reason, "event.action" = 'source-lost' AS lossy,
      coalesce("wireguard.coverage.lost", 0) AS lost
    FROM events WHERE "event.action" IN ('source-gap', 'source-lost') AND epoch_us("@timestamp") < $2::BIGINT
      AND (epoch_us("event.end") > $1::BIGINT OR epoch_us("@timestamp") >= $1::BIGINT)),
  kept AS (SELECT *, count(*) OVER (PARTITION BY machine, source) AS total FROM told
    WHERE NOT (lossy AND reason IN (${HARMLESS_LOSSES.map((reason) => `'${reason}'`).join(', ')}))
    QUALIFY row_number() OVER (PARTITION BY machine, source ORDER BY since, id) <= ${GAPS_READ_MAX})`

/** A gap may be as long as an outage, and begins long before a period: all of the past is looked at. */
function scopeOf({ from, to }: ReportPeriod) {
  const isIn = anyOf([compares('event.end', '>', from), compares('@timestamp', '>=', from)])
  return {
    datasets: ['wireguard.coverage'],
    since: ALL_TIME.since,
    until: to - 1,
    columns: [
      '@timestamp',
      'event.action',
      'event.end',
      'event.id',
      'host.name',
      'wireguard.coverage.lost',
      'wireguard.coverage.reason',
      'wireguard.coverage.source',
    ],
    filter: allOf([equals('event.action', ['source-gap', 'source-lost']), isIn]),
  } as const
}

/** By machine and source. Throws AppError of the reader. */
export async function readGapRows(reader: EventReader, period: ReportPeriod): Promise<Map<string, PlaceGaps>> {
  const { rows } = await reader.select(
    scopeOf(period),
    `${KEPT} SELECT machine, source, since, upto, reason, lossy, lost, total, id FROM kept ORDER BY machine, source, since, id`,
    [BigInt(period.from), BigInt(period.to)],
  )
  const isUncounted = rows.some(([, , , , , lossy, lost]) => lossy === true && Number(lost) === 0)
  const spoken = isUncounted ? await readSpokenBefore(reader, period) : new Map<string, Micros>()
  const found = new Map<string, { place: Place; rows: GapRow[]; total: number }>()
  for (const [machine, source, since, upto, reason, lossy, lost, total, id] of rows) {
    const place = { machine: String(machine ?? ''), source: String(source ?? '') }
    const key = keyOfPlace(place)
    const entry = found.get(key) ?? { place, rows: [], total: Number(total) }
    found.set(key, entry)
    entry.rows.push({
      ...place,
      from: Number(since),
      to: Number(upto),
      reason: String(reason ?? ''),
      isLoss: lossy === true,
      lost: Number(lost),
      spokenBefore: spoken.get(String(id)) ?? null,
    })
  }
  return found
}

/** Of each loss without a number, by its id: the newest heartbeat before its minute that says that something came. */
async function readSpokenBefore(reader: EventReader, period: ReportPeriod): Promise<Map<string, Micros>> {
  const scope = scopeOf(period)
  const isBeat = allOf([
    equals('event.action', ['source-heartbeat']),
    compares('wireguard.coverage.seen', '>', 0),
    compares('event.end', '>', period.from),
  ])
  const { rows } = await reader.select(
    { ...scope, columns: [...scope.columns, 'wireguard.coverage.seen'], filter: anyOf([scope.filter, isBeat]) },
    `${KEPT}, open AS (SELECT machine, source, since, id FROM kept WHERE lossy AND lost = 0),
       beat AS (SELECT "host.name" AS machine, "wireguard.coverage.source" AS source, epoch_us("@timestamp") AS began
         FROM events WHERE "event.action" = 'source-heartbeat' AND "event.end" IS NOT NULL AND "wireguard.coverage.seen" > 0
           AND epoch_us("event.end") > $1::BIGINT AND epoch_us("@timestamp") < $2::BIGINT
           AND ("host.name", "wireguard.coverage.source") IN (SELECT (machine, source) FROM open))
     SELECT open.id, beat.began FROM open ASOF JOIN beat ON open.machine = beat.machine AND open.source = beat.source
       AND open.since - (open.since % ${MINUTE}) > beat.began`,
    [BigInt(period.from), BigInt(period.to)],
  )
  return new Map(rows.map(([id, began]) => [String(id), Number(began)]))
}

/**
 * Log prefixes of which a rule logs only some packets, by machine, as first said at any time before the period's end. Whether such a
 * rule still stood in the period is in no document, so that it is taken to.
 */
export async function readSampled(reader: EventReader, { to }: ReportPeriod): Promise<Map<string, string[]>> {
  const query = allOf([equals('event.action', ['source-lost']), equals('wireguard.coverage.reason', ['sampled-rule'])])
  const groups = await reader.groups(
    { datasets: ['wireguard.coverage'], since: ALL_TIME.since, until: to - 1, query },
    ['host.name', 'netfilter.log.prefix'],
  )
  const found = new Map<string, string[]>()
  for (const { values } of groups) {
    const machine = String(values[0] ?? '')
    found.set(machine, [...(found.get(machine) ?? []), String(values[1] ?? '')])
  }
  return found
}
