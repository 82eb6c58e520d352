/**
 * Which documents a data stream has already, in any of its backing indices. A stream refuses a known id only in the index it writes
 * to, so what may have gone into an earlier one has to be asked for.
 *
 * A search shows a document only after a refresh, seconds later; a get by id shows it at once, but only of an index that is named.
 * Their names come with the field capabilities, which need no more than `read`. So the newest indices are asked by id, and all of
 * them are searched: for the older ones, which nothing was written to for long, and because both servers leave an index out of
 * those names whose shards are gone, with status 200. The search is refused then. Not seen is what a server still works on: a
 * request that it took, and that nobody waits for any more, may write after the question.
 */
import type { Client } from '@elastic/elasticsearch'
import { z } from 'zod'
import { statusOf } from '../../elasticsearch/failure.ts'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'

/** Ids of one question. */
const IDS_MAX = 1_000
/** Backing indices asked by id, from the newest; more rollovers than that between two refreshes do not happen. */
const NEWEST = 2
/** Hits of one search: what every index allows (index.max_result_window). An id may stand in several indices. */
const HITS_MAX = 10_000
/** Lowest generation a backing index can have. */
const GENERATION = /-(\d{6,})$/

/** Asking again would bring the same: documents must not wait for it. */
const CANNOT_TELL: ReadonlySet<number> = new Set([400, 403, 405])

// `filter_path` leaves out a list that is empty.
const capabilitiesSchema = z.object({ indices: z.array(z.string()).default([]) })
const getsSchema = z.object({
  docs: z.array(
    z.object({ _id: z.string(), found: z.boolean().optional(), error: z.object({ type: z.string() }).optional() }),
  ),
})
const searchSchema = z.object({
  // Always there; without it `{}` from anything would pass for "none".
  timed_out: z.literal(false),
  hits: z.object({ hits: z.array(z.object({ _id: z.string() })).default([]) }).default({ hits: [] }),
})

/**
 * Those of `ids` that are there; null when the credentials may not read, or the server does not understand the question. Throws what the client throws, and AppError `wrong-server`
 * or `no-server` for an answer that says nothing certain: then ask again.
 */
export async function findExisting(
  client: Client,
  stream: string,
  ids: readonly string[],
): Promise<ReadonlySet<string> | null> {
  try {
    const indices = await backingIndices(client, stream)
    const found = new Set<string>()
    if (indices === null) return found
    for (let at = 0; at < ids.length; at += IDS_MAX) {
      const some = ids.slice(at, at + IDS_MAX)
      for (const index of indices.slice(0, NEWEST)) if (!(await getInto(found, client, index, some))) return null
      await searchInto(found, client, stream, some)
    }
    return found
  } catch (error) {
    if (CANNOT_TELL.has(statusOf(error))) return null
    throw error
  }
}

/** Newest first, without those whose shards are gone; null where there is no stream. */
async function backingIndices(client: Client, stream: string): Promise<string[] | null> {
  let answer: unknown
  try {
    answer = await client.transport.request({
      method: 'GET',
      path: `/${stream}/_field_caps`,
      // As a parameter: OpenSearch does not look for it in a body.
      querystring: { fields: '@timestamp', filter_path: 'indices' },
    })
  } catch (error) {
    if (statusOf(error) === 404) return null
    throw error
  }
  return read(capabilitiesSchema, answer, stream).indices.sort((a, b) => generationOf(b) - generationOf(a))
}

function generationOf(index: string): number {
  return Number(GENERATION.exec(index)?.[1] ?? 0)
}

/** Gets are answered from the log of the shard, not from what was refreshed. False when the credentials may not read. */
async function getInto(found: Set<string>, client: Client, index: string, ids: readonly string[]): Promise<boolean> {
  const answer = await client.mget({
    index,
    ids: [...ids],
    _source: false,
    filter_path: ['docs._id', 'docs.found', 'docs.error.type'],
  })
  const { docs } = read(getsSchema, answer, index)
  const answered = new Set(docs.map(({ _id: id }) => id))
  if (ids.some((id) => !answered.has(id))) throw noAnswer(index)
  for (const { _id: id, found: isThere, error } of docs) {
    if (isThere === true) found.add(id)
    else if (error?.type === 'security_exception') return false
    // Deleted meanwhile by its retention.
    else if (error !== undefined && error.type !== 'index_not_found_exception')
      throw new AppError('no-server', `${safeText(index)} cannot be asked now: ${safeText(error.type)}`, {
        advice: 'Look at the health of the cluster.',
      })
  }
  return true
}

/** All shards or an error: part of an answer would pass for the whole. */
async function searchInto(found: Set<string>, client: Client, stream: string, ids: readonly string[]): Promise<void> {
  const answer = await client.search({
    index: stream,
    query: { ids: { values: [...ids] } },
    size: HITS_MAX,
    _source: false,
    track_total_hits: false,
    allow_partial_search_results: false,
    filter_path: ['timed_out', 'hits.hits._id'],
  })
  for (const { _id: id } of read(searchSchema, answer, stream).hits.hits) found.add(id)
}

function read<T>(schema: z.ZodType<T>, answer: unknown, place: string): T {
  const parsed = schema.safeParse(answer)
  if (parsed.success) return parsed.data
  throw noAnswer(place)
}

function noAnswer(place: string): AppError {
  return new AppError('wrong-server', `the answer about ${safeText(place)} is none of a cluster`, {
    advice: 'See that no proxy in between changes answers.',
  })
}
