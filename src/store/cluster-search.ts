/**
 * Searches of a cluster: one request each, answers checked, what is not whole told. Times are exact: an engine prints a sort value of
 * a `date_nanos` as a number that JavaScript rounds, so they are asked for as text, and `search_after` gets text.
 */
import { type Client, errors } from '@elastic/elasticsearch'
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
  /** As the engine printed it: a stranger's may be finer than a microsecond, and what follows follows the whole of it. */
  readonly time: string
  /** Of the document, parsed JSON; undefined where it was not asked for. */
  readonly source: unknown
}

export type Answer = {
  readonly hits: readonly Hit[]
  /** Of all that match; 0 where it was not asked for. */
  readonly total: number
  readonly aggregations: unknown
  /** Where the next search of a point in time has to look; null where the answer names none. */
  readonly point: PointInTime | null
}

export type SearchBody = {
  readonly query: ElasticsearchQuery
  /** Hits, in order of time and id. */
  readonly size: number
  readonly order?: Order
  /** The next hits behind this one; where it stands twice, not its twin. */
  readonly after?: Place | Hit
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
  /** Throws AppError `no-server`, `refused`, `wrong-server`, `bad-query` (isLargeAnswer among them). Partial answers are told. */
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
            // Anyone who may write can write several ids; one such document must not end every question.
            fields: z.object({
              '@timestamp': z.tuple([z.string()], z.unknown()),
              'event.id': z.tuple([z.string()], z.unknown()),
            }),
          }),
        )
        .optional(),
    })
    .optional(),
  aggregations: z.unknown().optional(),
  pit_id: z.string().optional(),
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

  function answerOf(raw: unknown, where: Where, body: SearchBody): Answer {
    const answer = checked(answerSchema, raw, url)
    const { _shards: shards, timed_out: isLate = false, hits, aggregations, pit_id: pit } = answer
    const what = 'pit' in where ? 'the streams asked' : where.join(', ')
    if (shards.failed > 0)
      tell(
        `${what}: ${shards.failed} of ${shards.total} shards gave no answer${reasonTail(shards.failures)}; their documents`,
      )
    if (isLate) tell(`${what}: the search took too long; some documents`)
    const found = (hits?.hits ?? []).map(({ _source: source, fields }) => {
      const time = fields['@timestamp'][0]
      return { at: timeOf(time, url), time, id: fields['event.id'][0], source }
    })
    const problem = problemOf(found, hits?.total?.value, body)
    if (problem !== '') throw wrongAnswer(url, problem)
    return { total: hits?.total?.value ?? 0, hits: found, aggregations, point: pit === undefined ? null : { pit } }
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
          body,
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
            // Of several ids the one that `fields` has first, whatever the direction.
            { 'event.id': { order: direction, unmapped_type: 'keyword', mode: 'min' } },
          ],
          ...(after === undefined ? {} : { search_after: ['time' in after ? after.time : toIso(after.at), after.id] }),
        }),
  }
}

/** What an answer cannot be to this search, else ''. Taken for one, it would never end or be taken for nothing found. */
function problemOf(
  hits: readonly Hit[],
  total: number | undefined,
  { size, after, total: wanted }: SearchBody,
): string {
  if (wanted !== undefined && total === undefined) return 'it does not say how many there are'
  if (hits.length > size) return `it has ${hits.length} hits where ${size} were asked for`
  const isRepeated =
    after !== undefined && 'time' in after && hits.some(({ time, id }) => time === after.time && id === after.id)
  return isRepeated ? 'it repeats the hits of the page before' : ''
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

/** AppError `wrong-server`; `why` is for whoever looks at its cause. */
export function wrongAnswer(url: string, why: string): AppError {
  return new AppError('wrong-server', `${safeText(url)} gave an answer to a search that is none`, {
    cause: new Error(brief(why)),
    advice: 'Ask the cluster itself, not a proxy that changes answers.',
  })
}

const LARGE = `is larger than ${RESPONSE_BYTES_MAX / 1024 / 1024} MiB`

/** Whether an answer was larger than RESPONSE_BYTES_MAX: who asked for many documents can ask for fewer. */
export function isLargeAnswer(error: unknown): boolean {
  return error instanceof AppError && error.message.endsWith(LARGE)
}

function largeAnswer(url: string): AppError {
  return new AppError('bad-query', `one answer of ${safeText(url)} ${LARGE}`, {
    advice: 'Ask for less at once: a shorter time, fewer fields, or a query that leaves out the largest documents.',
  })
}

/** What a person can do something about comes first: a query that is too much for the engine. */
function questionError(error: unknown, url: string): unknown {
  if (error instanceof AppError) return error
  // The client's own words: it has no kind of error for this alone.
  if (error instanceof errors.RequestAbortedError && error.message.includes('bigger than the maximum allowed'))
    return largeAnswer(url)
  const cause = causeOf(error)
  if (cause.startsWith('search_context_missing_exception'))
    return new AppError('no-server', `${safeText(url)} let go of the documents before all of them were read`, {
      advice: 'A node was restarted, or reading took too long. Ask again.',
    })
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
