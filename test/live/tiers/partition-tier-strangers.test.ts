/** What others may write into the progress topic, and what must not come of it; what fails while a tier begins. */
import { expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import type { Outgoing } from '../../../src/kafka/bus.ts'
import { MARK_HEADER } from '../../../src/kafka/marks.ts'
import { restoreSnapshot } from '../../../src/live/tiers/snapshots.ts'
import { DAY, type Micros, SECOND } from '../../../src/time.ts'
import { createTopicBroker, type MemoryBroker, nextTurn } from '../../kafka/memory-bus.ts'
import { createListLog } from '../collectors/workshop.ts'
import {
  foundIn,
  openToyTier,
  PREFIX,
  progressOutgoing,
  TOY_SPEC,
  tierSettings,
  toyOutgoing,
  until,
} from './tier-place.ts'
import { createToyCore } from './toy-core.ts'

const COUNT = 600
const SETTINGS = tierSettings({ machines: 1 })

/** A machine that has told all of its messages, and behind the first progress what somebody else told. */
async function toldWith(stranger: Outgoing): Promise<MemoryBroker> {
  const broker = createTopicBroker(PREFIX, 1, { batchMax: 5 })
  const producer = await broker.connect('agents').producer()
  await producer.send([progressOutgoing('gw0', 1), stranger])
  for (let n = 0; n < COUNT; n++) {
    const at: Micros = (n + 1) * SECOND
    await producer.send([toyOutgoing({ kind: 'toy', machine: 'gw0', at, n, amount: n, hop: -1 }, 0)])
    if (n % 50 === 49) await producer.send([progressOutgoing('gw0', at + 1)])
  }
  return broker
}

test.each([
  ['speaks of what is told after it', { [MARK_HEADER]: '999999999999999 flows=0 hosts=0' }],
  ['can be read by nobody', { [MARK_HEADER]: 'x flows=,' }],
])('a mark that %s proves nothing', async (_, headers) => {
  const stranger = progressOutgoing('gw0', 2)
  const broker = await toldWith({ ...stranger, headers: { ...stranger.headers, ...headers } })
  const opened = await openToyTier(broker.connect('c1'), { settings: SETTINGS })
  await until(() => opened.tier.status().partitions[0]?.reached === COUNT * SECOND + 1, opened)
  expect(opened.tier.status().counts).toMatchObject({ repeated: 0, unproven: 0 })
  opened.tier.stop()
  await opened.ended
  expect(foundIn(broker).size).toBe(COUNT)
})

test('a machine that tells of a far future is not believed, and that is said once', async () => {
  const broker = await toldWith(progressOutgoing('gw0', 400 * DAY, true))
  const producer = await broker.connect('agents').producer()
  await producer.send([progressOutgoing('gw0', 400 * DAY), progressOutgoing('gw0', COUNT * SECOND + 2)])
  const opened = await openToyTier(broker.connect('c1'), { settings: SETTINGS })
  await until(() => opened.tier.status().partitions[0]?.reached === COUNT * SECOND + 2, opened)
  expect(opened.tier.status()).toMatchObject({
    counts: { repeated: 0, 'progress ahead of the clock': 2 },
    machines: [{ machine: 'gw0', reached: COUNT * SECOND + 2 }],
  })
  expect(opened.logged.filter(({ text }) => text.includes('ahead of the clock'))).toMatchObject([
    { level: 'warn', fields: { about: 'gw0' } },
  ])
  opened.tier.stop()
  await opened.ended
  expect(foundIn(broker).size).toBe(COUNT)
})

test('a clock of this process that is behind believes what lies near what it has heard', async () => {
  const broker = await toldWith(progressOutgoing('gw0', DAY / 2))
  const producer = await broker.connect('agents').producer()
  await producer.send([progressOutgoing('gw0', DAY), progressOutgoing('gw0', DAY * 1.5)])
  const opened = await openToyTier(broker.connect('c1'), { settings: SETTINGS, now: () => 0 })
  await until(() => opened.tier.status().machines[0]?.reached === DAY * 1.5, opened)
  opened.tier.stop()
  await opened.ended
})

test('a restore that was given up before it could read leaves nothing behind', async () => {
  const broker = createTopicBroker(PREFIX, 1)
  const bus = broker.connect('c1')
  const [producer, admin] = [await bus.producer(), await bus.admin()]
  const topic = `${PREFIX}.correlator-state`
  await producer.send([{ topic, partition: 0, key: Buffer.from('x'), value: Buffer.from('1'), headers: {} }])
  const stopping = new AbortController()
  const cut = { ...bus, read: () => Promise.reject(new Error('the connection was cut')) }
  const { log } = createListLog()
  await expect(restoreSnapshot({ bus: cut, admin, producer, log, signal: stopping.signal }, topic, 0)).rejects.toThrow(
    'cut',
  )
  const unhandled: unknown[] = []
  const note = (reason: unknown): number => unhandled.push(reason)
  process.on('unhandledRejection', note)
  stopping.abort()
  await nextTurn()
  await nextTurn()
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

test('who is refused one of its connections closes the other', async () => {
  const bus = createTopicBroker(PREFIX, 1).connect('c1')
  let closed = 0
  const refusing = {
    ...bus,
    async producer() {
      const producer = await bus.producer()
      return {
        ...producer,
        close() {
          closed++
          return producer.close()
        },
      }
    },
    admin: () => Promise.reject(new AppError('refused', 'no rights')),
  }
  await expect(openToyTier(refusing)).rejects.toMatchObject({ code: 'refused' })
  expect(closed).toBe(1)
})

test('large messages fill the memory sooner', async () => {
  const broker = createTopicBroker(PREFIX, 1)
  const producer = await broker.connect('agents').producer()
  const settings = tierSettings({ machines: 2 })
  const limits = { waiting: 2_000, waitingHard: Number.POSITIVE_INFINITY, held: 1_000 }
  const opened = await openToyTier(broker.connect('c1'), { settings, limits })
  const partition = () => opened.tier.status().partitions[0]
  // The machine told nothing of it, and another is waited for.
  for (let n = 0; (partition()?.lag['flows'] ?? 0) === 0; n++) {
    const message = toyOutgoing({ kind: 'toy', machine: 'gw1', at: (n + 1) * SECOND, n, amount: n, hop: -1 }, 0)
    const padding = Buffer.alloc(1024 * 1024, ' ')
    await producer.send([{ ...message, value: Buffer.concat([message.value ?? padding, padding]) }])
    await broker.idle()
  }
  expect(partition()?.waiting).toBeLessThan(200)
  opened.tier.stop()
  await opened.ended
})

test('with many partitions a round takes no longer than with one: the group is told that it lives', async () => {
  const partitions = 24
  const broker = createTopicBroker(PREFIX, partitions)
  const producer = await broker.connect('agents').producer()
  await producer.send([progressOutgoing('gw0', SECOND)])
  let most = 0
  const spec: typeof TOY_SPEC = {
    ...TOY_SPEC,
    createCore(...of) {
      const core = createToyCore(...of)
      return {
        ...core,
        advance(max, patience) {
          most = Math.max(most, max)
          return core.advance(max, patience)
        },
        get reached() {
          return core.reached
        },
        get waiting() {
          return core.waiting
        },
      }
    },
  }
  const opened = await openToyTier(broker.connect('c1'), { settings: SETTINGS, spec })
  const partitionsNow = () => opened.tier.status().partitions
  await until(() => partitionsNow().length === partitions, opened)
  most = 0
  await until(() => most > 0, opened)
  expect(most).toBeLessThanOrEqual(50)
  opened.tier.stop()
  await opened.ended
})
