/**
 * Questions to the store whose answer is documents in order of time, page by page: first the places of a page, from the few columns the
 * question asks about, then the documents at those places with the columns that are shown. So a question over a year reads
 * little, and memory holds one page however long the answer is.
 */
import type { FieldName, Fields } from '../fields.ts'
import type { Query } from '../kql/ast.ts'
import { toSql } from '../kql/to-sql.ts'
import { toDocuments } from '../store/documents.ts'
import type { Cell, Parameter } from '../store/duckdb.ts'
import type { StoreReader } from '../store/reader.ts'
import type { Micros } from '../time.ts'

/** Places looked up at a time. */
export const PAGE_ROWS = 10_000
/** Documents read at a time: whole ones are 1 to 2 kB here and several times that while they are taken apart. */
const DOCUMENT_ROWS = 2_000

/** Documents that are meant, before any order or limit. */
export type Selection = {
  /** Null = all. */
  readonly datasets: readonly string[] | null
  /** Both included. */
  readonly since: Micros
  readonly until: Micros
  /** A condition; `$n` stands for `parameters[n - 1]`. */
  readonly where: string
  readonly parameters: readonly Parameter[]
  /** The columns of the condition. */
  readonly fields: readonly FieldName[]
}

export type Order = 'newest' | 'oldest'

/** Where a document stands in order of time. */
export type Place = { readonly at: Micros; readonly id: string }

/** The selection of a query. */
export function selectionOf(query: Query, scope: Pick<Selection, 'datasets' | 'since' | 'until'>): Selection {
  const parameters: (string | bigint | boolean)[] = []
  const where = toSql(query, parameters)
  const { datasets, since, until } = scope
  return { datasets, since, until, where, parameters, fields: fieldsOf(query) }
}

/** Every field that a query asks about, in order of the alphabet. */
export function fieldsOf(query: Query): FieldName[] {
  const names = new Set<FieldName>()
  const visit = (node: Query): void => {
    if (node.kind === 'match') names.add(node.field)
    else if (node.kind === 'not') visit(node.part)
    else if (node.kind === 'and' || node.kind === 'or') node.parts.forEach(visit)
  }
  visit(query)
  return [...names].sort()
}

/** How many documents there are. */
export async function countDocuments(store: StoreReader, selection: Selection): Promise<number> {
  const { rows } = await store.select(
    { ...selection, columns: withKeys(selection.fields) },
    `SELECT count(*) FROM events WHERE ${selection.where}`,
    selection.parameters,
  )
  return Number(rows[0]?.[0] ?? 0)
}

/** The documents page by page, `limit` of them at most. `columns` null = every field. */
export async function* findDocuments(
  store: StoreReader,
  selection: Selection,
  view: {
    readonly order: Order
    readonly limit: number
    readonly columns: readonly FieldName[] | null
    readonly pageRows?: number
  },
): AsyncGenerator<readonly Fields[]> {
  const { order, limit, columns, pageRows = PAGE_ROWS } = view
  let after: Place | null = null
  for (let left = limit; left > 0; left -= pageRows) {
    const wanted = Math.min(left, pageRows)
    const places: readonly Place[] = await findPlaces(store, selection, order, wanted, after)
    after = places.at(-1) ?? null
    if (after === null) return
    for (let start = 0; start < places.length; start += DOCUMENT_ROWS) {
      const some = places.slice(start, start + DOCUMENT_ROWS)
      const documents = await readDocuments(store, selection.datasets, some, columns)
      yield some.flatMap(({ id }) => documents.get(id) ?? [])
    }
    if (places.length < wanted) return
  }
}

/**
 * The documents at these places, by id; one that is gone meanwhile (retention, damage) is absent. With the columns always come
 * `@timestamp` and `event.id`.
 */
export async function readDocuments(
  store: StoreReader,
  datasets: readonly string[] | null,
  places: readonly Place[],
  columns: readonly FieldName[] | null,
): Promise<Map<string, Fields>> {
  if (places.length === 0) return new Map()
  const [since, until] = places.reduce(
    ([least, most], { at }) => [Math.min(least, at), Math.max(most, at)],
    [Infinity, -Infinity],
  )
  // One parameter however many there are; ids are letters and digits.
  const result = await store.select(
    { datasets, since, until, columns: columns === null ? null : withKeys(columns) },
    `SELECT * FROM events WHERE "event.id" IN (SELECT unnest(string_split($1, ' ')))`,
    [places.map(({ id }) => id).join(' ')],
  )
  return new Map(toDocuments(result).map((document) => [document['event.id'] ?? '', document]))
}

/** The next places behind `after`, which is left out. */
async function findPlaces(
  store: StoreReader,
  { datasets, since, until, where, parameters, fields }: Selection,
  order: Order,
  limit: number,
  after: Place | null,
): Promise<Place[]> {
  const [sign, direction] = order === 'newest' ? ['<', 'DESC'] : ['>', 'ASC']
  const values = [...parameters]
  let rest = ''
  if (after !== null) {
    values.push(BigInt(after.at), after.id)
    const [at, id] = [`make_timestamp($${values.length - 1}::BIGINT)`, `$${values.length}`]
    rest = ` AND ("@timestamp" ${sign} ${at} OR ("@timestamp" = ${at} AND "event.id" ${sign} ${id}))`
  }
  // The scope's bounds let the reader leave out whole segments.
  const bounds = {
    since: order === 'oldest' && after !== null ? after.at : since,
    until: order === 'newest' && after !== null ? after.at : until,
  }
  const { rows } = await store.select(
    { datasets, ...bounds, columns: withKeys(fields) },
    `SELECT "@timestamp", "event.id" FROM events WHERE (${where})${rest}
     ORDER BY "@timestamp" ${direction}, "event.id" ${direction} LIMIT ${limit}`,
    values,
  )
  return rows.map(toPlace)
}

function toPlace([at, id]: readonly Cell[]): Place {
  return { at: Number(at), id: String(id) }
}

/** Every column once. */
function withKeys(fields: readonly FieldName[]): FieldName[] {
  return [...new Set<FieldName>(['@timestamp', 'event.id', ...fields])]
}
