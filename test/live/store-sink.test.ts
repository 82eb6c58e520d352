/** The store as a sink: a writer that failed is opened anew, the same events come again and count once; sealed by the hour. */
import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openStoreSink } from '../../src/live/store-sink.ts'
import type { ChainHead } from '../../src/store/chain.ts'
import { HOUR, MINUTE, type Micros } from '../../src/time.ts'
import { idOf, madeEvent, START } from '../store/made-events.ts'
import { idsIn, KEEP, verified, withPlace } from '../store/store-run.ts'
import { limitFiles, until } from './collectors/workshop.ts'

const eventsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => madeEvent(from + n))
const idsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => idOf(from + n))

function open(dir: string, now: () => Micros = () => START) {
  const heads: ChainHead[] = []
  const options = { dir, retention: KEEP, now, onHead: (head: ChainHead) => void heads.push(head) }
  return { heads, sink: openStoreSink(options) }
}

test('what was delivered is there when it resolves, also for who reads beside it', async () => {
  await withPlace(async (dir) => {
    const sink = await open(dir).sink
    await sink.deliver(eventsOf(0, 20))
    expect(await idsIn(dir)).toEqual(idsOf(0, 20))
    await sink.deliver(eventsOf(20, 25))
    expect(await idsIn(dir)).toEqual(idsOf(0, 25))
    expect([sink.keepsLedger, sink.position()]).toEqual([true, ''])
    await sink.close()
  })
})

test('a writer that the disk has failed is opened anew, and the same events stand there once', async () => {
  await withPlace(async (dir) => {
    const sink = await open(dir).sink
    await sink.deliver(eventsOf(0, 50))
    const undo = limitFiles(16_384)
    try {
      await expect(sink.deliver(eventsOf(50, 5_000))).rejects.toMatchObject({ code: 'cannot-write' })
      await expect(sink.deliver(eventsOf(50, 5_000))).rejects.toMatchObject({ code: 'cannot-write' })
    } finally {
      undo()
    }
    await sink.deliver(eventsOf(50, 5_000))
    await sink.deliver(eventsOf(5_000, 5_001))
    await sink.close()
    expect(await idsIn(dir)).toEqual(idsOf(0, 5_001))
  })
})

test('a batch that comes again, as after a kill, counts once', async () => {
  await withPlace(async (dir) => {
    const first = await open(dir).sink
    await first.deliver(eventsOf(0, 30))
    await first.close()
    const second = await open(dir).sink
    await second.deliver(eventsOf(10, 40))
    expect(await idsIn(dir)).toEqual(idsOf(0, 40))
    await second.close()
    expect(await idsIn(dir)).toEqual(idsOf(0, 40))
  })
})

test('rows are sealed by the hour, and each new head is told once', async () => {
  await withPlace(async (dir) => {
    let now = START
    const { heads, sink: opening } = open(dir, () => now)
    const sink = await opening
    const deliver = async (n: number, at: Micros) => {
      now = at
      await sink.deliver([madeEvent(n, at)])
    }
    for (let n = 0; n < 6; n++) await deliver(n, START + n * 10 * MINUTE)
    expect(heads).toEqual([])
    // Sealing goes on beside the adding: its head is told with one of the next batches.
    await deliver(6, START + HOUR)
    let n = 7
    let last = Promise.resolve()
    await until(() => {
      last = last.then(() => deliver(n, START + HOUR + n++))
      return heads.length > 0
    }, 'the head is told')
    await last
    expect(heads).toHaveLength(1)
    const [head] = heads
    await sink.close()
    if (head === undefined) throw new Error('no head')
    expect(head.count).toBeGreaterThan(0)
    expect(await verified(dir, [head])).toMatchObject({ problems: [], anchored: [head] })
  })
})

test('a second one on the same store is refused, and its directory stays usable', async () => {
  await withPlace(async (dir) => {
    const first = await open(dir).sink
    await expect(open(dir).sink).rejects.toMatchObject({ code: 'store-locked' })
    await first.deliver(eventsOf(0, 3))
    await first.close()
    expect(await idsIn(dir)).toEqual(idsOf(0, 3))
    rmSync(dir, { recursive: true })
  })
})
