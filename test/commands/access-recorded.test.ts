/** Goal: what was asked is recorded beside the records, and nothing minds: no store, no command, no account. */
import {
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
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ACCESS_FOLDER } from '../../src/commands/access-folder.ts'
import { recordAccess, withAccess } from '../../src/commands/access-log.ts'
import { runAccessLog } from '../../src/commands/access-print.ts'
import { runSearch } from '../../src/commands/search.ts'
import { runTimeline } from '../../src/commands/timeline.ts'
import { runWho } from '../../src/commands/who.ts'
import { AppError } from '../../src/errors.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { madeEvent } from '../store/made-events.ts'
import { idsIn, linesOf, startChild, verified, withPlace, writeAll } from '../store/store-run.ts'
import { AT, add, check, fileIn, RECORD } from './made-access.ts'
import { withFolder } from './made-report.ts'
import { createContext } from './made-store.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

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
