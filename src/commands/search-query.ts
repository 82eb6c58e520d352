/**
 * Documents in order of time, page by page: first the places of a page, from the few fields the question asks about, then the
 * documents at those places with the columns that are shown. So a question over a year reads little, and memory holds one page
 * however long the answer is.
 */
import type { FieldName, Fields } from '../fields.ts'
import { equals } from '../kql/build.ts'
import { toDocuments } from '../store/documents.ts'
import type { EventReader, Order, Place, Selection } from '../store/event-reader.ts'

/** Places looked up at a time. */
export const PAGE_ROWS = 10_000
/** Documents read at a time: whole ones are 1 to 2 kB here and several times that while they are taken apart. */
const DOCUMENT_ROWS = 2_000

/** The documents page by page, `limit` of them at most. `columns` null = every field. */
export async function* findDocuments(
  reader: EventReader,
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
    const places: readonly Place[] = await reader.places(selection, order, wanted, after)
    after = places.at(-1) ?? null
    if (after === null) return
    for (let start = 0; start < places.length; start += DOCUMENT_ROWS) {
      const some = places.slice(start, start + DOCUMENT_ROWS)
      const documents = await readDocuments(reader, selection.datasets, some, columns)
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
  reader: EventReader,
  datasets: readonly string[] | null,
  places: readonly Place[],
  columns: readonly FieldName[] | null,
): Promise<Map<string, Fields>> {
  if (places.length === 0) return new Map()
  const [since, until] = places.reduce(
    ([least, most], { at }) => [Math.min(least, at), Math.max(most, at)],
    [Infinity, -Infinity],
  )
  const ids = places.map(({ id }) => id)
  // One parameter however many there are; ids are letters and digits.
  const result = await reader.select(
    {
      datasets,
      since,
      until,
      columns: columns === null ? null : [...new Set<FieldName>(['@timestamp', 'event.id', ...columns])],
      filter: equals('event.id', ids),
    },
    `SELECT * FROM events WHERE "event.id" IN (SELECT unnest(string_split($1, ' ')))`,
    [ids.join(' ')],
  )
  return new Map(toDocuments(result).map((document) => [document['event.id'] ?? '', document]))
}
