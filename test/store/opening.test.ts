/**
 * Directories that are no store, not ours, not readable, of a newer release, or half of a store: refused in words, with a code and
 * what to do, and nothing in them is made, changed or removed.
 */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import type { AppError } from '../../src/errors.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { madeEvent } from './made-events.ts'
import type { Opening } from './opening-child.ts'
import { expectTidy, filesIn, idsIn, outcomeOf, refusal, startChild, withPlace, writeAll } from './store-run.ts'

const readRefusal = (dir: string) => refusal(() => openStoreReader(dir))
const writeRefusal = (dir: string) => refusal(() => openStoreWriter(dir))

/** Every name below a directory with what it holds. */
function picture(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return entry.isFile() ? `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}` : path
    })
    .sort()
}

/** A store of sealed rows, and of rows that are not. */
async function makeStore(dir: string): Promise<void> {
  await writeAll(
    dir,
    Array.from({ length: 20 }, (_, n) => madeEvent(n)),
  )
  const writer = await openStoreWriter(dir)
  writer.add(madeEvent(20))
  writer.commit(new Map())
  await writer.abandon()
}

/** Fails unless both a reader and a writer are refused like that, and the directory stays as it is. */
async function expectRefused(dir: string, code: AppError['code'], said: RegExp): Promise<void> {
  const before = picture(dir)
  for (const error of [await readRefusal(dir), await writeRefusal(dir)]) {
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(said)])
    expect(error.advice).not.toBe('')
  }
  expect(picture(dir)).toEqual(before)
}

describe('no store', () => {
  test('a reader makes none', async () => {
    await withPlace(async (dir) => {
      for (const place of [dir, join(dir, 'below')]) {
        const error = await readRefusal(place)
        expect([error.code, error.message]).toEqual(['no-store', `there is no store at ${place}`])
        expect(existsSync(dir)).toBe(false)
      }
      mkdirSync(dir)
      expect((await readRefusal(dir)).code).toBe('no-store')
      expect(readdirSync(dir)).toEqual([])
    })
  })

  test('a file is no directory', async () => {
    await withPlace(async (dir) => {
      writeFileSync(dir, 'mine')
      expect((await readRefusal(dir)).code).toBe('no-store')
      for (const path of [dir, join(dir, 'below')]) {
        const error = await writeRefusal(path)
        expect([error.code, error.message]).toEqual([
          'cannot-write',
          `cannot write the store ${path}: something else has that name`,
        ])
      }
      expect(readFileSync(dir, 'utf8')).toBe('mine')
    })
  })

  test("a directory with somebody's files is not taken, whatever they are called", async () => {
    for (const file of ['notes.txt', '.hidden', 'hot/00000001.wireguard.flow.ndjson', 'segments/x.parquet', 'work/x']) {
      await withPlace(async (dir) => {
        mkdirSync(dirname(join(dir, file)), { recursive: true })
        writeFileSync(join(dir, file), 'mine')
        const before = picture(dir)
        expect([(await writeRefusal(dir)).code, (await readRefusal(dir)).code]).toEqual([
          'bad-store',
          /^(hot|segments)/.test(file) ? 'bad-store' : 'no-store',
        ])
        expect(picture(dir)).toEqual(before)
      })
    }
  })

  test('an empty file system is one to begin in', async () => {
    await withPlace(async (dir) => {
      mkdirSync(join(dir, 'lost+found'), { recursive: true })
      await writeAll(dir, [madeEvent(0)])
      expect(await idsIn(dir)).toHaveLength(1)
    })
  })
})

