/** What each source delivered day by day: rows of a file, and columns of a chart. */
import type { IntervalSet } from '../../correlate/interval-set.ts'
import { compares, equals } from '../../kql/build.ts'
import { allOf } from '../../kql/combine.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import { DAY, MINUTE, type Micros, SECOND, toIso } from '../../time.ts'
import { keyOfPlace, type Place } from '../page-one/place.ts'
import type { ReportPeriod } from '../report-question.ts'
import { type Row, rowLines } from '../rows/row-lines.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'

export const DAYS_FILE = 'coverage'
/** Rows of the file; of a longer time a row is several days. */
export const DAY_ROWS_MAX = 100_000
/** Rows printed before the outlet is asked for room. */
const BATCH = 1_000

export const COUNTS = ['received', 'documents', 'unparsed', 'suspect', 'out_of_scope', 'lost'] as const
type Counts = { readonly [name in (typeof COUNTS)[number]]: number }

export type Day = Counts & {
  readonly place: Place
  /** Beginning of the day or days, UTC; the first one may begin before the period. */
  readonly at: Micros
  /** Time within the period. */
  readonly time: Micros
  /** Of it with heartbeats, whatever they say. */
  readonly beats: Micros
  /** Of it with heartbeats that say that something came. */
  readonly spoken: Micros
  readonly lagMax: number
}

export type Days = {
  /** Length of a row's time: a day, or several. */
  readonly step: Micros
  readonly rows: number
  /** Documents by source, whatever the machine, in order of time. */
  readonly buckets: readonly { readonly at: Micros; readonly documents: ReadonlyMap<string, number> }[]
}

const COLUMNS = [
  'machine',
  'source',
  'day',
  ...COUNTS,
  'lag_seconds',
  'heartbeat_percent',
  'spoken_percent',
  'gap_seconds',
] as const

/** A row for each source and day between the first and the last record, days without any too. Throws AppError of the reader. */
export async function writeDays(
  reader: EventReader,
  period: ReportPeriod,
  places: readonly Place[],
  gaps: ReadonlyMap<string, IntervalSet>,
  outlet: RowOutlet,
): Promise<Days> {
  const bounds = await reader.bounds(['wireguard.coverage'])
  const sink = outlet.open(DAYS_FILE)
  for (const form of outlet.forms) await sink.write(form, rowLines(form, COLUMNS, [], true))
  // What lies outside of all records would only be rows of zeros; a hundred years may be asked for.
  const from = Math.max(period.from, bounds?.oldest ?? period.to)
  const to = Math.min(period.to, (bounds?.newest ?? period.from) + MINUTE)
  const days = to <= from ? 0 : Math.ceil((to - from) / DAY) + 1
  const step = Math.max(1, Math.ceil((days * Math.max(1, places.length)) / DAY_ROWS_MAX)) * DAY
  const found = days === 0 ? new Map<string, Day>() : await readDays(reader, period, step)
  const buckets = new Map<Micros, Map<string, number>>()
  let batch: Row[] = []
  let rows = 0
  const flush = async () => {
    for (const form of outlet.forms) await sink.write(form, rowLines(form, COLUMNS, batch, false))
    rows += batch.length
    batch = []
  }
  for (const place of places) {
    for (let at = Math.floor(from / step) * step; at < to; at += step) {
      const day = found.get(`${keyOfPlace(place)}\0${at}`) ?? emptyDay(place, at, step, period)
      const bucket = buckets.get(at) ?? new Map<string, number>()
      buckets.set(at, bucket)
      bucket.set(place.source, (bucket.get(place.source) ?? 0) + day.documents)
      batch.push(toRow(day, gaps.get(keyOfPlace(place))?.within(at, at + step) ?? 0))
      if (batch.length === BATCH) await flush()
    }
  }
  await flush()
  await sink.end(rows)
  const sorted = [...buckets].sort(([a], [b]) => a - b)
  return { step, rows, buckets: sorted.map(([at, documents]) => ({ at, documents })) }
}

