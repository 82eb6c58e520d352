/** One idempotent kafkajs producer with its numbers and its connection, from its opening to its end. */
import type { ICustomPartitioner, Producer as KafkajsProducer, TopicMessages } from 'kafkajs'
import type { BusConnection, Outgoing } from '../bus.ts'
import { type Client, openClient, RETRIES } from './client.ts'
import { compressionOf } from './codecs.ts'
import { failureOf, isRefusal, noAnswer, noTopic } from './failures.ts'
import { within } from './patience.ts'

export type OneProducer = {
  /** As it is, in one request to each broker. Rejects with whatever kafkajs says; the same request may then be given again. */
  give(request: readonly Outgoing[]): Promise<void>
  readonly trouble: () => string
  /** Cuts the connection: what is under way is not waited for. */
  drop(): void
}

/** The partition is not among those known; after it has been added, a new producer knows it. */
export class NoPartitionError extends Error {
  /** kafkajs asks for it. */
  readonly retriable = false
}

/** Answers in a row after which a topic is taken for missing, 10 s: a broker that has just started does not know all of its own yet. */
const UNKNOWN_TOPIC_MAX = 8
/** Goodbye at the end of a producer that has nothing under way, in milliseconds. */
const GOODBYE_MS = 1_000

/** `patienceMs`: infinite = until `signal`. Rejects with AppError `refused`, or `no-server` in the end. */
export async function openOneProducer(
  connection: BusConnection,
  patienceMs: number,
  signal: AbortSignal,
): Promise<OneProducer> {
  const { brokers } = connection
  const missing = Promise.withResolvers<never>()
  missing.promise.catch(() => undefined)
  let unknown = 0
  const client = openClient(connection, ({ isUnknownTopic, trouble }) => {
    if (isUnknownTopic) unknown++
    else if (trouble !== '') unknown = 0
    if (unknown >= UNKNOWN_TOPIC_MAX) missing.reject(noTopic('such topic', brokers))
  })
  const cut = () => client.close()
  signal.addEventListener('abort', cut, { once: true })
  try {
    const producer = client.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: partitionAsGiven,
      retry: RETRIES,
    })
    const connected = Promise.race([producer.connect(), client.distrust])
    await (Number.isFinite(patienceMs) ? within(connected, patienceMs) : connected)
    return {
      async give(request) {
        unknown = 0
        const results = send(producer, request, connection)
        results.catch(() => undefined)
        mustHoldAll(request, await Promise.race([results, missing.promise]))
      },
      trouble: client.trouble,
      drop() {
        signal.removeEventListener('abort', cut)
        void goodbye(client, producer)
      },
    }
  } catch (error) {
    signal.removeEventListener('abort', cut)
    client.close()
    if (isRefusal(error)) throw failureOf(error, 'let us in', brokers)
    throw noAnswer('let us in', brokers, client.trouble())
  }
}

function send(producer: KafkajsProducer, request: readonly Outgoing[], { compression }: BusConnection) {
  const topics = new Map<string, TopicMessages>()
  for (const { topic, partition, key, value, headers } of request) {
    const messages = topics.get(topic)?.messages ?? []
    if (messages.length === 0) topics.set(topic, { topic, messages })
    messages.push({ partition, key, value, headers })
  }
  return producer.sendBatch({ acks: -1, compression: compressionOf(compression), topicMessages: [...topics.values()] })
}

/** kafkajs leaves out, without a word, what is of a partition it knows nothing of; only answers count. */
function mustHoldAll(
  request: readonly Outgoing[],
  answers: readonly { topicName: string; partition: number; errorCode: number }[],
): void {
  const taken = new Set(
    answers.filter(({ errorCode }) => errorCode === 0).map(({ topicName, partition }) => `${topicName} ${partition}`),
  )
  const left = request.find(({ topic, partition }) => !taken.has(`${topic} ${partition}`))
  if (left !== undefined) throw new NoPartitionError(`partition ${left.partition} of topic ${left.topic}`)
}

const partitionAsGiven: ICustomPartitioner =
  () =>
  ({ topic, partitionMetadata, message: { partition } }) => {
    if (partition === undefined || !partitionMetadata.some(({ partitionId }) => partitionId === partition))
      throw new NoPartitionError(`partition ${partition ?? -1} of topic ${topic}`)
    return partition
  }

async function goodbye(client: Client, producer: KafkajsProducer): Promise<void> {
  await within(producer.disconnect(), GOODBYE_MS).catch(() => undefined)
  client.close()
}
