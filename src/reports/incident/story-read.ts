/** The lines of the story out of a reader, in order of time, page by page: a year of a busy peer is never in memory at once. */
import type { FieldName, Fields } from '../../fields.ts'
import { equals } from '../../kql/build.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { toSql } from '../../kql/to-sql.ts'
import { toDocuments } from '../../store/documents.ts'
import type { Cell, Parameter } from '../../store/duckdb.ts'
import type { EventReader, Selection } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import { lineFacts, linePage, STORY_COLUMNS, type StoryKind, storyTables } from './story-sql.ts'

/** Lines read at a time, with their first and their last document. */
export const STORY_PAGE = 2_000

export type StoryEntry = {
  readonly at: Micros
  /** Of its newest document. */
  readonly until: Micros
  readonly kind: StoryKind
  /** Tells lines of one moment apart, and where a page ends. */
  readonly place: LinePlace
  readonly documents: number
  /** event.id, sorted, at most LINE_IDS_MAX. */
  readonly ids: readonly string[]
  /** The first and the last document that tell of it; the same one where there is only one. */
  readonly first: Fields
  readonly last: Fields
  /** Of a flow, in the period: from the initiator and to it. Null = no document says. */
  readonly sourceBytes: number | null
  readonly destinationBytes: number | null
  /** As the packet log has it; '' = no line of it. */
  readonly rule: { readonly name: string; readonly id: string; readonly ruleset: string; readonly version: string }
  /** Who took the connection on an audited host; '' = not known. */
  readonly taker: {
    readonly host: string
    readonly session: string
    readonly account: string
    readonly process: string
  }
}

export type LinePlace = { readonly began: Micros; readonly rank: number; readonly line: string }

/** Fields that words and rows are made of. */
const DOCUMENT_COLUMNS: readonly FieldName[] = [
  ...STORY_COLUMNS,
  'auditd.data.op',
  'auditd.data.table',
  'auditd.summary.object.primary',
  'auditd.user.audit.name',
  'event.duration',
  'event.end',
  'event.reason',
  'event.severity',
  'event.start',
  'observer.name',
  'process.args_count',
  'process.title',
  'source.port',
  'source.nat.ip',
  'source.nat.port',
  'destination.nat.ip',
  'destination.nat.port',
  'user.effective.name',
  'user.id',
  'user.name',
  'wireguard.attribution.candidates',
  'wireguard.attribution.hops',
  'wireguard.attribution.inventory',
  'wireguard.attribution.mapping_id',
  'wireguard.attribution.method',
  'wireguard.attribution.reason',
  'wireguard.change.after',
  'wireguard.change.before',
  'wireguard.coverage.lost',
  'wireguard.finding.case',
  'wireguard.finding.handled_by',
  'wireguard.finding.summary',
  'wireguard.flow.outcome',
  'wireguard.flow.state',
  'wireguard.flow.verdict',
  'wireguard.interface.name',
  'wireguard.peer.allowed_ips',
  'wireguard.peer.device',
  'wireguard.peer.endpoint.ip',
  'wireguard.peer.endpoint.port',
  'wireguard.peer.groups',
  'wireguard.peer.kind',
  'wireguard.peer.name',
  'wireguard.peer.owner.email',
  'wireguard.peer.owner.name',
  'wireguard.peer.role',
  'wireguard.policy.result',
  'wireguard.resource.name',
  'wireguard.session.id',
  'wireguard.target_peer.name',
  'wireguard.target_peer.public_key',
]

/** How many lines and documents there are. */
export async function countStory(
  reader: EventReader,
  selection: Selection,
): Promise<{ lines: number; documents: number }> {
  const { scope, tables, parameters } = asked(selection)
  const { rows } = await reader.select(scope, `${tables} SELECT count(DISTINCT line), count(*) FROM told`, parameters)
  return { lines: Number(rows[0]?.[0] ?? 0), documents: Number(rows[0]?.[1] ?? 0) }
}

