/** The state file: what was committed is found again, and what cannot be used is named, kept aside and never taken for something else. */
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import { freeze, openStateFile, STATE_VERSION, type StateFile } from '../../src/live/state-file.ts'
import { DEMO } from '../replay-capture.ts'
import { restored } from '../restored.ts'
import { limitFiles, openWorkshop, until, type Workshop } from './collectors/workshop.ts'
import { openFeed } from './engine-feed.ts'
import { madeEngine } from './made-engine.ts'
import type { StateTask } from './state-child.ts'

/** 2026-11-22T15:00:00Z */
const NOW = 1_795_359_600_000_000
const CHILD = fileURLToPath(new URL('state-child.ts', import.meta.url))

let shop: Workshop
let dir: string
beforeEach(() => {
  shop = openWorkshop()
  dir = shop.path('state')
})
afterEach(() => shop.remove())

const fileIn = (directory: string) => join(directory, 'state.sqlite')
const asideIn = (directory: string) => readdirSync(directory).filter((name) => name.includes('.set-aside-'))
const cursorsOf = (n: number) =>
  new Map([
    ['gw1/nftables', `{"offset":${n}}`],
    ['gw1/conntrack', `c${n}`],
  ])
const positionsOf = (n: number) =>
  new Map([
    ['ndjson', `{"inode":"1","bytes":${n}}`],
    ['store', ''],
  ])

function commit(state: StateFile, n: number): void {
  state.commit(freeze(n, madeEngine(n), cursorsOf(n)), positionsOf(n))
}

const madeCheckpoint = (n: number) => ({
  at: n,
  engine: restored(madeEngine(n)),
  cursors: cursorsOf(n),
  positions: positionsOf(n),
})

function use<T>(directory: string, work: (state: StateFile) => T): T {
  const state = openStateFile(directory, NOW)
  try {
    return work(state)
  } finally {
    state.close()
  }
}

