/** Requests for messages: at most one under way at each broker. */
import { Consumer, type FetchOptions } from '@platformatic/kafka'
import { safeText } from '../../safe-text.ts'
import { type Micros, MS } from '../../time.ts'
import type { BusConnection } from '../bus.ts'
import { clientOptions, discard, guarded } from './clients.ts'
import { isAnswer } from './failures.ts'
import { append, batchesOf, type Track } from './tracks.ts'
import type { Trouble } from './trouble.ts'

/** Bytes of an answer, and of one partition in it; a single batch beyond comes all the same. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024
const PARTITION_BYTES_MAX = 1024 * 1024
/** How long a broker waits for news. Short while something is paused: it may go on any moment, and is not in the request under way. */
const NEWS_PATIENCE: Micros = 250 * MS
const NEWS_PATIENCE_PAUSED: Micros = 25 * MS
/** A request is a long poll of NEWS_PATIENCE at most; a broker that takes this long does not answer any more. */
const ANSWER_PATIENCE: Micros = 10_000 * MS
/** Messages of transactions that are under way or were given up are read too: ours have none, and `ends` counts them. */
const READ_UNCOMMITTED = 0
const OLDEST = -2n
const END = -1n

type Client = Consumer<Buffer, Buffer, Buffer, Buffer>
type Request = FetchOptions<Buffer, Buffer, Buffer, Buffer>

export type FetchRounds = {
  /** Sends requests to brokers that have none. Rejects when one has failed; then `renew`. */
  start(tracks: readonly Track[], trouble: Trouble): Promise<void>
  /** Whether answers have come since the last call; rejects like `start`. */
  take(): boolean
  /** Begins anew, with fresh connections. */
  renew(): void
  close(): Promise<void>
}

/** `onNews` is told when a request has ended. */
export function createFetchRounds(
  connection: BusConnection,
  topics: readonly string[],
  onNews: () => void,
): FetchRounds {
  let client = newClient(connection, topics)
  let underWay = new Set<number>()
  let hasAnswers = false
  let failed: { readonly error: unknown; readonly tracks: readonly Track[] } | null = null

  const ask = async (node: number, tracks: readonly Track[], ids: ReadonlyMap<string, string>, wait: Micros) => {
    const [asked, mine] = [client, underWay]
    const from = tracks.map(({ next }) => next)
    try {
      const answer = await asked.fetch({
        node,
        topics: requestOf(tracks, ids),
        maxWaitTime: wait / MS,
        minBytes: 1,
        maxBytes: ANSWER_BYTES_MAX,
        isolationLevel: READ_UNCOMMITTED,
      })
      if (asked !== client) return
      const batches = batchesOf(answer)
      for (const [at, track] of tracks.entries()) {
        const found = batches.get(ids.get(track.topic) ?? '')?.get(track.partition)
        // Rewound or forgotten while we waited: not what it wants any more.
        if (found && track.next === from[at]) append(track, found)
      }
      hasAnswers = true
    } catch (error) {
      if (asked === client) failed = { error, tracks }
    } finally {
      mine.delete(node)
      onNews()
    }
  }
  const throwFailure = () => {
    if (failed === null) return
    const { error } = failed
    failed = null
    throw error
  }
  return {
    async start(tracks, trouble) {
      if (failed !== null && isAnswer(failed.error, 'OFFSET_OUT_OF_RANGE')) {
        const lost = failed.tracks
        failed = null
        await findOldest(
          client,
          lost.filter((track) => tracks.includes(track)),
          trouble,
        )
      }
      throwFailure()
      const wanted = tracks.filter(({ isPaused }) => !isPaused)
      if (wanted.length === 0) return
      const unplaced = wanted.filter(({ next }) => next === null)
      if (unplaced.length > 0) await place(client, unplaced)
      const known = await client.metadata({ topics: [...topics] })
      const ids = new Map([...known.topics].map(([topic, { id }]) => [topic, id]))
      const wait = wanted.length === tracks.length ? NEWS_PATIENCE : NEWS_PATIENCE_PAUSED
      const leaderOf = ({ topic, partition }: Track) => known.topics.get(topic)?.partitions[partition]?.leader ?? -1
      for (const [node, of] of Map.groupBy(wanted, leaderOf)) {
        if (!known.brokers.has(node)) throw new Error(noLeader(of))
        if (underWay.has(node)) continue
        underWay.add(node)
        void ask(node, of, ids, wait)
      }
    },
    take() {
      if (failed !== null && !isAnswer(failed.error, 'OFFSET_OUT_OF_RANGE')) throwFailure()
      const had = hasAnswers
      hasAnswers = false
      return had
    },
    renew() {
      void discard(client)
      client = newClient(connection, topics)
      underWay = new Set()
      failed = null
    },
    close: () => discard(client),
  }
}

function newClient(connection: BusConnection, topics: readonly string[]): Client {
  const client = guarded(
    new Consumer({
      ...clientOptions(connection),
      // It joins no group: the library wants a name.
      groupId: connection.clientId,
      requestTimeout: ANSWER_PATIENCE / MS,
    }),
  )
  // The library asks brokers about those it has been told of.
  client.topics.trackAll(...topics)
  return client
}

function requestOf(tracks: readonly Track[], ids: ReadonlyMap<string, string>): Request['topics'] {
  return [...Map.groupBy(tracks, ({ topic }) => topic)].map(([topic, of]) => ({
    topicId: ids.get(topic) ?? '',
    partitions: of.map(({ partition, next }) => ({
      partition,
      fetchOffset: BigInt(next ?? 0),
      partitionMaxBytes: PARTITION_BYTES_MAX,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
    })),
  }))
}

async function place(client: Client, tracks: readonly Track[]): Promise<void> {
  const oldest = await offsetsOf(client, tracks, OLDEST)
  for (const track of tracks) track.next ??= oldest(track)
}

/** Those that ask for what is not there any more, or not yet, begin at the oldest there is. */
async function findOldest(client: Client, tracks: readonly Track[], trouble: Trouble): Promise<void> {
  const [oldest, end] = [await offsetsOf(client, tracks, OLDEST), await offsetsOf(client, tracks, END)]
  for (const track of tracks) {
    const { topic, partition, next } = track
    if (next === null || (next >= oldest(track) && next <= end(track))) continue
    const name = safeText(topic)
    trouble.tell(`topic ${name}, partition ${partition}: no message at offset ${next}, read from ${oldest(track)} on`)
    track.next = oldest(track)
  }
}

async function offsetsOf(
  client: Client,
  tracks: readonly Track[],
  timestamp: bigint,
): Promise<(track: Track) => number> {
  const byTopic = Map.groupBy(tracks, ({ topic }) => topic)
  const offsets = await client.listOffsets({
    topics: [...byTopic.keys()],
    partitions: Object.fromEntries([...byTopic].map(([topic, of]) => [topic, of.map(({ partition }) => partition)])),
    timestamp,
    isolationLevel: READ_UNCOMMITTED,
  })
  return ({ topic, partition }) => Number(offsets.get(topic)?.[partition] ?? 0n)
}

function noLeader(tracks: readonly Track[]): string {
  return `no broker leads partition ${tracks[0]?.partition} of topic ${tracks[0]?.topic}`
}
