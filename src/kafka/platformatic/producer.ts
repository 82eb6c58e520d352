/** Sends of one producer, one after the other, until every in-sync replica has them. */
import { type MessageToProduce, Producer } from '@platformatic/kafka'
import { AppError } from '../../errors.ts'
import { quoted } from '../../safe-text.ts'
import { type Micros, MS } from '../../time.ts'
import { type BusConnection, type Producer as BusProducer, OPENING_PATIENCE, type Outgoing } from '../bus.ts'
import { clientOptions, discard, guarded } from './clients.ts'
import { failureOf, isAnswer, isRefused, isUnknownTopic } from './failures.ts'
import { ignore, type Persistence, unlessAborted, untilDone } from './persistence.ts'

/** Messages and bytes of one request. All of it may be one batch of one partition, and brokers take 1 MiB unless told otherwise. */
const REQUEST_MESSAGES_MAX = 1_000
const REQUEST_BYTES_MAX = 900_000
/** Bytes of a message beside key, value and headers: lengths, offset, time. */
const MESSAGE_FRAME = 32
/**
 * Attempts of the library with one and the same sequence number, so that the broker knows a batch again: about ten seconds of
 * an absent broker. Afterwards a fresh producer sends it, and it may be there twice.
 */
const SAME_SEQUENCE_RETRIES = 10
const RETRY_WAIT_MIN: Micros = 100 * MS
const RETRY_WAIT_MAX: Micros = 2_000 * MS
/** Attempts at a topic no broker knows: it may have been made a moment ago. */
const UNKNOWN_TOPIC_ATTEMPTS_MAX = 6
/** The library counts sequence numbers beyond the 31 bits they have on the wire: a fresh producer comes before. */
const MESSAGES_PER_CLIENT_MAX = 2 ** 30
/** Age of what is known of topics; what is stale is noticed earlier, by the answer to a produce. */
const METADATA_AGE_MAX: Micros = 30_000 * MS

