/** Goal: what was asked is recorded once, by whom and in order, whatever else runs; a line that was changed or removed shows. */
import { spawn } from 'node:child_process'
import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accessLine } from '../../src/commands/access-entry.ts'
import { accessUser } from '../../src/commands/access-log.ts'
import { accessWords } from '../../src/commands/access-words.ts'
import { add, check, fileIn, RECORD, USER } from './made-access.ts'
import { withFolder } from './made-report.ts'

describe('lines', () => {
  test('follow each other, also over several files, the oldest of which go', async () => {
    await withFolder(async (place) => {
      const folder = join(place, 'log')
      add(folder, 10, { fileBytesMax: 1200 })
      expect(readdirSync(folder).length).toBeGreaterThan(3)
      const whole = await check(folder)
      expect(whole).toMatchObject({ lines: 10, problems: [], torn: 0, removed: 0 })
      expect(whole.all.map((line) => line.peertrail.access.number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      add(folder, 20, { fileBytesMax: 1200, filesMax: 3 })
      const later = await check(folder)
      expect(later.problems).toEqual([])
      expect(later.head.count).toBe(30)
      expect(later.removed + later.lines).toBe(30)
      expect(later.removed).toBeGreaterThan(10)
    })
  })

  test('of several processes at once are all there, once, in one chain', async () => {
    await withFolder(async (place) => {
      const folder = join(place, 'log')
      const names = ['a', 'b', 'c', 'd']
      const ends = names.map((name) => endOf([folder, name, '25']))
      expect(await Promise.all(ends)).toEqual([0, 0, 0, 0])
      const { problems, all } = await check(folder)
      expect(problems).toEqual([])
      for (const name of names) expect(all.filter((line) => line.user.name === name)).toHaveLength(25)
    })
  })

  test('say who: account, login, sudo, machine; never a secret', async () => {
    expect(accessUser({ SUDO_USER: 'bob' })).toMatchObject({ uid: userInfo().uid, sudoUser: 'bob' })
    const options = {
      apiKey: 'env:KEY',
      password: 'file:/x',
      elasticsearch: 'https://eve:pw@es:9200',
      isJson: true,
      limit: '50',
    }
    expect(accessWords(['search', 'a : b'], { ...options, store: '', dataset: ['flow', 'audit'] })).toEqual([
      'search',
      'a : b',
      '--api-key',
      '(not recorded)',
      '--dataset',
      'flow',
      '--dataset',
      'audit',
      '--elasticsearch',
      'https://es:9200',
      '--json',
      '--limit',
      '50',
      '--password',
      '(not recorded)',
    ])
    const { line } = accessLine(
      { ...RECORD, query: 'x'.repeat(100_000), exit: null },
      { ...USER, sudoUser: 'bob\u001b[2J' },
      'store x',
      { count: 0, hash: '' },
    )
    expect(line.length).toBeLessThan(10_000)
    expect(line).not.toContain('\u001b')
    expect(JSON.parse(line)).toMatchObject({ event: { outcome: 'unknown' }, user: { id: '1000' } })
    return Promise.resolve()
  })
})

function endOf(args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'access-child.ts'), ...args], { stdio: 'inherit' })
  return new Promise((resolve) => child.once('close', resolve))
}

