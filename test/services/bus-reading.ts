/** The bus contract: administration, readers, and one member of a group by itself. */
import { scheduler } from 'node:timers/promises'
import type { Incoming, Member, MemberOptions, Producer } from '../../src/kafka/bus.ts'
import { type BusGround, codeOf, failureOf, numbered, numberOf } from './bus-ground.ts'
import { waitFor } from './wait-for.ts'

/** Longer than any session: who does not say that he lives is out of the group. */
const SLOW_MS = 35_000

const ascending = (a: number, b: number) => a - b

/** All of them. */
export async function checkReading(ground: BusGround): Promise<void> {
  const slow = slowHandler(ground)
  slow.catch(() => {})
  await administration(ground)
  await reader(ground)
  await places(ground)
  await pausing(ground)
  await ends(ground)
  await slow
}

async function administration(ground: BusGround): Promise<void> {
  const { admin, checks, bus } = ground
  const topic = ground.name()
  const state = { name: topic, partitions: 2, replicas: 1, configs: { 'retention.ms': '86400000' } }
  await admin.create(state)
  await admin.create(state)
  checks.equal('a topic is made once, and described as it was made', await admin.describe([ground.name(), topic]), [
    state,
  ])
  await admin.configure(topic, { 'cleanup.policy': 'compact' })
  await admin.grow(topic, 3)
  const configs = { 'retention.ms': '86400000', 'cleanup.policy': 'compact' }
  const [now] = await admin.describe([topic])
  checks.equal(
    'a setting leaves the others, partitions are added',
    { ...now, configs: { ...now?.configs } },
    {
      ...state,
      partitions: 3,
      configs,
    },
  )
  checks.equal('partitions cannot be taken away', await codeOf(admin.grow(topic, 1)), 'refused')
  const producer = await bus.producer()
  await producer.send([numbered(topic, 0, 1), numbered(topic, 2, 2), numbered(topic, 2, 3)])
  await producer.close()
  checks.equal(
    'ends and beginnings',
    [await admin.ends(topic), await admin.beginnings(topic)],
    [
      [1, 0, 2],
      [0, 0, 0],
    ],
  )
  const group = ground.name()
  checks.equal('a group that committed nothing', await admin.committed(group, topic), [-1, -1, -1])
  await admin.removeGroup(group)
  await admin.remove(topic)
  await admin.remove(topic)
  await waitFor('the topic is gone', async () => (await admin.describe([topic])).length === 0)
  checks.proved('a topic is removed')
}

async function reader(ground: BusGround): Promise<void> {
  const { bus, checks } = ground
  const topic = await ground.topic(3)
  const producer = await bus.producer()
  await producer.send([0, 1, 2, 3, 4, 5].map((n) => numbered(topic, n % 3, n)))
  const seen: number[] = []
  const troubles: string[] = []
  const one = await bus.read({
    topic,
    from: new Map([
      [0, 1],
      [2, 99],
    ]),
    onMessages: async (messages) => void seen.push(...messages.map(numberOf)),
    onTrouble: (text) => void troubles.push(text),
  })
  await waitFor('the reader has read', () => seen.length >= 3)
  checks.equal('a reader begins where it was told, or at the oldest there is', seen.toSorted(ascending), [2, 3, 5])
  checks.ensure(
    'and tells of a place that is not there',
    troubles.some((text) => text.includes('99')),
    troubles,
  )
  await producer.send([6, 7, 8].map((n) => numbered(topic, n % 3, n)))
  await waitFor('the reader follows', () => seen.length >= 5)
  checks.equal(
    'a reader follows, and reads no partition that it was not told',
    seen.toSorted(ascending),
    [2, 3, 5, 6, 8],
  )
  const from = Date.now()
  await one.close()
  await one.ended
  checks.ensure('a reader closes soon', Date.now() - from < 5_000, Date.now() - from)
  const failing = await bus.read({
    topic,
    from: new Map([[0, 0]]),
    onMessages: () => Promise.reject(new Error('of the handler')),
    onTrouble: () => {},
  })
  checks.ensure(
    'a reader whose handler rejects ends with its error',
    /of the handler/.test(String(await failureOf(failing.ended))),
    'another',
  )
  await failing.close()
  await producer.close()
}

type Watched = { readonly member: Member; readonly seen: Incoming[]; readonly troubles: string[] }

async function watch(
  { bus }: BusGround,
  options: Pick<MemberOptions, 'group' | 'topics'> & Partial<MemberOptions>,
): Promise<Watched> {
  const seen: Incoming[] = []
  const troubles: string[] = []
  const member = await bus.join({
    onAssigned: async () => new Map(),
    onRevoked: async () => {},
    onMessages: async (messages) => void seen.push(...messages),
    onTrouble: (text) => void troubles.push(text),
    ...options,
  })
  return { member, seen, troubles }
}

const sendTo = (producer: Producer, topic: string, partition: number, numbers: readonly number[]) =>
  producer.send(numbers.map((n) => numbered(topic, partition, n)))

