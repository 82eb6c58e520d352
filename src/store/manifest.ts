/**
 * What the store consists of, in SQLite: segments, hot files, columns, cursors, the chain. Every change of it is one transaction,
 * so that a kill at any point leaves the state before or after, never between. A rollback journal instead of WAL: readers need
 * nothing but read access, and the manifest changes a few times a minute.
 */
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { AppError } from '../errors.ts'
import type { FieldName } from '../fields.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import { type ChainEntry, type ChainHead, chainHash, EMPTY_HEAD } from './chain.ts'
import { knownColumns } from './columns.ts'
import { STORE_SCHEMA, type StoreLayout } from './layout.ts'

export type Segment = {
  readonly number: number
  readonly dataset: string
  /** `2026-11-22`, UTC. */
  readonly day: string
  /** Relative to the store. */
  readonly file: string
  readonly rows: number
  readonly bytes: number
  readonly oldest: Micros
  readonly newest: Micros
  readonly columns: readonly FieldName[]
  readonly sha256: string
}

/** A file of rows not sealed yet. */
export type HotEntry = { readonly file: string; readonly number: number; readonly dataset: string }

/** Everything a reader needs, as of one moment. */
export type Contents = {
  readonly segments: readonly Segment[]
  readonly hot: readonly HotEntry[]
  /** Columns rows of a dataset may have, by dataset: what hot files are read with. */
  readonly columns: ReadonlyMap<string, readonly FieldName[]>
}

export type Manifest = {
  contents(): Contents
  head(): ChainHead
  chain(): { readonly entry: ChainEntry; readonly hash: string }[]
  cursors(): Map<string, string>
  /** Numbers of files are never used twice. */
  nextNumber(): number
  openHot(entry: HotEntry): void
  addColumns(dataset: string, names: readonly FieldName[]): void
  /** The rows of a hot file are in these segments now; none when all of them were known already. */
  seal(hot: HotEntry, segments: readonly Segment[]): void
  /** One segment in the place of others. Their files are the caller's to remove, after this. */
  merge(merged: Segment, replaced: readonly Segment[]): void
  expire(segments: readonly Segment[]): void
  setCursors(cursors: ReadonlyMap<string, string>): void
  close(): void
}

const TABLES = `
CREATE TABLE counter (next INTEGER NOT NULL);
INSERT INTO counter VALUES (1);
CREATE TABLE hot (file TEXT PRIMARY KEY, number INTEGER NOT NULL, dataset TEXT NOT NULL);
CREATE TABLE columns (dataset TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (dataset, name)) WITHOUT ROWID;
CREATE TABLE segments (
  number INTEGER PRIMARY KEY, dataset TEXT NOT NULL, day TEXT NOT NULL, file TEXT NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
  oldest INTEGER NOT NULL, newest INTEGER NOT NULL, columns TEXT NOT NULL, sha256 TEXT NOT NULL
);
CREATE TABLE chain (number INTEGER PRIMARY KEY, entry TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE cursors (source TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
`

/** How long a statement waits for another process's transaction. */
const BUSY_MS = 10_000

