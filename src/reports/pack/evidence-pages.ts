/** Documents of a selection in order of time, whole ones, page by page: a pack of a year is never in memory at once. */
import type { FieldName, Fields } from '../../fields.ts'
import { equals } from '../../kql/build.ts'
import { toDocuments } from '../../store/documents.ts'
import type { EventReader, Place, Selection } from '../../store/event-reader.ts'

/** Places looked up at a time: a look costs as much for many as for one. */
const PLACES = 50_000
/** Whole documents are 1 to 2 kB, and several times that while they are taken apart. */
const PAGE = 5_000

/** `columns` null = every field, in ascending order of their names. */
export async function* evidencePages(
  reader: EventReader,
  selection: Selection,
  columns: readonly FieldName[] | null = null,
): AsyncGenerator<readonly Fields[]> {
  for (let after: Place | null = null; ; ) {
    const places: readonly Place[] = await reader.places(selection, 'oldest', PLACES, after)
    for (let i = 0; i < places.length; i += PAGE)
      yield await readPage(reader, selection, places.slice(i, i + PAGE), columns)
    after = places.at(-1) ?? null
    if (places.length < PLACES) return
  }
}

async function readPage(
  reader: EventReader,
  { datasets }: Selection,
  places: readonly Place[],
  columns: readonly FieldName[] | null,
): Promise<Fields[]> {
  const bounds = { since: places[0]?.at ?? 0, until: places.at(-1)?.at ?? 0 }
  const ids = places.map(({ id }) => id)
  const result = await reader.select(
    {
      datasets,
      ...bounds,
      columns: columns === null ? null : [...new Set<FieldName>(['@timestamp', 'event.id', ...columns])],
      filter: equals('event.id', ids),
    },
    `SELECT * FROM events WHERE "event.id" IN (SELECT unnest(string_split($1, ',')))`,
    [ids.join(',')],
  )
  const documents = new Map(toDocuments(result).map((document) => [document['event.id'] ?? '', document]))
  return ids.flatMap((id) => documents.get(id) ?? [])
}
