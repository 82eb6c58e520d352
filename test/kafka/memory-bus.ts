/**
 * A small broker in memory, behind the seam of src/kafka/bus.ts: topics, partitions, offsets, groups, commits, readers. It does what
 * the docstrings of the seam promise and no more: new owners of a partition do not wait for old ones, what a send stored whose
 * acknowledgement was lost stands twice, and a member that was taken for dead goes on until it is told.
 *
 * Each process under test gets a client of its own (`connect`), so that it can be killed, lost and found.
 */
import { AppError } from '../../src/errors.ts'
import type { Admin, Bus, Incoming, NewTopic, Outgoing, Producer, Reader, ReaderOptions } from '../../src/kafka/bus.ts'
import { topicsOf } from '../../src/kafka/topics.ts'
import { openFeed } from './memory-feed.ts'
import { createMemoryGroups, type MemoryClient, type MemoryGroups } from './memory-group.ts'
import { createMemoryLog, type MemoryLog } from './memory-log.ts'

export type MemoryBroker = {
  /** Each client's name is its own; a killed one may connect anew. */
  connect(client?: string): Bus
  readonly log: MemoryLog
  /** Everything in a topic: by partition, then by offset. */
  all(topic: string): readonly Incoming[]
  /** The broker is away: sends wait, readers and members get nothing, admin and commits reject. */
  down(): void
  up(): void
  /**
   * What becomes of the next `count` sends: `twice`: stored, the answer lost, stored again; `half`: the first half of it stored, then
   * all of it; `rejected`: stored, and the producer gives up and rejects.
   */
  loseAcknowledgements(count: number, how: Loss): void
  /** kill -9: of this client's sends nothing more is stored, none of them is answered, none of its handlers is called. */
  kill(client: string): void
  /**
   * The groups take the client's members for dead: others get their partitions, their commits are refused; they go on with what they
   * have, and do not know.
   */
  expire(client: string): void
  /** Members that were taken for dead notice it: what they had is revoked, and they join anew. */
  heal(client: string): void
  /** While it is up: resolves when every handler has answered, and there is nothing to read for anybody who reads. */
  idle(): Promise<void>
}

export type Loss = 'twice' | 'half' | 'rejected'

export type MemoryBrokerOptions = {
  readonly topics?: readonly NewTopic[]
  /** Messages of one `onMessages`. */
  readonly batchMax?: number
}

/** What clients have in common. */
type World = {
  readonly log: MemoryLog
  readonly batchMax: number
  readonly isUp: () => boolean
  /** Resolves when something may have changed. */
  readonly changed: () => Promise<void>
  readonly wake: () => void
  readonly busy: <T>(client: MemoryClient, work: Promise<T>) => Promise<T>
}

/** Empty turns of the event loop after which nothing is under way any more. */
const QUIET_TURNS = 20

export function createMemoryBroker({ topics = [], batchMax = 1000 }: MemoryBrokerOptions = {}): MemoryBroker {
  const log = createMemoryLog()
  for (const topic of topics) log.create(topic)
  const clients = new Map<string, MemoryClient>()
  const underWay = new Set<{ readonly client: MemoryClient }>()
  const losses: Loss[] = []
  let isUp = true
  /** Of anything; stands still when nothing happens. */
  let steps = 0
  let change = Promise.withResolvers<void>()

  function wake(): void {
    steps++
    change.resolve()
    change = Promise.withResolvers<void>()
  }

  async function busy<T>(client: MemoryClient, work: Promise<T>): Promise<T> {
    const one = { client }
    underWay.add(one)
    try {
      return await work
    } finally {
      underWay.delete(one)
      steps++
    }
  }

  const world: World = { log, batchMax, isUp: () => isUp, changed: () => change.promise, wake, busy }
  const groups = createMemoryGroups(world)

  function clientOf(name: string): MemoryClient {
    const known = clients.get(name)
    if (known !== undefined && !known.isKilled) return known
    const made: MemoryClient = { name, isKilled: false }
    clients.set(name, made)
    return made
  }

  function setUp(now: boolean): void {
    isUp = now
    wake()
  }

  return {
    connect(name = 'client') {
      const client = clientOf(name)
      return {
        producer: async () => openProducer(world, client, () => losses.shift()),
        join: (options) => groups.join(client, options),
        read: async (options) => openReader(world, client, options),
        admin: async () => openAdmin(world, groups),
      }
    },
    log,
    all: (topic) =>
      Array.from({ length: log.describe(topic)?.partitions ?? 0 }, (_, partition) =>
        log.read(topic, partition, 0, Number.POSITIVE_INFINITY),
      ).flat(),
    down: () => setUp(false),
    up: () => setUp(true),
    loseAcknowledgements(count, how) {
      for (let index = 0; index < count; index++) losses.push(how)
    },
    kill(name) {
      const client = clientOf(name)
      client.isKilled = true
      groups.kill(client)
      wake()
    },
    expire: (name) => groups.expire(clientOf(name)),
    heal: (name) => groups.heal(clientOf(name)),
    async idle() {
      let quiet = 0
      while (quiet < QUIET_TURNS) {
        const before = steps
        await nextTurn()
        const isBusy = [...underWay].some(({ client }) => !client.isKilled)
        quiet = steps === before && !isBusy ? quiet + 1 : 0
      }
    },
  }
}

