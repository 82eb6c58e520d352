/** Following again from a cursor, after anything may have happened meanwhile. */
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { identifyFiles } from '../../src/sources/first-line.ts'
import {
  counting,
  createGot,
  drain,
  type FollowedLog,
  type Got,
  keep,
  losses,
  numbered,
  numbers,
  withLog,
} from './followed-log.ts'

/** Reads what is there and closes: the cursor to go on from. */
async function readAndStop(log: FollowedLog, got: Got, cursor?: string): Promise<string> {
  const source = log.follow({}, cursor)
  await drain(source, got)
  await source.close()
  return source.cursor()
}

describe('rotated while nobody read', () => {
  test('goes on at the right byte of .3.gz, then .2, .1, the live file', () =>
    withLog(async (log) => {
      const got = createGot()
      log.write(numbered(1, 5))
      const cursor = await readAndStop(log, got)
      log.append(numbered(6, 9_000))
      for (const n of [9_001, 9_002, 9_003]) {
        log.rotate()
        log.write(numbered(n, n))
      }
      log.gzip('.3')
      await readAndStop(log, got, cursor)
      expect(numbers(got)).toEqual(counting(1, 9_003))
      expect(losses(got)).toEqual([])
      expect(new Set(got.lines.slice(0, 9000).map(({ file }) => file.identity)).size).toBe(1)
      expect(got.lines[5]?.offset).toBe(5 * '1 the line\n'.length)
    }))

  test('stopped in the middle of a compressed file', () =>
    withLog(async (log) => {
      const got = createGot()
      log.write(numbered(1, 50_000))
      log.rotate()
      log.gzip('.1')
      log.write(numbered(50_001, 50_002))
      const source = log.follow()
      for (let i = 0; i < 3; i++) keep(got, await source.read())
      const cursor = source.cursor()
      await source.close()
      expect(got.texts.length).toBeLessThan(50_000)
      log.rotate()
      log.write(numbered(50_003, 50_003))
      await readAndStop(log, got, cursor)
      expect(numbers(got)).toEqual(counting(1, 50_003))
      expect(losses(got)).toEqual([])
    }))

  test('with another inode under the live name, and its own gone: a gap, then everything newer', () =>
    withLog(async (log) => {
      const got = createGot()
      log.write(numbered(1, 5))
      const cursor = await readAndStop(log, got)
      for (const n of [6, 7, 8]) {
        log.rotate(2)
        log.write(numbered(n, n))
      }
      await readAndStop(log, got, cursor)
      expect(numbers(got)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
      expect(got.gaps).toEqual([{ file: 'kern.log', reason: 'rotated-away', bytes: -1, from: 55, to: -1 }])
    }))

  test('nothing is read again when the file only lost its tail of siblings', () =>
    withLog(async (log) => {
      const got = createGot()
      log.write(numbered(1, 2))
      log.rotate()
      log.write(numbered(3, 4))
      const cursor = await readAndStop(log, got)
      // The file that was being read is deleted by hand; its elder lies there still.
      rmSync(log.path)
      log.write('5 another beginning\n')
      await readAndStop(log, got, cursor)
      expect(numbers(got)).toEqual([1, 2, 3, 4, 5])
      expect(got.gaps.map(({ reason }) => reason)).toEqual(['rotated-away'])
    }))
})

describe('the same name, other content', () => {
  test('copytruncate while nobody read: the rest of the copy, then the live file', () =>
    withLog(async (log) => {
      const got = createGot()
      log.write(numbered(1, 5))
      const cursor = await readAndStop(log, got)
      log.append(numbered(6, 7))
      log.copyTruncate()
      log.append(numbered(8, 100))
      await readAndStop(log, got, cursor)
      expect(numbers(got)).toEqual(counting(1, 100))
      expect(got.gaps.map(({ reason }) => reason)).toEqual(['copied-and-cut'])
    }))

  test('cut without a copy, and overwritten: gaps with their own reasons', () =>
    withLog(async (log) => {
      const got = createGot()
      log.write(numbered(1, 5))
      const cursor = await readAndStop(log, got)
      truncateSync(log.path)
      log.append(numbered(6, 6))
      const next = await readAndStop(log, got, cursor)
      expect(got.gaps.pop()).toEqual({ file: 'kern.log', reason: 'truncated-before-read', bytes: -1, from: 55, to: -1 })
      truncateSync(log.path)
      log.append(numbered(7, 9))
      await readAndStop(log, got, next)
      expect(got.gaps).toEqual([{ file: 'kern.log', reason: 'replaced', bytes: -1, from: 11, to: -1 }])
      expect(numbers(got)).toEqual(counting(1, 9))
    }))

  test('a gap is told though reading stopped after the line held back before it', () =>
    withLog(async (log) => {
      log.write('1 a\n2 hal')
      const source = log.follow()
      const got = await drain(source)
      truncateSync(log.path)
      keep(got, await source.read())
      expect(got.texts).toEqual(['1 a', '2 hal'])
      await source.close()
      await readAndStop(log, got, source.cursor())
      expect(got.gaps).toMatchObject([{ reason: 'truncated-before-read', bytes: -1, from: 4 }])
    }))

  test('an inode that another file was given', () =>
    withLog(async (log) => {
      const got = createGot()
      log.write(numbered(1, 5))
      const cursor = JSON.parse(await readAndStop(log, got))
      log.rotate()
      log.write(`x${numbered(6, 60)}`)
      const source = log.follow()
      await drain(source)
      // The cursor of the old file with the inode of the new one: what the disk shows when numbers are given out again.
      cursor.at.key = JSON.parse(source.cursor()).at.key
      await readAndStop(log, got, JSON.stringify(cursor))
      expect(got.texts[5]).toBe('x6 the line')
      expect(got.texts.length).toBe(60)
      expect(losses(got)).toEqual([])
    }))
})

describe('files that begin alike', () => {
  test('have the identities that a replay of them gives', () =>
    withLog(async (log) => {
      const got = createGot()
      let cursor: string | undefined
      for (const n of [1, 2, 3, 4]) {
        log.write(`the same first line\n${n} own\n`)
        cursor = await readAndStop(log, got, cursor)
        log.rotate()
        if (n === 2) log.gzip('.1')
      }
      log.write('another\n')
      await readAndStop(log, got, cursor)
      expect(got.texts.filter((text) => text.endsWith('own'))).toEqual(['1 own', '2 own', '3 own', '4 own'])
      const files = ['.4', '.3.gz', '.2', '.1', ''].map((end) => ({
        name: `kern.log${end}`,
        path: log.at(end),
        isGzip: end.endsWith('.gz'),
      }))
      const { files: known } = await identifyFiles({ host: 'gw1', kind: 'nftables', files })
      expect([...new Set(got.lines.map(({ file }) => file.identity))]).toEqual(
        known.map(({ identity }) => identity.identity),
      )
      expect(losses(got)).toEqual([])
    }))

  test('the right one is gone on with when the old one was compressed', () =>
    withLog(async (log) => {
      const got = createGot()
      log.write('the same\n')
      const cursor = await readAndStop(log, got)
      log.append('1 old\n')
      log.rotate()
      log.gzip('.1')
      log.write('the same\n2 new\n')
      await readAndStop(log, got, cursor)
      expect(got.texts).toEqual(['the same', '1 old', 'the same', '2 new'])
      expect(losses(got)).toEqual([])
    }))

  test('the copy is gone on with where the cut file begins as it did, and not where it was not cut', () =>
    withLog(async (log) => {
      const got = createGot()
      log.write('the same\n')
      const cursor = await readAndStop(log, got)
      log.append('1 old\n')
      copyFileSync(log.path, log.at('.1'))
      const uncut = createGot()
      await readAndStop(log, uncut, cursor)
      expect(uncut.texts).toEqual(['1 old'])
      truncateSync(log.path)
      log.append('the same\n2 new\n3 new\n')
      await readAndStop(log, got, cursor)
      expect(got.texts).toEqual(['the same', '1 old', 'the same', '2 new', '3 new'])
      expect(losses(got)).toEqual([])
    }))

  test('shorter than any fingerprint: one that was not begun is found by its inode', () =>
    withLog(async (log) => {
      const got = createGot()
      log.write('1')
      const cursor = await readAndStop(log, got)
      expect(got.texts).toEqual([])
      log.append(' a\n')
      log.rotate()
      log.write('2')
      const next = await readAndStop(log, got, cursor)
      log.append(' b\n')
      await readAndStop(log, got, next)
      expect(got.texts).toEqual(['1 a', '2 b'])
      expect(losses(got)).toEqual([])
    }))

  test('a copy that is not cut yet is not read twice', () =>
    withLog(async (log) => {
      log.write(numbered(1, 200))
      copyFileSync(log.path, log.at('.1'))
      const got = createGot()
      const cursor = await readAndStop(log, got)
      truncateSync(log.path)
      log.append(numbered(201, 202))
      await readAndStop(log, got, cursor)
      expect(numbers(got)).toEqual(counting(1, 202))
      expect(losses(got)).toEqual([])
    }))
})

describe('where it begins', () => {
  test('at the end: the line being written, and nothing older through any rotation', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      log.rotate()
      log.write('3 the line\n4 half')
      const source = log.follow({ from: 'end' })
      const got = await drain(source)
      expect(got.texts).toEqual([])
      log.append(' a line\n')
      log.rotate()
      log.write('5 the line\n')
      await drain(source, got)
      await source.close()
      rmSync(log.path)
      log.write('6 another\n')
      await readAndStop(log, got, source.cursor())
      expect(numbers(got)).toEqual([4, 5, 6])
    }))

  test('at the end of nothing: what is written later is new', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2), '.1')
      const source = log.follow({ from: 'end' })
      const got = await drain(source)
      await source.close()
      log.write(numbered(3, 3))
      log.rotate()
      log.write(numbered(4, 4))
      await readAndStop(log, got, source.cursor())
      expect(numbers(got)).toEqual([3, 4])
      expect(losses(got)).toEqual([])
    }))

  test('at the end, stopped before the first look: at the end of that time when it begins', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      const source = log.follow({ from: 'end' })
      await source.close()
      const again = log.follow({ from: 'end' }, source.cursor())
      const got = await drain(again)
      log.append(numbered(3, 3))
      await drain(again, got)
      expect(numbers(got)).toEqual([3])
      expect(losses(got)).toEqual([])
    }))

  test('at the beginning: the oldest first; x.1 and x.1.gz are one', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2), '.2')
      log.gzip('.2')
      log.write(numbered(3, 4), '.1')
      writeFileSync(log.at('.1.gz'), readFileSync(log.at('.2.gz')))
      log.write(numbered(5, 6))
      expect(numbers(await drain(log.follow()))).toEqual(counting(1, 6))
    }))

  test('with a cursor that cannot be read: everything, and a gap', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      for (const cursor of ['', '{"v":2}', '{"v":1,"hasBegun":true,"at":{},"done":[],"counts":[]}', 'null']) {
        const got = createGot()
        await readAndStop(log, got, cursor)
        expect(numbers(got)).toEqual([1, 2])
        expect(got.gaps).toMatchObject([{ reason: 'rotated-away', bytes: -1 }])
      }
    }))
})

