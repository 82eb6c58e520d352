/**
 * Questions and orders to the brokers. kafkajs's admin gives up at the first cut connection, so each is asked again, by a new one, until
 * OPENING_PATIENCE is over. Every order can be repeated: a topic that is there already is made, one that is not is removed.
 */
import { setTimeout as pause } from 'node:timers/promises'
import kafkajs, { type Admin as KafkajsAdmin } from 'kafkajs'
import { MS } from '../../time.ts'
import { type Admin, type BusConnection, type Headers, OPENING_PATIENCE, type TopicState } from '../bus.ts'
import { type Client, openClient } from './client.ts'
import { failureOf, isRefusal, isUnknownTopic, noAnswer, typeOf } from './failures.ts'
import { LateError, waitAfter, within } from './patience.ts'

/** Of the oldest and behind the newest message. */
export type Bounds = { readonly begin: number; readonly end: number }

export type KafkajsAdmins = Admin & {
  /** Of each partition, in their order. */
  bounds(topic: string): Promise<readonly Bounds[]>
}

/** An unknown topic may be one that was made a moment ago. */
const UNKNOWN_TOPIC_TRIES = 4
/** Until a broker has made or removed a topic, in milliseconds. */
const ORDER_MS = 15_000
/** kafkajs's number for a setting made for the topic, as opposed to a default. */
const OF_THE_TOPIC: number = kafkajs.ConfigSource.TOPIC_CONFIG
const TOPIC: number = kafkajs.ConfigResourceTypes.TOPIC

type Hand = { readonly client: Client; readonly admin: KafkajsAdmin }

/**
 * Waits `patienceMs` milliseconds for the brokers, at each question anew, and no longer than until `stop`; rejects with AppError.
 */
export async function openAdmin(
  connection: BusConnection,
  patienceMs = OPENING_PATIENCE / MS,
  stop: AbortSignal | null = null,
): Promise<KafkajsAdmins> {
  const ask = await openAsking(connection, patienceMs, stop)
  const bounds = (topic: string) =>
    ask(`tell the offsets of ${topic}`, async (admin) =>
      inOrder(await admin.fetchTopicOffsets(topic)).map(({ low, high }) => ({ begin: Number(low), end: Number(high) })),
    )
  const describe = (names: readonly string[]) => ask('describe topics', (admin) => describeTopics(admin, names))
  return {
    describe,
    create: ({ name, partitions, replicas, configs }) =>
      ask(`make the topic ${name}`, async (admin) => {
        const topic = { topic: name, numPartitions: partitions, replicationFactor: replicas }
        await admin.createTopics({ timeout: ORDER_MS, topics: [{ ...topic, configEntries: entriesOf(configs) }] })
      }),
    grow: (topic, partitions) =>
      ask(`add partitions to ${topic}`, async (admin) => {
        // What a lost answer had already done, or somebody else.
        const [now] = await describeTopics(admin, [topic])
        if (now?.partitions === partitions) return
        await admin.createPartitions({ timeout: ORDER_MS, topicPartitions: [{ topic, count: partitions }] })
      }),
    configure: (topic, configs) =>
      ask(`configure ${topic}`, async (admin) => {
        // The request sets everything that is not named back to its default.
        const now = (await configsOf(admin, [topic])).get(topic) ?? {}
        await admin.alterConfigs({
          validateOnly: false,
          resources: [{ type: TOPIC, name: topic, configEntries: entriesOf({ ...now, ...configs }) }],
        })
      }),
    remove: (topic) =>
      ask(`remove ${topic}`, async (admin) => {
        if (!(await admin.listTopics()).includes(topic)) return
        await admin.deleteTopics({ topics: [topic], timeout: ORDER_MS })
      }),
    bounds,
    ends: async (topic) => (await bounds(topic)).map(({ end }) => end),
    beginnings: async (topic) => (await bounds(topic)).map(({ begin }) => begin),
    committed: (group, topic) =>
      ask(`tell what ${group} committed`, async (admin) => {
        const [answer] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
        return inOrder(answer?.partitions ?? []).map(({ offset }) => Math.max(-1, Number(offset)))
      }),
    removeGroup: (group) =>
      ask(`forget the group ${group}`, async (admin) => {
        await admin.deleteGroups([group]).catch((error: unknown) => {
          const type = groupTrouble(error)
          if (type === 'GROUP_ID_NOT_FOUND') return
          throw type === '' ? error : Object.assign(new Error(`the group answers ${type}`), { type })
        })
      }),
    close: () => ask.close(),
  }
}

