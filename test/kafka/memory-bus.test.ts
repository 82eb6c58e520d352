/** The broker in memory keeps what the seam promises, so that tests over it mean something. */
import { expect, test } from 'vitest'
import type { Bus, Incoming, Member } from '../../src/kafka/bus.ts'
import { createMemoryBroker, type MemoryBroker } from './memory-bus.ts'

const NAMES = ['p.a', 'p.b']

test('what was sent is read in order, by whom it belongs to, and commits are where the next owner begins', async () => {
  const broker = made()
  const one = watch(broker, 'one')
  const member = await one.join()
  await send(broker.connect('source'), 'p.a', 0, ['1', '2'])
  await send(broker.connect('source'), 'p.b', 3, ['3'])
  await broker.idle()
  expect(one.got).toEqual(['p.a 0 1', 'p.a 0 2', 'p.b 3 3'])
  expect(one.assigned).toEqual([0, 1, 2, 3])
  await member.commit([{ topic: 'p.a', partition: 0, offset: 1 }])
  await member.leave()
  const two = watch(broker, 'two')
  await two.join()
  await broker.idle()
  expect(two.got.toSorted()).toEqual(['p.a 0 2', 'p.b 3 3'])
})

test('partitions are shared, and move as little as they may; a killed member is heard no more', async () => {
  const broker = made()
  const members = ['one', 'two'].map((name) => watch(broker, name))
  for (const each of members) await each.join()
  await broker.idle()
  const [one, two] = members
  expect(one?.held().size).toBe(2)
  expect(two?.held().size).toBe(2)
  expect(one?.revoked).toHaveLength(2)
  broker.kill('one')
  await broker.idle()
  expect(two?.held()).toEqual(new Set([0, 1, 2, 3]))
  await send(broker.connect('source'), 'p.a', 0, ['x'])
  await broker.idle()
  expect(one?.got).toEqual([])
  expect(two?.got).toEqual(['p.a 0 x'])
})

test('a member that was taken for dead goes on until it is told, and may not commit', async () => {
  const broker = made()
  const one = watch(broker, 'one')
  const two = watch(broker, 'two')
  const member = await one.join()
  await two.join()
  await broker.idle()
  broker.expire('one')
  await broker.idle()
  for (let partition = 0; partition < 4; partition++) await send(broker.connect('source'), 'p.a', partition, ['x'])
  await broker.idle()
  expect(one.got).toHaveLength(2)
  expect(two.got).toHaveLength(4)
  const [held = 0] = one.held()
  await expect(member.commit([{ topic: 'p.a', partition: held, offset: 1 }])).rejects.toThrow('does not know')
  broker.heal('one')
  await broker.idle()
  expect(one.held().size).toBe(2)
  expect(two.held().size).toBe(2)
})

test('outages hold, lost answers double, and what is given up rejects', async () => {
  const broker = made()
  const bus = broker.connect('source')
  broker.loseAcknowledgements(1, 'twice')
  await send(bus, 'p.a', 0, ['1', '2'])
  broker.loseAcknowledgements(1, 'half')
  await send(bus, 'p.a', 0, ['3', '4'])
  broker.loseAcknowledgements(1, 'rejected')
  await expect(send(bus, 'p.a', 0, ['5'])).rejects.toThrow('lost')
  expect(valuesOf(broker.all('p.a'))).toEqual(['1', '2', '1', '2', '3', '3', '4', '5'])
  broker.down()
  const producer = await bus.producer()
  const first = producer.send([{ topic: 'p.a', partition: 1, key: Buffer.of(), value: null, headers: {} }])
  producer.abort()
  await expect(first).rejects.toThrow('given up')
  const second = send(bus, 'p.a', 1, ['6'])
  broker.up()
  await second
  expect(valuesOf(broker.all('p.a')).at(-1)).toBe('6')
})

test('what retention took is passed over and said, and paused partitions give nothing', async () => {
  const broker = made()
  await send(broker.connect('source'), 'p.a', 0, ['1', '2', '3'])
  broker.log.trim('p.a', 0, 2)
  const one = watch(broker, 'one', new Map([['p.a', 1]]))
  const member = await one.join()
  await broker.idle()
  expect(one.got).toEqual(['p.a 0 3'])
  expect(one.troubles).toHaveLength(1)
  member.pause(0)
  await send(broker.connect('source'), 'p.a', 0, ['4'])
  await broker.idle()
  expect(one.got).toHaveLength(1)
  member.resume(0)
  await broker.idle()
  expect(one.got.at(-1)).toBe('p.a 0 4')
})

test('a rejecting handler ends its member, and another gets what it had', async () => {
  const broker = made()
  const bus = broker.connect('one')
  const bad = await bus.join({
    group: 'g',
    topics: NAMES,
    onAssigned: async () => new Map(),
    onRevoked: async () => {},
    onMessages: async () => {
      throw new Error('no')
    },
    onTrouble: () => {},
  })
  const two = watch(broker, 'two')
  await two.join()
  for (let partition = 0; partition < 4; partition++) await send(broker.connect('source'), 'p.a', partition, ['x'])
  await expect(bad.ended).rejects.toThrow('no')
  await broker.idle()
  expect(two.got).toHaveLength(4)
})

test('compaction keeps the newest of each key, and offsets', async () => {
  const broker = made()
  await send(broker.connect('source'), 'p.a', 0, ['1', '2', '3'])
  broker.log.compact('p.a')
  expect(broker.all('p.a').map(({ offset }) => offset)).toEqual([2])
})

function made(): MemoryBroker {
  return createMemoryBroker({
    topics: NAMES.map((name) => ({ name, partitions: 4, replicas: 1, configs: {} })),
    batchMax: 2,
  })
}

function watch(broker: MemoryBroker, client: string, from: ReadonlyMap<string, number> = new Map()) {
  const got: string[] = []
  const assigned: number[] = []
  const revoked: number[] = []
  const troubles: string[] = []
  let member: Member | null = null
  return {
    got,
    assigned,
    revoked,
    troubles,
    held: () => member?.partitions ?? new Set<number>(),
    async join(): Promise<Member> {
      const joined = await broker.connect(client).join({
        group: 'g',
        topics: NAMES,
        async onAssigned(partition) {
          assigned.push(partition)
          return partition === 0 ? from : new Map()
        },
        async onRevoked(partition) {
          revoked.push(partition)
        },
        async onMessages(messages) {
          for (const { topic, partition, value } of messages) got.push(`${topic} ${partition} ${String(value)}`)
        },
        onTrouble: (text) => troubles.push(text),
      })
      member = joined
      return joined
    },
  }
}

async function send(bus: Bus, topic: string, partition: number, values: readonly string[]): Promise<void> {
  const producer = await bus.producer()
  await producer.send(
    values.map((value) => ({ topic, partition, key: Buffer.from('k'), value: Buffer.from(value), headers: {} })),
  )
}

function valuesOf(messages: readonly Incoming[]): string[] {
  return messages.map(({ value }) => String(value))
}