/** By place and beginning; a heartbeat of months of silence is cut at the days. */
async function readDays(reader: EventReader, { from, to }: ReportPeriod, step: Micros): Promise<Map<string, Day>> {
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.coverage'],
      since: ALL_TIME.since,
      until: to - 1,
      columns: [
        '@timestamp',
        'event.action',
        'event.end',
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
    },
    `, beat AS (SELECT "host.name" AS machine, "wireguard.coverage.source" AS source, epoch_us("@timestamp") AS began,
         greatest(epoch_us("@timestamp"), $1::BIGINT) AS since, least(epoch_us("event.end"), $2::BIGINT) AS upto,
         "wireguard.coverage.seen" AS received, "wireguard.coverage.events" AS documents,
         "wireguard.coverage.unparsed" AS unparsed, "wireguard.coverage.suspect" AS suspect,
         "wireguard.coverage.out_of_scope" AS out_of_scope, "wireguard.coverage.lost" AS lost, "wireguard.coverage.lag" AS lag
       FROM events WHERE "event.action" = 'source-heartbeat' AND "event.end" IS NOT NULL
         AND epoch_us("event.end") > $1::BIGINT AND epoch_us("@timestamp") < $2::BIGINT),
       part AS (SELECT *, unnest(range(since - (since % $3::BIGINT), upto, $3::BIGINT)) AS day FROM beat)
     SELECT machine, source, day,
       ${COUNTS.map((name) => `sum(CASE WHEN since >= day THEN ${name} END)`).join(', ')},
       sum(least(upto, day + $3::BIGINT) - greatest(since, day)),
       sum(least(upto, day + $3::BIGINT) - greatest(since, day)) FILTER (WHERE received > 0),
       max(lag)
     FROM part GROUP BY machine, source, day ORDER BY machine, source, day LIMIT ${DAY_ROWS_MAX * 2}`,
    [BigInt(from), BigInt(to), BigInt(step)],
  )
  return new Map(
    rows.map(([machine, source, day, ...numbers]) => {
      const place = { machine: String(machine ?? ''), source: String(source ?? '') }
      const at = Number(day)
      const [received, documents, unparsed, suspect, outOfScope, lost, beats, spoken, lagMax] = numbers.map((cell) =>
        Number(cell ?? 0),
      )
      const entry: Day = {
        ...emptyDay(place, at, step, { from, to }),
        received: received ?? 0,
        documents: documents ?? 0,
        unparsed: unparsed ?? 0,
        suspect: suspect ?? 0,
        out_of_scope: outOfScope ?? 0,
        lost: lost ?? 0,
        beats: beats ?? 0,
        spoken: spoken ?? 0,
        lagMax: lagMax ?? 0,
      }
      return [`${keyOfPlace(place)}\0${at}`, entry]
    }),
  )
}

function emptyDay(place: Place, at: Micros, step: Micros, { from, to }: ReportPeriod): Day {
  const time = Math.min(to, at + step) - Math.max(from, at)
  const none = { received: 0, documents: 0, unparsed: 0, suspect: 0, out_of_scope: 0, lost: 0 }
  return { ...none, place, at, time, beats: 0, spoken: 0, lagMax: 0 }
}

function toRow({ place, at, time, beats, spoken, lagMax, ...counts }: Day, gap: Micros): Row {
  // Heartbeats that overlap, as when a capture was replayed beside a live run, make no more than all of the time.
  const percent = (part: Micros) => Math.min(100, Math.floor((part / Math.max(1, time)) * 10_000) / 100)
  return {
    machine: place.machine,
    source: place.source,
    day: toIso(at).slice(0, 10),
    received: counts.received,
    documents: counts.documents,
    unparsed: counts.unparsed,
    suspect: counts.suspect,
    out_of_scope: counts.out_of_scope,
    lost: counts.lost,
    lag_seconds: lagMax,
    heartbeat_percent: percent(beats),
    spoken_percent: percent(spoken),
    gap_seconds: gap / SECOND,
  }
}
