/** The bus contract: what is sent lies there, whole, in order, as it was. */
import { randomBytes } from 'node:crypto'
import type { Compression, Outgoing } from '../../src/kafka/bus.ts'
import { openBus } from '../../src/kafka/open-bus.ts'
import { type BusGround, codeOf, countAgainst, numbered, numberOf, readWhole } from './bus-ground.ts'

const MIB = 1024 * 1024

/** All of them. */
export async function checkSending(ground: BusGround): Promise<void> {
  await mixedBatches(ground, 'none', 20_000)
  await mixedBatches(ground, 'gzip', 3_000)
  await mixedBatches(ground, 'zstd', 3_000)
  await concurrentSends(ground)
  await bigMessages(ground)
  await refusedInPart(ground)
  await noSuchPlace(ground)
}

async function mixedBatches(ground: BusGround, compression: Compression, count: number): Promise<void> {
  const topics = [await ground.topic(4), await ground.topic(4), await ground.topic(4)]
  const bus = await openBus(ground.driver, { ...ground.connection, compression })
  const producer = await bus.producer()
  const sent = topics.map(() => [0, 1, 2, 3].map((): number[] => []))
  let n = 0
  // Sizes around those at which requests are cut: 1000 messages, a MiB.
  for (const size of [1, 2, 999, 1000, 1001, 2500, 7, count]) {
    const batch: Outgoing[] = []
    for (; batch.length < size && n < count; n++) {
      const [which, partition] = [n % 3, Math.trunc(n / 3) % 4]
      batch.push(numbered(topics[which] ?? '', partition, n, n % 1000 === 0 ? 5_000 : 120))
      sent[which]?.[partition]?.push(n)
    }
    await producer.send(batch)
  }
  await producer.close()
  const wrong = { lost: 0, doubled: 0, disorder: 0, changed: 0 }
  for (const [which, topic] of topics.entries()) {
    const found = await readWhole(ground, topic)
    const counted = countAgainst(
      sent[which] ?? [],
      found.map((messages) => messages.map(numberOf)),
    )
    wrong.lost += counted.lost
    wrong.doubled += counted.doubled
    wrong.disorder += counted.disorder
    for (const message of found.flat()) {
      const expected = numbered(
        topic,
        message.partition,
        numberOf(message),
        numberOf(message) % 1000 === 0 ? 5_000 : 120,
      )
      const isSame =
        (message.value === null ? expected.value === null : expected.value?.equals(message.value) === true) &&
        JSON.stringify(message.headers) === JSON.stringify(expected.headers)
      if (!isSame) wrong.changed++
    }
  }
  ground.checks.equal(
    `${count} messages of 3 topics with 4 partitions come back as they were, in order (${compression})`,
    wrong,
    { lost: 0, doubled: 0, disorder: 0, changed: 0 },
  )
}

async function concurrentSends(ground: BusGround): Promise<void> {
  const topic = await ground.topic(2)
  const producer = await ground.bus.producer()
  const calls: Promise<void>[] = []
  for (let call = 0; call < 60; call++) {
    const size = 1 + ((call * 37) % 90)
    calls.push(producer.send(Array.from({ length: size }, (_, i) => numbered(topic, i % 2, call * 100 + i))))
  }
  await Promise.all(calls)
  await producer.close()
  const found = await readWhole(ground, topic)
  const isSorted = found.every((messages) =>
    messages.every((message, i) => i === 0 || numberOf(message) > numberOf(messages[i - 1] ?? message)),
  )
  ground.checks.ensure('60 sends that do not wait for each other keep their order', isSorted, 'out of order')
}

async function bigMessages(ground: BusGround): Promise<void> {
  const topic = await ground.topic(1, { 'max.message.bytes': String(4 * MIB) })
  const producer = await ground.bus.producer()
  const value = randomBytes(3 * MIB)
  const big = { ...numbered(topic, 0, 1), value }
  await producer.send([numbered(topic, 0, 0), big, numbered(topic, 0, 2)])
  const [found = []] = await readWhole(ground, topic)
  ground.checks.equal(
    'a message of 3 MiB comes back between its neighbours',
    [found.map(numberOf), found[1]?.value?.equals(value)],
    [[0, 1, 2], true],
  )
  await producer.close()
}

/**
 * The broker takes what is of one partition and refuses the other. Whoever sends on with numbers that count neither is taken for somebody
 * who repeats himself, and what he sends is thrown away and acknowledged.
 */
async function refusedInPart(ground: BusGround): Promise<void> {
  const topic = await ground.topic(2, { 'max.message.bytes': '10000' })
  const producer = await ground.bus.producer()
  await producer.send([numbered(topic, 0, 0)])
  const large = { ...numbered(topic, 1, 2), value: randomBytes(20_000) }
  ground.checks.equal(
    'a message that is too large for its topic is refused',
    await codeOf(producer.send([numbered(topic, 0, 1), large])),
    'refused',
  )
  await producer.send([numbered(topic, 0, 3)])
  await producer.send([numbered(topic, 0, 4)])
  await producer.close()
  const [found = []] = await readWhole(ground, topic)
  const numbers = found.map(numberOf).filter((n) => n !== 1)
  ground.checks.equal('what is sent after a refusal lies there', numbers, [0, 3, 4])
}

async function noSuchPlace(ground: BusGround): Promise<void> {
  const topic = await ground.topic(2)
  const producer = await ground.bus.producer()
  await producer.send([numbered(topic, 0, 0)])
  ground.checks.equal(
    'a partition that is not there is refused, and not left out',
    await codeOf(producer.send([numbered(topic, 0, 1), numbered(topic, 7, 2)])),
    'refused',
  )
  await ground.admin.grow(topic, 8)
  await producer.send([numbered(topic, 7, 3)])
  ground.checks.equal('a partition that was added meanwhile is found', (await ground.admin.ends(topic))[7], 1)
  ground.checks.equal(
    'a topic that is not there is refused',
    await codeOf(producer.send([numbered(ground.name(), 0, 4)])),
    'refused',
  )
  await producer.send([numbered(topic, 1, 5)])
  ground.checks.equal('the producer goes on after refusals', (await ground.admin.ends(topic))[1], 1)
  await producer.close()
}