describe('a manifest', () => {
  test('of a newer release is left alone', async () => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      const database = new DatabaseSync(join(dir, 'manifest.sqlite'))
      // As a newer release may do.
      database.exec('PRAGMA user_version = 2; PRAGMA journal_mode = WAL')
      database.close()
      await expectRefused(dir, 'newer-store', /was written by a newer release \(schema 2\)$/)
    })
  })

  test.each([
    [
      'that is text',
      (path: string) => writeFileSync(path, 'not a database, and longer than its header of 100 bytes'.repeat(3)),
      /is damaged/,
    ],
    ['cut to half', (path: string) => truncateSync(path, readFileSync(path).length / 2), /is damaged/],
    ['cut to its header', (path: string) => truncateSync(path, 100), /is damaged/],
    ['without a byte', (path: string) => truncateSync(path, 0), /holds hot\/ or segments\/, but no manifest/],
    ['that is gone', (path: string) => rmSync(path), /holds hot\/ or segments\/, but no manifest/],
    ['of another program', (path: string) => otherDatabase(path), /is a database of another program/],
  ] as const)('%s: nothing is begun anew over the records', async (_name, change, said) => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      change(join(dir, 'manifest.sqlite'))
      await expectRefused(dir, 'bad-store', said)
    })
  })

  test.each([
    ["UPDATE segments SET file = 'segments/../../victim'", 'a file outside'],
    ["UPDATE hot SET file = '/etc/passwd'", 'an absolute name'],
    ["UPDATE segments SET columns = 'x'", 'no list'],
    ["UPDATE segments SET rows = 'many'", 'no number'],
    ['DROP TABLE cursors; DROP TABLE hot', 'a table less'],
  ])('in which somebody wrote: %s', async (sql) => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      const victim = join(dir, '..', 'victim')
      writeFileSync(victim, 'untouched')
      const database = new DatabaseSync(join(dir, 'manifest.sqlite'))
      database.exec(sql)
      database.close()
      const before = picture(join(dir, 'segments'))
      const reader = await openStoreReader(dir)
      const errors = [
        await refusal(() => reader.select({ datasets: null, since: 0, until: 1, columns: [] }, 'SELECT 1 FROM events')),
        await writeRefusal(dir),
      ]
      reader.close()
      expect(errors.map((error) => error.code)).toEqual(['bad-store', 'bad-store'])
      expect([picture(join(dir, 'segments')), readFileSync(victim, 'utf8')]).toEqual([before, 'untouched'])
    })
  })

  test('put back from a backup does not make the writer remove what came after it', async () => {
    await withPlace(async (dir) => {
      await writeAll(dir, [madeEvent(0)])
      copyFileSync(join(dir, 'manifest.sqlite'), `${dir}-backup`)
      await writeAll(dir, [madeEvent(1)])
      const newest = filesIn(dir).findLast((file) => file.startsWith('segments')) ?? ''
      copyFileSync(`${dir}-backup`, join(dir, 'manifest.sqlite'))
      const error = await writeRefusal(dir)
      expect([error.code, error.message]).toEqual([
        'bad-store',
        `the manifest of the store ${dir} is older than 1 of its files, ${newest} for one`,
      ])
      expect(await idsIn(dir)).toHaveLength(1)
      // As the advice says.
      renameSync(join(dir, newest), `${dir}-segment`)
      expect(await writeAll(dir, [madeEvent(2)])).toMatchObject({ added: 1 })
    })
  })

  test('that a killed process left within a change is rolled back by a reader', async () => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      leaveJournal(dir)
      expect(await idsIn(dir)).toHaveLength(21)
      expect(existsSync(join(dir, 'manifest.sqlite-journal'))).toBe(false)
      await writeAll(dir, [])
      expectTidy(dir)
    })
  })
})

describe('in a store', () => {
  test("somebody's files stay, also below hot/ and segments/; what a writer left does not", async () => {
    await withPlace(async (dir) => {
      await makeStore(dir)
      const others = [
        'notes.txt',
        'hot/notes.ndjson',
        'segments/00000001.parquet',
        'segments/wireguard.flow/notes.parquet',
      ]
      mkdirSync(join(dir, 'segments/wireguard.flow/2026-11-22'), { recursive: true })
      for (const file of others) writeFileSync(join(dir, file), 'mine')
      const left = [
        'hot/00000002.wireguard.flow.ndjson',
        'segments/wireguard.flow/2026-11-22/00000001.parquet',
        'work/9.parquet',
      ]
      for (const file of left) writeFileSync(join(dir, file), 'left')
      symlinkSync('..', join(dir, 'segments/round'))
      await writeAll(dir, [])
      const files = filesIn(dir)
      expect(others.filter((file) => !files.includes(file))).toEqual([])
      expect(left.filter((file) => files.includes(file))).toEqual([])
      expect(await idsIn(dir)).toHaveLength(21)
    })
  })

  test('a link in the place of a folder is not followed', async () => {
    for (const folder of ['hot', 'segments', 'work']) {
      await withPlace(async (dir) => {
        await writeAll(dir, [])
        const other = `${dir}-other`
        mkdirSync(other)
        writeFileSync(join(other, '00000001.wireguard.flow.ndjson'), 'mine')
        rmSync(join(dir, folder), { recursive: true })
        symlinkSync(other, join(dir, folder))
        const error = await writeRefusal(dir)
        expect([error.code, error.message]).toEqual(['bad-store', `${join(dir, folder)} is no directory`])
        expect(readdirSync(other)).toEqual(['00000001.wireguard.flow.ndjson'])
      })
    }
  })
})

