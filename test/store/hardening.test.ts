/**
 * What a statement could do if a text from outside ever became part of one: read other files, write elsewhere, load code, lift a
 * limit. All refused. And a store may lie below any name a person gives a directory.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDuckdb } from '../../src/store/duckdb.ts'
import { openStoreReader } from '../../src/store/reader.ts'
import { openStoreWriter } from '../../src/store/writer.ts'
import { madeEvent } from './made-events.ts'
import { EVERYTHING, idsIn, withPlace, writeAll } from './store-run.ts'

describe('a statement', () => {
  let database: Database
  let place = ''
  let leave: () => void
  let left: Promise<void>
  beforeAll(async () => {
    await new Promise<void>((ready) => {
      left = withPlace(async (dir) => {
        place = dir
        mkdirSync(`${dir}-beside`, { recursive: true })
        mkdirSync(dir)
        writeFileSync(`${dir}-beside/secret.csv`, 'a\nsecret\n')
        symlinkSync(`${dir}-beside/secret.csv`, join(dir, 'link.csv'))
        symlinkSync(`${dir}-beside`, join(dir, 'linked'))
        database = await openDuckdb({ directory: dir, spill: join(dir, 'spill'), memory: '512MiB', threads: 1 })
        await new Promise<void>((resolve) => {
          leave = resolve
          ready()
        })
      })
    })
  })
  afterAll(async () => {
    await database.close()
    leave()
    await left
  })

  test.each([
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('DIR-beside/secret.csv')",
    "SELECT * FROM read_csv('DIR/../store-beside/secret.csv')",
    "SELECT * FROM read_csv('DIR/link.csv')",
    "SELECT * FROM read_csv('DIR/linked/secret.csv')",
    "SELECT * FROM sniff_csv('DIR-beside/secret.csv')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM glob('DIR-beside/*')",
    "SELECT * FROM glob('DIR/../*')",
    "SELECT * FROM read_csv('/dev/stdin')",
    "SELECT * FROM read_csv('https://192.0.2.1/x')",
    "COPY (SELECT 1) TO 'DIR-beside/out.csv'",
    "COPY (SELECT 1) TO 'DIR/../out.csv'",
    "COPY (SELECT 1) TO 'DIR/linked/out.csv'",
    "COPY (SELECT 1) TO '/dev/stderr'",
    "EXPORT DATABASE 'DIR-beside/all'",
    "ATTACH 'DIR-beside/other.db'",
    "ATTACH 'DIR/manifest.sqlite' AS m (TYPE sqlite)",
    'INSTALL httpfs',
    'FORCE INSTALL json',
    'LOAD httpfs',
    "LOAD 'DIR/x.duckdb_extension'",
    "SELECT getenv('HOME')",
    'CREATE SECRET s (TYPE S3)',
    "SET memory_limit = '100GB'",
    "PRAGMA memory_limit = '100GB'",
    'RESET memory_limit',
    'SET threads = 64',
    "SET temp_directory = '/tmp'",
    'SET enable_external_access = true',
    "SET allowed_directories = ['/']",
    'SET lock_configuration = false',
    'SET autoload_known_extensions = true',
    "SET log_query_path = 'DIR-beside/log'",
    "PRAGMA profiling_output = 'DIR-beside/profile'",
  ])('%s', async (sql) => {
    const outcome = await database.rows(sql.replaceAll('DIR', place)).then(
      ({ rows }) => JSON.stringify(rows),
      (error: unknown) => (error instanceof Error ? `refused: ${error.message}` : ''),
    )
    expect(outcome).toMatch(
      /^refused: .*(Permission Error|configuration has been locked|does not exist|cannot be used as a table|No files found)/,
    )
    expect(outcome).not.toContain('secret\\n')
  })

  test('text given as a parameter stays text', async () => {
    await withPlace(async (dir) => {
      await writeAll(dir, [madeEvent(0)])
      const reader = await openStoreReader(dir)
      for (const text of ["' OR 1=1 --", "'); COPY events TO 'x'; --", '\u0000', '$1', '\u001b[2J']) {
        const { rows } = await reader.select(
          EVERYTHING,
          'SELECT count(*), any_value($1) FROM events WHERE "event.id" = $1',
          [text],
        )
        expect(rows).toEqual([[0, null]])
        expect((await reader.select(EVERYTHING, 'SELECT $1 FROM events', [text])).rows).toEqual([[text]])
      }
      reader.close()
    })
  })
})

describe('a directory called', () => {
  const NAMES = ["it's", 'ünï→😀', 's*', 's?x', '[ab]', '**', 'x{1,2}', '$1 ; --', '\u001b[31m\n', 'back\\slash']

  test('anything that a file system takes holds a store, beside others that its name would match as a pattern', async () => {
    await withPlace(async (place) => {
      // What a pattern would find first.
      for (const name of ['a', 'sx', 's1x']) await writeAll(join(place, name), [madeEvent(90)])
      for (const [i, name] of NAMES.entries()) {
        const dir = join(place, name)
        const writer = await openStoreWriter(dir)
        writer.add(madeEvent(i))
        writer.commit(new Map())
        expect(await idsIn(dir), name).toHaveLength(1)
        await writer.close()
        expect(await idsIn(dir), name).toEqual([madeEvent(i).own['event.id']])
      }
    })
  })

  test('a link to a store is that store', async () => {
    await withPlace(async (dir) => {
      await writeAll(dir, [madeEvent(0)])
      symlinkSync(dir, `${dir}-link`)
      await writeAll(`${dir}-link`, [madeEvent(1)])
      expect(await idsIn(`${dir}-link`)).toEqual(await idsIn(dir))
      expect(await idsIn(dir)).toHaveLength(2)
    })
  })

  test('nothing that came with data is in a file name, and nothing hostile is printed raw in an error', async () => {
    await withPlace(async (place) => {
      const dir = join(place, '\u001b[31m\u202e')
      writeFileSync(join(mkdirOf(dirname(dir)), 'x'), '')
      const error: unknown = await openStoreReader(dir).catch((each: unknown) => each)
      expect(String(error)).not.toMatch(/[\u0000-\u001f\u202e]/)
      const second: unknown = await openStoreWriter(dirname(dir)).catch((each: unknown) => each)
      expect(second).toMatchObject({ code: 'bad-store' })
      expect(readFileSync(join(dirname(dir), 'x'), 'utf8')).toBe('')
    })
  })
})

function mkdirOf(path: string): string {
  mkdirSync(path, { recursive: true })
  return path
}
