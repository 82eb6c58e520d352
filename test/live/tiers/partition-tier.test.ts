/** A tier of toy cores over a broker in memory: what it does with poison, newer messages, retention, silence, and at its end. */
import { expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import { readLetter } from '../../../src/kafka/dead-letter.ts'
import { MARK_HEADER, MARKED_TOPICS, printMark, readMark, takeMark } from '../../../src/kafka/marks.ts'
import { HEADERS, SCHEMA_VERSION } from '../../../src/kafka/schema-version.ts'
import { MINUTE, SECOND } from '../../../src/time.ts'
import { createTopicBroker, type MemoryBroker, nextTurn } from '../../kafka/memory-bus.ts'
import {
  createToyAgent,
  expectedOf,
  foundIn,
  lettersIn,
  type MachineTape,
  makeTapes,
  type Opened,
  openToyTier,
  PREFIX,
  progressOutgoing,
  seeded,
  TAPE_END,
  TOY_SPEC,
  tierSettings,
  toyOutgoing,
  until,
} from './tier-place.ts'
import { createToyCore } from './toy-core.ts'

const PARTITIONS = 3
const MACHINES = 4

async function tell(broker: MemoryBroker, tapes: readonly MachineTape[], random: () => number): Promise<void> {
  const producer = await broker.connect('agents').producer()
  const agents = tapes.map((tape) => createToyAgent(producer, tape, random))
  for (let isDone = false; !isDone; ) isDone = (await Promise.all(agents.map((agent) => agent.step()))).every(Boolean)
}

async function stop(opened: Opened): Promise<void> {
  opened.tier.stop()
  await opened.ended
}

function made(seed: number) {
  const random = seeded(seed)
  const broker = createTopicBroker(PREFIX, PARTITIONS)
  const tapes = makeTapes(random, MACHINES, 120, PARTITIONS)
  return { random, broker, tapes, expected: expectedOf(tapes, PARTITIONS) }
}

test('a tier makes of what machines sent what one process would have made of it', async () => {
  const { broker, tapes, expected, random } = made(7)
  const opened = await openToyTier(broker.connect('c1'))
  await tell(broker, tapes, random)
  await until(() => foundIn(broker).size >= expected.size, opened)
  const { partitions, machines, counts, trouble } = opened.tier.status()
  expect(partitions.map(({ partition, waiting }) => [partition, waiting])).toEqual([
    [0, 0],
    [1, 0],
    [2, 0],
  ])
  expect(machines.map(({ machine, reached }) => [machine, reached])).toEqual(
    tapes.map(({ machine }) => [machine, TAPE_END]),
  )
  expect(counts).toMatchObject({ lost: 0, unproven: 0, 'dead letters': 0, restores: PARTITIONS })
  expect(trouble).toBe('')
  await stop(opened)
  expect(opened.failure()).toBeNull()
  expect(foundIn(broker)).toEqual(expected)
})

test('who stops leaves its state, its offsets and how far it got: the next one makes nothing anew', async () => {
  const { broker, tapes, expected, random } = made(8)
  const first = await openToyTier(broker.connect('c1'))
  await tell(broker, tapes, random)
  await until(() => foundIn(broker).size >= expected.size, first)
  await stop(first)
  const count = broker.all(`${PREFIX}.events`).length
  const admin = await broker.connect('looker').admin()
  const flows = `${PREFIX}.flows`
  expect(await admin.committed(`${PREFIX}.correlate`, flows)).toEqual(await admin.ends(flows))
  const second = await openToyTier(broker.connect('c2'))
  await until(() => second.tier.status().partitions.length === PARTITIONS, second)
  await stop(second)
  expect(broker.all(`${PREFIX}.events`).length).toBe(count)
})

test('everybody is waited for before anything is made', async () => {
  const { broker, tapes, expected, random } = made(9)
  const opened = await openToyTier(broker.connect('c1'))
  await tell(broker, tapes.slice(1), random)
  await until(() => opened.tier.status().partitions.every(({ waiting }) => waiting > 0), opened)
  expect(opened.tier.status().partitions[0]?.waitingFor).toBe('gw0: has not spoken yet')
  expect(foundIn(broker).size).toBe(0)
  await tell(broker, tapes.slice(0, 1), random)
  await until(() => foundIn(broker).size >= expected.size, opened)
  await stop(opened)
  expect(foundIn(broker)).toEqual(expected)
})

test('a machine that never speaks is waited for only so long, and that is said', async () => {
  const { broker, tapes, random } = made(10)
  const opened = await openToyTier(broker.connect('c1'), { settings: tierSettings({ patience: 20 * SECOND }) })
  await tell(broker, tapes.slice(1), random)
  const expected = expectedOf(tapes.slice(1), PARTITIONS)
  const producer = await broker.connect('agents').producer()
  // The others go on saying that they are there.
  while (foundIn(broker).size < expected.size)
    await producer.send(tapes.slice(1).map(({ machine }) => progressOutgoing(machine, TAPE_END)))
  expect(foundIn(broker)).toEqual(expected)
  expect(opened.logged.filter(({ fields }) => fields['about'] === 'gw0')).toMatchObject([{ level: 'warn' }])
  await stop(opened)
})

test('a machine that falls silent is given up, and waited for again when it speaks', async () => {
  const broker = createTopicBroker(PREFIX, 1)
  const settings = tierSettings({ patience: 20 * SECOND, machines: 2 })
  const producer = await broker.connect('agents').producer()
  const toy = (machine: string, at: number, n: number) =>
    toyOutgoing({ kind: 'toy', machine, at, n, amount: 1, hop: -1 }, 0)
  await producer.send([toy('gw0', SECOND, 0), toy('gw1', SECOND, 0)])
  await producer.send([progressOutgoing('gw0', 2 * SECOND), progressOutgoing('gw1', 2 * SECOND)])
  const opened = await openToyTier(broker.connect('c1'), { settings })
  const isGivenUp = () => opened.tier.status().machines.map((each) => each.isGivenUp)
  await until(() => isGivenUp()[0] === true, opened)
  // Only gw1 goes on telling: what it sends is not held up by the other.
  await producer.send([toy('gw1', 3 * SECOND, 1)])
  await producer.send([progressOutgoing('gw1', 4 * SECOND)])
  await until(() => foundIn(broker).size === 3, opened)
  await producer.send([progressOutgoing('gw0', 4 * SECOND)])
  await until(() => isGivenUp()[0] === false, opened)
  await stop(opened)
})

test('while the brokers are away nobody loses patience', async () => {
  const broker = createTopicBroker(PREFIX, 1)
  const settings = tierSettings({ patience: 30 * SECOND, machines: 1 })
  const producer = await broker.connect('agents').producer()
  await producer.send([progressOutgoing('gw0', SECOND)])
  let wall = 0
  const opened = await openToyTier(broker.connect('c1'), { settings, now: () => wall })
  await until(() => opened.tier.status().machines.length === 1, opened)
  const isAway = () => opened.tier.status().trouble !== ''
  broker.down()
  for (let seconds = 0; seconds < 120; seconds++) {
    wall += SECOND
    if (seconds === 1) await until(isAway, opened)
    await nextTurn()
  }
  broker.up()
  wall += SECOND
  await until(() => !isAway(), opened)
  expect(opened.tier.status().machines[0]?.isGivenUp).toBe(false)
  await stop(opened)
})

test('poison goes to the dead letters with its reason, and the partition goes on', async () => {
  const { broker, tapes, expected, random } = made(11)
  const producer = await broker.connect('strangers').producer()
  const poison = (value: string | null, headers = {}) => ({
    topic: `${PREFIX}.flows`,
    partition: 1,
    key: Buffer.from('x'),
    value: value === null ? null : Buffer.from(value),
    headers,
  })
  const ours = { [HEADERS.schema]: String(SCHEMA_VERSION) }
  await producer.send([
    poison('no header'),
    poison('{"kind":"other"}', ours),
    poison('{', ours),
    poison(null, ours),
    poison('{}', { [HEADERS.schema]: 'ten' }),
    { ...poison('nothing', ours), topic: `${PREFIX}.progress`, partition: 0 },
  ])
  const opened = await openToyTier(broker.connect('c1'))
  await tell(broker, tapes, random)
  await until(() => foundIn(broker).size >= expected.size, opened)
  await until(() => lettersIn(broker).length >= 5, opened)
  const letters = lettersIn(broker).map((each) => readLetter(each))
  expect(new Map(letters.map((letter) => [`${letter?.topic} ${letter?.offset}`, letter?.reason]))).toEqual(
    new Map([
      ['p.flows 0', 'no schema version: not written by peertrail'],
      ['p.flows 1', 'kind unknown'],
      ['p.flows 2', expect.stringContaining('JSON')],
      ['p.flows 3', 'no value'],
      ['p.flows 4', 'schema version "ten" is none'],
      ['p.progress 0', expect.any(String)],
    ]),
  )
  expect(opened.tier.status().counts['dead letters']).toBe(5)
  await stop(opened)
  expect(foundIn(broker)).toEqual(expected)
})

test.each(['flows', 'progress'])('a newer message in %s stops the tier, and nothing is skipped', async (what) => {
  const broker = createTopicBroker(PREFIX, PARTITIONS)
  const producer = await broker.connect('agents').producer()
  const topic = `${PREFIX}.${what}`
  const headers = { [HEADERS.schema]: String(SCHEMA_VERSION + 1) }
  await producer.send([{ topic, partition: 0, key: Buffer.from('x'), value: Buffer.from('{}'), headers }])
  const opened = await openToyTier(broker.connect('c1'))
  await opened.ended
  const failure = opened.failure()
  expect(failure).toBeInstanceOf(AppError)
  expect(failure).toMatchObject({
    code: 'newer-message',
    message: expect.stringContaining(`${topic}, partition 0, offset 0`),
  })
  const admin = await broker.connect('looker').admin()
  expect(await admin.committed(`${PREFIX}.correlate`, `${PREFIX}.flows`)).toEqual([-1, -1, -1])
  expect(lettersIn(broker)).toEqual([])
})

test('messages that retention removed before they were read are said, and do not hold it up', async () => {
  const { broker, tapes, expected, random } = made(12)
  const first = await openToyTier(broker.connect('c1'))
  await tell(broker, tapes, random)
  await until(() => foundIn(broker).size >= expected.size, first)
  await stop(first)
  const flows = `${PREFIX}.flows`
  const read = [0, 1].map((partition) => broker.log.end(flows, partition))
  const producer = await broker.connect('agents').producer()
  const more = Array.from(
    { length: 10 },
    (_, n) => ({ kind: 'toy', machine: 'gw0', at: TAPE_END, n, amount: 1, hop: -1 }) as const,
  )
  await producer.send([...more.map((each) => toyOutgoing(each, 0)), ...more.map((each) => toyOutgoing(each, 1))])
  await producer.send(tapes.map(({ machine }) => progressOutgoing(machine, TAPE_END + SECOND)))
  // All of partition 0, and some of partition 1.
  broker.log.trim(flows, 0, (read[0] ?? 0) + 10)
  broker.log.trim(flows, 1, (read[1] ?? 0) + 4)
  const second = await openToyTier(broker.connect('c2'))
  const isWorkedOff = () => second.tier.status().partitions.filter(({ reached }) => reached > TAPE_END)
  await until(() => isWorkedOff().length === PARTITIONS, second)
  await until(() => foundIn(broker).size >= expected.size + 6, second)
  expect(second.tier.status().counts['lost']).toBe(14)
  // Which partition begins first is chance.
  const said = second.logged.filter(({ level }) => level === 'error').map(({ text }) => text)
  expect(said.sort()).toEqual([
    'partition 0: 10 messages were removed before they were read (retention)',
    'partition 1: 4 messages were removed before they were read (retention)',
  ])
  expect(foundIn(broker).size).toBe(expected.size + 6)
  await stop(second)
})

test('topics that were made anew are read from their beginning', async () => {
  const { broker, tapes, expected, random } = made(15)
  const first = await openToyTier(broker.connect('c1'))
  await tell(broker, tapes, random)
  await until(() => foundIn(broker).size >= expected.size, first)
  await stop(first)
  for (const what of ['flows', 'hosts', 'progress']) {
    const topic = `${PREFIX}.${what}`
    const state = broker.log.describe(topic)
    broker.log.remove(topic)
    if (state !== null) broker.log.create(state)
  }
  const producer = await broker.connect('agents').producer()
  await producer.send([
    toyOutgoing({ kind: 'toy', machine: 'gw0', at: TAPE_END, n: 500, amount: 1, hop: -1 }, 0),
    toyOutgoing({ kind: 'toy', machine: 'gw0', at: TAPE_END, n: 501, amount: 1, hop: -1 }, 1),
  ])
  await producer.send(tapes.map(({ machine }) => progressOutgoing(machine, TAPE_END + SECOND)))
  const second = await openToyTier(broker.connect('c2'))
  await until(() => foundIn(broker).size >= expected.size + 2, second)
  expect(second.logged.filter(({ text }) => text.includes('ends before what was read of it')).length).toBeGreaterThan(3)
  await stop(second)
})

test('marks are left for who comes later', async () => {
  const { broker, tapes, expected, random } = made(13)
  const opened = await openToyTier(broker.connect('c1'))
  await tell(broker, tapes, random)
  await until(() => foundIn(broker).size >= expected.size, opened)
  await stop(opened)
  const marks = broker.all(`${PREFIX}.progress`).flatMap(({ headers }) => headers[MARK_HEADER] ?? [])
  expect(marks.length).toBeGreaterThan(0)
  for (const mark of marks) expect([...(readMark(mark)?.ends.keys() ?? [])]).toEqual(['flows', 'hosts', 'events'])
})

test('missing topics, and topics that are not divided alike, are said', async () => {
  const broker = createTopicBroker(PREFIX, PARTITIONS)
  broker.log.grow(`${PREFIX}.flows`, PARTITIONS + 1)
  await expect(openToyTier(broker.connect('c1'))).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('p.flows 4, p.hosts 3'),
  })
  broker.log.remove(`${PREFIX}.flows`)
  await expect(openToyTier(broker.connect('c2'))).rejects.toMatchObject({
    message: 'topics are missing: p.flows',
    advice: expect.stringContaining('install kafka'),
  })
})

