/** Following while it runs: every kind of rotation, with real files. */
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { counting, descriptorsBelow, drain, losses, numbered, numbers, readUntil, withLog } from './followed-log.ts'

describe('a growing file', () => {
  test('gives its lines with byte offsets, and holds back the unterminated one', () =>
    withLog(async (log) => {
      log.write('caf\xc3\xa9\r\none\nhal')
      const source = log.follow()
      const got = await drain(source)
      expect(got.lines.map(({ text, offset, flaw }) => [text, offset, flaw])).toEqual([
        ['caf\xc3\xa9', 0, ''],
        ['one', 7, ''],
      ])
      expect(JSON.parse(source.cursor()).at.offset).toBe(11)
      log.append('f\n')
      await drain(source, got)
      expect(got.lines.at(-1)).toMatchObject({ text: 'half', offset: 11, flaw: '' })
      log.append('rest')
      await drain(source, got)
      const last = await source.finish()
      expect(last.lines).toEqual([{ text: 'rest', offset: 16, flaw: 'unterminated' }])
      expect(JSON.parse(source.cursor()).at.offset).toBe(16)
    }))

  test('is woken by a change, and says when it was written and how much is left', () =>
    withLog(async (log) => {
      log.write(numbered(1, 3))
      const source = log.follow()
      const got = await drain(source)
      expect(got.reads.at(-1)).toMatchObject({ file: null, lines: [], isAtEnd: true, behind: 0 })
      expect(got.reads.at(-1)?.writtenAt).toBeGreaterThan(1.7e15)
      expect(got.reads[0]?.writtenAt).toBe(0)
      const more = readUntil(source, ({ texts }) => texts.length === 4, got)
      log.append('4 the line\n')
      expect(numbers(await more)).toEqual([1, 2, 3, 4])
    }))

  test('in reads of 256 KiB, a line longer than its limit cut, NULs as they are', () =>
    withLog(async (log) => {
      log.write(`${'x'.repeat(700_000)}\n${'\0'.repeat(5000)}after\n${numbered(1, 40_000)}`)
      const source = log.follow()
      const first = await source.read()
      expect(first.lines[0]).toMatchObject({ offset: 0, flaw: 'cut' })
      expect(first.lines[0]?.text.length).toBe(8192)
      expect(first.behind).toBeGreaterThan(300_000)
      const got = await drain(source)
      const lines = [...first.lines, ...got.lines]
      expect(lines[1]).toEqual({ text: `${'\0'.repeat(5000)}after`, offset: 700_001, flaw: '' })
      expect(lines.length).toBe(40_002)
      expect(Math.max(...got.reads.map((read) => read.lines.length))).toBeLessThan((256 * 1024) / 8)
    }))

  test('that begins with empty lines waits for the line that names it', () =>
    withLog(async (log) => {
      log.write('\n\n')
      const source = log.follow()
      const got = await drain(source)
      expect(got.lines).toEqual([])
      log.append('fir')
      await drain(source, got)
      expect((await source.finish()).lines.map(({ text }) => text)).toEqual(['', '', 'fir'])
      log.append('st\n')
      await drain(source, got)
      expect(got.lines.map(({ text, offset }) => [text, offset])).toEqual([
        ['', 0],
        ['', 1],
        ['first', 2],
      ])
    }))
})

