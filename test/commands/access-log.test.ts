/** Goal: what was asked is recorded once, by whom and in order, whatever else runs; a line that was changed or removed shows. */
import { spawn } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type AccessCheck, checkAccess } from '../../src/commands/access-check.ts'
import { type AccessLine, type AccessRecord, accessLine } from '../../src/commands/access-entry.ts'
import { ACCESS_FOLDER, type AppendOptions, appendAccess } from '../../src/commands/access-folder.ts'
import { accessUser, recordAccess, withAccess } from '../../src/commands/access-log.ts'
import { runAccessLog } from '../../src/commands/access-print.ts'
import { accessWords } from '../../src/commands/access-words.ts'
import { runSearch } from '../../src/commands/search.ts'
import { runTimeline } from '../../src/commands/timeline.ts'
import { runWho } from '../../src/commands/who.ts'
import { AppError } from '../../src/errors.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { madeEvent } from '../store/made-events.ts'
import { idsIn, linesOf, startChild, verified, withPlace, writeAll } from '../store/store-run.ts'
import { withFolder } from './made-report.ts'
import { createContext, micros } from './made-store.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const AT = micros('2026-11-22T16:00:00Z')
const RECORD: AccessRecord = {
  action: 'who',
  command: ['who', '10.8.0.7'],
  at: AT,
  period: null,
  query: '10.8.0.7',
  documents: null,
  report: null,
  exit: 0,
}
const USER = { name: 'alice', uid: 1000, loginUid: 1000, sudoUser: '', host: 'gw1' }

function add(folder: string, count: number, options: AppendOptions = {}): void {
  for (let i = 0; i < count; i++)
    appendAccess(folder, (before) => accessLine({ ...RECORD, at: AT + i }, USER, 'store x', before), options)
}

async function check(folder: string): Promise<AccessCheck & { all: AccessLine[] }> {
  const all: AccessLine[] = []
  const result = await checkAccess(folder, (line) => all.push(line))
  if (result === null) throw new Error('there is no access log')
  return { ...result, all }
}

const fileIn = (folder: string) => join(folder, 'access-00000001.ndjson')

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
})

function swapped(lines: readonly string[]): string[] {
  return [lines[0] ?? '', lines[2] ?? '', lines[1] ?? '', ...lines.slice(3)]
}

describe('where it goes', () => {
  const record = async (dir: string, environment: Record<string, string>) => {
    const terminal = createMemoryTerminal()
    await recordAccess({ dir, name: 'store x' }, RECORD, environment, terminal)
    return terminal.said()
  }

  test('beside the store, else to the account, else it is said and nothing fails', async () => {
    await withPlace(async (dir) => {
      const home = join(dir, '..', 'home')
      // No store yet: a folder in it would keep it from becoming one.
      mkdirSync(dir)
      expect(await record(dir, { HOME: home })).toBe('')
      expect(readdirSync(dir)).toEqual([])
      expect((await check(join(home, '.local', 'state', 'peertrail', ACCESS_FOLDER))).lines).toBe(1)
      await writeAll(dir, [madeEvent(0)])
      expect(await record(dir, { HOME: home, XDG_STATE_HOME: join(home, 'state') })).toBe('')
      expect((await check(join(dir, ACCESS_FOLDER))).lines).toBe(1)
      expect(existsSync(join(home, 'state'))).toBe(false)
      // A link there is not followed, whoever put it.
      rmSync(join(dir, ACCESS_FOLDER), { recursive: true })
      symlinkSync(home, join(dir, ACCESS_FOLDER))
      expect(await record(dir, { XDG_STATE_HOME: join(home, 'state') })).toBe('')
      expect((await check(join(home, 'state', 'peertrail', ACCESS_FOLDER))).lines).toBe(1)
      expect(await record(dir, {})).toMatch(/^this who could not be written to the access log: .*\n$/)
      expect(await record('', { HOME: 'relative' })).toContain('HOME is not set')
    })
  })

  test('lines that are links are not written through', async () => {
    await withFolder((place) => {
      const folder = join(place, 'log')
      add(folder, 1)
      rmSync(fileIn(folder))
      writeFileSync(join(place, 'victim'), 'mine\n')
      symlinkSync('../victim', fileIn(folder))
      expect(() => add(folder, 1)).toThrow()
      expect(readFileSync(join(place, 'victim'), 'utf8')).toBe('mine\n')
      return Promise.resolve()
    })
  })

  test('is for the account and group of the store', async () => {
    await withPlace(async (dir) => {
      await writeAll(dir, [madeEvent(0)])
      await record(dir, {})
      expect(statSync(join(dir, ACCESS_FOLDER)).mode & 0o007).toBe(0)
      const [a, b] = [dir, join(dir, ACCESS_FOLDER, 'access-00000001.ndjson')].map((path) => statSync(path))
      expect([b?.uid, b?.gid]).toEqual([a?.uid, a?.gid])
    })
  })
})

