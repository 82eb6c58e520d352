/** What the checks of the bus contract share: a bus on a broker, topics, numbered messages, and reading a topic whole. */
import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { AppError } from '../../src/errors.ts'
import type { Admin, Bus, BusConnection, Headers, Incoming, Outgoing } from '../../src/kafka/bus.ts'
import { type BusDriver, openBus } from '../../src/kafka/open-bus.ts'
import type { SuiteContext } from './suite.ts'
import { waitFor } from './wait-for.ts'

export type Checks = Pick<SuiteContext, 'proved' | 'equal' | 'ensure'>

export type BusGround = {
  readonly driver: BusDriver
  readonly connection: BusConnection
  readonly bus: Bus
  readonly admin: Admin
  readonly checks: Checks
  /** A new topic; its name. */
  topic(partitions: number, configs?: Headers): Promise<string>
  /** Another name each time, for groups. */
  name(): string
}

export function connectionTo(address: string, more: Partial<BusConnection> = {}): BusConnection {
  return { brokers: [address], clientId: 'bus-contract', tls: null, sasl: null, compression: 'none', ...more }
}

/** `prefix`: of all names. */
export async function openGround(
  driver: BusDriver,
  connection: BusConnection,
  prefix: string,
  checks: Checks,
): Promise<BusGround> {
  const bus = await openBus(driver, connection)
  const admin = await bus.admin()
  const name = () => `${prefix}.${randomBytes(4).toString('hex')}`
  return {
    driver,
    connection,
    bus,
    admin,
    checks,
    name,
    async topic(partitions, configs = {}) {
      const topic = name()
      await admin.create({ name: topic, partitions, replicas: 1, configs })
      return topic
    },
  }
}

/** A message that says its number in its value and, where that is null, in its key. */
export function numbered(topic: string, partition: number, n: number, bytes = 100): Outgoing {
  const value = n % 50 === 49 ? null : Buffer.from(`${n} ${'x'.repeat(Math.max(0, bytes - 8))}`)
  return { topic, partition, key: Buffer.from(`${n}`), value, headers: { 'event-id': `id-${n}`, kind: 'line' } }
}

export function numberOf({ key }: Incoming): number {
  return Number(key?.toString('latin1'))
}

/** Everything that lies in a topic now, by partition, in the order it came. */
export async function readWhole({ bus, admin }: BusGround, topic: string): Promise<readonly (readonly Incoming[])[]> {
  const [ends, begins] = [await admin.ends(topic), await admin.beginnings(topic)]
  const found = ends.map((): Incoming[] => [])
  const reader = await bus.read({
    topic,
    from: new Map(begins.map((begin, partition) => [partition, begin])),
    onMessages: async (messages) => {
      for (const message of messages) found[message.partition]?.push(message)
    },
    onTrouble: () => {},
  })
  const isWhole = () => ends.every((end, n) => end === begins[n] || (found[n]?.at(-1)?.offset ?? -1) >= end - 1)
  await waitFor(`${topic} is read to its ends`, isWhole, 60_000)
  await reader.close()
  return found
}

export type Counted = { readonly lost: number; readonly doubled: number; readonly disorder: number }

/** Against the numbers that were sent, in their order in each partition. `disorder`: first comings after a greater number's. */
export function countAgainst(sent: readonly (readonly number[])[], found: readonly (readonly number[])[]): Counted {
  let [lost, doubled, disorder] = [0, 0, 0]
  for (const [partition, numbers] of sent.entries()) {
    const seen = new Set<number>()
    let last = -1
    for (const n of found[partition] ?? []) {
      if (seen.has(n)) {
        doubled++
        continue
      }
      seen.add(n)
      if (n < last) disorder++
      last = Math.max(last, n)
    }
    lost += numbers.filter((n) => !seen.has(n)).length
  }
  return { lost, doubled, disorder }
}

/** The code of the AppError it rejects with; 'nothing' when it does not reject. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await failureOf(promise)
  if (error === null) return 'nothing'
  return error instanceof AppError ? error.code : inspect(error)
}

/** What it rejects with; null when it does not. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error ?? 'nothing at all',
  )
}
