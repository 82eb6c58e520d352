/** What a cluster's indices say without a document being read: different values of fields, and from when to when. */
import { z } from 'zod'
import { addressDigits, addressText } from '../address-digits.ts'
import type { FieldName } from '../fields.ts'
import { typeOf } from '../kql/field-names.ts'
import type { ElasticsearchQuery } from '../kql/to-elasticsearch.ts'
import type { Micros } from '../time.ts'
import { scopeClause } from './cluster-query.ts'
import { type ClusterSearch, checked, TIME_FORMAT, timeOf, wrongAnswer } from './cluster-search.ts'
import { ALL_TIME, type Bounds, type Group } from './event-reader.ts'

type Scalar = string | number | boolean | null

/** Groups of one request. */
const PAGE = 500

const hitSchema = z.object({
  hits: z.object({ hits: z.tuple([z.object({ fields: z.object({ '@timestamp': z.tuple([z.string()]) }) })]) }),
})
const scalarSchema = z.union([z.string(), z.number(), z.boolean(), z.null()])
const keySchema = z.record(z.string(), scalarSchema)
const groupsSchema = z.object({
  groups: z.object({
    after_key: keySchema.optional(),
    buckets: z.array(z.object({ key: keySchema, oldest: hitSchema, newest: hitSchema })),
  }),
})

/** EventReader.groups, of what the clause matches. */
export async function readGroups(
  search: ClusterSearch,
  streams: readonly string[],
  query: ElasticsearchQuery,
  fields: readonly FieldName[],
): Promise<Group[]> {
  if (streams.length === 0) return []
  const sources = fields.map((field, i) => ({ [`f${i}`]: { terms: { field, missing_bucket: true } } }))
  const groups: Group[] = []
  for (let after: { readonly [name: string]: Scalar } | undefined; ; ) {
    const composite = { size: PAGE, sources, ...(after === undefined ? {} : { after }) }
    // `min` and `max` know milliseconds only.
    const aggs = { oldest: edge('asc'), newest: edge('desc') }
    const { aggregations } = await search.search(streams, { query, size: 0, aggs: { groups: { composite, aggs } } })
    const { buckets, after_key: next } = checked(groupsSchema, aggregations, search.url).groups
    for (const { key, oldest, newest } of buckets)
      groups.push({
        values: fields.map((field, i) => scalarOf(field, key[`f${i}`] ?? null)),
        oldest: edgeTime(oldest, search.url),
        newest: edgeTime(newest, search.url),
      })
    if (next === undefined || buckets.length < PAGE) return groups
    // It would never end, and fill the memory.
    if (JSON.stringify(next) === JSON.stringify(after)) throw wrongAnswer(search.url, 'it repeats a page of groups')
    after = next
  }
}

/** The same groups found twice become one. */
export function joinGroups(groups: readonly Group[]): Group[] {
  const joined = new Map<string, Group>()
  for (const group of groups) {
    const key = JSON.stringify(group.values)
    const known = joined.get(key) ?? group
    joined.set(key, {
      values: group.values,
      oldest: Math.min(known.oldest, group.oldest),
      newest: Math.max(known.newest, group.newest),
    })
  }
  return [...joined.values()]
}

/** EventReader.bounds of these streams. */
export async function readBounds(search: ClusterSearch, streams: readonly string[]): Promise<Bounds | null> {
  if (streams.length === 0) return null
  const all = scopeClause(ALL_TIME.since, ALL_TIME.until, [])
  const events = scopeClause(
    ALL_TIME.since,
    ALL_TIME.until,
    [{ exists: { field: 'event.dataset' } }],
    [{ term: { 'event.dataset': 'wireguard.coverage' } }],
  )
  const edgeOf = async (query: ElasticsearchQuery, order: 'oldest' | 'newest') =>
    (await search.search(streams, { query, size: 1, order })).hits[0]?.at ?? null
  const oldest = await edgeOf(all, 'oldest')
  const newest = await edgeOf(all, 'newest')
  if (oldest === null || newest === null) return null
  return { oldest, newest, oldestEvent: (await edgeOf(events, 'oldest')) ?? oldest }
}

function edge(order: 'asc' | 'desc'): object {
  return {
    top_hits: {
      size: 1,
      sort: [{ '@timestamp': { order, numeric_type: 'date_nanos' } }],
      _source: false,
      docvalue_fields: [{ field: '@timestamp', format: TIME_FORMAT }],
    },
  }
}

function edgeTime({ hits }: z.infer<typeof hitSchema>, url: string): Micros {
  return timeOf(hits.hits[0].fields['@timestamp'][0], url)
}

/** As documents have it. */
function scalarOf(field: FieldName, key: Scalar): Scalar {
  if (typeOf(field) === 'boolean')
    return typeof key === 'number' ? key === 1 : key === null ? null : String(key) === 'true'
  if (typeOf(field) !== 'ip' || typeof key !== 'string') return key
  const digits = addressDigits(key)
  return digits === null ? key : addressText(digits)
}