describe('what cannot be read', () => {
  test('broken compression: what comes before it, and a gap', () =>
    withLog(async (log) => {
      const got = createGot()
      log.write(numbered(1, 20_000))
      log.rotate()
      log.gzip('.1')
      truncateSync(log.at('.1.gz'), 20_000)
      log.write(numbered(20_001, 20_002))
      await readAndStop(log, got)
      expect(got.gaps).toMatchObject([{ file: 'kern.log.1.gz', reason: 'damaged', bytes: -1, to: -1 }])
      expect(numbers(got).slice(-2)).toEqual([20_001, 20_002])
      expect(got.gaps[0]?.from).toBeGreaterThan(10_000)
      expect(got.lines.filter(({ flaw }) => flaw === 'unterminated').length).toBeLessThanOrEqual(1)
    }))

  test('no permission: waits for the live file, passes over a rotated one and says how much', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      log.write(numbered(0, 0), '.1')
      await asNobody(log, ['', '.1'], async (allow) => {
        const source = log.follow()
        const got = await drain(source)
        expect(source.problem).toBe('permission denied')
        expect(got.texts).toEqual([])
        expect(got.gaps).toEqual([{ file: 'kern.log.1', reason: 'unreadable', bytes: 11, from: 0, to: 11 }])
        allow('')
        const more = createGot()
        while (more.texts.length < 2) {
          const changed = new Promise<void>((resolve) => source.onChange(resolve))
          await drain(source, more)
          if (more.texts.length < 2) await changed
        }
        expect(numbers(more)).toEqual([1, 2])
        expect(more.gaps).toEqual([])
        expect(source.problem).toBe('')
      })
    }))
})

