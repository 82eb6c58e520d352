/** Tiers of toy cores before a broker in memory, machines that send to it, and what has to come out. */
import { emptyPipeline } from '../../../src/config.ts'
import type { Event } from '../../../src/event.ts'
import { parseInventory } from '../../../src/identity/inventory.ts'
import type { Bus, Incoming, Outgoing, Producer } from '../../../src/kafka/bus.ts'
import { HEADERS, SCHEMA_VERSION } from '../../../src/kafka/schema-version.ts'
import { openPartitionTier } from '../../../src/live/tiers/partition-tier.ts'
import type { TierDeps, TierRun, TierSettings } from '../../../src/live/tiers/tier.ts'
import { TIER_LIMITS, type TierLimits } from '../../../src/live/tiers/tier-limits.ts'
import type { PartitionTierSpec } from '../../../src/live/tiers/tier-making.ts'
import type { MachineProgress } from '../../../src/relay/messages.ts'
import { readProgress } from '../../../src/relay/read-message.ts'
import { writeMessage } from '../../../src/relay/write-message.ts'
import { HOUR, type Micros, SECOND } from '../../../src/time.ts'
import { type MemoryBroker, nextTurn } from '../../kafka/memory-bus.ts'
import { createListLog, type Logged } from '../collectors/workshop.ts'
import { createToyCore, type ToyMessage } from './toy-core.ts'

export const PREFIX = 'p'

/** Inventory of the machines of makeTapes. */
export function toyInventory(machines: number): string {
  const gateways = Array.from(
    { length: machines },
    (_, index) => `  - { name: gw${index}, interfaces: [wg0], sources: [nftables] }`,
  )
  return ['version: 1', 'gateways:', ...gateways, ''].join('\n')
}

/** Tiers' clocks run so much faster than the wall's: what they do every ten seconds is done here every fifth of one. */
const HASTE = 50

/** `first`: wall clock of the process at the beginning. */
export function fastClock(first: Micros = 0): () => Micros {
  const from = performance.now()
  return () => first + Math.round((performance.now() - from) * 1_000 * HASTE)
}

export const TOY_SPEC: PartitionTierSpec = {
  topics: ['flows', 'hosts'],
  stateTopic: 'correlator-state',
  tellsProgress: true,
  createCore: createToyCore,
  readProgress,
  printHosts: (message) => Buffer.from(writeMessage(message)),
}

export function tierSettings({
  patience = HOUR,
  machines = 4,
}: {
  patience?: Micros
  machines?: number
} = {}): TierSettings {
  return {
    path: 'pipeline.yaml',
    base: '.',
    machine: 'c1',
    tier: 'correlate',
    kafka: {
      brokers: ['127.0.0.1:9'],
      driver: 'kafkajs',
      prefix: PREFIX,
      compression: 'none',
      patience,
      tls: null,
      sasl: null,
    },
    config: emptyPipeline(),
    inventory: parseInventory(toyInventory(machines), 'inventory.yaml'),
    findings: { rules: [] },
    stateDir: '.',
  }
}

export type Opened = {
  readonly tier: TierRun
  readonly logged: Logged[]
  /** What `run` rejected with, null while it runs and when it ended well. */
  readonly failure: () => unknown
  readonly ended: Promise<void>
}

let seed = 1

/** Opens a tier and lets it run. */
export async function openToyTier(
  bus: Bus,
  {
    settings = tierSettings(),
    spec = TOY_SPEC,
    now = fastClock(),
    step = () => {},
    limits = TIER_LIMITS,
  }: {
    settings?: TierSettings
    spec?: PartitionTierSpec
    now?: () => Micros
    step?: (name: string) => void
    limits?: TierLimits
  } = {},
): Promise<Opened> {
  const { log, logged } = createListLog()
  const deps: TierDeps = { bus, now, log, environment: {}, hide() {}, random: seeded(seed++), step }
  const tier = await openPartitionTier(settings, deps, spec, limits)
  let failure: unknown = null
  const ended = tier.run().catch((error: unknown) => {
    failure = error
  })
  return { tier, logged, failure: () => failure, ended }
}

