/**
 * What a timeline is made of, asked of the store: one row a line, in order of time. DuckDB puts together what belongs on one line, so
 * that a busy peer's year needs no memory here:
 *
 * - the documents of a flow, with the firewall lines that are part of it;
 * - firewall lines that say the same again within one minute of the clock: verdict, both addresses, transport, service. The sender's port
 *   may differ: each attempt of a program has its own;
 * - the same loss of a source, said again within that minute.
 *
 * Everything else is a line of its own.
 */
import type { FieldName } from '../fields.ts'
import type { Cell, Parameter } from '../store/duckdb.ts'
import type { StoreReader } from '../store/reader.ts'
import { ALL_TIME } from '../store/reader.ts'
import type { Micros } from '../time.ts'
import type { Place, Selection } from './search-query.ts'

/** Rows read at a time. */
export const TIMELINE_PAGE_ROWS = 5_000
/** Gaps that began before the period and reach into it: one for each source of each gateway, rarely two. */
export const CARRIED_GAPS_MAX = 100

export type TimelineRow = {
  /** Of its oldest document. */
  readonly at: Micros
  /** Tells apart what happened at the same moment. */
  readonly line: string
  readonly isFlow: boolean
  /** Where its first and its last document stand; the last of a flow is its end, where that is in the period. */
  readonly first: Place
  readonly last: Place
  readonly documents: number
  /** Of its newest document. */
  readonly until: Micros
  /** Different ports of the sender. */
  readonly ports: number
  /** Bytes of a flow in the period, both directions; null when no document says. */
  readonly bytes: number | null
  /** Why documents of the flow were made, where they say so: `holder-changed`, `idle`. */
  readonly reasons: readonly string[]
}

export type TimelineTotals = {
  readonly lines: number
  readonly documents: number
  /** Documents that name the peer; the others are gaps. */
  readonly named: number
}

/** The period of a timeline, the keys it is about, the gateways these were seen at. */
export type TimelineScope = {
  readonly keys: readonly string[]
  readonly gateways: readonly string[]
  readonly since: Micros
  readonly until: Micros
}

const FIELDS: readonly FieldName[] = [
  '@timestamp',
  'destination.ip',
  'destination.port',
  'event.action',
  'event.dataset',
  'event.id',
  'event.reason',
  'host.name',
  'network.transport',
  'source.ip',
  'source.port',
  'wireguard.attribution.candidates',
  'wireguard.coverage.reason',
  'wireguard.coverage.source',
  'wireguard.flow.delta.destination.bytes',
  'wireguard.flow.delta.source.bytes',
  'wireguard.flow.id',
  'wireguard.peer.public_key',
  'wireguard.target_peer.public_key',
]
/** Without the counters' points: a line a minute would bury what happened. */
const DATASETS = [
  'wireguard.audit',
  'wireguard.coverage',
  'wireguard.finding',
  'wireguard.firewall',
  'wireguard.flow',
  'wireguard.session',
]

const LINE = `CASE
  WHEN "event.dataset" IN ('wireguard.flow', 'wireguard.firewall') AND "wireguard.flow.id" IS NOT NULL
    THEN 'flow ' || "wireguard.flow.id"
  WHEN "event.dataset" = 'wireguard.firewall'
    THEN concat_ws(' ', 'packet', epoch_us("@timestamp") // 60000000, "host.name", "event.action", "source.ip", "destination.ip",
      "destination.port", "network.transport", coalesce("wireguard.peer.public_key", '?'))
  WHEN "event.action" = 'source-lost'
    THEN concat_ws(' ', 'loss', epoch_us("@timestamp") // 60000000, "host.name", "wireguard.coverage.source", "wireguard.coverage.reason")
  ELSE "event.id" END`

/** Documents of one moment in the order in which they are made. */
const RANK = `epoch_us("@timestamp") * 4 + CASE "event.action" WHEN 'flow-started' THEN 0 WHEN 'flow-ended' THEN 2 ELSE 1 END`
const IS_FLOW = `"event.dataset" = 'wireguard.flow'`

/** Every document of the timeline: about the keys, or about what was not seen where they were. */
export function timelineSelection({ keys, gateways, since, until }: TimelineScope): Selection {
  const parameters: Parameter[] = []
  const list = (values: readonly string[]) => values.map((value) => `$${parameters.push(value)}`).join(', ')
  const ours = list(keys)
  const named = `("wireguard.peer.public_key" IN (${ours}) OR "wireguard.target_peer.public_key" IN (${ours})
    OR coalesce(list_has_any("wireguard.attribution.candidates", [${ours}]), FALSE))`
  const unseen =
    gateways.length === 0
      ? ''
      : ` OR ("event.action" IN ('source-gap', 'source-lost') AND "host.name" IN (${list(gateways)}))`
  return { datasets: DATASETS, since, until, where: `(${named}${unseen})`, parameters, fields: FIELDS }
}

/** Where and when the store has the keys at all. */
export type Whereabouts = {
  readonly gateways: readonly string[]
  /** Names by inventory; more than one of a person, or of a key that was given to another device. */
  readonly names: readonly string[]
  readonly first: Micros
  readonly last: Micros
}

