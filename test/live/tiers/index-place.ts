/** Indexers before a broker in memory, with sinks that do as they are told. */

import { emptyPipeline } from '../../../src/config.ts'
import { createEventWriter } from '../../../src/correlate/event-printer.ts'
import type { Dataset, Event } from '../../../src/event.ts'
import { printEvent } from '../../../src/event-json.ts'
import { parseInventory } from '../../../src/identity/inventory.ts'
import type { Outgoing } from '../../../src/kafka/bus.ts'
import { documentMessage } from '../../../src/kafka/document-message.ts'
import { INDEX_LIMITS, type IndexLimits } from '../../../src/live/tiers/index-progress.ts'
import { createIndexRun } from '../../../src/live/tiers/index-run.ts'
import type { TierDeps, TierRun, TierSettings } from '../../../src/live/tiers/tier.ts'
import type { Sink } from '../../../src/sinks/sink.ts'
import { SECOND } from '../../../src/time.ts'
import { createTopicBroker, type MemoryBroker, nextTurn } from '../../kafka/memory-bus.ts'
import { idOf, madeEvent, START } from '../../store/made-events.ts'
import { createListLog, type Logged, until } from '../collectors/workshop.ts'

export const EVENTS = 'p.events'
export const PARTITIONS = 4

export type ListSink = Sink & {
  /** Ids, in the order they were accepted. */
  readonly ids: string[]
  /** Texts by id. */
  readonly texts: Map<string, string>
  /** Calls of `deliver` that fail from now on. */
  failing: number
  /** Turns of the event loop that each call takes. */
  turns: number
  /** Calls of `deliver` wait until it is called. */
  hold(): () => void
}

/** Keeps what it is given, as text. */
export function createListSink(name = 'list', keepsLedger = true): ListSink {
  const writer = createEventWriter()
  const ids: string[] = []
  const texts = new Map<string, string>()
  let held: Promise<void> = Promise.resolve()
  const sink: ListSink = {
    name,
    keepsLedger,
    ids,
    texts,
    failing: 0,
    turns: 0,
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return resolve
    },
    async deliver(events) {
      await held
      for (let turn = 0; turn < sink.turns; turn++) await nextTurn()
      if (sink.failing > 0) {
        sink.failing--
        throw new Error('it takes nothing')
      }
      for (const event of events) {
        const id = event.own['event.id'] ?? ''
        ids.push(id)
        texts.set(id, writer.toBytes(event).toString('latin1').trimEnd())
      }
    },
    position: () => '',
    async close() {},
  }
  return sink
}

/** The nth document, as an agent makes it. */
export function documentEvent(n: number, dataset: Dataset = 'wireguard.firewall'): Event {
  const event = madeEvent(n, START + n * SECOND, dataset)
  return { ...event, own: { ...event.own, 'event.dataset': dataset } }
}

export const textOf = (n: number, dataset?: Dataset): string => printEvent(documentEvent(n, dataset))

/** The nth document as a message, in the partition it is told to be in. */
export function messageOf(n: number, dataset?: Dataset, partition = n % PARTITIONS): Outgoing {
  return { ...documentMessage(documentEvent(n, dataset), EVENTS, PARTITIONS, createEventWriter()), partition }
}

export type Indexer = { readonly tier: TierRun; readonly running: Promise<void>; readonly logged: readonly Logged[] }

export type IndexPlace = {
  readonly broker: MemoryBroker
  produce(from: number, to: number): Promise<void>
  send(...messages: readonly Outgoing[]): Promise<void>
  /** Runs it as a process of that name. */
  start(
    name: string,
    sinks: readonly Sink[],
    limits?: Partial<IndexLimits>,
    step?: (name: string) => void,
  ): Promise<Indexer>
  /** Offsets by partition, -1 = none. */
  committed(): Promise<readonly number[]>
  ends(): readonly number[]
}

export const settingsOf = (config = emptyPipeline()): TierSettings => ({
  path: 'index.yaml',
  base: '.',
  machine: 'indexer',
  tier: 'index',
  kafka: {
    brokers: ['kafka:9092'],
    driver: 'kafkajs',
    prefix: 'p',
    compression: 'none',
    patience: 60 * SECOND,
    tls: null,
    sasl: null,
  },
  config,
  inventory: parseInventory('version: 1\n', 'inventory.yaml'),
  findings: { rules: [] },
  stateDir: '.',
})

export function openIndexPlace(batchMax = 100): IndexPlace {
  const broker = createTopicBroker('p', PARTITIONS, { batchMax })
  const bus = broker.connect('agent')
  const send = async (messages: readonly Outgoing[]): Promise<void> => {
    const producer = await bus.producer()
    await producer.send(messages)
    await producer.close()
  }
  return {
    broker,
    send: (...messages) => send(messages),
    produce: (from, to) => send(Array.from({ length: to - from }, (_, i) => messageOf(from + i))),
    async start(name, sinks, limits = {}, step = () => {}) {
      const own = broker.connect(name)
      const { log, logged } = createListLog()
      const deps: TierDeps = {
        bus: own,
        now: () => START,
        log,
        environment: {},
        hide: () => {},
        random: () => 0.5,
        step,
      }
      const [producer, admin] = await Promise.all([own.producer(), own.admin()])
      const settings = settingsOf()
      const origins = new WeakMap()
      const tier = createIndexRun({
        settings,
        deps,
        producer,
        admin,
        sinks,
        origins,
        limits: { ...INDEX_LIMITS, ...limits },
      })
      const running = tier.run()
      // Looked at by the test in the end.
      running.catch(() => {})
      return { tier, running, logged }
    },
    committed: async () => (await bus.admin()).committed('p.index', EVENTS),
    ends: () => Array.from({ length: PARTITIONS }, (_, partition) => broker.log.end(EVENTS, partition)),
  }
}

export const idsOf = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => idOf(from + i))

/** What lies before the committed offsets. */
export async function committedCount(place: IndexPlace): Promise<number> {
  const committed = await place.committed()
  return committed.reduce((sum, offset) => sum + Math.max(0, offset), 0)
}

export async function untilCommitted(place: IndexPlace, count: number): Promise<void> {
  let known = 0
  await until(() => {
    committedCount(place).then(
      (now) => {
        known = now
      },
      () => {},
    )
    return known >= count
  }, `${count} messages committed`)
}

/** Documents that may come on top of what is bounded: a batch of each partition on its way, and one before the group is joined. */
export const AHEAD = 2 * 10 * PARTITIONS

/** A sink that is held answers nothing: what else is to happen has happened then. */
export async function standstill(): Promise<void> {
  for (let i = 0; i < 200; i++) await nextTurn()
}

export function waitingOf(tier: TierRun): number {
  return tier.status().partitions.reduce((sum, { waiting }) => sum + waiting, 0)
}
