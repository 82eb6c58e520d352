/** State in its compacted topic: whatever is cut, damaged, compacted or written by two at once, what is restored is a whole one. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Producer } from '../../../src/kafka/bus.ts'
import { openOutbox } from '../../../src/live/tiers/outbox.ts'
import {
  CHUNK_BYTES,
  freezeSnapshot,
  packSnapshot,
  type Snapshot,
  STATE_VERSION,
} from '../../../src/live/tiers/snapshot-form.ts'
import { createSnapshotWriter, restoreSnapshot, type SnapshotWriter } from '../../../src/live/tiers/snapshots.ts'
import { createTopicBroker, type MemoryBroker } from '../../kafka/memory-bus.ts'
import { createListLog } from '../collectors/workshop.ts'
import { PREFIX, seeded } from './tier-place.ts'

const TOPIC = `${PREFIX}.correlator-state`
const PARTITION = 1

/** Text that does not pack: `chunks` messages come of it. */
function snapshotOf(number: number, chunks: number): Snapshot {
  const random = seeded(number + 1)
  const words = Uint32Array.from({ length: ((chunks - 1) * CHUNK_BYTES + 100) / 4 }, () => random() * 2 ** 32)
  return { core: { number, words }, offsets: new Map([['p.flows', number]]), progress: 0, speakers: [] }
}

async function writerOf(broker: MemoryBroker, name: string, foreign: readonly string[] = []) {
  const producer = await broker.connect(name).producer()
  const outbox = openOutbox(producer, () => {})
  const lane = outbox.lane()
  const snapshots = createSnapshotWriter(lane, {
    topic: TOPIC,
    partition: PARTITION,
    writer: name,
    foreign,
    step() {},
  })
  return { lane, snapshots, outbox }
}

async function write(snapshots: SnapshotWriter, number: number, chunks = 1): Promise<boolean> {
  const packed = await packSnapshot(freezeSnapshot(snapshotOf(number, chunks)))
  expect(packed.chunks.length).toBe(chunks)
  return snapshots.write(packed, { offsets: { 'p.flows': number }, progress: 0, reached: number, at: 0 })
}

async function restore(broker: MemoryBroker) {
  const bus = broker.connect('restorer')
  const { log, logged } = createListLog()
  const way = {
    bus,
    admin: await bus.admin(),
    producer: await bus.producer(),
    log,
    signal: new AbortController().signal,
  }
  const restored = await restoreSnapshot(way, TOPIC, PARTITION)
  const core = restored.snapshot?.core as { number: number } | undefined
  return { ...restored, number: core?.number ?? null, logged }
}

test('what was written is restored, of several chunks too, and the newest of several', async () => {
  const broker = createTopicBroker(PREFIX, 2)
  expect(await restore(broker)).toMatchObject({ number: null, keys: [] })
  const { snapshots } = await writerOf(broker, 'a')
  for (const [number, chunks] of [
    [1, 3],
    [2, 1],
    [3, 2],
  ] as const)
    expect(await write(snapshots, number, chunks)).toBe(true)
  const { snapshot, reached, number } = await restore(broker)
  expect([number, reached]).toEqual([3, 3])
  expect(snapshot).toEqual(snapshotOf(3, 2))
  broker.log.compact(TOPIC)
  expect(await restore(broker)).toMatchObject({ number: 3, logged: [] })
})

test('cut anywhere, the one before it is restored', async () => {
  const broker = createTopicBroker(PREFIX, 2)
  const { snapshots } = await writerOf(broker, 'a')
  for (const number of [1, 2]) await write(snapshots, number, 3)
  const before = broker.all(TOPIC).length
  await write(snapshots, 3, 3)
  const messages = broker.all(TOPIC)
  // 3 chunks and the manifest.
  for (let cut = before; cut <= before + 4; cut++) {
    const copy = createTopicBroker(PREFIX, 2)
    for (const { key, value, headers } of messages.slice(0, cut))
      copy.log.append({ topic: TOPIC, partition: PARTITION, key: key ?? Buffer.alloc(0), value, headers })
    copy.log.compact(TOPIC)
    expect(await restore(copy)).toMatchObject({ number: cut < before + 4 ? 2 : 3 })
  }
})

test('of damaged ones none is used, and that is said', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(), async (which, where) => {
      const broker = createTopicBroker(PREFIX, 2)
      const { snapshots } = await writerOf(broker, 'a')
      await write(snapshots, 1)
      await write(snapshots, 2)
      const messages = broker.all(TOPIC)
      const damaged = messages[which % messages.length]
      const copy = createTopicBroker(PREFIX, 2)
      for (const message of messages) {
        const value = Buffer.from(message.value ?? Buffer.alloc(0))
        if (message === damaged) value.writeUInt8(value.readUInt8(where % value.length) ^ 1, where % value.length)
        copy.log.append({ ...message, key: message.key ?? Buffer.alloc(0), value })
      }
      const { snapshot, number } = await restore(copy)
      // A manifest's own words may be damaged without harm (its wall clock); its bytes never.
      expect(snapshot).toEqual(snapshotOf(number ?? -1, 1))
    }),
    { numRuns: 60 },
  )
})

test('an owner that does not know that it lost the partition harms nothing', async () => {
  const broker = createTopicBroker(PREFIX, 2)
  const zombie = await writerOf(broker, 'zombie')
  await write(zombie.snapshots, 1, 2)
  const { keys } = await restore(broker)
  const owner = await writerOf(broker, 'owner', keys)
  // Both at once, into what the other is reading and taking away.
  await Promise.all([write(zombie.snapshots, 2, 2), write(owner.snapshots, 3, 2)])
  await write(zombie.snapshots, 2, 2)
  expect(await restore(broker)).toMatchObject({ number: 3, logged: [] })
  broker.log.compact(TOPIC)
  const restored = await restore(broker)
  expect(restored.number).toBe(3)
  // What was there when the owner came is gone; what the zombie left since goes with the next owner.
  const next = await writerOf(broker, 'next', restored.keys)
  await write(next.snapshots, 4)
  await next.lane.flushed()
  broker.log.compact(TOPIC)
  const left = broker.all(TOPIC).map(({ key }) => String(key))
  expect(left.filter((key) => !key.startsWith('next/'))).toEqual(['probe'])
})

test('a lane that is closed meanwhile writes no manifest', async () => {
  const broker = createTopicBroker(PREFIX, 2)
  const { snapshots, lane } = await writerOf(broker, 'a')
  await write(snapshots, 1)
  const writing = write(snapshots, 2, 12)
  lane.close()
  expect(await writing).toBe(false)
  expect(await restore(broker)).toMatchObject({ number: 1 })
})

test('what a newer release wrote stops it; what an older one wrote is not used, and that is said', async () => {
  const broker = createTopicBroker(PREFIX, 2)
  const producer: Producer = await broker.connect('a').producer()
  const manifest = (version: number) => ({
    topic: TOPIC,
    partition: PARTITION,
    key: Buffer.from(`w${version}/0`),
    value: Buffer.from(JSON.stringify({ version, release: '9.9.9' })),
    headers: {},
  })
  await producer.send([manifest(STATE_VERSION - 1)])
  const older = await restore(broker)
  expect(older.snapshot).toBeNull()
  expect(older.logged.map(({ text }) => text)).toEqual([
    `${TOPIC}, partition 1: a state is not used: it is of an older version (${STATE_VERSION - 1})`,
  ])
  await producer.send([manifest(STATE_VERSION + 1)])
  await expect(restore(broker)).rejects.toMatchObject({
    code: 'newer-state',
    message: expect.stringContaining('9.9.9'),
  })
})
