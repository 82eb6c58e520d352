/**
 * How many documents, each id once. An id may stand twice: once in each of two backing indices of a stream, where a document was sent
 * again after a rollover.
 *
 * Cost: one request for a stream that has its matches in one backing index. With more, another one that asks each for its first and
 * last match; only where these times overlap ids are looked at: those of all indices but the one with most matches in the overlap, a
 * few thousand a request. After an ordinary rollover that is the minute around it, after a second replay of everything it is
 * everything.
 */
import { z } from 'zod'
import type { ElasticsearchQuery } from '../kql/to-elasticsearch.ts'
import { type Micros, MS } from '../time.ts'
import { scopeClause } from './cluster-query.ts'
import { type ClusterSearch, checked, HITS_MAX, type Hit } from './cluster-search.ts'

/** The matches of one backing index; times are rounded outwards, since an engine says them in milliseconds. */
type Span = { readonly index: string; readonly first: Micros; readonly last: Micros }

/** Backing indices of one stream. */
const INDICES_MAX = 10_000

const indicesSchema = z.object({
  indices: z.object({
    buckets: z.array(
      z.object({
        key: z.string(),
        first: z.object({ value: z.number().nullable() }).optional(),
        last: z.object({ value: z.number().nullable() }).optional(),
      }),
    ),
  }),
})
const weightsSchema = z.object({ weights: z.object({ buckets: z.array(z.object({ doc_count: z.number() })) }) })

/** Documents of one stream that the clause matches. */
export async function countOnce(search: ClusterSearch, stream: string, query: ElasticsearchQuery): Promise<number> {
  const indices = { terms: { field: '_index', size: INDICES_MAX } }
  const counted = await search.search([stream], { query, size: 0, total: true, aggs: { indices } })
  if (counted.total === 0 || checked(indicesSchema, counted.aggregations, search.url).indices.buckets.length < 2)
    return counted.total
  const overlapping = overlaps(await readSpans(search, stream, query))
  if (overlapping.length === 0) return counted.total
  const order = await byWeight(search, stream, query, overlapping)
  let repeats = 0
  // An id in n of them is counted by each but the last in this order.
  for (const [i, span] of order.entries()) {
    const others = order.slice(i + 1).filter((other) => isOverlap(span, other))
    if (others.length > 0) repeats += await countRepeats(search, stream, query, span, others)
  }
  return counted.total - repeats
}

async function readSpans(search: ClusterSearch, stream: string, query: ElasticsearchQuery): Promise<Span[]> {
  const field = '@timestamp'
  const { aggregations } = await search.search([stream], {
    query,
    size: 0,
    aggs: {
      indices: {
        terms: { field: '_index', size: INDICES_MAX },
        aggs: { first: { min: { field } }, last: { max: { field } } },
      },
    },
  })
  return checked(indicesSchema, aggregations, search.url).indices.buckets.map(({ key, first, last }) => ({
    index: key,
    first: (Math.floor(first?.value ?? 0) - 1) * MS,
    last: (Math.ceil(last?.value ?? 0) + 1) * MS,
  }))
}

function isOverlap(a: Span, b: Span): boolean {
  return a.first <= b.last && b.first <= a.last
}

/** Each span that meets another, cut to where it does. */
function overlaps(spans: readonly Span[]): Span[] {
  return spans.flatMap((span) => {
    const others = spans.filter((other) => other !== span && isOverlap(span, other))
    return others.length === 0 ? [] : [cut(span, others)]
  })
}

function cut({ index, first, last }: Span, others: readonly Span[]): Span {
  return {
    index,
    first: Math.max(first, Math.min(...others.map((other) => other.first))),
    last: Math.min(last, Math.max(...others.map((other) => other.last))),
  }
}

function spanClause({ index, first, last }: Span, query: ElasticsearchQuery): ElasticsearchQuery {
  return scopeClause(first, last, [{ term: { _index: index } }, query])
}

/** Fewest matches first, so that most ids need not be read. */
async function byWeight(
  search: ClusterSearch,
  stream: string,
  query: ElasticsearchQuery,
  spans: readonly Span[],
): Promise<readonly Span[]> {
  const filters = spans.map((span) => spanClause(span, { match_all: {} }))
  const { aggregations } = await search.search([stream], {
    query,
    size: 0,
    aggs: { weights: { filters: { filters } } },
  })
  const { buckets } = checked(weightsSchema, aggregations, search.url).weights
  const weight = new Map(spans.map((span, i) => [span, buckets[i]?.doc_count ?? 0]))
  return spans.toSorted((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0) || (a.index < b.index ? -1 : 1))
}

/** How many ids of one index stand in any of the others. */
async function countRepeats(
  search: ClusterSearch,
  stream: string,
  query: ElasticsearchQuery,
  span: Span,
  others: readonly Span[],
): Promise<number> {
  const within = spanClause(cut(span, others), query)
  const elsewhere = { terms: { _index: others.map(({ index }) => index) } }
  // Each index has an id at most once: one answer holds all that can be found.
  const size = Math.max(1, Math.floor(HITS_MAX / others.length))
  let repeats = 0
  for (let after: Hit | undefined; ; ) {
    const { hits } = await search.search([stream], { query: within, size, ...(after === undefined ? {} : { after }) })
    if (hits.length === 0) return repeats
    const ids = hits.map(({ id }) => id)
    const found = await search.search([stream], {
      // Where an older mapping does not know a field, the twin may not match, and was not counted.
      query: { bool: { filter: [elsewhere, query, { terms: { 'event.id': ids } }] } },
      size: HITS_MAX,
    })
    repeats += new Set(found.hits.map(({ id }) => id)).size
    if (hits.length < size) return repeats
    after = hits.at(-1)
  }
}
