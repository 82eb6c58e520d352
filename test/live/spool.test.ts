/** The spool as a queue: a model beside it, blocks on disk and back, and every kind of disk that will not do its part. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEventWriter } from '../../src/correlate/event-printer.ts'
import { AppError } from '../../src/errors.ts'
import { type Event, fieldOf } from '../../src/event.ts'
import { parseEvent } from '../../src/event-json.ts'
import { openSpool, type Spool } from '../../src/live/spool.ts'
import { stamped } from '../../src/live/stamped.ts'
import { DEMO } from '../replay-capture.ts'
import { documentOf, madeEvent } from '../store/made-events.ts'
import { limitFiles, openWorkshop, type Workshop } from './collectors/workshop.ts'
import { openFeed } from './engine-feed.ts'

/** Bytes of disk that are never reached. */
const PLENTY = 1 << 30

let shop: Workshop
beforeEach(() => {
  shop = openWorkshop()
})
afterEach(() => shop.remove())

function push(spool: Spool, from: number, to: number): void {
  for (let n = from; n < to; n++) spool.push(madeEvent(n))
}

const numbersOf = (events: readonly Event[]) =>
  events.map((event) => Number(String(fieldOf(event, 'event.id')).slice(2)))

/** Takes everything, so many at a time. */
function takeAll(spool: Spool, max = 700): number[] {
  const taken: number[] = []
  for (;;) {
    const events = spool.peek(max)
    if (events.length === 0) return taken
    taken.push(...numbersOf(events))
    spool.drop(events.length)
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)
const blocksIn = (dir: string) => readdirSync(dir).filter((name) => name.endsWith('.zst'))

function problemOf(work: () => unknown): AppError {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a queue', () => {
  test('whatever is pushed, looked at and dropped: nothing lost, doubled or out of order', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 1500 }) }),
      fc.record({ peek: fc.integer({ min: 1, max: 1500 }), share: fc.constantFrom(0, 0.3, 1, 1, 1) }),
    )
    let run = 0
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 5, maxLength: 25 }),
        fc.constantFrom(0, 200, 3000),
        fc.boolean(),
        (steps, memoryMax, isTight) => {
          const spool = openSpool({ dir: shop.path(`run-${run++}`), diskMax: isTight ? 50_000 : PLENTY, memoryMax })
          let pushed = 0
          let dropped = 0
          for (const each of steps) {
            if ('push' in each) {
              push(spool, pushed, pushed + each.push)
              pushed += each.push
              continue
            }
            const events = spool.peek(each.peek)
            expect(events.length > 0).toBe(pushed > dropped)
            expect(events.length).toBeLessThanOrEqual(each.peek)
            expect(numbersOf(events)).toEqual(range(dropped, dropped + events.length))
            const count = Math.ceil(events.length * each.share)
            spool.drop(count)
            dropped += count
            expect([spool.pushed, spool.dropped]).toEqual([pushed, dropped])
          }
          expect(takeAll(spool)).toEqual(range(dropped, pushed))
          expect(spool.diskBytes).toBe(0)
          expect(blocksIn(shop.path(`run-${run - 1}`))).toEqual([])
        },
      ),
      { numRuns: 25 },
    )
  })

  test('is full only when memory and disk are', () => {
    const dir = shop.path('spool')
    const spool = openSpool({ dir, diskMax: 20_000, memoryMax: 2_000 })
    let pushed = 0
    while (!spool.isFull) {
      push(spool, pushed, pushed + 100)
      pushed += 100
      expect(pushed).toBeLessThan(100_000)
    }
    expect(spool.diskBytes).toBeGreaterThanOrEqual(20_000)
    // One block beyond the bound and no more.
    expect(spool.diskBytes).toBeLessThan(20_000 + spool.diskBytes / blocksIn(dir).length + 1_000)
    spool.drop(spool.peek(1_000).length)
    expect(spool.isFull).toBe(false)
    expect(takeAll(spool)).toEqual(range(1_000, pushed))
  })

  test('what a former run left is thrown away, other files are not', () => {
    const dir = shop.path('spool')
    const killed = openSpool({ dir, diskMax: PLENTY, memoryMax: 0 })
    push(killed, 0, 3_000)
    expect(blocksIn(dir)).toHaveLength(3)
    writeFileSync(join(dir, 'notes.txt'), 'a person’s')
    const spool = openSpool({ dir, diskMax: PLENTY, memoryMax: 0 })
    expect(readdirSync(dir)).toEqual(['notes.txt'])
    expect(spool.peek(10)).toEqual([])
    push(spool, 0, 2_500)
    spool.close()
    expect(readdirSync(dir)).toEqual(['notes.txt'])
  })
})

test('a directory that cannot be made is named', () => {
  shop.write('file', '')
  const error = problemOf(() => openSpool({ dir: shop.path('file/spool'), diskMax: PLENTY }))
  expect([error.code, error.message]).toEqual(['cannot-write', `cannot write ${shop.path('file/spool')}`])
})