/** Runs `work` as a user who may not read the files at first; who runs the tests may be root, whom no mode stops. */
async function asNobody(
  log: FollowedLog,
  ends: readonly string[],
  work: (allow: (end: string) => void) => Promise<void>,
): Promise<void> {
  const { chmodSync } = await import('node:fs')
  chmodSync(log.directory, 0o755)
  for (const end of ends) chmodSync(log.at(end), 0)
  const isRoot = process.geteuid?.() === 0
  const be = (user: number) => {
    if (isRoot) process.seteuid?.(user)
  }
  try {
    be(65_534)
    await work((end) => {
      be(0)
      chmodSync(log.at(end), 0o644)
      be(65_534)
    })
  } finally {
    be(0)
  }
}

test('moved with its directory, and read from there', () =>
  withLog(async (log) => {
    const got = createGot()
    log.write(numbered(1, 2))
    const cursor = await readAndStop(log, got)
    mkdirSync(join(log.directory, 'new'))
    renameSync(log.path, join(log.directory, 'new', 'kern.log'))
    writeFileSync(join(log.directory, 'new', 'kern.log'), numbered(1, 4))
    const source = log.follow({ path: join(log.directory, 'new', 'kern.log') }, cursor)
    await drain(source, got)
    expect(numbers(got)).toEqual([1, 2, 3, 4])
  }))
