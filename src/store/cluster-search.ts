/**
 * Searches of a cluster: one request each, answers checked, what is not whole told. Times are exact: an engine prints a sort value of
 * a `date_nanos` as a number that JavaScript rounds, so they are asked for as text, and `search_after` gets text.
 */
import type { Client } from '@elastic/elasticsearch'
import { z } from 'zod'
import { brief, failureText, statusOf } from '../elasticsearch/failure.ts'
import type { Server } from '../elasticsearch/server.ts'
import { AppError } from '../errors.ts'
import type { ElasticsearchQuery } from '../kql/to-elasticsearch.ts'
import { parseInstant } from '../quantities.ts'
import { safeText } from '../safe-text.ts'
import { type Micros, toIso } from '../time.ts'
import type { Order, Place } from './event-reader.ts'

/** Hits of one answer: `index.max_result_window` of every index as it comes. */
export const HITS_MAX = 10_000

export type Hit = Place & {
  /** Of the document, parsed JSON; undefined where it was not asked for. */
  readonly source: unknown
}

export type Answer = {
  readonly hits: readonly Hit[]
  /** Of all that match; 0 where it was not asked for. */
  readonly total: number
  readonly aggregations: unknown
}

export type SearchBody = {
  readonly query: ElasticsearchQuery
  /** Hits, in order of time and id. */
  readonly size: number
  readonly order?: Order
  /** The next hits behind this one; where it stands twice, not its twin. */
  readonly after?: Place
  /** Names of fields of each hit; left out: time and id alone. */
  readonly source?: readonly string[]
  /** Counts so many matches, true = all of them. */
  readonly total?: number | true
  readonly aggs?: { readonly [name: string]: unknown }
}

/** Where it is looked: streams by name, or a point in time of them. */
export type Where = readonly string[] | PointInTime
export type PointInTime = { readonly pit: string }

export type ClusterSearch = {
  readonly url: string
  readonly server: Server
  /** Throws AppError `no-server`, `refused`, `bad-query`. Partial answers are told. */
  search(where: Where, body: SearchBody): Promise<Answer>
  openPoint(streams: readonly string[]): Promise<PointInTime>
  closePoint(point: PointInTime): Promise<void>
  /** HTTP status and what to throw for it, null when it answers; nothing of the documents is read. */
  probe(stream: string): Promise<{ readonly status: number; readonly error: unknown } | null>
}

/** Of one answer, in bytes: more than pages may grow to (cluster-table.ts). */
const RESPONSE_BYTES_MAX = 256 * 1024 * 1024
/** A point in time lives so long after the last request that used it. */
const POINT_AGE = '5m'
export const TIME_FORMAT = 'strict_date_optional_time_nanos'
const ASKED = 'timed_out,_shards,hits.total,hits.hits._source,hits.hits.fields,aggregations,id,pit_id'

const shardsSchema = z.object({ total: z.number(), failed: z.number(), failures: z.array(z.unknown()).optional() })
const answerSchema = z.object({
  timed_out: z.boolean().optional(),
  _shards: shardsSchema,
  hits: z
    .object({
      total: z.object({ value: z.number() }).optional(),
      hits: z
        .array(
          z.object({
            _source: z.unknown().optional(),
            fields: z.object({ '@timestamp': z.tuple([z.string()]), 'event.id': z.tuple([z.string()]) }),
          }),
        )
        .optional(),
    })
    .optional(),
  aggregations: z.unknown().optional(),
})
const pointSchema = z.union([z.object({ id: z.string() }), z.object({ pit_id: z.string() })])