/** Different each time it is called, the same in each run of a test. */
export function seeded(from: number): () => number {
  let state = (from * 2_654_435_761) >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

export function toyOutgoing(message: ToyMessage, partition: number, topic = 'flows'): Outgoing {
  return {
    topic: `${PREFIX}.${topic}`,
    partition,
    key: Buffer.from(message.machine),
    value: Buffer.from(JSON.stringify(message)),
    headers: { [HEADERS.schema]: String(SCHEMA_VERSION), [HEADERS.kind]: message.kind },
  }
}

export function progressOutgoing(machine: string, reached: Micros, isFinished = false): Outgoing {
  const message: MachineProgress = {
    kind: 'machine',
    machine,
    reached,
    settled: reached,
    isFinished,
    sources: {},
    masks: [],
    ownAddresses: [],
  }
  return {
    topic: `${PREFIX}.progress`,
    partition: 0,
    key: Buffer.from(machine),
    value: Buffer.from(writeMessage(message)),
    headers: { [HEADERS.schema]: String(SCHEMA_VERSION), [HEADERS.kind]: 'machine' },
  }
}

/** One machine's messages, each with the partition it goes to, in the order of their positions. */
export type MachineTape = {
  readonly machine: string
  readonly messages: readonly (readonly [ToyMessage, number, string])[]
}

/** Behind everything that machines send. */
export const TAPE_END: Micros = 40 * SECOND

export function makeTapes(random: () => number, machines: number, count: number, partitions: number): MachineTape[] {
  return Array.from({ length: machines }, (_, index) => {
    const machine = `gw${index}`
    const times = Array.from({ length: count }, () => Math.floor((random() * (TAPE_END - 5 * SECOND)) / 1_000) * 1_000)
    const messages = times
      .sort((a, b) => a - b)
      .map((at, n) => {
        const to = Math.floor(random() * partitions)
        // A partition tells others, never itself.
        const other = (to + 1 + Math.floor(random() * (partitions - 1))) % partitions
        const hop = random() < 0.1 ? other : -1
        const message: ToyMessage = { kind: 'toy', machine, at, n, amount: Math.floor(random() * 1_000), hop }
        return [message, to, random() < 0.5 ? 'flows' : 'hosts'] as const
      })
    return { machine, messages }
  })
}

/** An agent: sends its tape in pieces, data first, then how far it got; some pieces twice. */
export function createToyAgent(producer: Producer, { machine, messages }: MachineTape, random: () => number) {
  let next = 0

  /** The same again until it is acknowledged. */
  async function send(piece: readonly Outgoing[]): Promise<void> {
    const isSent = await producer.send(piece).then(
      () => true,
      () => false,
    )
    if (!isSent) await send(piece)
  }

  return {
    /** Whether all of it is told. */
    async step(): Promise<boolean> {
      if (next > messages.length) return true
      const count = 1 + Math.floor(random() * 20)
      const piece = messages.slice(next, next + count).map(([message, to, topic]) => toyOutgoing(message, to, topic))
      if (piece.length > 0) await send(piece)
      // Killed before it knew: the same again.
      if (random() < 0.1 && piece.length > 0) await send(piece)
      next += count
      const following = messages[next]?.[0].at ?? TAPE_END
      await send([progressOutgoing(machine, following)])
      return next > messages.length
    },
  }
}

/** What one process that sees everything at once makes of the tapes: texts by id. */
export function expectedOf(tapes: readonly MachineTape[], partitions: number): Map<string, string> {
  const made = new Map<string, string>()
  const cores = Array.from({ length: partitions }, (_, partition) =>
    createToyCore(
      { partition, partitions },
      {
        emit: (event) => void made.set(...entryOf(event)),
        send: (to, message) => cores[to]?.take(inputOf(Buffer.from(writeMessage(message)))),
      },
    ),
  )
  for (const { machine, messages } of tapes) {
    for (const [message, to] of messages) cores[to]?.take(inputOf(Buffer.from(JSON.stringify(message))))
    for (const core of cores) core.progress(JSON.parse(String(progressOutgoing(machine, TAPE_END).value)))
  }
  for (let isBusy = true; isBusy; ) {
    isBusy = false
    for (const [partition, core] of cores.entries()) {
      const { reached } = core
      core.advance(Number.POSITIVE_INFINITY, { expected: new Set(), givenUp: new Set() })
      isBusy ||= core.reached > reached
      for (const other of cores) other.progress({ kind: 'partition', partition, reached: core.reached })
    }
  }
  return made
}

/** Texts by id of what stands in the topic of events; throws when one id stands for two. */
export function foundIn(broker: MemoryBroker): Map<string, string> {
  const found = new Map<string, string>()
  for (const { value } of broker.all(`${PREFIX}.events`)) {
    const document = JSON.parse(String(value))
    const [id, text] = [String(document.event.id), String(document.event.original)]
    if ((found.get(id) ?? text) !== text) throw new Error(`${id} stands for ${found.get(id)} and ${text}`)
    found.set(id, text)
  }
  return found
}

export function lettersIn(broker: MemoryBroker): readonly Incoming[] {
  return broker.all(`${PREFIX}.deadletters`)
}

/** Looks until it is so; the test's own time limit ends it, and a tier that failed. */
export async function until(isSo: () => boolean, ...opened: readonly Opened[]): Promise<void> {
  while (!isSo()) {
    for (const { failure } of opened) if (failure() !== null) throw failure()
    await nextTurn()
  }
}

function inputOf(value: Buffer) {
  return { topic: 'flows', value, headers: {} }
}

function entryOf({ own }: Event): [string, string] {
  return [own['event.id'] ?? '', own['event.original'] ?? '']
}