describe('rename rotation', () => {
  test('the old file is read to its end while its writer keeps it, then the new one', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      const source = log.follow()
      const got = await drain(source)
      log.rotate()
      log.append('3 the line\n', '.1')
      await drain(source, got)
      log.write('')
      log.append('4 the line\n', '.1')
      await drain(source, got)
      log.append('5 the line\n')
      log.append('6 cut off', '.1')
      await drain(source, got)
      expect(got.texts.slice(2)).toEqual(['3 the line', '4 the line', '6 cut off', '5 the line'])
      expect(got.lines.map(({ flaw }) => flaw)).toEqual(['', '', '', '', 'unterminated', ''])
      expect(losses(got)).toEqual([])
    }))

  test('lines that come late into the old file come late, and only once', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      const source = log.follow()
      const got = await drain(source)
      log.rotate()
      log.write('4 the line\n')
      await drain(source, got)
      log.append('3 the line\n', '.1')
      await readUntil(source, ({ texts }) => texts.length === 4, got)
      log.append('5 the line\n')
      await readUntil(source, ({ texts }) => texts.length === 5, got)
      expect(numbers(got)).toEqual([1, 2, 4, 3, 5])
      const late = got.lines[3]
      expect(late?.file.identity).toBe(got.lines[0]?.file.identity)
      expect(late?.offset).toBe(22)
    }))

  test('several between two looks, some of them compressed or empty', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      const source = log.follow()
      const got = await drain(source)
      for (let n = 3; n < 8; n++) {
        log.rotate()
        log.write(n === 5 ? '' : numbered(n, n))
      }
      log.gzip('.2')
      log.gzip('.4')
      log.gzip('.5')
      await drain(source, got)
      expect(numbers(got)).toEqual([1, 2, 3, 4, 6, 7])
      expect(losses(got)).toEqual([])
    }))

  test('with dates in the names', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      const source = log.follow()
      const got = await drain(source)
      renameSync(log.path, log.at('-20261121'))
      log.write(numbered(3, 3))
      renameSync(log.path, log.at('-20261122'))
      log.gzip('-20261122')
      log.write(numbered(4, 4))
      await drain(source, got)
      expect(numbers(got)).toEqual([1, 2, 3, 4])
    }))

  test('a file that was rotated away before it was seen is a gap', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      const source = log.follow()
      const got = await drain(source)
      for (let n = 3; n < 8; n++) {
        log.rotate(2)
        log.write(numbered(n, n))
      }
      await drain(source, got)
      expect(numbers(got)).toEqual([1, 2, 5, 6, 7])
      expect(got.gaps).toEqual([{ file: 'kern.log', reason: 'rotated-away', bytes: -1, from: -1, to: -1 }])
    }))

  test('a file that is deleted and written anew: others may have come and gone between', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      const source = log.follow()
      const got = await drain(source)
      rmSync(log.path)
      await drain(source, got)
      expect(source.problem).toBe('no such file')
      log.write(numbered(3, 3))
      await drain(source, got)
      expect(source.problem).toBe('')
      expect(numbers(got)).toEqual([1, 2, 3])
      expect(got.gaps).toEqual([{ file: 'kern.log', reason: 'rotated-away', bytes: -1, from: -1, to: -1 }])
    }))
})

describe('copytruncate', () => {
  test('the copy is not read again, its rest is', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      const source = log.follow()
      const got = await drain(source)
      log.copyTruncate()
      log.append('3 the line\n')
      await drain(source, got)
      log.append('4 the line\n5 half')
      await drain(source, got)
      log.append(' a line\n6 the line\n')
      rmSync(log.at('.1'))
      log.copyTruncate()
      log.append('7 the line\n')
      await drain(source, got)
      expect(numbers(got)).toEqual(counting(1, 7))
      expect(got.texts[4]).toBe('5 half a line')
      expect(losses(got)).toEqual([])
      expect(got.gaps).toEqual(
        Array.from({ length: 2 }, () => ({ file: 'kern.log', reason: 'copied-and-cut', bytes: -1, from: -1, to: -1 })),
      )
      expect(new Set(got.lines.slice(2, 6).map(({ file }) => file.identity)).size).toBe(1)
    }))

  test('grown past the old place before it was looked at', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      const source = log.follow()
      const got = await drain(source)
      log.append(numbered(3, 3))
      log.copyTruncate()
      log.append(numbered(4, 90))
      await drain(source, got)
      expect(numbers(got)).toEqual(counting(1, 90))
      expect(losses(got)).toEqual([])
    }))

  test('with the same first line, and the same bytes before the old place', () =>
    withLog(async (log) => {
      const same = 'same\n'.repeat(400)
      log.write(`first\n${same}`)
      const source = log.follow()
      const got = await drain(source)
      log.copyTruncate()
      log.append(`other\n${same}1\n`)
      await drain(source, got)
      expect(got.texts.length).toBe(401 + 402)
      expect(losses(got)).toEqual([])
    }))

  test('without a copy is a gap, and the line held back is given', () =>
    withLog(async (log) => {
      log.write('1 a\n2 b\n3 hal')
      const source = log.follow()
      const got = await drain(source)
      truncateSync(log.path)
      await drain(source, got)
      log.append('4 d\n')
      await drain(source, got)
      expect(got.texts).toEqual(['1 a', '2 b', '3 hal', '4 d'])
      expect(got.gaps).toEqual([{ file: 'kern.log', reason: 'truncated-before-read', bytes: -1, from: 13, to: -1 }])
      truncateSync(log.path)
      log.append('5 eeeeeeee\n')
      await drain(source, got)
      expect(got.texts.at(-1)).toBe('5 eeeeeeee')
      expect(got.gaps.at(-1)).toEqual({ file: 'kern.log', reason: 'replaced', bytes: -1, from: 4, to: -1 })
    }))
})