function problemOf(work: () => unknown): AppError {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Expects that the file is named and kept, and that work goes on beside it. */
function expectSetAside(directory: string, why: string | RegExp): void {
  const bytes = readFileSync(fileIn(directory))
  use(directory, (state) => {
    expect(state.checkpoint).toBe(null)
    expect(state.setAside).toMatch(why)
    expect(state.setAside).toContain(fileIn(directory))
    commit(state, 8)
  })
  const [aside = '', ...others] = asideIn(directory)
  expect(others).toEqual([])
  // SQLite writes a header into an empty one when it locks it.
  if (bytes.length > 0) expect(readFileSync(join(directory, aside)).equals(bytes)).toBe(true)
  use(directory, ({ checkpoint, setAside }) => {
    expect(setAside).toBe('')
    expect(checkpoint).toEqual(madeCheckpoint(8))
  })
}

describe('a checkpoint', () => {
  test('is found again, the last one alone, whole', () => {
    use(dir, (state) => {
      expect([state.checkpoint, state.setAside]).toEqual([null, ''])
      for (const n of [1, 2, 3]) commit(state, n)
    })
    use(dir, ({ checkpoint, setAside }) => {
      expect(setAside).toBe('')
      expect(checkpoint).toEqual(madeCheckpoint(3))
      // Cursors keep their order: the first that is written is the first that is read.
      expect([...(checkpoint?.cursors.keys() ?? [])]).toEqual(['gw1/nftables', 'gw1/conntrack'])
    })
    expect(readdirSync(dir)).toEqual(['state.sqlite'])
  })

  test('before the first: where the sinks stood at the beginning, and no checkpoint', () => {
    use(dir, (state) => {
      expect(state.positions).toEqual(new Map())
      state.begin(positionsOf(4))
    })
    use(dir, (state) => {
      expect([state.checkpoint, state.setAside]).toEqual([null, ''])
      expect(state.positions).toEqual(positionsOf(4))
      commit(state, 5)
    })
    use(dir, ({ positions }) => expect(positions).toEqual(positionsOf(5)))
  })

  test('holds the engine as it was when it was frozen', () => {
    const engine = madeEngine(5)
    const list = engine.prefixes.get('engine 5')
    const frozen = freeze(5, engine, cursorsOf(5))
    if (Array.isArray(list)) list.push('later')
    use(dir, (state) => state.commit(frozen, positionsOf(5)))
    use(dir, ({ checkpoint }) => expect(checkpoint).toEqual(madeCheckpoint(5)))
  })

  test('that the disk has no room for leaves the former one, and the next is written', () => {
    const state = openStateFile(dir, NOW)
    commit(state, 1)
    const undo = limitFiles(readFileSync(fileIn(dir)).length + 8_192)
    const large = { ...madeEngine(2), prefixes: new Map([['large', ['0123456789'.repeat(100_000)]]]) }
    try {
      const error = problemOf(() => state.commit(freeze(2, large, cursorsOf(2)), positionsOf(2)))
      expect(error.code).toBe('cannot-write')
    } finally {
      undo()
    }
    // What a power loss would leave at this moment: with a journal, from which the file is put right.
    cpSync(dir, shop.path('former'), { recursive: true })
    commit(state, 3)
    state.close()
    use(dir, ({ checkpoint }) => expect(checkpoint).toEqual(madeCheckpoint(3)))
    use(shop.path('former'), ({ checkpoint, setAside }) => {
      expect(setAside).toBe('')
      expect(checkpoint).toEqual(madeCheckpoint(1))
    })
  })

  test('has no secret in it: no preshared or private key of the demo', async () => {
    const feed = await openFeed(DEMO)
    use(dir, (state) => state.commit(freeze(1, feed.halfWay(), new Map()), new Map()))
    const bytes = readFileSync(fileIn(dir)).toString('latin1')
    const dump = readFileSync(join(DEMO, 'gw1/wg.snapshots'), 'latin1')
    const rows = dump
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .map((line) => line.split('\t'))
    // `wg show all dump`: five fields of an interface, its private key second; nine of a peer, the preshared key third.
    const secrets = new Set(rows.flatMap((row) => (row.length === 5 ? [row[1]] : row.length === 9 ? [row[2]] : [])))
    const keys = new Set(rows.flatMap((row) => (row.length === 9 ? [row[1]] : [])))
    for (const secret of secrets) if (secret?.endsWith('=')) expect(bytes).not.toContain(secret)
    expect([...keys].some((key) => key !== undefined && bytes.includes(key))).toBe(true)
  })
})

describe('a file that cannot be used is named and kept aside', () => {
  beforeEach(() => use(dir, (state) => commit(state, 7)))

  test('empty', () => {
    writeFileSync(fileIn(dir), '')
    expectSetAside(dir, /cannot be used: it is empty\. It was set aside as/)
  })

  test('text', () => {
    writeFileSync(fileIn(dir), 'no database at all, but long enough to be read as one\n'.repeat(50))
    expectSetAside(dir, 'it is no SQLite database')
  })

  test('the database of another program', () => {
    const other = new DatabaseSync(shop.path('other'))
    other.exec('CREATE TABLE bookmarks (url TEXT); PRAGMA application_id = 77')
    other.close()
    copyFileSync(shop.path('other'), fileIn(dir))
    expectSetAside(dir, 'it is a database of another program')
  })

  test.each([
    ['a cursor', "UPDATE cursors SET cursor = replace(cursor, '7', '9')"],
    ['a cursor that is gone', "DELETE FROM cursors WHERE source = 'gw1/conntrack'"],
    ['a position', "UPDATE positions SET position = '' WHERE sink = 'ndjson'"],
    ['the core', 'UPDATE core SET bytes = zeroblob(length(bytes))'],
    ['the hash', "UPDATE core SET sha256 = ''"],
  ])('changed behind our back: %s', (_, sql) => {
    const database = new DatabaseSync(fileIn(dir))
    database.exec(sql)
    database.close()
    expectSetAside(dir, 'it is damaged: the hash of what it holds does not match')
  })

  test('any byte changed, or cut anywhere: what was there, or set aside, or of a newer release; nothing else', () => {
    const bytes = readFileSync(fileIn(dir))
    let run = 0
    const outcomes = { same: 0, aside: 0, newer: 0 }
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(5), (at, mask, cut) => {
        const directory = shop.path(`run-${run++}`)
        mkdirSync(directory)
        const damaged = Buffer.from(bytes)
        damaged[at] = (damaged[at] ?? 0) ^ mask
        const text = cut === 0 ? damaged.subarray(0, at) : damaged
        writeFileSync(fileIn(directory), text)
        try {
          use(directory, (state) => {
            const { checkpoint, setAside } = state
            if (setAside === '') {
              expect(checkpoint).toEqual(madeCheckpoint(7))
              outcomes.same++
            } else {
              expect(checkpoint).toBe(null)
              const kept = readFileSync(join(directory, asideIn(directory)[0] ?? ''))
              // SQLite takes less than a page for nothing, and writes a header into it when it locks it.
              expect(text.length < 1024 || kept.equals(text)).toBe(true)
              outcomes.aside++
            }
            // What is damaged must not wait for the next checkpoint to show.
            commit(state, 9)
          })
        } catch (error) {
          expect(error).toMatchObject({ code: 'newer-state' })
          expect(readFileSync(fileIn(directory)).equals(text)).toBe(true)
          outcomes.newer++
        }
      }),
      // Places of the header, which chance would hardly meet: page size, file format, counters, schema, version, application.
      {
        numRuns: 120,
        examples: [16, 18, 19, 24, 28, 40, 47, 56, 60, 63, 68, 71, 96, 100, 105].map((at) => [at, 1, 1]),
      },
    )
    expect(outcomes.aside).toBeGreaterThan(50)
    expect(outcomes.newer).toBeGreaterThan(0)
  })

  test('a column of another name', () => {
    const database = new DatabaseSync(fileIn(dir))
    database.exec('ALTER TABLE cursors RENAME COLUMN cursor TO cursos')
    database.close()
    expectSetAside(dir, 'no column named cursor')
  })

  test('a newer release’s is refused and untouched', () => {
    const database = new DatabaseSync(fileIn(dir))
    database.exec(`PRAGMA user_version = ${STATE_VERSION + 1}`)
    database.close()
    const bytes = readFileSync(fileIn(dir))
    const error = problemOf(() => openStateFile(dir, NOW))
    expect(error.code).toBe('newer-state')
    expect(error.advice).toContain('another state directory')
    expect(readFileSync(fileIn(dir)).equals(bytes)).toBe(true)
    expect(asideIn(dir)).toEqual([])
  })
})