/** Rejects with AppError `no-server` when no broker answers within OPENING_PATIENCE, `refused` at once. */
export async function openProducer(connection: BusConnection): Promise<BusProducer> {
  const { brokers } = connection
  const given = () => new AppError('no-server', `Kafka at ${brokers.join(', ')}: sending was given up`)
  let client = newClient(connection)
  /** Messages sent with it. */
  let sent = 0
  /** Of everything since the last `abort`. */
  let era = new AbortController()
  let isClosed = false
  let last: Promise<unknown> = Promise.resolve()

  const renew = () => {
    void discard(client)
    client = newClient(connection)
    sent = 0
  }
  const request = async (messages: readonly Outgoing[], stop: AbortSignal): Promise<void> => {
    if (sent + messages.length > MESSAGES_PER_CLIENT_MAX) renew()
    sent += messages.length
    const attempt = async () => {
      await checkPartitions(client, messages)
      await client.send({ messages: messages.map(toRecord) })
    }
    try {
      await persist(attempt, { stop, onFailure: renew, patience: null })
    } catch (error) {
      if (stop.aborted) throw error
      // What the library knew of its sequence numbers is gone with an error; the next request begins anew.
      renew()
      if (!isAnswer(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE') || messages.length === 1) throw error
      const middle = messages.length >> 1
      await request(messages.slice(0, middle), stop)
      await request(messages.slice(middle), stop)
    }
  }
  const sendAll = async (messages: readonly Outgoing[], stop: AbortSignal): Promise<void> => {
    for (const part of requestsOf(messages)) {
      stop.throwIfAborted()
      await request(part, stop)
    }
  }
  const abort = () => {
    era.abort(given())
    era = new AbortController()
    renew()
  }
  const close = async () => {
    isClosed = true
    era.abort(given())
    await discard(client)
  }

  try {
    const ask = () => client.metadata({ topics: [], retries: 0 })
    await persist(ask, { stop: era.signal, onFailure: renew, patience: OPENING_PATIENCE })
  } catch (error) {
    await close()
    throw failureOf(error, brokers, 'write')
  }
  return {
    send(messages) {
      if (isClosed) return Promise.reject(given())
      const stop = era.signal
      const done = last.then(() => sendAll(messages, stop))
      last = done.catch(ignore)
      // What is under way has its own waits; the caller's ends with the era.
      return unlessAborted(done, stop).catch((error: unknown) => {
        throw failureOf(error, brokers, 'write')
      })
    },
    abort() {
      if (!isClosed) abort()
    },
    close,
  }
}

async function persist<Result>(
  attempt: () => Promise<Result>,
  { stop, onFailure, patience }: Omit<Persistence, 'isFinal'>,
): Promise<Result> {
  let unknown = 0
  const isFinal = (error: unknown) =>
    error instanceof AppError || isRefused(error) || (isUnknownTopic(error) && ++unknown >= UNKNOWN_TOPIC_ATTEMPTS_MAX)
  return await untilDone(attempt, { stop, isFinal, onFailure, patience })
}

function newClient(connection: BusConnection): Producer<Buffer, Buffer, Buffer, Buffer> {
  return guarded(
    new Producer({
      ...clientOptions(connection),
      idempotent: true,
      acks: -1,
      compression: connection.compression,
      repeatOnStaleMetadata: true,
      metadataMaxAge: METADATA_AGE_MAX / MS,
      retries: SAME_SEQUENCE_RETRIES,
      retryDelay: (_client, _operation, attempt) =>
        Math.min(RETRY_WAIT_MIN * 2 ** Math.min(attempt - 1, 10), RETRY_WAIT_MAX) / MS,
    }),
  )
}

/** The library folds a partition there is not into one there is; in the wrong place nobody would look for it. */
async function checkPartitions(
  client: Producer<Buffer, Buffer, Buffer, Buffer>,
  messages: readonly Outgoing[],
): Promise<void> {
  const highest = new Map<string, number>()
  for (const { topic, partition } of messages) {
    if (partition > (highest.get(topic) ?? -1)) highest.set(topic, partition)
  }
  const topics = [...highest.keys()]
  const isBeyond = async (forceUpdate: boolean) => {
    const known = (await client.metadata({ topics: [...topics], forceUpdate, retries: 0 })).topics
    return topics.find((topic) => (highest.get(topic) ?? 0) >= (known.get(topic)?.partitionsCount ?? 0))
  }
  if ((await isBeyond(false)) === undefined) return
  const topic = await isBeyond(true)
  if (topic === undefined) return
  throw new AppError('refused', `topic ${quoted(topic)} has no partition ${highest.get(topic)}`, {
    advice: 'Give it as many partitions as the pipeline file says: `peertrail install kafka`.',
  })
}

/** In order, each as full as it may be. A message beyond REQUEST_BYTES_MAX goes alone. */
function* requestsOf(messages: readonly Outgoing[]): Generator<readonly Outgoing[]> {
  let begin = 0
  let bytes = 0
  for (const [at, message] of messages.entries()) {
    const size = sizeOf(message)
    if (at > begin && (at - begin >= REQUEST_MESSAGES_MAX || bytes + size > REQUEST_BYTES_MAX)) {
      yield messages.slice(begin, at)
      begin = at
      bytes = 0
    }
    bytes += size
  }
  if (begin < messages.length) yield messages.slice(begin)
}

/** Headers are ASCII: a character a byte. */
function sizeOf({ key, value, headers }: Outgoing): number {
  let size = MESSAGE_FRAME + key.length + (value?.length ?? 0)
  for (const name in headers) size += name.length + (headers[name]?.length ?? 0) + 2
  return size
}

function toRecord({
  topic,
  partition,
  key,
  value,
  headers,
}: Outgoing): MessageToProduce<Buffer, Buffer, Buffer, Buffer> {
  const entries = Object.entries(headers).map(([name, text]): [Buffer, Buffer] => [
    Buffer.from(name),
    Buffer.from(text),
  ])
  return { topic, partition, key, ...(value === null ? {} : { value }), headers: new Map(entries) }
}