describe('a block', () => {
  test('comes back as the documents that were pushed, of every dataset', async () => {
    const feed = await openFeed(DEMO)
    const events = feed.events()
    expect(new Set(events.map(({ dataset }) => dataset)).size).toBeGreaterThanOrEqual(6)
    const spool = openSpool({ dir: shop.path('spool'), diskMax: PLENTY, memoryMax: 0 })
    const writer = createEventWriter()
    const expected: { dataset: string; document: unknown }[] = []
    for (const event of events) {
      const whole = stamped(event, 1_795_360_000_000_001)
      expected.push({ dataset: event.dataset, document: parseEvent(writer.toBytes(whole).toString('latin1')) })
      spool.push(whole)
    }
    expect(blocksIn(shop.path('spool')).length).toBeGreaterThan(0)
    const back: typeof expected = []
    for (;;) {
      const some = spool.peek(300)
      if (some.length === 0) break
      for (const event of some)
        back.push({ dataset: event.dataset, document: parseEvent(writer.toBytes(event).toString('latin1')) })
      spool.drop(some.length)
    }
    expect(back).toEqual(expected)
  })

  const damage: [string, (path: string) => void][] = [
    ['gone', (path) => unlinkSync(path)],
    ['cut short', (path) => truncateSync(path, 100)],
    ['empty', (path) => truncateSync(path, 0)],
    [
      'another',
      (path) => {
        const bytes = readFileSync(path)
        const at = bytes.length >> 1
        bytes[at] = (bytes[at] ?? 0) ^ 4
        writeFileSync(path, bytes)
      },
    ],
  ]
  test.each(damage)('that is %s is named every time, and nothing newer passes it', (_, harm) => {
    const dir = shop.path('spool')
    const spool = openSpool({ dir, diskMax: PLENTY, memoryMax: 0 })
    push(spool, 0, 3_500)
    expect(numbersOf(spool.peek(1_000))).toEqual(range(0, 1_000))
    spool.drop(1_000)
    harm(join(dir, blocksIn(dir).sort()[0] ?? ''))
    for (let n = 0; n < 3; n++) {
      const error = problemOf(() => spool.peek(1_000))
      expect(error.code).toBe('cannot-read')
      expect(error.message).toContain('0000000002.ndjson.zst')
    }
    expect(spool.dropped).toBe(1_000)
  })
})

test('a block with any byte changed is named, or is what it was', () => {
  const expected = range(0, 1_000).map((n) => documentOf(madeEvent(n)))
  let named = 0
  for (let n = 0; n < 40; n++) {
    const spool = openSpool({ dir: shop.path('spool'), diskMax: PLENTY, memoryMax: 0 })
    push(spool, 0, 1_000)
    const path = shop.path('spool/0000000001.ndjson.zst')
    const bytes = readFileSync(path)
    const at = Math.floor((bytes.length * n) / 40)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (n % 8))
    writeFileSync(path, bytes)
    try {
      expect(spool.peek(1_000).map(documentOf)).toEqual(expected)
    } catch (error) {
      expect(error).toMatchObject({ code: 'cannot-read' })
      named++
    }
  }
  expect(named).toBeGreaterThan(30)
})

describe('a disk that takes nothing', () => {
  /** Pushes until it is full, then makes room and takes everything. */
  function fillAndDrain(spool: Spool, room: () => void): void {
    let pushed = 0
    while (!spool.isFull) {
      push(spool, pushed, pushed + 100)
      pushed += 100
      expect(pushed).toBeLessThan(200_000)
    }
    expect(spool.problem).not.toBe('')
    room()
    expect(numbersOf(spool.peek(1_500))).toEqual(range(0, 1_500))
    spool.drop(1_500)
    expect(spool.isFull).toBe(false)
    push(spool, pushed, pushed + 2_000)
    expect(spool.problem).toBe('')
    expect(takeAll(spool)).toEqual(range(1_500, pushed + 2_000))
  }

  test('files of a limited length', () => {
    const spool = openSpool({ dir: shop.path('spool'), diskMax: PLENTY, memoryMax: 2_000 })
    const undo = limitFiles(1_000)
    try {
      fillAndDrain(spool, undo)
    } finally {
      undo()
    }
  })

  test('a small file system that is full', () => {
    const disk = shop.path('disk')
    mkdirSync(disk)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk], { stdio: 'pipe' })
    } catch (error) {
      console.log(`not run: no file system could be mounted (${error instanceof Error ? error.message.trim() : ''})`)
      return
    }
    try {
      writeFileSync(join(disk, 'filler'), Buffer.alloc(480_000))
      const spool = openSpool({ dir: join(disk, 'spool'), diskMax: PLENTY, memoryMax: 2_000 })
      fillAndDrain(spool, () => unlinkSync(join(disk, 'filler')))
      expect(existsSync(join(disk, 'spool'))).toBe(true)
    } finally {
      execFileSync('umount', ['-l', disk])
    }
  })
})