describe('a changed log', () => {
  const linesOf = (folder: string) => readFileSync(fileIn(folder), 'utf8').split('\n').slice(0, -1)
  const write = (folder: string, lines: readonly string[]) =>
    writeFileSync(fileIn(folder), lines.map((line) => `${line}\n`).join(''))

  const CHANGES: readonly (readonly [string, (folder: string) => void, RegExp])[] = [
    ['without a line', (folder) => write(folder, linesOf(folder).toSpliced(2, 1)), /line 4 .* follows line 2/],
    ['without its first line', (folder) => write(folder, linesOf(folder).slice(1)), /line 2 .* follows line 0/],
    ['without its last line', (folder) => write(folder, linesOf(folder).slice(0, -1)), /ends at line 4 instead of 5/],
    [
      'with another name in a line',
      (folder) =>
        write(
          folder,
          linesOf(folder).map((line, i) => (i === 2 ? line.replace('alice', 'mallory') : line)),
        ),
      /line 4 .* does not fit the one before/,
    ],
    ['with two lines exchanged', (folder) => write(folder, swapped(linesOf(folder))), /follows line/],
    [
      'with a line twice',
      (folder) => write(folder, [...linesOf(folder), linesOf(folder)[4] ?? '']),
      /line 5 .* follows line 5/,
    ],
    ['with a line that is none', (folder) => write(folder, linesOf(folder).with(1, '{}')), /line 3 .* follows line 1/],
    ['cut within a line', (folder) => truncateSync(fileIn(folder), 900), /ends at line/],
    ['emptied', (folder) => truncateSync(fileIn(folder), 0), /ends at line 0 instead of 5/],
    ['removed', (folder) => rmSync(fileIn(folder)), /ends at line 0 instead of 5/],
    ['without its head', (folder) => rmSync(join(folder, 'head.sqlite')), /the head of the access log is gone/],
    [
      'with a head that is none',
      (folder) => writeFileSync(join(folder, 'head.sqlite'), 'x'.repeat(4096)),
      /head .* cannot be read/,
    ],
  ]

  test.each(CHANGES)('%s shows', async (_name, change, what) => {
    await withFolder(async (place) => {
      const folder = join(place, 'log')
      add(folder, 5)
      change(folder)
      expect((await check(folder)).problems.join('\n')).toMatch(what)
    })
  })

  test('of which one byte was flipped shows, wherever it is', async () => {
    await withFolder(async (place) => {
      const folder = join(place, 'log')
      add(folder, 3)
      const whole = readFileSync(fileIn(folder))
      const flip = async (at: number, bits: number) => {
        const bytes = Buffer.from(whole)
        bytes[at] = (bytes[at] ?? 0) ^ bits
        writeFileSync(fileIn(folder), bytes)
        expect([at, (await check(folder)).problems.length > 0]).toEqual([at, true])
      }
      await fc.assert(fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), flip), {
        numRuns: 200,
      })
      await flip(whole.length - 1, 1)
    })
  })

  test('still shows when more was written to it', async () => {
    await withFolder(async (place) => {
      const folder = join(place, 'log')
      add(folder, 5)
      write(folder, linesOf(folder).slice(0, -1))
      add(folder, 1)
      expect((await check(folder)).problems.join('\n')).toMatch(/line 6 .* follows line 4/)
    })
  })

  test('is not one whose writer was killed: before the head moved, or within the line', async () => {
    await withFolder(async (place) => {
      const folder = join(place, 'log')
      add(folder, 3)
      const head = readFileSync(join(folder, 'head.sqlite'))
      add(folder, 1)
      writeFileSync(join(folder, 'head.sqlite'), head)
      expect((await check(folder)).problems).toEqual([])
      add(folder, 1)
      expect(await check(folder)).toMatchObject({ lines: 5, problems: [], head: { count: 5 } })
      appendFileSync(fileIn(folder), '{"@timestamp":"2026-11-22T16')
      add(folder, 1)
      expect(await check(folder)).toMatchObject({ lines: 6, torn: 1, problems: [], head: { count: 6 } })
    })
  })

  test('what somebody else put into an access log, or in its place, is named', async () => {
    await withFolder(async (place) => {
      const folder = join(place, 'log')
      add(folder, 3)
      const lines = linesOf(folder)
      for (const stranger of ['', '{"x":1}', 'a note', '{"@timestamp":"2026-11-22T16:00:00Z"}']) {
        write(folder, [...lines.slice(0, 2), stranger, ...lines.slice(2)])
        expect((await check(folder)).problems.join('\n')).toMatch(/after line 2 .* stands what peertrail did not write/)
      }
      write(folder, [...lines, '\0\0'])
      expect(await check(folder)).toMatchObject({ lines: 3, torn: 1, problems: [] })
      writeFileSync(join(place, 'file'), '')
      expect((await check(join(place, 'file'))).problems.join()).toMatch(/it is no folder/)
    })
  })
})

function swapped(lines: readonly string[]): string[] {
  return [lines[0] ?? '', lines[2] ?? '', lines[1] ?? '', ...lines.slice(3)]
}