/** Null when no document names one of the keys as its peer. */
export async function readWhereabouts(store: StoreReader, keys: readonly string[]): Promise<Whereabouts | null> {
  const { rows } = await store.select(
    {
      datasets: DATASETS,
      ...ALL_TIME,
      columns: ['@timestamp', 'host.name', 'wireguard.peer.name', 'wireguard.peer.public_key'],
    },
    `SELECT "host.name", "wireguard.peer.name", min("@timestamp"), max("@timestamp") FROM events
     WHERE "wireguard.peer.public_key" IN (${keys.map((_, i) => `$${i + 1}`).join(', ')}) GROUP BY 1, 2 ORDER BY 1, 2`,
    keys,
  )
  if (rows.length === 0) return null
  const texts = (column: number) => [
    ...new Set(rows.flatMap((row) => (typeof row[column] === 'string' ? [row[column]] : []))),
  ]
  return {
    gateways: texts(0),
    names: texts(1),
    first: Math.min(...rows.map((row) => Number(row[2]))),
    last: Math.max(...rows.map((row) => Number(row[3]))),
  }
}

/** How much there is in the whole period. */
export async function countTimeline(store: StoreReader, selection: Selection): Promise<TimelineTotals> {
  const { rows } = await store.select(
    { ...selection, columns: FIELDS },
    `SELECT count(DISTINCT ${LINE}), count(*), count(*) FILTER (WHERE "event.dataset" <> 'wireguard.coverage')
     FROM events WHERE ${selection.where}`,
    selection.parameters,
  )
  const [lines = 0, documents = 0, named = 0] = (rows[0] ?? []).map(Number)
  return { lines, documents, named }
}

/** The rows in order of time, page by page, `limit` of them at most. */
export async function* findTimeline(
  store: StoreReader,
  selection: Selection,
  limit: number,
  pageRows = TIMELINE_PAGE_ROWS,
): AsyncGenerator<readonly TimelineRow[]> {
  let after: TimelineRow | null = null
  for (let left = limit; left > 0; left -= pageRows) {
    const wanted = Math.min(left, pageRows)
    const rows: readonly TimelineRow[] = await readRows(store, selection, wanted, after)
    if (rows.length > 0) yield rows
    after = rows.at(-1) ?? null
    if (after === null || rows.length < wanted) return
  }
}

/** Gaps of the gateways' sources that began before the period and last into it. */
export async function readCarriedGaps(
  store: StoreReader,
  { gateways, since, until }: TimelineScope,
): Promise<readonly Place[]> {
  if (since === ALL_TIME.since || gateways.length === 0) return []
  const { rows } = await store.select(
    {
      datasets: ['wireguard.coverage'],
      since: ALL_TIME.since,
      until: Math.min(since - 1, until),
      columns: ['@timestamp', 'event.action', 'event.end', 'event.id', 'host.name'],
    },
    `SELECT "@timestamp", "event.id" FROM events WHERE "event.action" = 'source-gap' AND "event.end" > make_timestamp($1::BIGINT)
       AND "host.name" IN (${gateways.map((_, i) => `$${i + 2}`).join(', ')})
     ORDER BY "@timestamp" DESC, "event.id" LIMIT ${CARRIED_GAPS_MAX}`,
    [BigInt(since), ...gateways],
  )
  return rows.map(([at, id]) => ({ at: Number(at), id: String(id) })).toReversed()
}

async function readRows(
  store: StoreReader,
  { where, parameters, ...scope }: Selection,
  limit: number,
  after: TimelineRow | null,
): Promise<TimelineRow[]> {
  const values = [...parameters]
  let rest = ''
  if (after !== null) {
    values.push(BigInt(after.at), after.line)
    const [at, line] = [`make_timestamp($${values.length - 1}::BIGINT)`, `$${values.length}`]
    rest = `WHERE began > ${at} OR (began = ${at} AND line > ${line})`
  }
  const place = (which: 'min' | 'max', what: string) =>
    `coalesce(arg_${which}(${what}, ${RANK}) FILTER (WHERE ${IS_FLOW} AND "event.action" = '${which === 'min' ? 'flow-started' : 'flow-ended'}'),
      arg_${which}(${what}, ${RANK}) FILTER (WHERE ${IS_FLOW}), arg_${which}(${what}, ${RANK}))`
  const { rows } = await store.select(
    { ...scope, columns: FIELDS },
    `SELECT * FROM (SELECT min("@timestamp") AS began, ${LINE} AS line, bool_or(${IS_FLOW}), count(*), max("@timestamp"),
       ${place('min', '"@timestamp"')}, ${place('min', '"event.id"')}, ${place('max', '"@timestamp"')}, ${place('max', '"event.id"')},
       count(DISTINCT "source.port"),
       sum(coalesce("wireguard.flow.delta.source.bytes", 0) + coalesce("wireguard.flow.delta.destination.bytes", 0))
         FILTER (WHERE "wireguard.flow.delta.source.bytes" IS NOT NULL OR "wireguard.flow.delta.destination.bytes" IS NOT NULL),
       coalesce(list_sort(list_distinct(list("event.reason") FILTER (WHERE ${IS_FLOW} AND "event.reason" IS NOT NULL))), [])
     FROM events WHERE ${where} GROUP BY line) ${rest} ORDER BY began, line LIMIT ${limit}`,
    values,
  )
  return rows.map(toRow)
}

function toRow(cells: readonly Cell[]): TimelineRow {
  const [at, line, isFlow, documents, until, firstAt, firstId, lastAt, lastId, ports, bytes = null, reasons] = cells
  return {
    at: Number(at),
    line: String(line),
    isFlow: isFlow === true,
    first: { at: Number(firstAt), id: String(firstId) },
    last: { at: Number(lastAt), id: String(lastId) },
    documents: Number(documents),
    until: Number(until),
    ports: Number(ports),
    bytes: bytes === null ? null : Number(bytes),
    reasons: Array.isArray(reasons) ? reasons.map(String) : [],
  }
}