async function places(ground: BusGround): Promise<void> {
  const { checks } = ground
  const [a, b] = [await ground.topic(2), await ground.topic(2)]
  const group = ground.name()
  const producer = await ground.bus.producer()
  for (const topic of [a, b]) for (const partition of [0, 1]) await sendTo(producer, topic, partition, [0, 1, 2, 3, 4])
  let early = 0
  const ready = new Set<number>()
  const first = await watch(ground, {
    group,
    topics: [a, b],
    onAssigned: async (partition) => {
      // Messages that came while it thinks would be counted as early.
      await scheduler.wait(1_500)
      ready.add(partition)
      return new Map([[a, partition === 0 ? 3 : 1000]])
    },
    onMessages: async (messages) => {
      for (const message of messages) {
        if (!ready.has(message.partition)) early++
        first.seen.push(message)
      }
    },
  })
  await waitFor('all is read', () => first.seen.length >= 17)
  const of = (watched: Watched, topic: string, partition: number) =>
    watched.seen.filter((each) => each.topic === topic && each.partition === partition).map(numberOf)
  checks.equal('no message comes before its partition was taken', early, 0)
  checks.equal('what onAssigned says is obeyed', of(first, a, 0), [3, 4])
  checks.equal('a place that is not there: from the oldest', of(first, a, 1), [0, 1, 2, 3, 4])
  checks.ensure(
    'which is told',
    first.troubles.some((text) => text.includes('1000')),
    first.troubles,
  )
  checks.equal(
    'nothing committed: from the beginning',
    [of(first, b, 0), of(first, b, 1)],
    [
      [0, 1, 2, 3, 4],
      [0, 1, 2, 3, 4],
    ],
  )
  await first.member.commit([
    { topic: a, partition: 0, offset: 4 },
    { topic: b, partition: 1, offset: 2 },
  ])
  checks.equal(
    'what is committed can be asked for',
    [await ground.admin.committed(group, a), await ground.admin.committed(group, b)],
    [
      [4, -1],
      [-1, 2],
    ],
  )
  checks.ensure(
    'a member does not commit for others',
    (await failureOf(first.member.commit([{ topic: a, partition: 7, offset: 1 }]))) !== null,
    'it did',
  )
  const from = Date.now()
  await first.member.leave()
  await first.member.ended
  checks.ensure('a member leaves soon', Date.now() - from < 5_000, Date.now() - from)
  checks.ensure(
    'and commits no more',
    (await failureOf(first.member.commit([{ topic: a, partition: 0, offset: 5 }]))) !== null,
    'it did',
  )
  const second = await watch(ground, { group, topics: [a, b] })
  await waitFor('the rest is read', () => second.seen.length >= 14)
  checks.equal('the next member goes on at what was committed', [of(second, a, 0), of(second, b, 1)], [[4], [2, 3, 4]])
  await second.member.leave()
  await producer.close()
  await ground.admin.removeGroup(group)
  checks.equal('a group without members is forgotten', await ground.admin.committed(group, a), [-1, -1])
}

async function pausing(ground: BusGround): Promise<void> {
  const { checks } = ground
  const topics = [await ground.topic(2), await ground.topic(2)]
  const producer = await ground.bus.producer()
  const { member, seen } = await watch(ground, { group: ground.name(), topics })
  await waitFor('both partitions are ours', () => member.partitions.size === 2)
  member.pause(1)
  for (const topic of topics) for (const partition of [0, 1]) await sendTo(producer, topic, partition, [0, 1, 2])
  await waitFor('the other partition is read', () => seen.length >= 6)
  await scheduler.wait(1_500)
  checks.equal(
    'a paused partition gives nothing, of any topic',
    seen.filter(({ partition }) => partition === 1).length,
    0,
  )
  member.resume(1)
  await waitFor('the rest comes', () => seen.length >= 12)
  checks.equal('a resumed one gives all', seen.filter(({ partition }) => partition === 1).length, 6)
  await member.leave()
  await producer.close()
}

async function ends(ground: BusGround): Promise<void> {
  const topic = await ground.topic(1)
  const producer = await ground.bus.producer()
  await sendTo(producer, topic, 0, [0])
  const fail = (what: string) => () => Promise.reject(new Error(what))
  const bad = await watch(ground, { group: ground.name(), topics: [topic], onMessages: fail('of the messages') })
  const badPlace = await watch(ground, { group: ground.name(), topics: [topic], onAssigned: fail('of the assignment') })
  ground.checks.equal(
    'a handler that rejects ends its member with its error',
    [await failureOf(bad.member.ended), await failureOf(badPlace.member.ended)].map((error) =>
      error instanceof Error ? error.message : error,
    ),
    ['of the messages', 'of the assignment'],
  )
  ground.checks.equal(
    'a topic that is not there cannot be joined',
    await codeOf(watch(ground, { group: ground.name(), topics: [ground.name()] })),
    'refused',
  )
  await bad.member.leave()
  await badPlace.member.leave()
  await producer.close()
}

async function slowHandler(ground: BusGround): Promise<void> {
  const topic = await ground.topic(1)
  const producer = await ground.bus.producer()
  await sendTo(producer, topic, 0, [0, 1])
  let [calls, revoked] = [0, 0]
  const { member } = await watch(ground, {
    group: ground.name(),
    topics: [topic],
    onRevoked: async () => void revoked++,
    onMessages: async () => {
      calls++
      if (calls === 1) await scheduler.wait(SLOW_MS)
    },
  })
  await waitFor('the first call', () => calls > 0)
  await scheduler.wait(SLOW_MS)
  await sendTo(producer, topic, 0, [2])
  await waitFor('the second call', () => calls > 1)
  await member.commit([{ topic, partition: 0, offset: 3 }])
  ground.checks.equal(`a handler that takes ${SLOW_MS / 1000} s stays in its group`, [revoked, calls], [0, 2])
  await member.leave()
  await producer.close()
}