describe('what is in the way', () => {
  test('not there yet: neither the file nor its directory', () =>
    withLog(async (log) => {
      const path = `${log.directory}/deep/kern.log`
      const source = log.follow({ path })
      await drain(source)
      expect(source.problem).toBe('no such file')
      mkdirSync(`${log.directory}/deep`)
      log.write(numbered(1, 2))
      renameSync(log.path, path)
      expect(numbers(await readUntil(source, ({ texts }) => texts.length === 2))).toEqual([1, 2])
      expect(source.problem).toBe('')
    }))

  test('a directory or a symbolic link in its place', () =>
    withLog(async (log) => {
      log.write(numbered(1, 2))
      const source = log.follow()
      const got = await drain(source)
      log.rotate()
      mkdirSync(log.path)
      await drain(source, got)
      expect(source.problem).toBe('it is a directory')
      rmSync(log.path, { recursive: true })
      log.write(numbered(3, 4), '-elsewhere')
      symlinkSync('kern.log-elsewhere', log.path)
      await drain(source, got)
      expect(source.problem).toBe('')
      expect(numbers(got)).toEqual([1, 2, 3, 4])
    }))

  test('a symbolic link among the rotated files is not followed', () =>
    withLog(async (log) => {
      log.write('not ours\n', '-secret')
      symlinkSync('kern.log-secret', log.at('.1'))
      log.write(numbered(1, 1))
      expect((await drain(log.follow())).texts).toEqual(['1 the line'])
    }))

  test('a directory that was taken away and made again is watched again', () =>
    withLog(async (log) => {
      const path = `${log.directory}/deep/kern.log`
      mkdirSync(`${log.directory}/deep`)
      const source = log.follow({ path })
      await drain(source)
      renameSync(`${log.directory}/deep`, `${log.directory}/old`)
      mkdirSync(`${log.directory}/deep`)
      log.write(numbered(1, 2))
      renameSync(log.path, path)
      expect(numbers(await readUntil(source, ({ texts }) => texts.length === 2))).toEqual([1, 2])
    }))
})

test('two descriptors at most while it reads, none after close', () =>
  withLog(async (log) => {
    for (let n = 1; n < 6; n++) {
      log.write(numbered(n, n))
      log.rotate()
    }
    log.gzip('.4')
    log.gzip('.5')
    log.write(numbered(6, 20_000))
    const source = log.follow()
    let most = 0
    for (let read = await source.read(); !read.isAtEnd; read = await source.read())
      most = Math.max(most, descriptorsBelow(log.directory).length)
    expect(most).toBe(1)
    await source.close()
    expect(descriptorsBelow(log.directory)).toEqual([])
  }))
