/**
 * Heartbeats of a period, put together by the database: a month has 43,200 a source. Intervals that follow on each other become one
 * stretch; between two stretches nobody was there to say anything.
 */
import { compares, equals, exists } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import { HOUR, MINUTE, type Micros } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'
import { keyOfPlace, type Place } from './place.ts'

/** Sums over heartbeats that overlap the period: whole minutes, also those that an end of the period cuts. */
export type BeatSums = {
  readonly received: number
  readonly events: number
  readonly unparsed: number
  readonly suspect: number
  readonly outOfScope: number
  readonly lost: number
  readonly quiet: Micros
  readonly lagMax: number
  /** What came in a usual minute: three of four in which anything came brought no more. Minutes that were cut short are few. */
  readonly usual: number
}

/** A time without a hole between heartbeats, cut to the period; `first` and `last`: within it, what came; null = nothing. */
export type Stretch = {
  readonly from: Micros
  readonly to: Micros
  readonly first: Micros | null
  readonly last: Micros | null
}

/** A minute with a counted loss. */
export type LossMinute = { readonly from: Micros; readonly to: Micros; readonly seen: number; readonly lost: number }

export type Beats = {
  readonly place: Place
  readonly sums: BeatSums
  /** The longest, by time, at most STRETCHES_MAX; what is left out counts as not covered. */
  readonly stretches: readonly Stretch[]
  /** Oldest first, at most LOSS_MINUTES_MAX. */
  readonly losses: readonly LossMinute[]
  /** From here on loss minutes were not read; null = all were. */
  readonly lossesCutAt: Micros | null
  /** Something came before the period, or after it. */
  readonly hasSpokenBefore: boolean
  readonly hasSpokenAfter: boolean
}

/** Stretches kept of a source. */
export const STRETCHES_MAX = 1_000
/** Minutes with a counted loss kept of a source. */
export const LOSS_MINUTES_MAX = 2_000

const PLACE = `"host.name" AS machine, "wireguard.coverage.source" AS source`
/** Of a heartbeat; a remark about a source (`sparse-serials`) has no end. */
const IS_BEAT = `"event.action" = 'source-heartbeat' AND "event.end" IS NOT NULL`

/** By machine and source, in no order; sources that have no heartbeat in the period are there when they have one at another time. */
export async function readBeats(reader: EventReader, period: ReportPeriod): Promise<Beats[]> {
  const spoken = await readSpoken(reader)
  const stretches = await readStretches(reader, period)
  const sums = await readSums(reader, period)
  const losses = await readLosses(reader, period)
  const keys = [...new Set([...spoken.keys(), ...stretches.keys(), ...sums.keys()])]
  return keys.map((key) => {
    const own = losses.get(key) ?? []
    const known = spoken.get(key)
    const place = known?.place ?? stretches.get(key)?.place ?? sums.get(key)?.place
    if (place === undefined) throw new TypeError('a source without a place')
    return {
      place,
      sums: sums.get(key)?.sums ?? NO_SUMS,
      stretches: stretches.get(key)?.stretches ?? [],
      losses: own.slice(0, LOSS_MINUTES_MAX),
      lossesCutAt: own[LOSS_MINUTES_MAX]?.from ?? null,
      hasSpokenBefore: known !== undefined && known.oldest < period.from,
      hasSpokenAfter: known !== undefined && known.newest >= period.to,
    }
  })
}

const NO_SUMS: BeatSums = {
  received: 0,
  events: 0,
  unparsed: 0,
  suspect: 0,
  outOfScope: 0,
  lost: 0,
  quiet: 0,
  lagMax: 0,
  usual: 0,
}

/** When each source first and last said that something came, whatever the period. */
async function readSpoken(
  reader: EventReader,
): Promise<Map<string, { readonly place: Place; readonly oldest: Micros; readonly newest: Micros }>> {
  const query = allOf([
    equals('event.action', ['source-heartbeat']),
    exists('event.end'),
    compares('wireguard.coverage.seen', '>', 0),
  ])
  const groups = await reader.groups({ datasets: ['wireguard.coverage'], ...ALL_TIME, query }, [
    'host.name',
    'wireguard.coverage.source',
  ])
  return new Map(
    groups.map(({ values: [machine, source], oldest, newest }) => {
      const place = { machine: String(machine ?? ''), source: String(source ?? '') }
      return [keyOfPlace(place), { place, oldest, newest }]
    }),
  )
}

