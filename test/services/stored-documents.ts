/** What an engine gives back of a stream, document by document. */
import type { Client } from '@elastic/elasticsearch'
import { z } from 'zod'
import { statusOf } from '../../src/elasticsearch/failure.ts'
import { FIELDS } from '../../src/fields.ts'
import { INDEXED_MAX } from './edge-documents.ts'
import { waitFor } from './wait-for.ts'

export type StoredDocument = { readonly id: string; readonly source: unknown }

const PAGE = 500

const pageSchema = z.object({
  _shards: z.object({ failed: z.number() }),
  hits: z.object({
    hits: z.array(z.object({ _id: z.string(), _source: z.unknown(), sort: z.array(z.unknown()) })),
  }),
})

/**
 * All of them, by `event.id`; one that is there twice comes twice. `streams`: names and patterns, separated by commas; none that exist
 * gives none.
 */
export async function storedDocuments(client: Client, streams: string): Promise<readonly StoredDocument[]> {
  await refresh(client, streams)
  const documents: StoredDocument[] = []
  let after: unknown[] | null = null
  for (;;) {
    const { hits }: Page['hits'] = (await pageOf(client, streams, after)).hits
    for (const { _id, _source } of hits) documents.push({ id: _id, source: _source })
    const last = hits.at(-1)
    if (last === undefined || hits.length < PAGE) return documents
    after = last.sort
  }
}

type Page = z.infer<typeof pageSchema>

function pageOf(client: Client, streams: string, after: readonly unknown[] | null): Promise<Page> {
  // The same id twice lies in two backing indices.
  const sort = [{ 'event.id': 'asc' }, { _index: 'asc' }]
  const body = { size: PAGE, sort, ...(after === null ? {} : { search_after: after }) }
  return waitFor(`shards of ${streams}`, async () => {
    try {
      const answer = await client.transport.request({
        method: 'POST',
        path: `/${streams}/_search`,
        querystring: { ignore_unavailable: true, allow_no_indices: true },
        body,
      })
      const page = pageSchema.parse(answer)
      return page._shards.failed === 0 ? page : null
    } catch (error) {
      // A stream that was made just now, or a server that came back just now.
      if (statusOf(error) === 503) return null
      throw error
    }
  })
}

/** Documents can be found from here on. */
export async function refresh(client: Client, streams: string): Promise<void> {
  await client.transport.request({
    method: 'POST',
    path: `/${streams}/_refresh`,
    querystring: { ignore_unavailable: true, allow_no_indices: true },
  })
}

/** By dotted name; without what a server adds (`data_stream.*`, `event.ingested`). */
export function flatSource(source: unknown): { readonly [name: string]: unknown } {
  const flat = new Map<string, unknown>()
  const walk = (value: unknown, name: string): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const [key, inner] of Object.entries(value)) walk(inner, name === '' ? key : `${name}.${key}`)
    else if (!name.startsWith('data_stream.') && name !== 'event.ingested') flat.set(name, value)
  }
  walk(source, '')
  return Object.fromEntries([...flat].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * Lists keep order and repeats. One limit is Elasticsearch's own: of a list with texts too long to be indexed, a synthetic `_source`
 * gives those last, and a list of one such text as the text. Of instants it leaves out zeros at the end.
 */
export function cameBack(field: string, sent: unknown, found: unknown): boolean {
  const same = JSON.stringify(sent) === JSON.stringify(found)
  if (fieldTypeOf(field) === 'date')
    return same || (typeof found === 'string' && found === String(sent).replace(/(\.\d\d\d\d*?)0{1,2}Z$/, '$1Z'))
  if (!Array.isArray(sent) || !sent.some((each) => String(each).length > INDEXED_MAX)) return same
  return JSON.stringify(sent.map(String).sort()) === JSON.stringify([found].flat().map(String).sort())
}

/** '' of a name that is none of ours. */
export function fieldTypeOf(field: string): string {
  return Object.entries(FIELDS).find(([name]) => name === field)?.[1].type ?? ''
}