describe('as somebody else', () => {
  /** Overflow uid of the kernel: owns nothing. */
  const NOBODY = 65_534
  const open = async (how: 'read' | 'write', dir: string): Promise<Opening> => {
    const { lines, end } = await outcomeOf(startChild('opening-child.ts', [how, dir], NOBODY))
    expect(end).toBe(0)
    // Printed by opening-child.ts.
    return JSON.parse(lines[0] ?? '') as Opening
  }
  const change = (dir: string, directoryMode: number, fileMode: number) => {
    for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true }))
      chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? directoryMode : fileMode)
    chmodSync(dir, directoryMode)
  }

  test('who may read, may read; who may not is told, and what cannot be opened is told as damage', async () => {
    if (process.getuid?.() !== 0) {
      console.log('not run: only root can be somebody else')
      return
    }
    await withPlace(async (dir) => {
      chmodSync(dirname(dir), 0o755)
      await makeStore(dir)
      expect(await open('read', dir)).toMatchObject({
        code: 'cannot-read',
        said: expect.stringContaining(`cannot read the store ${dir}: permission denied. Check`),
      })
      change(dir, 0o755, 0o644)
      expect(await open('read', dir)).toEqual({ rows: 21, code: '', said: '', damage: [] })
      const before = picture(dir)
      expect(await open('write', dir)).toMatchObject({
        code: 'cannot-write',
        said: expect.stringContaining(`cannot write the store ${dir}: permission denied`),
      })
      expect(await open('write', join(dir, 'new'))).toMatchObject({
        code: 'cannot-write',
        said: expect.stringContaining('permission denied'),
      })
      // All may be written but the lock: then nobody could be locked out.
      change(dir, 0o777, 0o666)
      chmodSync(join(dir, 'writer.lock'), 0o644)
      expect(await open('write', dir)).toMatchObject({ code: 'cannot-write' })
      change(dir, 0o755, 0o644)
      leaveJournal(dir)
      expect(await open('read', dir)).toMatchObject({
        code: 'cannot-read',
        said: expect.stringContaining('was killed within a change. The change has to be undone first'),
      })
      expect(await idsIn(dir)).toHaveLength(21)
      expect(picture(dir)).toEqual(before)
      const segment = filesIn(dir).find((file) => file.endsWith('.parquet')) ?? ''
      chmodSync(join(dir, segment), 0o600)
      expect(await open('read', dir)).toMatchObject({
        rows: 1,
        code: '',
        damage: [`${segment} cannot be read: 20 rows of wireguard.firewall`],
      })
      chmodSync(join(dir, 'manifest.sqlite'), 0o600)
      expect(await open('read', dir)).toMatchObject({ code: 'cannot-read' })
    })
  })
})

function otherDatabase(path: string): void {
  rmSync(path)
  const database = new DatabaseSync(path)
  database.exec('CREATE TABLE mine (x); PRAGMA user_version = 1')
  database.close()
}

/** Puts the manifest and its journal there as they lie within a change. */
function leaveJournal(dir: string): void {
  const path = join(dir, 'manifest.sqlite')
  const database = new DatabaseSync(path)
  // So that pages of the change are written before it ends.
  database.exec('PRAGMA cache_size = 1; BEGIN IMMEDIATE; DELETE FROM segments; DELETE FROM chain')
  const add = database.prepare('INSERT INTO chain VALUES (?, ?, ?)')
  for (let n = 1; n < 200; n++) add.run(n, 'x'.repeat(500), 'y')
  const copies = [path, `${path}-journal`].map((from) => {
    copyFileSync(from, `${dir}-copy${from.length}`)
    return [`${dir}-copy${from.length}`, from] as const
  })
  database.exec('ROLLBACK')
  database.close()
  for (const [from, to] of copies) copyFileSync(from, to)
  for (const [, to] of copies) chmodSync(to, 0o644)
}