describe('another process', () => {
  const taskText = (task: Partial<StateTask>) => JSON.stringify({ dir, commits: 1, killAt: '', times: 1, ...task })

  test('that holds the file keeps us out, whatever it looks like, and lets us in when it is killed', async () => {
    const child = spawn(process.execPath, [CHILD, taskText({ commits: 2 })], { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = new Promise((resolve) => child.on('close', resolve))
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    await until(() => said.includes('holding'), 'the child holds the file')
    const error = problemOf(() => openStateFile(dir, NOW))
    expect(error.code).toBe('state-locked')
    expect(error.message).toContain('another daemon')
    expect(asideIn(dir)).toEqual([])
    child.kill('SIGKILL')
    await ended
    use(dir, ({ checkpoint, setAside }) => {
      expect([checkpoint?.at, setAside]).toEqual([2, ''])
      expect(checkpoint?.cursors).toEqual(new Map([['log', 'cursor 2']]))
    })
  })

  test.each([
    ['state-made', 1, null],
    ['checkpoint-written', 1, null],
    ['checkpoint-committed', 1, 1],
    ['checkpoint-written', 3, 2],
    ['checkpoint-committed', 3, 3],
  ])('killed at %s, time %i: the checkpoint is %s', (killAt, times, at) => {
    const { signal, stdout } = spawnSync(process.execPath, [CHILD, taskText({ commits: 5, killAt, times })], {
      encoding: 'utf8',
    })
    expect(signal).toBe('SIGKILL')
    // What was acknowledged is there.
    expect(at ?? 0).toBeGreaterThanOrEqual(stdout.split('\n').length - 1)
    use(dir, ({ checkpoint, setAside }) => {
      expect(setAside).toBe('')
      expect(checkpoint?.at ?? null).toBe(at)
      if (at !== null) expect(checkpoint?.positions).toEqual(new Map([['ndjson', `position ${at}`]]))
    })
  })

  test('killed while it set a file aside: the next one finds neither half of it', () => {
    mkdirSync(dir)
    writeFileSync(fileIn(dir), 'no database'.repeat(100))
    const { signal } = spawnSync(process.execPath, [CHILD, taskText({ killAt: 'state-set-aside' })])
    expect(signal).toBe('SIGKILL')
    use(dir, (state) => {
      expect([state.checkpoint, state.setAside]).toEqual([null, ''])
      commit(state, 4)
    })
    expect(asideIn(dir)).toHaveLength(1)
  })
})

test('a directory that cannot be made is named', () => {
  shop.write('file', '')
  expect(problemOf(() => openStateFile(shop.path('file/state'), NOW)).code).toBe('cannot-write')
})