/** Heartbeats that overlap the period; one of silence may be months long, so its beginning says nothing. */
function scopeOf({ from, to }: ReportPeriod) {
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
      'wireguard.coverage.events',
      'wireguard.coverage.lag',
      'wireguard.coverage.lost',
      'wireguard.coverage.out_of_scope',
      'wireguard.coverage.seen',
      'wireguard.coverage.source',
      'wireguard.coverage.suspect',
      'wireguard.coverage.unparsed',
    ],
    filter: allOf([equals('event.action', ['source-heartbeat']), compares('event.end', '>', from)]),
  } as const
}

/**
 * Stretches of heartbeats. A year has half a million a source, so that those of an hour are put together first: a bit a minute, which
 * counts a minute once however many heartbeats tell of it. What is no whole minute of the clock (silence is told in longer and longer
 * heartbeats) stays as it is. `$1` and `$2` are the period.
 */
const STRETCHES = `, beat AS (SELECT ${PLACE}, epoch_us("@timestamp") AS began, epoch_us("event.end") AS ended,
      coalesce("wireguard.coverage.seen", 0) > 0 AS spoke
    FROM events WHERE ${IS_BEAT} AND epoch_us("event.end") > $1::BIGINT AND epoch_us("@timestamp") < $2::BIGINT),
  minute AS (SELECT *, began >= 0 AND began % ${MINUTE} = 0 AND ended - began = ${MINUTE} AS regular,
      1::BIGINT << ((abs(began) // ${MINUTE}) % 60)::INTEGER AS bit FROM beat),
  hour AS (SELECT machine, source, began // ${HOUR} AS number, min(began) AS began, max(ended) AS ended,
      min(began) FILTER (WHERE spoke) AS first, max(ended) FILTER (WHERE spoke) AS last,
      bit_or(bit) AS minutes, coalesce(bit_or(bit) FILTER (WHERE spoke), 0) AS spoken
    FROM minute WHERE regular GROUP BY machine, source, began // ${HOUR}),
  holed AS (SELECT *, unnest(range(60)) AS slot FROM hour WHERE bit_count(minutes)::BIGINT * ${MINUTE} <> ended - began),
  piece AS (SELECT machine, source, began, ended, first, last FROM hour WHERE bit_count(minutes)::BIGINT * ${MINUTE} = ended - began
    UNION ALL SELECT machine, source, number * ${HOUR} + slot * ${MINUTE}, number * ${HOUR} + (slot + 1) * ${MINUTE},
      CASE WHEN (spoken >> slot::INTEGER) & 1 = 1 THEN number * ${HOUR} + slot * ${MINUTE} END,
      CASE WHEN (spoken >> slot::INTEGER) & 1 = 1 THEN number * ${HOUR} + (slot + 1) * ${MINUTE} END
    FROM holed WHERE (minutes >> slot::INTEGER) & 1 = 1
    UNION ALL SELECT machine, source, began, ended, CASE WHEN spoke THEN began END, CASE WHEN spoke THEN ended END
    FROM minute WHERE NOT regular),
  marked AS (SELECT *, max(ended) OVER (PARTITION BY machine, source ORDER BY began, ended
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached FROM piece),
  numbered AS (SELECT *, sum(CASE WHEN reached IS NULL OR began > reached THEN 1 ELSE 0 END)
      OVER (PARTITION BY machine, source ORDER BY began, ended ROWS UNBOUNDED PRECEDING) AS number FROM marked),
  stretch AS (SELECT machine, source, number, greatest(min(began), $1::BIGINT) AS since, least(max(ended), $2::BIGINT) AS upto,
      CASE WHEN min(first) IS NOT NULL THEN greatest(min(first), $1::BIGINT) END AS first,
      CASE WHEN max(last) IS NOT NULL THEN least(max(last), $2::BIGINT) END AS last
    FROM numbered GROUP BY machine, source, number)
  SELECT machine, source, since, upto, first, last FROM stretch
  QUALIFY row_number() OVER (PARTITION BY machine, source ORDER BY upto - since DESC, since) <= ${STRETCHES_MAX}
  ORDER BY machine, source, since`

