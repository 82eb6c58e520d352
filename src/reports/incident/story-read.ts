/** The lines of the story out of a reader, in order of time, page by page: a year of a busy peer is never in memory at once. */
import type { FieldName, Fields } from '../../fields.ts'
import type { Query } from '../../kql/ast.ts'
import { equals } from '../../kql/build.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { toSql } from '../../kql/to-sql.ts'
import { toDocuments } from '../../store/documents.ts'
import { type Cell, literal, type Parameter } from '../../store/duckdb.ts'
import { ALL_TIME, type EventReader, type Place, type Selection } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import { KEEP_SLICE, lineFacts, NUMBER_LINES, STORY_COLUMNS, type StoryKind, sliceStatements } from './story-sql.ts'

/** Lines read at a time, with their first and their last document. */
export const STORY_PAGE = 4_000

export type StoryEntry = {
  readonly at: Micros
  /** Of its newest document. */
  readonly until: Micros
  readonly kind: StoryKind
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

export type OpenStory = {
  readonly lines: number
  readonly documents: number
  /** All lines in order of time, in pages. */
  pages(pageLines?: number): AsyncGenerator<readonly StoryEntry[]>
  /** Every document with a few of its fields, in order of time, in pages. */
  evidence(columns: readonly FieldName[]): AsyncGenerator<readonly Fields[]>
  close(): Promise<void>
}

/** Puts the documents into their lines. Close it; one at a time of a reader. Throws AppError of the reader. */
export async function openStory(reader: EventReader, selection: Selection): Promise<OpenStory> {
  const { query, ...bounds } = selection
  const columns = [...new Set([...STORY_COLUMNS, ...fieldsOf(query)])]
  const tables = await reader.openTables({ ...bounds, columns, filter: query })
  try {
    const statements = sliceStatements(conditionOf(query))
    for await (const { since, until } of slices(reader, selection)) {
      await tables.make(since, until, statements)
      for (const sql of KEEP_SLICE) await tables.run(sql)
    }
    await tables.run(NUMBER_LINES)
    const { rows } = await tables.rows('SELECT (SELECT count(*) FROM lines), (SELECT count(*) FROM told)')
    const [lines = 0, documents = 0] = (rows[0] ?? []).map(Number)
    return {
      lines,
      documents,
      async *pages(pageLines = STORY_PAGE) {
        for (let from = 1; from <= lines; from += pageLines) {
          const { rows } = await tables.rows(lineFacts(from, from + pageLines - 1))
          yield await readEntries(reader, selection, rows)
        }
      },
      async *evidence(wanted) {
        const list = wanted.map((name) => `"${name}"`).join(', ')
        const sql = `SELECT ${list} FROM told ORDER BY "@timestamp", "event.id"`
        for await (const chunk of tables.stream(sql)) {
          // A chunk comes column by column.
          const rows = (chunk[0] ?? []).map((_, i) => chunk.map((column) => column[i] ?? null))
          yield toDocuments({ names: wanted, rows })
        }
      },
      close: () => tables.close(),
    }
  } catch (error) {
    await tables.close()
    throw error
  }
}

/** Documents of one slice that are aimed at: with their columns some tens of MB of the database's memory. */
const SLICE_DOCUMENTS = 50_000
/** Sorts behind every id: those are base32hex. */
const BEHIND = '~'

/** Stretches of time, both ends included, that together are the selection's; at least one. */
async function* slices(
  reader: EventReader,
  selection: Selection,
): AsyncGenerator<{ readonly since: Micros; readonly until: Micros }> {
  let { since } = selection
  for (let after: Place | null = null; ; ) {
    const places: readonly Place[] = await reader.places(selection, 'oldest', SLICE_DOCUMENTS, after)
    const last = places.at(-1)
    const isLast = last === undefined || places.length < SLICE_DOCUMENTS
    yield { since, until: isLast ? selection.until : last.at }
    if (isLast) return
    since = last.at + 1
    after = { at: last.at, id: BEHIND }
  }
}

/** With its values in it: statements that make tables take no parameters. */
function conditionOf(query: Query): string {
  const parameters: Parameter[] = []
  return toSql(query, parameters).replace(/\$(\d+)/g, (_, number: string) => {
    const value = parameters[Number(number) - 1] ?? null
    return typeof value === 'string' ? literal(value) : String(value)
  })
}

/** Of the facts of lines, with the documents that begin and end them. */
async function readEntries(
  reader: EventReader,
  { datasets }: Selection,
  rows: readonly (readonly Cell[])[],
): Promise<StoryEntry[]> {
  const ids = [...new Set(rows.flatMap((cells) => [String(cells[4]), String(cells[5])]))]
  const times = rows.flatMap((cells) => [Number(cells[17]), Number(cells[3])])
  const result = await reader.select(
    {
      datasets,
      since: times.reduce((least, at) => Math.min(least, at), ALL_TIME.until),
      until: times.reduce((most, at) => Math.max(most, at), ALL_TIME.since),
      columns: [...new Set(DOCUMENT_COLUMNS)],
      filter: equals('event.id', ids),
    },
    `SELECT * FROM events WHERE "event.id" IN (SELECT unnest(string_split($1, ',')))`,
    [ids.join(',')],
  )
  const documents = new Map(toDocuments(result).map((document) => [document['event.id'] ?? '', document]))
  return rows.flatMap((cells) => {
    const [first, last] = [documents.get(String(cells[4])), documents.get(String(cells[5]))]
    // A document that retention took away meanwhile has no line.
    return first === undefined || last === undefined ? [] : [toEntry(cells, first, last)]
  })
}

function toEntry(cells: readonly Cell[], first: Fields, last: Fields): StoryEntry {
  const text = (i: number) => (typeof cells[i] === 'string' ? cells[i] : '')
  const amount = (i: number) => (cells[i] === null || cells[i] === undefined ? null : Number(cells[i]))
  const ids = cells[6]
  return {
    at: Number(cells[0]),
    until: Number(cells[3]),
    // story-sql.ts puts nothing else there.
    kind: text(1) as StoryKind,
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
