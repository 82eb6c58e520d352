/** Every gap, loss, start and stop that sources stated in a period, one row each, in order of time: read and written page by page. */
import { createIntervalSet, type IntervalSet } from '../../correlate/interval-set.ts'
import type { FieldName, Fields } from '../../fields.ts'
import { compares, equals } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { toDocuments } from '../../store/documents.ts'
import { ALL_TIME, type EventReader } from '../../store/event-reader.ts'
import { type Micros, SECOND, toIso } from '../../time.ts'
import { keyOfPlace, type Place } from '../page-one/place.ts'
import type { Progress, ReportPeriod } from '../report-question.ts'
import { type Row, rowLines } from '../rows/row-lines.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'

export const HOLES_FILE = 'coverage-gaps'
/** Rows read at once. */
const PAGE = 5_000
/** Gaps and losses kept for the page. */
export const HOLES_SHOWN_MAX = 200
/** Stretches of gaps kept of a source, for the days; more of them run together. */
const SPANS_MAX = 2_000

/** A gap or a loss with an extent or a place in time. */
export type Hole = Place & {
  readonly from: Micros
  readonly to: Micros
  readonly reason: string
  readonly isLoss: boolean
}

export type Holes = {
  /** The longest gaps and then losses, at most HOLES_SHOWN_MAX, in order of time. */
  readonly shown: readonly Hole[]
  readonly gaps: number
  readonly losses: number
  /** Rows of the file. */
  readonly rows: number
  /** When each source was in a gap, by its key (place.ts). */
  readonly times: ReadonlyMap<string, IntervalSet>
}

const COLUMNS = [
  'machine',
  'source',
  'kind',
  'reason',
  'from',
  'to',
  'seconds',
  'lost',
  'expected',
  'bytes',
  'prefix',
  'limit',
  'count',
  'file',
  'id',
] as const

const FIELDS_READ: readonly FieldName[] = [
  '@timestamp',
  'event.action',
  'event.end',
  'event.id',
  'host.name',
  'netfilter.log.prefix',
  'wireguard.coverage.bytes',
  'wireguard.coverage.count',
  'wireguard.coverage.expected',
  'wireguard.coverage.file',
  'wireguard.coverage.limit',
  'wireguard.coverage.lost',
  'wireguard.coverage.reason',
  'wireguard.coverage.source',
]

const KINDS: ReadonlyMap<string, string> = new Map([
  ['source-gap', 'gap'],
  ['source-lost', 'loss'],
  ['source-started', 'started'],
  ['source-stopped', 'stopped'],
])

/** Throws AppError of the reader. */
export async function writeHoles(
  reader: EventReader,
  period: ReportPeriod,
  outlet: RowOutlet,
  progress: Progress,
): Promise<Holes> {
  const sink = outlet.open(HOLES_FILE)
  for (const form of outlet.forms) await sink.write(form, rowLines(form, COLUMNS, [], true))
  const times = new Map<string, IntervalSet>()
  let shown: Hole[] = []
  let [rows, gaps, losses] = [0, 0, 0]
  for (let after: Fields | null = null; ; ) {
    const page = await readPage(reader, period, after)
    for (const form of outlet.forms) await sink.write(form, rowLines(form, COLUMNS, page.map(toRow), false))
    const holes = page.flatMap(holeOf)
    for (const hole of holes) {
      if (hole.isLoss) losses++
      else gaps++
      noteTime(times, hole, period)
    }
    shown = longest([...shown, ...holes])
    rows += page.length
    progress('gaps', rows, 0)
    after = page.at(-1) ?? null
    if (page.length < PAGE) break
  }
  await sink.end(rows)
  return { shown: shown.toSorted((a, b) => a.from - b.from || compareHoles(a, b)), gaps, losses, rows, times }
}

async function readPage(reader: EventReader, { from, to }: ReportPeriod, after: Fields | null): Promise<Fields[]> {
  const isTold = equals('event.action', [...KINDS.keys()])
  const result = await reader.select(
    {
      datasets: ['wireguard.coverage'],
      // A gap that reaches into the period may have begun long before it.
      since: after?.['@timestamp'] ?? ALL_TIME.since,
      until: to - 1,
      columns: FIELDS_READ,
      filter: allOf([isTold, anyOf([compares('event.end', '>', from), compares('@timestamp', '>=', from)])]),
    },
    `SELECT ${FIELDS_READ.map((name) => `"${name}"`).join(', ')} FROM events
     WHERE "event.action" IN (${[...KINDS.keys()].map((action) => `'${action}'`).join(', ')})
       AND "@timestamp" < make_timestamp($2::BIGINT)
       AND ("event.end" > make_timestamp($1::BIGINT) OR "@timestamp" >= make_timestamp($1::BIGINT))
       AND ("@timestamp" > make_timestamp($3::BIGINT) OR ("@timestamp" = make_timestamp($3::BIGINT) AND "event.id" > $4))
     ORDER BY "@timestamp", "event.id" LIMIT ${PAGE}`,
    [BigInt(from), BigInt(to), BigInt(after?.['@timestamp'] ?? ALL_TIME.since), after?.['event.id'] ?? ''],
  )
  return toDocuments(result)
}

function toRow(document: Fields): Row {
  const at = document['@timestamp'] ?? 0
  const end = document['event.end']
  return {
    machine: document['host.name'],
    source: document['wireguard.coverage.source'],
    kind: KINDS.get(document['event.action'] ?? '') ?? '',
    reason: document['wireguard.coverage.reason'],
    from: toIso(at),
    to: end === undefined ? null : toIso(end),
    seconds: end === undefined ? null : (end - at) / SECOND,
    lost: document['wireguard.coverage.lost'],
    expected: document['wireguard.coverage.expected'],
    bytes: document['wireguard.coverage.bytes'],
    prefix: document['netfilter.log.prefix'],
    limit: document['wireguard.coverage.limit'],
    count: document['wireguard.coverage.count'],
    file: document['wireguard.coverage.file'],
    id: document['event.id'],
  }
}

function holeOf(document: Fields): Hole[] {
  const kind = KINDS.get(document['event.action'] ?? '')
  if (kind !== 'gap' && kind !== 'loss') return []
  const from = document['@timestamp'] ?? 0
  return [
    {
      machine: document['host.name'] ?? '',
      source: document['wireguard.coverage.source'] ?? '',
      from,
      to: document['event.end'] ?? from,
      reason: document['wireguard.coverage.reason'] ?? '',
      isLoss: kind === 'loss',
    },
  ]
}

function noteTime(times: Map<string, IntervalSet>, hole: Hole, { from, to }: ReportPeriod): void {
  if (hole.isLoss) return
  const key = keyOfPlace(hole)
  const set = times.get(key) ?? createIntervalSet('grow', SPANS_MAX)
  times.set(key, set)
  set.add(Math.max(from, hole.from), Math.min(to, hole.to))
}

/** Gaps before losses, long ones before short ones. */
function longest(holes: readonly Hole[]): Hole[] {
  return holes.toSorted(compareHoles).slice(0, HOLES_SHOWN_MAX)
}

function compareHoles(a: Hole, b: Hole): number {
  const length = b.to - b.from - (a.to - a.from)
  return Number(a.isLoss) - Number(b.isLoss) || length || a.from - b.from || (keyOfPlace(a) < keyOfPlace(b) ? -1 : 1)
}