/** All lines in order, in pages. */
export async function* readStory(
  reader: EventReader,
  selection: Selection,
  pageLines: number = STORY_PAGE,
): AsyncGenerator<readonly StoryEntry[]> {
  for (let after: LinePlace | null = null; ; ) {
    const places: readonly LinePlace[] = await readPlaces(reader, selection, pageLines, after)
    if (places.length > 0) yield await readEntries(reader, selection, places)
    after = places.at(-1) ?? null
    if (places.length < pageLines) return
  }
}

function asked(selection: Selection) {
  const { query, ...bounds } = selection
  const parameters: Parameter[] = []
  const where = toSql(query, parameters)
  const columns = [...new Set([...STORY_COLUMNS, ...fieldsOf(query)])]
  return { scope: { ...bounds, columns, filter: query }, tables: storyTables(where), parameters }
}

async function readPlaces(
  reader: EventReader,
  selection: Selection,
  limit: number,
  after: LinePlace | null,
): Promise<LinePlace[]> {
  const { scope, tables, parameters } = asked(selection)
  let behind = ''
  if (after !== null) {
    const n = parameters.push(BigInt(after.began), BigInt(after.rank), after.line)
    behind = `WHERE (began, rank, line) > (make_timestamp($${n - 2}::BIGINT), $${n - 1}::BIGINT, $${n})`
  }
  const { rows } = await reader.select(scope, `${tables} ${linePage(behind, limit)}`, parameters)
  return rows.map(([line, began, rank]) => ({ line: String(line), began: Number(began), rank: Number(rank) }))
}

async function readEntries(
  reader: EventReader,
  selection: Selection,
  places: readonly LinePlace[],
): Promise<StoryEntry[]> {
  const { scope, tables, parameters } = asked(selection)
  const n = parameters.push(places.map(({ line }) => line).join(','))
  const { rows } = await reader.select(scope, `${tables} ${lineFacts(`$${n}`)}`, parameters)
  const facts = new Map(rows.map((cells) => [String(cells[0]), cells]))
  const ids = rows.flatMap((cells) => [String(cells[4]), String(cells[5])])
  const documents = await readByIds(reader, selection, ids)
  return places.flatMap((place) => {
    const cells = facts.get(place.line)
    const [first, last] = [documents.get(String(cells?.[4])), documents.get(String(cells?.[5]))]
    // A document that retention took away meanwhile has no line.
    return cells === undefined || first === undefined || last === undefined ? [] : [toEntry(place, cells, first, last)]
  })
}

async function readByIds(
  reader: EventReader,
  { datasets, since, until }: Selection,
  ids: readonly string[],
): Promise<Map<string, Fields>> {
  const wanted = [...new Set(ids)]
  const result = await reader.select(
    { datasets, since, until, columns: [...new Set(DOCUMENT_COLUMNS)], filter: equals('event.id', wanted) },
    `SELECT * FROM events WHERE "event.id" IN (SELECT unnest(string_split($1, ',')))`,
    [wanted.join(',')],
  )
  return new Map(toDocuments(result).map((document) => [document['event.id'] ?? '', document]))
}

function toEntry(place: LinePlace, cells: readonly Cell[], first: Fields, last: Fields): StoryEntry {
  const text = (i: number) => (typeof cells[i] === 'string' ? cells[i] : '')
  const amount = (i: number) => (cells[i] === null || cells[i] === undefined ? null : Number(cells[i]))
  const ids = cells[6]
  return {
    at: place.began,
    until: Number(cells[3]),
    // storyTables puts nothing else there.
    kind: text(1) as StoryKind,
    place,
    documents: Number(cells[2]),
    ids: Array.isArray(ids) ? ids.map(String) : [],
    first,
    last,
    sourceBytes: amount(7),
    destinationBytes: amount(8),
    rule: { name: text(9), id: text(10), ruleset: text(11), version: text(12) },
    taker: { host: text(13), session: text(14), account: text(15), process: text(16) },
  }
}