/** For the one writer: creates the tables where there are none. Throws AppError `newer-store`, `bad-store`. */
export function openManifest(layout: StoreLayout): Manifest {
  return attempt(layout, () => {
    const database = new DatabaseSync(layout.manifest)
    // EXTRA syncs the directory too when the journal goes: without it a commit may come undone at power loss.
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA`)
    const version = schemaOf(database, layout)
    if (version === 0) database.exec(`BEGIN IMMEDIATE; ${TABLES} PRAGMA user_version = ${STORE_SCHEMA}; COMMIT`)
    return createManifest(database)
  })
}

/** For a reader; `null` when there is no store. Throws AppError `newer-store`, `bad-store`. */
export function readManifest(layout: StoreLayout): Manifest | null {
  return attempt(layout, () => {
    const database = openForReading(layout)
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    if (schemaOf(database, layout) === 0) {
      database.close()
      return null
    }
    return createManifest(database)
  })
}

/** A journal left by a kill has to be rolled back first, which a connection that only reads must not do. */
function openForReading(layout: StoreLayout): DatabaseSync {
  const reading = new DatabaseSync(layout.manifest, { readOnly: true })
  try {
    reading.prepare('SELECT count(*) FROM sqlite_schema').get()
    return reading
  } catch {
    reading.close()
    return new DatabaseSync(layout.manifest)
  }
}

function schemaOf(database: DatabaseSync, layout: StoreLayout): number {
  const { user_version: found = 0 } = database.prepare('PRAGMA user_version').get() ?? {}
  const version = Number(found)
  if (version <= STORE_SCHEMA) return version
  database.close()
  throw new AppError(
    'newer-store',
    `the store ${safeText(layout.dir)} was written by a newer release (schema ${version})`,
    {
      advice: `This release reads schemas up to ${STORE_SCHEMA}. Use the release that wrote it, or name another directory with --store.`,
    },
  )
}

function attempt<T>(layout: StoreLayout, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    throw new AppError('bad-store', `the manifest of the store ${safeText(layout.dir)} cannot be read`, {
      cause,
      advice:
        'Check that this user may read it. If the file is damaged, the Parquet files below segments/ are still whole: move the directory aside and restore the manifest from a backup.',
    })
  }
}

function createManifest(database: DatabaseSync): Manifest {
  const all = (sql: string, ...parameters: (string | number)[]) => database.prepare(sql).all(...parameters)
  const transaction = <T>(work: () => T): T => {
    database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (error) {
      database.exec('ROLLBACK')
      throw error
    }
  }

  function head(): ChainHead {
    const last = database.prepare('SELECT number, hash FROM chain ORDER BY number DESC LIMIT 1').get()
    if (last === undefined) return EMPTY_HEAD
    const { number, hash } = last
    return { count: Number(number), hash: String(hash) }
  }

  function chained(kind: ChainEntry['kind'], segment: Segment, replaces: readonly number[]): void {
    const previous = head()
    const { number, dataset, file, rows, bytes, sha256, newest } = segment
    const entry: ChainEntry = {
      number: previous.count + 1,
      kind,
      segment: number,
      dataset,
      file,
      rows,
      bytes,
      sha256,
      newest,
      replaces,
    }
    database
      .prepare('INSERT INTO chain VALUES (?, ?, ?)')
      .run(entry.number, JSON.stringify(entry), chainHash(previous.hash, entry))
  }

  function insert(segment: Segment): void {
    const { number, dataset, day, file, rows, bytes, oldest, newest, columns, sha256 } = segment
    database
      .prepare('INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(number, dataset, day, file, rows, bytes, oldest, newest, JSON.stringify(columns), sha256)
  }

  function remove(segments: readonly Segment[]): void {
    const statement = database.prepare('DELETE FROM segments WHERE number = ?')
    for (const { number } of segments) statement.run(number)
  }

  function contents(): Contents {
    // One transaction: a segment and the hot file it was made from are never seen together.
    database.exec('BEGIN')
    try {
      const columns = new Map<string, FieldName[]>()
      for (const { dataset } of all('SELECT DISTINCT dataset FROM columns ORDER BY dataset')) {
        const names = all('SELECT name FROM columns WHERE dataset = ?', String(dataset)).map(({ name }) => String(name))
        columns.set(String(dataset), knownColumns(names))
      }
      return {
        segments: all('SELECT * FROM segments ORDER BY oldest, number').map(toSegment),
        hot: all('SELECT file, number, dataset FROM hot ORDER BY number').map(({ file, number, dataset }) => ({
          file: String(file),
          number: Number(number),
          dataset: String(dataset),
        })),
        columns,
      }
    } finally {
      database.exec('COMMIT')
    }
  }

  return {
    contents,
    head,
    chain: () =>
      all('SELECT entry, hash FROM chain ORDER BY number').map(({ entry, hash }) => ({
        // Written above; a changed one fails its hash.
        entry: JSON.parse(String(entry)) as ChainEntry,
        hash: String(hash),
      })),
    cursors: () =>
      new Map(
        all('SELECT source, position FROM cursors').map(({ source, position }) => [String(source), String(position)]),
      ),
    nextNumber() {
      const { number } = database.prepare('UPDATE counter SET next = next + 1 RETURNING next - 1 AS number').get() ?? {}
      return Number(number)
    },
    openHot: ({ file, number, dataset }) =>
      void database.prepare('INSERT INTO hot VALUES (?, ?, ?)').run(file, number, dataset),
    addColumns: (dataset, names) =>
      transaction(() => {
        const add = database.prepare('INSERT OR IGNORE INTO columns VALUES (?, ?)')
        for (const name of names) add.run(dataset, name)
      }),
    seal: (hot, segments) =>
      transaction(() => {
        for (const segment of segments) {
          insert(segment)
          chained('sealed', segment, [])
        }
        database.prepare('DELETE FROM hot WHERE file = ?').run(hot.file)
      }),
    merge: (merged, replaced) =>
      transaction(() => {
        insert(merged)
        remove(replaced)
        chained(
          'merged',
          merged,
          replaced.map(({ number }) => number),
        )
      }),
    expire: (segments) =>
      transaction(() => {
        remove(segments)
        for (const segment of segments) chained('expired', segment, [])
      }),
    setCursors: (cursors) =>
      transaction(() => {
        const set = database.prepare(
          'INSERT INTO cursors VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET position = excluded.position',
        )
        for (const [source, position] of cursors) set.run(source, position)
      }),
    close: () => database.close(),
  }
}

function toSegment(row: { readonly [name: string]: SQLOutputValue }): Segment {
  const { number, dataset, day, file, rows, bytes, oldest, newest, columns, sha256 } = row
  return {
    number: Number(number),
    dataset: String(dataset),
    day: String(day),
    file: String(file),
    rows: Number(rows),
    bytes: Number(bytes),
    oldest: Number(oldest),
    newest: Number(newest),
    // Written by `insert`: a list of names.
    columns: knownColumns(JSON.parse(String(columns)) as string[]),
    sha256: String(sha256),
  }
}