/** A broker with all topics of ours. */
export function createTopicBroker(prefix: string, partitions: number, options: MemoryBrokerOptions = {}): MemoryBroker {
  return createMemoryBroker({ ...options, topics: topicsOf({ prefix, partitions, replicas: 1 }) })
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function openProducer(world: World, client: MemoryClient, nextLoss: () => Loss | undefined): Producer {
  const { log, isUp, changed, wake, busy } = world
  let turn: Promise<void> = Promise.resolve()
  /** Calls up to this one are given up. */
  let givenUp = 0
  let calls = 0
  let isClosed = false

  function store(messages: readonly Outgoing[]): void {
    for (const message of messages) log.append(message)
    wake()
  }

  async function sendOnce(messages: readonly Outgoing[], call: number): Promise<void> {
    // An answer takes its time, so that others come in between.
    await nextTurn()
    while (!isUp() && call > givenUp && !client.isKilled && !isClosed) await changed()
    if (client.isKilled) return await new Promise<never>(() => {})
    if (call <= givenUp || isClosed) throw new AppError('no-server', 'given up')
    const loss = nextLoss()
    if (loss === 'half') store(messages.slice(0, Math.ceil(messages.length / 2)))
    else if (loss !== undefined) store(messages)
    if (loss === 'rejected') throw new AppError('no-server', 'the answer was lost')
    store(messages)
  }

  return {
    send(messages) {
      const copied = [...messages]
      const call = ++calls
      const sent = turn.then(() => sendOnce(copied, call))
      turn = sent.catch(() => {})
      return busy(client, sent)
    },
    abort() {
      givenUp = calls
      wake()
    },
    async close() {
      isClosed = true
      wake()
    },
  }
}

function openReader(world: World, client: MemoryClient, options: ReaderOptions): Reader {
  const { topic, from, onMessages, onTrouble } = options
  const { promise: ended, reject, resolve } = Promise.withResolvers<void>()
  // Who never asks for it must not end the process.
  ended.catch(() => {})
  const feeds = [...from].map(([partition, offset]) =>
    openFeed({
      ...world,
      busy: (work) => world.busy(client, work),
      topic,
      partition,
      from: offset,
      isOpen: () => world.isUp() && !client.isKilled,
      onMessages,
      onTrouble,
      failed: reject,
    }),
  )
  return {
    ended,
    async close() {
      for (const feed of feeds) feed.close()
      world.wake()
      resolve()
    },
  }
}

function openAdmin({ log, isUp, wake }: World, groups: MemoryGroups): Admin {
  async function reached(): Promise<void> {
    await nextTurn()
    if (!isUp()) throw new AppError('no-server', 'the broker is away')
  }

  async function changing(work: () => void): Promise<void> {
    await reached()
    work()
    wake()
  }

  async function ofEach(topic: string, of: (partition: number) => number): Promise<number[]> {
    await reached()
    const state = log.describe(topic)
    if (state === null) throw new AppError('refused', `no topic ${topic}`)
    return Array.from({ length: state.partitions }, (_, partition) => of(partition))
  }

  return {
    async describe(names) {
      await reached()
      return names.map((name) => log.describe(name)).filter((state) => state !== null)
    },
    create: (topic) => changing(() => log.create(topic)),
    grow: (topic, partitions) => changing(() => log.grow(topic, partitions)),
    configure: (topic, configs) => changing(() => log.configure(topic, configs)),
    remove: (topic) => changing(() => log.remove(topic)),
    ends: (topic) => ofEach(topic, (partition) => log.end(topic, partition)),
    beginnings: (topic) => ofEach(topic, (partition) => log.beginning(topic, partition)),
    committed: (group, topic) => ofEach(topic, (partition) => groups.committed(group, topic, partition)),
    removeGroup: (group) => changing(() => groups.removeGroup(group)),
    close: async () => {},
  }
}