test('a broker that refuses for good ends the tier', async () => {
  const { broker, tapes, random } = made(14)
  const opened = await openToyTier(broker.connect('c1'), { settings: tierSettings({ patience: MINUTE }) })
  broker.log.remove(`${PREFIX}.events`)
  await tell(broker, tapes, random)
  await opened.ended
  expect(opened.failure()).toMatchObject({ code: 'refused' })
})

test('memory is bounded: who is too far behind the others is waited for no longer, and comes in again later', async () => {
  const broker = createTopicBroker(PREFIX, 1)
  const producer = await broker.connect('agents').producer()
  const toy = (machine: string, n: number) =>
    toyOutgoing({ kind: 'toy', machine, at: (n + 1) * SECOND, n, amount: n, hop: -1 }, 0)
  const settings = tierSettings({ machines: 2 })
  const limits = { waiting: 20, waitingHard: 50, held: 1_000 }
  const opened = await openToyTier(broker.connect('c1'), { settings, limits })
  await producer.send([progressOutgoing('gw0', 5 * SECOND)])
  for (let n = 0; n < 200; n++) {
    await producer.send([toy('gw1', n)])
    await producer.send([progressOutgoing('gw1', (n + 1) * SECOND), progressOutgoing('gw0', 5 * SECOND)])
  }
  await until(() => foundIn(broker).size > 150, opened)
  expect(opened.logged.filter(({ fields }) => fields['about'] === 'gw0')[0]).toMatchObject({ level: 'error' })
  // When the others are worked off it is waited for again.
  await until(() => opened.logged.some(({ text }) => text === '"gw0" is waited for again'), opened)
  await stop(opened)
})