/** `tell` gets what answers had to do without, in words that end with what is missing. `signal` stops what runs. */
export function createClusterSearch(
  client: Client,
  url: string,
  server: Server,
  tell: (text: string) => void,
  signal: AbortSignal,
): ClusterSearch {
  const isOpenSearch = server.engine === 'opensearch'

  async function request(method: 'POST' | 'DELETE', path: string, body: object | undefined, query: object = {}) {
    // Reading twice does no harm: where a node is restarted, the client asks again.
    return await client.transport.request(
      { method, path, querystring: { ...query }, ...(body === undefined ? {} : { body }) },
      { signal, maxRetries: 1, maxResponseSize: RESPONSE_BYTES_MAX },
    )
  }

  async function asked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (signal.aborted) throw error
      throw questionError(error, url)
    }
  }

  function answerOf(raw: unknown, where: Where): Answer {
    const { _shards: shards, timed_out: isLate = false, hits, aggregations } = checked(answerSchema, raw, url)
    const what = 'pit' in where ? 'the streams asked' : where.join(', ')
    if (shards.failed > 0)
      tell(
        `${what}: ${shards.failed} of ${shards.total} shards gave no answer${reasonTail(shards.failures)}; their documents`,
      )
    if (isLate) tell(`${what}: the search took too long; some documents`)
    return {
      total: hits?.total?.value ?? 0,
      hits: (hits?.hits ?? []).map(({ _source: source, fields }) => ({
        at: timeOf(fields['@timestamp'][0], url),
        id: fields['event.id'][0],
        source,
      })),
      aggregations,
    }
  }

  return {
    url,
    server,
    search: (where, body) =>
      asked(async () => {
        const isPoint = 'pit' in where
        const path = isPoint ? '/_search' : `/${where.map(encodeURIComponent).join(',')}/_search`
        const point = isPoint ? { pit: { id: where.pit, keep_alive: POINT_AGE } } : {}
        return answerOf(
          await request('POST', path, { ...point, ...toDsl(body, isOpenSearch) }, { filter_path: ASKED }),
          where,
        )
      }),
    openPoint: (streams) =>
      asked(async () => {
        const names = streams.map(encodeURIComponent).join(',')
        const path = isOpenSearch ? `/${names}/_search/point_in_time` : `/${names}/_pit`
        const made = checked(pointSchema, await request('POST', path, undefined, { keep_alive: POINT_AGE }), url)
        return { pit: 'id' in made ? made.id : made.pit_id }
      }),
    async closePoint({ pit }) {
      // It ends by itself; a question that was answered does not fail for it.
      const body = isOpenSearch ? { pit_id: [pit] } : { id: pit }
      await request('DELETE', isOpenSearch ? '/_search/point_in_time' : '/_pit', body).catch(() => {})
    },
    async probe(stream) {
      try {
        await request(
          'POST',
          `/${encodeURIComponent(stream)}/_search`,
          { size: 0, query: { match_none: {} } },
          {
            filter_path: '_shards.total',
          },
        )
        return null
      } catch (error) {
        if (signal.aborted) throw error
        return { status: statusOf(error), error: questionError(error, url) }
      }
    },
  }
}

function toDsl(
  { query, size, order = 'oldest', after, source, total, aggs }: SearchBody,
  isOpenSearch: boolean,
): object {
  const direction = order === 'oldest' ? 'asc' : 'desc'
  const time = { order: direction, numeric_type: 'date_nanos', unmapped_type: 'date_nanos' }
  return {
    query,
    size,
    track_total_hits: total ?? false,
    ...(aggs === undefined ? {} : { aggs }),
    ...(size === 0
      ? {}
      : {
          _source: source ?? false,
          docvalue_fields: [{ field: '@timestamp', format: TIME_FORMAT }, 'event.id'],
          sort: [
            // OpenSearch knows no format here, and reads the text after which to go on all the same.
            { '@timestamp': isOpenSearch ? time : { ...time, format: TIME_FORMAT } },
            { 'event.id': { order: direction, unmapped_type: 'keyword' } },
          ],
          ...(after === undefined ? {} : { search_after: [toIso(after.at), after.id] }),
        }),
  }
}

/** A part of an answer as it must be. Throws AppError `wrong-server`. */
export function checked<T>(schema: z.ZodType<T>, part: unknown, url: string): T {
  const parsed = schema.safeParse(part)
  if (parsed.success) return parsed.data
  throw wrongAnswer(url, parsed.error.message)
}

/** A time as an answer has it. Throws AppError `wrong-server`. */
export function timeOf(text: string, url: string): Micros {
  const at = parseInstant(text)
  if (at === null) throw wrongAnswer(url, `${text} is no time`)
  return at
}

function wrongAnswer(url: string, why: string): AppError {
  return new AppError('wrong-server', `${safeText(url)} gave an answer to a search that is none`, {
    cause: new Error(brief(why)),
    advice: 'Ask the cluster itself, not a proxy that changes answers.',
  })
}

/** What a person can do something about comes first: a query that is too much for the engine. */
function questionError(error: unknown, url: string): unknown {
  if (error instanceof AppError) return error
  const cause = causeOf(error)
  if (statusOf(error) === 400 && /too_many|too many|max_clause|too_complex|determinized/i.test(cause))
    return new AppError('bad-query', `the query is too much for ${safeText(url)}: ${cause}`, {
      advice: 'Name the fields that are meant: a word without a field is asked of every field there is.',
    })
  const known = failureText(error, url)
  if (statusOf(error) !== 400 || cause === '') return known
  return new AppError('refused', `${safeText(url)} cannot answer: ${cause}`, { cause: known })
}

const causeSchema = z.object({
  body: z.object({
    error: z.object({ root_cause: z.tuple([z.object({ type: z.string(), reason: z.string() })], z.unknown()) }),
  }),
})

/** The first shard's own words; `all shards failed` says nothing. */
function causeOf(error: unknown): string {
  const parsed = causeSchema.safeParse(error)
  if (!parsed.success) return ''
  const [{ type, reason }] = parsed.data.body.error.root_cause
  return brief(`${type}: ${reason}`)
}

const failuresSchema = z.tuple([z.object({ reason: z.object({ type: z.string(), reason: z.string() }) })], z.unknown())

function reasonTail(failures: readonly unknown[] | undefined): string {
  const parsed = failuresSchema.safeParse(failures)
  if (!parsed.success) return ''
  const [{ reason }] = parsed.data
  return ` (${brief(`${reason.type}: ${reason.reason}`)})`
}