async function readStretches(reader: EventReader, period: ReportPeriod) {
  const { rows } = await reader.select(scopeOf(period), STRETCHES, [BigInt(period.from), BigInt(period.to)])
  const found = new Map<string, { place: Place; stretches: Stretch[] }>()
  for (const [machine, source, from, to, first, last] of rows) {
    const place = { machine: String(machine ?? ''), source: String(source ?? '') }
    const key = keyOfPlace(place)
    const entry = found.get(key) ?? { place, stretches: [] }
    found.set(key, entry)
    entry.stretches.push({ from: Number(from), to: Number(to), first: timeOf(first), last: timeOf(last) })
  }
  return found
}

async function readSums(reader: EventReader, period: ReportPeriod) {
  const { rows } = await reader.select(
    scopeOf(period),
    `SELECT ${PLACE}, sum("wireguard.coverage.seen"), sum("wireguard.coverage.events"), sum("wireguard.coverage.unparsed"),
       sum("wireguard.coverage.suspect"), sum("wireguard.coverage.out_of_scope"), sum("wireguard.coverage.lost"),
       sum(least(epoch_us("event.end"), $2::BIGINT) - greatest(epoch_us("@timestamp"), $1::BIGINT))
         FILTER (WHERE coalesce("wireguard.coverage.seen", 0) = 0),
       max("wireguard.coverage.lag"),
       quantile_disc("wireguard.coverage.seen", 0.75) FILTER (WHERE "wireguard.coverage.seen" > 0)
     FROM events WHERE ${IS_BEAT} AND epoch_us("event.end") > $1::BIGINT AND epoch_us("@timestamp") < $2::BIGINT
     GROUP BY machine, source`,
    [BigInt(period.from), BigInt(period.to)],
  )
  return new Map(
    rows.map(([machine, source, ...sums]) => {
      const place = { machine: String(machine ?? ''), source: String(source ?? '') }
      const [received, events, unparsed, suspect, outOfScope, lost, quiet, lagMax, usual] = sums.map((sum) =>
        Number(sum ?? 0),
      )
      return [
        keyOfPlace(place),
        {
          place,
          sums: {
            received: received ?? 0,
            events: events ?? 0,
            unparsed: unparsed ?? 0,
            suspect: suspect ?? 0,
            outOfScope: outOfScope ?? 0,
            lost: lost ?? 0,
            quiet: quiet ?? 0,
            lagMax: lagMax ?? 0,
            usual: usual ?? 0,
          },
        },
      ]
    }),
  )
}

/** One more than LOSS_MINUTES_MAX of each source, so that a cut shows. */
async function readLosses(reader: EventReader, period: ReportPeriod): Promise<Map<string, LossMinute[]>> {
  const scope = scopeOf(period)
  const { rows } = await reader.select(
    { ...scope, filter: allOf([scope.filter, compares('wireguard.coverage.lost', '>', 0)]) },
    `SELECT ${PLACE}, greatest(epoch_us("@timestamp"), $1::BIGINT) AS since, least(epoch_us("event.end"), $2::BIGINT),
       coalesce("wireguard.coverage.seen", 0), "wireguard.coverage.lost"
     FROM events WHERE ${IS_BEAT} AND "wireguard.coverage.lost" > 0
       AND epoch_us("event.end") > $1::BIGINT AND epoch_us("@timestamp") < $2::BIGINT
     QUALIFY row_number() OVER (PARTITION BY machine, source ORDER BY "@timestamp", "event.id") <= ${LOSS_MINUTES_MAX + 1}
     ORDER BY machine, source, since, "event.id"`,
    [BigInt(period.from), BigInt(period.to)],
  )
  const found = new Map<string, LossMinute[]>()
  for (const [machine, source, from, to, seen, lost] of rows) {
    const key = keyOfPlace({ machine: String(machine ?? ''), source: String(source ?? '') })
    const own = found.get(key) ?? []
    found.set(key, own)
    own.push({ from: Number(from), to: Number(to), seen: Number(seen), lost: Number(lost) })
  }
  return found
}

function timeOf(cell: unknown): Micros | null {
  return cell === null || cell === undefined ? null : Number(cell)
}