type Asking = {
  /** `what`: "make the topic x". */
  <T>(what: string, question: (admin: KafkajsAdmin) => Promise<T>): Promise<T>
  close(): Promise<void>
}

async function openAsking(connection: BusConnection, patienceMs: number, stop: AbortSignal | null): Promise<Asking> {
  const { brokers } = connection
  let hand: Promise<Hand> | null = null
  let isClosed = false
  // kafkajs leaves what is under way on a connection that was cut without an answer.
  const closing = Promise.withResolvers<never>()
  closing.promise.catch(() => undefined)
  const end = () => {
    isClosed = true
    closing.reject(new Error('the connection was closed'))
  }
  stop?.addEventListener('abort', end, { once: true })
  const drop = (used: Promise<Hand> | null) => {
    // Another question may have opened a new one meanwhile.
    if (hand === used) hand = null
    used?.then(
      ({ client }) => client.close(),
      () => undefined,
    )
  }
  const ask = async <T>(what: string, question: (admin: KafkajsAdmin) => Promise<T>): Promise<T> => {
    const late = AbortSignal.timeout(patienceMs)
    let unknown = 0
    for (let failed = 1; ; failed++) {
      if (isClosed) throw noAnswer(what, brokers, 'the connection was closed')
      hand ??= openHand(connection, patienceMs, closing.promise)
      const used = hand
      try {
        const { admin } = await used
        return await within(Promise.race([question(admin), closing.promise]), patienceMs)
      } catch (error) {
        drop(used)
        if (isClosed) continue
        if (isUnknownTopic(error)) unknown++
        if (isRefusal(error) || unknown >= UNKNOWN_TOPIC_TRIES) throw failureOf(error, what, brokers)
        if (late.aborted || error instanceof LateError) throw failureOf(error, what, brokers)
        await pause(waitAfter(failed))
      }
    }
  }
  const close = async () => {
    end()
    stop?.removeEventListener('abort', end)
    const last = hand
    await last?.then(({ admin }) => within(admin.disconnect(), 1_000)).catch(() => undefined)
    drop(last)
  }
  await ask('let us in', () => Promise.resolve())
  return Object.assign(ask, { close })
}

async function openHand(connection: BusConnection, patienceMs: number, closing: Promise<never>): Promise<Hand> {
  const client = openClient(connection)
  // By itself it would ask for a topic that is not there until our patience ends, and that would be all that is known.
  const admin = client.kafka.admin({ retry: { retries: 0 } })
  try {
    await within(Promise.race([admin.connect(), client.distrust, closing]), patienceMs)
    return { client, admin }
  } catch (error) {
    client.close()
    throw isRefusal(error)
      ? failureOf(error, 'let us in', connection.brokers)
      : noAnswer('let us in', connection.brokers, client.trouble())
  }
}

async function describeTopics(admin: KafkajsAdmin, names: readonly string[]): Promise<readonly TopicState[]> {
  const all = new Set(await admin.listTopics())
  const known = names.filter((name) => all.has(name))
  if (known.length === 0) return []
  const { topics } = await admin.fetchTopicMetadata({ topics: known })
  const configs = await configsOf(admin, known)
  const found = new Map(topics.map(({ name, partitions }) => [name, partitions]))
  return known.map((name) => {
    const partitions = found.get(name) ?? []
    const replicas = partitions[0]?.replicas.length ?? 0
    return { name, partitions: partitions.length, replicas, configs: configs.get(name) ?? {} }
  })
}

/** Settings made for each topic, by its name. */
async function configsOf(admin: KafkajsAdmin, names: readonly string[]): Promise<ReadonlyMap<string, Headers>> {
  const resources = names.map((name) => ({ type: TOPIC, name }))
  const answer = await admin.describeConfigs({ resources, includeSynonyms: false })
  return new Map(
    answer.resources.map(({ resourceName, configEntries }) => {
      const own = configEntries.filter(({ configSource }) => configSource === OF_THE_TOPIC)
      return [resourceName, Object.fromEntries(own.map(({ configName, configValue }) => [configName, configValue]))]
    }),
  )
}

function entriesOf(configs: Headers): { name: string; value: string }[] {
  return Object.entries(configs).map(([name, value]) => ({ name, value }))
}

function inOrder<T extends { readonly partition: number }>(partitions: readonly T[]): readonly T[] {
  return partitions.toSorted((a, b) => a.partition - b.partition)
}

/** The protocol's word for what is wrong with a group that is to be removed, '' = something else. */
function groupTrouble(error: unknown): string {
  return error instanceof kafkajs.KafkaJSDeleteGroupsError ? typeOf(error.groups?.[0]?.error) : ''
}