describe('a store', () => {
  test('does not mind: a writer beside it, one after it, its check', async () => {
    await withPlace(async (dir) => {
      const writer = await openStoreWriter(dir)
      const folder = join(dir, ACCESS_FOLDER)
      for (let n = 0; n < 20; n++) {
        writer.add(madeEvent(n))
        writer.commit(new Map())
        await writer.drain()
        add(folder, 1)
      }
      await writer.close()
      const before = readFileSync(fileIn(folder))
      await writeAll(dir, [madeEvent(20)])
      expect(readFileSync(fileIn(folder))).toEqual(before)
      expect((await idsIn(dir)).length).toBe(21)
      expect((await verified(dir)).problems).toEqual([])
      expect((await check(folder)).lines).toBe(20)
    })
  })

  test('has search, who and timeline recorded, with what they handed out and how they ended', async () => {
    await withPlace(async (dir) => {
      await writeAll(
        dir,
        Array.from({ length: 5 }, (_, n) => madeEvent(n)),
      )
      const { context } = createContext()
      const place = { store: dir, pipeline: '' }
      const period = { since: '', until: '', last: '' }
      const form = { isJson: true, isCsv: false }
      const search = { ...place, ...period, ...form, query: 'event.kind : *', datasets: [], fields: '', limit: '3' }
      expect(await runSearch({ ...search, isOldestFirst: false, isCount: false }, context)).toBe(0)
      const who = { ...place, address: '10.8.0.7', at: '2026-11-22T15:12:20Z', within: '', gateway: '', isJson: false }
      expect(await runWho(who, AT, {}, context.terminal)).toBe(1)
      const timeline = { ...place, ...period, ...form, peer: 'nobody', limit: '10', isAll: false }
      await expect(runTimeline(timeline, context)).rejects.toBeInstanceOf(AppError)
      const { all, problems } = await check(join(dir, ACCESS_FOLDER))
      expect(problems).toEqual([])
      expect(all.map((line) => [line.event.action, line.process.exit_code, line.peertrail.access.documents])).toEqual([
        ['search', 0, 3],
        ['who', 1, undefined],
        ['timeline', 2, undefined],
      ])
      expect(all[0]?.process.args.slice(0, 2)).toEqual(['search', 'event.kind : *'])
      expect(all[1]?.peertrail.access.query).toBe('10.8.0.7')
    })
  })

  test('prints them, and says when they are not what was written', async () => {
    await withPlace(async (dir) => {
      await writeAll(dir, [madeEvent(0)])
      const folder = join(dir, ACCESS_FOLDER)
      const run = async (args: { since?: string; isJson?: boolean } = {}) => {
        const terminal = createMemoryTerminal()
        const all = { store: dir, pipeline: '', since: '', isJson: false, ...args }
        const exit = await runAccessLog(all, AT, {}, terminal)
        return { exit, printed: terminal.printed(), said: terminal.said() }
      }
      expect(await run()).toMatchObject({
        exit: 0,
        printed: '',
        said: expect.stringContaining('nothing was recorded yet'),
      })
      add(folder, 3)
      const whole = await run()
      expect(whole.exit).toBe(0)
      expect(whole.printed.split('\n')[0]).toBe(
        '2026-11-22 16:00:00 UTC  alice (1000) on gw1  exit 0  peertrail who 10.8.0.7',
      )
      expect((await run({ isJson: true })).printed).toBe(readFileSync(fileIn(folder), 'utf8'))
      expect(await run({ since: '2026-11-23' })).toMatchObject({ exit: 0, printed: '' })
      truncateSync(fileIn(folder), 0)
      expect(await run()).toMatchObject({
        exit: 1,
        said: expect.stringContaining('wrong  the access log ends at line 0'),
      })
    })
  })
})

test('a command that fails or is ended is recorded, and fails as it did', async () => {
  await withFolder(async (place) => {
    const environment = { XDG_STATE_HOME: place }
    const terminal = createMemoryTerminal()
    const { documents: _d, report: _r, exit: _e, ...begin } = RECORD
    const run = (work: (count: (documents: number) => void) => Promise<number>) =>
      withAccess({ dir: '', name: 'https://es:9200' }, begin, environment, terminal, work)
    const handOut = (count: (documents: number) => void) => {
      for (const documents of [2, 3]) count(documents)
      return Promise.resolve(0)
    }
    expect(await run(handOut)).toBe(0)
    await expect(run(() => Promise.reject(new AppError('bad-store', 'damaged')))).rejects.toThrow('damaged')
    await expect(run(() => Promise.reject(new Error('a mistake')))).rejects.toThrow('a mistake')
    const { all } = await check(join(place, 'peertrail', ACCESS_FOLDER))
    expect(all.map((line) => [line.process.exit_code, line.peertrail.access.documents])).toEqual([
      [0, 5],
      [3, undefined],
      [undefined, undefined],
    ])
  })
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s ends a command, and what it handed out is recorded',
  async (signal) => {
    await withFolder(async (place) => {
      const child = startChild(join('..', 'commands', 'access-child.ts'), [place, 'eve', 'wait'])
      const ended = new Promise((resolve) => child.once('close', (_code, by) => resolve(by)))
      for await (const line of linesOf(child)) if (line === 'begun') child.kill(signal)
      expect(await ended).toBe(signal)
      const { all, problems } = await check(join(place, 'peertrail', ACCESS_FOLDER))
      expect(problems).toEqual([])
      expect(all.map((line) => [line.event.outcome, line.process.args, line.peertrail.access.documents])).toEqual([
        ['unknown', ['who', 'eve'], 7],
      ])
    })
  },
)
