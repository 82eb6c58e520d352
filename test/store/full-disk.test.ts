/**
 * A disk that is full at each point where the store writes: an error that says so, everything acknowledged still readable, and the
 * next writer goes on when there is room. On a small file system of its own, which only root can mount.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import { openStoreWriter, type WriterOptions } from '../../src/store/writer.ts'
import { idOf, madeEvent } from './made-events.ts'
import { expectTidy, idsIn, KEEP, verified, withPlace } from './store-run.ts'

/** Room for a small store: DuckDB's files of a few rows, the manifest, one hot block. */
const SIZE = '3m'

/** Runs `work` in a store on a disk of its own; false, and said, where nobody may mount one. */
async function withDisk(work: (dir: string, disk: string) => Promise<void>): Promise<void> {
  await withPlace(async (disk) => {
    mkdirSync(disk)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', disk], { stdio: 'pipe' })
    } catch (error) {
      console.log(`not run: no file system could be mounted (${error instanceof Error ? error.message.trim() : ''})`)
      return
    }
    try {
      await work(join(disk, 'store'), disk)
    } finally {
      // Lazily: a reader that was just closed may hold it a moment longer.
      execFileSync('umount', ['-l', disk])
    }
  })
}

/** Takes all the room there is. */
function fill(disk: string): void {
  const file = openSync(join(disk, 'filler'), 'w')
  try {
    for (const size of [65_536, 4096, 512]) fillBy(file, Buffer.alloc(size))
  } finally {
    closeSync(file)
  }
}

function fillBy(file: number, bytes: Buffer): void {
  try {
    for (;;) writeSync(file, bytes)
  } catch {
    // ENOSPC: nothing of that size fits any more.
  }
}

const POINTS = [
  // Where the disk fills up, and what cannot be written then.
  ['hot-named', 'rows, when they are committed'],
  ['rows-synced', 'the cursors'],
  ['hot-full', 'the segment'],
  ['segment-partial', 'the place of the segment'],
  ['segments-written', 'the manifest that names the segment'],
  ['merged-written', 'the manifest that names the merged one'],
] as const

test.each(POINTS)('full at %s: %s', async (point) => {
  await withDisk(async (dir, disk) => {
    // One small segment less than are merged, where that matters.
    const before = await openStoreWriter(dir, { retention: KEEP, segmentRows: point === 'merged-written' ? 1 : 15 })
    for (let n = 0; n < 15; n++) before.add(madeEvent(n))
    await before.close()

    let isFull = false
    const options: WriterOptions = {
      retention: KEEP,
      segmentRows: 20,
      step(name) {
        if (name !== point || isFull) return
        isFull = true
        fill(disk)
      },
    }
    let acked = 15
    const writer = await openStoreWriter(dir, options)
    const error = await attempt(async () => {
      for (let n = 15; n < 45; n++) {
        writer.add(madeEvent(n))
        if (n % 10 !== 4) continue
        writer.commit(new Map([['made', String(n + 1)]]))
        acked = n + 1
        await writer.drain()
      }
      await writer.close()
    })
    expect([error.code, error.message], error.message).toEqual([
      'cannot-write',
      expect.stringMatching(/: the disk is full$/),
    ])
    // It goes on saying so, and acknowledges nothing more.
    expect(() => writer.commit(new Map())).toThrow()
    await writer.abandon()

    const held = await idsIn(dir)
    expect(held).toEqual([...new Set(held)])
    expect(Array.from({ length: acked }, (_, n) => idOf(n)).filter((id) => !held.includes(id))).toEqual([])
    // A writer on a disk that is full still makes nothing worse.
    const again = await attempt(async () => {
      const next = await openStoreWriter(dir)
      await next.close()
      throw new AppError('cannot-write', 'it had room enough: the disk is full', {})
    })
    expect(again.message).toMatch(/the disk is full$/)

    rmSync(join(disk, 'filler'))
    const next = await openStoreWriter(dir, { retention: KEEP })
    // The source goes on where the store says it was.
    const at = Number(next.cursors().get('made') ?? 15)
    expect(at).toBeGreaterThanOrEqual(acked)
    for (let n = at; n < 45; n++) next.add(madeEvent(n))
    await next.close()
    expect(await idsIn(dir)).toEqual(Array.from({ length: 45 }, (_, n) => idOf(n)))
    expect((await verified(dir)).problems).toEqual([])
    expectTidy(dir)
  })
})

test('full while rows are written: those that were committed are there', async () => {
  await withDisk(async (dir) => {
    const writer = await openStoreWriter(dir, { retention: KEEP })
    let acked = 0
    const error = await attempt(() => {
      for (let n = 0; ; n++) {
        const { own, ...rest } = madeEvent(n)
        writer.add({ ...rest, own: { ...own, 'event.original': 'x'.repeat(10_000) } })
        if (n % 7 !== 6) continue
        writer.commit(new Map([['made', String(n + 1)]]))
        acked = n + 1
      }
    })
    expect([error.code, error.message]).toEqual(['cannot-write', expect.stringMatching(/: the disk is full$/)])
    expect(() => writer.add(madeEvent(acked))).toThrow(error)
    await writer.abandon()
    expect(acked).toBeGreaterThan(50)
    const held = await idsIn(dir)
    expect(held.slice(0, acked)).toEqual(Array.from({ length: acked }, (_, n) => idOf(n)))
  })
})

/** The AppError that `work` ends with. */
async function attempt(work: () => Promise<void> | void): Promise<AppError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