test('what waits for memory alone is not read, and what somebody told of is', async () => {
  const broker = createTopicBroker(PREFIX, 1)
  const producer = await broker.connect('agents').producer()
  const toy = (machine: string, n: number) =>
    toyOutgoing({ kind: 'toy', machine, at: (n + 1) * SECOND, n, amount: n, hop: -1 }, 0)
  const settings = tierSettings({ machines: 2 })
  const limits = { waiting: 10, waitingHard: Number.POSITIVE_INFINITY, held: 1_000 }
  const opened = await openToyTier(broker.connect('c1'), { settings, limits })
  const waiting = () => opened.tier.status().partitions[0]?.waiting ?? 0
  const lag = () => opened.tier.status().partitions[0]?.lag['flows'] ?? 0
  let count = 0
  // Told of by nobody; it notices between two turns.
  while (lag() === 0) {
    await producer.send([toy('gw1', count++)])
    await broker.idle()
  }
  expect(waiting()).toBeGreaterThan(10)
  const reached = (count + 1) * SECOND
  await producer.send([progressOutgoing('gw1', reached), progressOutgoing('gw0', reached)])
  await until(() => foundIn(broker).size === count, opened)
  await stop(opened)
})

test('what waited while the tier was away goes through it in pieces, where marks were left', async () => {
  const broker = createTopicBroker(PREFIX, 1, { batchMax: 20 })
  const producer = await broker.connect('agents').producer()
  const admin = await broker.connect('agents').admin()
  const count = 2_000
  for (let n = 0; n < count; n++) {
    const at = (n + 1) * SECOND
    await producer.send([
      toyOutgoing({ kind: 'toy', machine: n % 2 === 0 ? 'gw0' : 'gw1', at, n, amount: n, hop: -1 }, 0),
    ])
    const [first, second] = ['gw0', 'gw1'].map((machine) => progressOutgoing(machine, at + 1))
    if (first === undefined || second === undefined) throw new Error('two machines tell')
    const left = n % 20 === 0 ? { [MARK_HEADER]: printMark(await takeMark(admin, PREFIX, MARKED_TOPICS)) } : {}
    await producer.send([first, { ...second, headers: { ...second.headers, ...left } }])
  }
  let most = 0
  const spec: typeof TOY_SPEC = {
    ...TOY_SPEC,
    createCore(...of) {
      const core = createToyCore(...of)
      return {
        ...core,
        take(input) {
          core.take(input)
          most = Math.max(most, core.waiting)
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
  const limits = { waiting: 100, waitingHard: Number.POSITIVE_INFINITY, held: 1_000 }
  const opened = await openToyTier(broker.connect('c1'), { settings: tierSettings({ machines: 2 }), spec, limits })
  await until(() => foundIn(broker).size === count, opened)
  await stop(opened)
  expect(most).toBeLessThan(count / 5)
})
