/**
 * Kafka in memory, as far as src/kafka/bus.ts says: topics with partitions and settings, groups that remember offsets. One member of a
 * group at a time, which has all partitions; whoever joins beside it has none.
 */
import { AppError } from '../../src/errors.ts'
import type {
  Admin,
  Bus,
  Incoming,
  Member,
  MemberOptions,
  Outgoing,
  Producer,
  Reader,
  ReaderOptions,
} from '../../src/kafka/bus.ts'

type Topic = {
  replicas: number
  configs: { [name: string]: string }
  readonly logs: Incoming[][]
}

export type MemoryKafka = {
  readonly bus: Bus
  readonly topics: Map<string, Topic>
  /** `GROUP TOPIC` to offsets by partition. */
  readonly commits: Map<string, number[]>
  /** Calls of the admin that changed something. */
  readonly changes: string[]
  /** Brokers there are. */
  brokers: number
  /** Answers of a call `create NAME`, `grow NAME` …; '' = it is done. */
  refuse: (call: string) => string
  /** How many clients are open. */
  open: number
}

/** As a producer of ours leaves it there. */
export type Produced = Pick<Outgoing, 'topic'> & Partial<Outgoing>

export function createMemoryKafka(): MemoryKafka {
  const topics = new Map<string, Topic>()
  const commits = new Map<string, number[]>()
  const changes: string[] = []
  const kafka: MemoryKafka = {
    topics,
    commits,
    changes,
    brokers: 1,
    refuse: () => '',
    open: 0,
    bus: {
      admin: () => Promise.resolve(opened(kafka, memoryAdmin(kafka))),
      producer: () =>
        Promise.resolve(
          opened<Omit<Producer, 'close'>>(kafka, {
            send(messages) {
              const reason = kafka.refuse('send')
              if (reason !== '') return Promise.reject(new AppError('refused', reason))
              for (const message of messages) append(kafka, message)
              return Promise.resolve()
            },
            abort() {},
          }),
        ),
      join: (options) => memoryMember(kafka, options),
      read: async (options: ReaderOptions): Promise<Reader> => {
        const { logs } = topicOf(kafka, options.topic)
        const ended = Promise.withResolvers<void>()
        kafka.open++
        const deliver = async (): Promise<void> => {
          for (const [partition, from] of options.from) {
            const messages = (logs[partition] ?? []).filter(({ offset }) => offset >= from)
            for (let at = 0; at < messages.length; at += 3) await options.onMessages(messages.slice(at, at + 3))
          }
        }
        // Readers hear of messages after they were made, never before.
        queueMicrotask(() => void deliver().catch(ended.reject))
        return {
          ended: ended.promise,
          close: async () => {
            kafka.open--
            ended.resolve()
          },
        }
      },
    },
  }
  return kafka
}

/** Puts a message where it belongs, made up where nothing is said. */
export function append(kafka: MemoryKafka, message: Produced): void {
  const { topic, partition = 0, key = Buffer.from('k'), value = Buffer.from('v'), headers = {} } = message
  const log = topicOf(kafka, topic).logs[partition]
  if (log === undefined) throw new AppError('refused', `${topic} has no partition ${partition}`)
  log.push({ topic, partition, offset: (log.at(-1)?.offset ?? -1) + 1, key, value, headers })
}

function opened<Client extends object>(kafka: MemoryKafka, client: Client): Client & { close(): Promise<void> } {
  kafka.open++
  return {
    ...client,
    close: async () => {
      kafka.open--
    },
  }
}

function topicOf(kafka: MemoryKafka, name: string): Topic {
  const topic = kafka.topics.get(name)
  if (topic === undefined) throw new AppError('refused', `there is no topic ${name}`)
  return topic
}

function memoryAdmin(kafka: MemoryKafka): Omit<Admin, 'close'> {
  const change = (call: string): void => {
    const reason = kafka.refuse(call)
    if (reason !== '') throw new AppError('refused', reason)
    kafka.changes.push(call)
  }
  const logs = (topic: string) => topicOf(kafka, topic).logs
  const empty = (count: number): Incoming[][] => Array.from({ length: count }, () => [])
  return {
    describe: async (names) => {
      const reason = kafka.refuse('describe')
      if (reason !== '') throw new AppError('refused', reason)
      return [...kafka.topics]
        .filter(([name]) => names.includes(name))
        .map(([name, topic]) => ({
          name,
          partitions: topic.logs.length,
          replicas: topic.replicas,
          configs: { ...topic.configs },
        }))
    },
    create: async ({ name, partitions, replicas, configs }) => {
      if (replicas > kafka.brokers)
        throw new AppError('refused', `replication factor ${replicas} with ${kafka.brokers} brokers`)
      change(`create ${name}`)
      kafka.topics.set(name, { replicas, configs: { ...configs }, logs: empty(partitions) })
    },
    grow: async (topic, partitions) => {
      change(`grow ${topic}`)
      const all = logs(topic)
      all.push(...empty(partitions - all.length))
    },
    configure: async (topic, configs) => {
      change(`configure ${topic}`)
      // All at once, as the oldest request for it does: what is not named is gone.
      topicOf(kafka, topic).configs = { ...configs }
    },
    remove: async (topic) => {
      change(`remove ${topic}`)
      kafka.topics.delete(topic)
    },
    ends: async (topic) => logs(topic).map((log) => (log.at(-1)?.offset ?? -1) + 1),
    beginnings: async (topic) => logs(topic).map((log) => log[0]?.offset ?? 0),
    committed: async (group, topic) => kafka.commits.get(`${group} ${topic}`) ?? logs(topic).map(() => -1),
    removeGroup: async (group) => {
      for (const key of kafka.commits.keys()) if (key.startsWith(`${group} `)) kafka.commits.delete(key)
    },
  }
}

async function memoryMember(kafka: MemoryKafka, options: MemberOptions): Promise<Member> {
  const { group, topics } = options
  const held = `${group} is held`
  const isSecond = kafka.commits.has(held)
  if (!isSecond) kafka.commits.set(held, [])
  kafka.open++
  const ended = Promise.withResolvers<void>()
  // Told to whoever looks at it; nobody has to.
  ended.promise.catch(() => {})
  const partitions = new Set(isSecond ? [] : topicOf(kafka, topics[0] ?? '').logs.keys())
  const deliver = async (): Promise<void> => {
    for (const partition of partitions) {
      const places = await options.onAssigned(partition)
      for (const topic of topics) {
        const committed = kafka.commits.get(`${group} ${topic}`)?.[partition] ?? -1
        const from = places.get(topic) ?? Math.max(0, committed)
        const messages = (topicOf(kafka, topic).logs[partition] ?? []).filter(({ offset }) => offset >= from)
        for (let at = 0; at < messages.length && partitions.size > 0; at += 3)
          await options.onMessages(messages.slice(at, at + 3))
      }
    }
  }
  queueMicrotask(() => void deliver().catch(ended.reject))
  return {
    partitions,
    ended: ended.promise,
    commit: async (places) => {
      for (const { topic, partition, offset } of places) {
        const key = `${group} ${topic}`
        const offsets = kafka.commits.get(key) ?? topicOf(kafka, topic).logs.map(() => -1)
        offsets[partition] = offset
        kafka.commits.set(key, offsets)
      }
    },
    pause() {},
    resume() {},
    leave: async () => {
      partitions.clear()
      if (!isSecond) kafka.commits.delete(held)
      kafka.open--
      ended.resolve()
    },
  }
}
