/**
 * What a timeline is made of, asked of a reader: one row a line, in order of time. DuckDB puts together what belongs on one line
 * (timeline-folding.ts), so that a busy peer's year needs no memory here. Everything else is a line of its own.
 */
import type { FieldName, Fields } from '../fields.ts'
import { compares, equals } from '../kql/build.ts'
import { allOf, anyOf } from '../kql/combine.ts'
import { compareText } from '../kql/text-match.ts'
import { toSql } from '../kql/to-sql.ts'
import type { Cell, Parameter } from '../store/duckdb.ts'
import { ALL_TIME, type EventReader, type Place, type Selection } from '../store/event-reader.ts'
import type { Micros } from '../time.ts'
import { FOLDING_FIELDS, foldingTables, lineOf } from './timeline-folding.ts'

/** Rows read at a time. */
export const TIMELINE_PAGE_ROWS = 5_000
/** Gaps that began before the period and reach into it: one for each source of each gateway, rarely two. */
export const CARRIED_GAPS_MAX = 100

export type TimelineRow = {
  /** Of its oldest document. */
  readonly at: Micros
  /** Among what happened at the same moment: the place in the host's log, a login before and its end after it. */
  readonly rank: number
  /** Tells apart what is left. */
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
  /** Words of ROUTINE_KINDS: what documents around a login are counted here. */
  readonly routine: readonly string[]
  /** Who took the flow on an audited host, as the last of its documents that says so has it; else null. */
  readonly taker: Fields | null
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
  ...FOLDING_FIELDS,
  'event.reason',
  'source.port',
  'wireguard.attribution.candidates',
  'wireguard.flow.delta.destination.bytes',
  'wireguard.flow.delta.source.bytes',
  'wireguard.host.login_session',
  'wireguard.host.name',
  'wireguard.host.process.name',
  'wireguard.host.user.name',
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

/** Documents of one moment in the order in which they are made; what is left is told apart, so that every reader answers alike. */
const RANK = `(epoch_us("@timestamp") * 4 + CASE "event.action" WHEN 'flow-started' THEN 0 WHEN 'flow-ended' THEN 2 ELSE 1 END,
  coalesce("event.sequence", 0), "event.id")`
const IS_FLOW = `"event.dataset" = 'wireguard.flow'`
/** A host's own clock and the entry of a system call say nothing about when a flow began. */
const IS_OF_HOST = `(${IS_FLOW} AND coalesce("event.reason", '') IN ('host-accepted', 'host-login') OR "event.dataset" = 'wireguard.audit')`
/** More than any serial of the kernel's (32 bits). */
const LAST_RANK = 2 ** 40

/** Every document of the timeline: about the keys, or about what was not seen where they were. */
export function timelineSelection({ keys, gateways, since, until }: TimelineScope): Selection {
  const query = anyOf([
    equals('wireguard.peer.public_key', keys),
    equals('wireguard.target_peer.public_key', keys),
    equals('wireguard.attribution.candidates', keys),
    allOf([equals('event.action', ['source-gap', 'source-lost']), equals('host.name', gateways)]),
  ])
  return { datasets: DATASETS, since, until, query }
}

/** The documents of a selection in their lines, ready for more SQL, with the parameters it has so far. */
function folded({ query, ...scope }: Selection) {
  const parameters: Parameter[] = []
  const where = toSql(query, parameters)
  return { scope: { ...scope, columns: FIELDS, filter: query }, tables: foldingTables(where), parameters }
}

/** Where and when the reader has the keys at all. */
export type Whereabouts = {
  readonly gateways: readonly string[]
  /** Names by inventory; more than one of a person, or of a key that was given to another device. */
  readonly names: readonly string[]
  readonly first: Micros
  readonly last: Micros
}

/** Null when no document names one of the keys as its peer. */
export async function readWhereabouts(reader: EventReader, keys: readonly string[]): Promise<Whereabouts | null> {
  const selection = { datasets: DATASETS, ...ALL_TIME, query: equals('wireguard.peer.public_key', keys) }
  const groups = await reader.groups(selection, ['host.name', 'wireguard.peer.name'])
  if (groups.length === 0) return null
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  const sorted = groups.toSorted(
    ({ values: a }, { values: b }) => compareText(text(a[0]), text(b[0])) || compareText(text(a[1]), text(b[1])),
  )
  const texts = (column: number) => [...new Set(sorted.map(({ values }) => text(values[column])).filter(Boolean))]
  return {
    gateways: texts(0),
    names: texts(1),
    first: Math.min(...groups.map(({ oldest }) => oldest)),
    last: Math.max(...groups.map(({ newest }) => newest)),
  }
}

/** How much there is in the whole period. `isAll`: every audit event is a line. */
export async function countTimeline(reader: EventReader, selection: Selection, isAll = false): Promise<TimelineTotals> {
  const { scope, tables, parameters } = folded(selection)
  const { rows } = await reader.select(
    scope,
    `${tables} SELECT count(DISTINCT ${lineOf(isAll)}), count(*), count(*) FILTER (WHERE "event.dataset" <> 'wireguard.coverage')
     FROM told`,
    parameters,
  )
  const [lines = 0, documents = 0, named = 0] = (rows[0] ?? []).map(Number)
  return { lines, documents, named }
}

/** The rows in order of time, page by page, `limit` of them at most. */
export async function* findTimeline(
  reader: EventReader,
  selection: Selection,
  limit: number,
  { isAll = false, pageRows = TIMELINE_PAGE_ROWS }: { readonly isAll?: boolean; readonly pageRows?: number } = {},
): AsyncGenerator<readonly TimelineRow[]> {
  let after: TimelineRow | null = null
  for (let left = limit; left > 0; left -= pageRows) {
    const wanted = Math.min(left, pageRows)
    const rows: readonly TimelineRow[] = await readRows(reader, selection, wanted, after, isAll)
    if (rows.length > 0) yield rows
    after = rows.at(-1) ?? null
    if (after === null || rows.length < wanted) return
  }
}

/** Gaps of the gateways' sources that began before the period and last into it. */
export async function readCarriedGaps(
  reader: EventReader,
  { gateways, since, until }: TimelineScope,
): Promise<readonly Place[]> {
  if (since === ALL_TIME.since || gateways.length === 0) return []
  const query = allOf([
    equals('event.action', ['source-gap']),
    compares('event.end', '>', since),
    equals('host.name', gateways),
  ])
  const bounds = { since: ALL_TIME.since, until: Math.min(since - 1, until) }
  const places = await reader.places(
    { datasets: ['wireguard.coverage'], ...bounds, query },
    'newest',
    CARRIED_GAPS_MAX,
    null,
  )
  return places.toReversed()
}

async function readRows(
  reader: EventReader,
  selection: Selection,
  limit: number,
  after: TimelineRow | null,
  isAll: boolean,
): Promise<TimelineRow[]> {
  const { scope, tables, parameters } = folded(selection)
  let rest = ''
  if (after !== null) {
    parameters.push(BigInt(after.at), BigInt(after.rank), after.line)
    const at = `make_timestamp($${parameters.length - 2}::BIGINT)`
    rest = `WHERE (began, rank, line) > (${at}, $${parameters.length - 1}::BIGINT, $${parameters.length})`
  }
  const { rows } = await reader.select(
    scope,
    `${tables} SELECT opening.at, opening.id, closing.at, closing.id, * EXCLUDE (opening, closing) FROM (SELECT ${BEGAN} AS began, ${PLACE_AMONG} AS rank, ${lineOf(isAll)} AS line,
       bool_or(${IS_FLOW}), count(*), max("@timestamp"),
       ${placeOf('min')} AS opening, ${placeOf('max')} AS closing,
       count(DISTINCT "source.port"),
       sum(coalesce("wireguard.flow.delta.source.bytes", 0) + coalesce("wireguard.flow.delta.destination.bytes", 0))
         FILTER (WHERE "wireguard.flow.delta.source.bytes" IS NOT NULL OR "wireguard.flow.delta.destination.bytes" IS NOT NULL),
       coalesce(list_sort(list_distinct(list("event.reason") FILTER (WHERE ${IS_FLOW} AND NOT ${IS_OF_HOST} AND "event.reason" IS NOT NULL))), []),
       ${isAll ? '[]' : `coalesce(list_sort(list_distinct(list(routine) FILTER (WHERE routine IS NOT NULL))), [])`},
       ${TAKER.map((name) => `arg_max("${name}", ("@timestamp", "event.id")) FILTER (WHERE ${IS_FLOW} AND "${name}" IS NOT NULL)`).join(', ')}
     FROM told GROUP BY line) ${rest} ORDER BY began, rank, line LIMIT ${limit}`,
    parameters,
  )
  return rows.map(toRow)
}

/** A flow began when a gateway says; what is counted around a login stands at it. */
const BEGAN = `coalesce(min("@timestamp") FILTER (WHERE "event.action" = 'host-login-failed'), any_value(opened_at) FILTER (WHERE routine IS NOT NULL),
  min("@timestamp") FILTER (WHERE NOT ${IS_OF_HOST}), min("@timestamp"))`
const PLACE_AMONG = `CASE WHEN bool_or("event.action" = 'host-login') THEN -2 WHEN bool_or(routine IS NOT NULL) THEN -1
  WHEN bool_or("event.action" = 'host-logout') THEN ${LAST_RANK} ELSE coalesce(min("event.sequence") FILTER (WHERE "event.dataset" = 'wireguard.audit'), 0) END`
const TAKER: readonly FieldName[] = [
  'wireguard.host.name',
  'wireguard.host.login_session',
  'wireguard.host.user.name',
  'wireguard.host.process.name',
]

/** The document that begins a line, and the one that ends it: what a flow or a failed login is known by, before what stands beside it. */
function placeOf(which: 'min' | 'max'): string {
  const edge = which === 'min' ? 'flow-started' : 'flow-ended'
  const place = `arg_${which}({ 'at': "@timestamp", 'id': "event.id" }, ${RANK})`
  const find = (condition: string) => `${place} FILTER (WHERE ${condition})`
  return `coalesce(${find(`"event.action" IN ('${edge}', 'host-login-failed')`)}, ${find(IS_FLOW)}, ${place})`
}

function toRow(cells: readonly Cell[]): TimelineRow {
  const [firstAt, firstId, lastAt, lastId, at, rank, line, isFlow, documents, until, ports, bytes = null, ...rest] =
    cells
  const [reasons, routine, ...taker] = rest
  const texts = (cell: Cell | undefined) => (Array.isArray(cell) ? cell.map(String) : [])
  return {
    at: Number(at),
    rank: Number(rank),
    line: String(line),
    isFlow: isFlow === true,
    first: { at: Number(firstAt), id: String(firstId) },
    last: { at: Number(lastAt), id: String(lastId) },
    documents: Number(documents),
    until: Number(until),
    ports: Number(ports),
    bytes: bytes === null ? null : Number(bytes),
    reasons: texts(reasons),
    routine: texts(routine),
    taker: takerFields(taker),
  }
}

function takerFields(cells: readonly Cell[]): Fields | null {
  const known = TAKER.flatMap((name, i) => (typeof cells[i] === 'string' ? [[name, cells[i]]] : []))
  // Names of TAKER, which are texts.
  return known.length === 0 ? null : (Object.fromEntries(known) as Fields)
}
