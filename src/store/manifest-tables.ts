/** The manifest's tables: each row as a value, each change as one transaction. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { FieldName } from '../fields.ts'
import { type ChainEntry, type ChainHead, chainHash, columnsHash, EMPTY_HEAD, parseChainEntry } from './chain.ts'
import { knownColumns } from './columns.ts'
import { fileNumber, type StoreLayout } from './layout.ts'
import type { ChainRow, Contents, HotEntry, Manifest, Segment } from './manifest.ts'
import { DamagedRow, manifestError } from './manifest-error.ts'

/** A new manifest's. */
export const TABLES = `
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

/** The manifest over an open database that has the tables. */
export function createManifest(database: DatabaseSync, layout: StoreLayout, mode: 'read' | 'write'): Manifest {
  const all = (sql: string): Row[] => {
    const statement = database.prepare(sql)
    // Trap: after the year 2255 Micros are beyond 2^53, and SQLite refuses to hand such integers out as numbers.
    statement.setReadBigInts(true)
    return statement.all()
  }
  const guard = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw manifestError(layout, mode, error)
    }
  }
  const transaction = <T>(kind: 'DEFERRED' | 'IMMEDIATE', work: () => T): T =>
    guard(() => {
      database.exec(`BEGIN ${kind}`)
      try {
        const result = work()
        database.exec('COMMIT')
        return result
      } catch (error) {
        // A full disk may have undone it already.
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    })
  const change = (work: () => void): void => transaction('IMMEDIATE', work)

  function chained(kind: ChainEntry['kind'], segment: Segment, replaces: readonly number[]): void {
    const previous = headOf(database)
    const { number, dataset, file, rows, bytes, sha256, oldest, newest, columnsHash: columns } = segment
    const place = { number: previous.count + 1, kind, segment: number, dataset, file }
    const entry: ChainEntry = { ...place, rows, bytes, sha256, oldest, newest, columns, replaces }
    const add = database.prepare('INSERT INTO chain VALUES (?, ?, ?)')
    add.run(entry.number, JSON.stringify(entry), chainHash(previous.hash, entry))
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

  const readContents = (): Contents => ({
    segments: toSegments(all('SELECT * FROM segments ORDER BY oldest, number')),
    hot: all('SELECT * FROM hot ORDER BY number').map(toHotEntry),
    columns: toColumns(all('SELECT dataset, name FROM columns ORDER BY dataset')),
  })

  function firstUnused(): number {
    const { next } = database.prepare('SELECT next FROM counter').get() ?? {}
    return integer(next)
  }

  return {
    // One transaction: a segment and the hot file it was made from are never seen together.
    contents: () => transaction('DEFERRED', readContents),
    everything: () =>
      transaction('DEFERRED', () => ({
        ...readContents(),
        chain: all('SELECT * FROM chain ORDER BY number').map(toChainRow),
      })),
    head: () => guard(() => headOf(database)),
    cursors: () =>
      guard(
        () =>
          new Map(
            all('SELECT source, position FROM cursors').map(({ source, position }) => [text(source), text(position)]),
          ),
      ),
    firstUnused: () => guard(firstUnused),
    nextNumber: () =>
      transaction('IMMEDIATE', () => {
        const number = firstUnused()
        database.prepare('UPDATE counter SET next = ?').run(number + 1)
        return number
      }),
    openHot: ({ file, number, dataset }) =>
      change(() => void database.prepare('INSERT INTO hot VALUES (?, ?, ?)').run(file, number, dataset)),
    addColumns: (dataset, names) =>
      change(() => {
        const add = database.prepare('INSERT OR IGNORE INTO columns VALUES (?, ?)')
        for (const name of names) add.run(dataset, name)
      }),
    seal: (hot, segments) =>
      change(() => {
        for (const segment of segments) {
          insert(segment)
          chained('sealed', segment, [])
        }
        database.prepare('DELETE FROM hot WHERE file = ?').run(hot.file)
      }),
    merge: (merged, replaced) =>
      change(() => {
        insert(merged)
        remove(replaced)
        const numbers = replaced.map(({ number }) => number)
        chained('merged', merged, numbers)
      }),
    expire: (segments) =>
      change(() => {
        remove(segments)
        for (const segment of segments) chained('expired', segment, [])
      }),
    setCursors: (cursors) =>
      change(() => {
        const set = database.prepare('INSERT OR REPLACE INTO cursors VALUES (?, ?)')
        for (const [source, position] of cursors) set.run(source, position)
      }),
    close: () => database.close(),
  }
}

type Row = { readonly [name: string]: SQLOutputValue }

function headOf(database: DatabaseSync): ChainHead {
  const last = database.prepare('SELECT number, hash FROM chain ORDER BY number DESC LIMIT 1').get()
  if (last === undefined) return EMPTY_HEAD
  const { number, hash } = last
  return { count: integer(number), hash: text(hash) }
}

function toChainRow({ number, entry, hash }: Row): ChainRow {
  return { number: integer(number), entry: parseChainEntry(text(entry)), hash: text(hash) }
}

function toHotEntry({ file, number, dataset }: Row): HotEntry {
  return { file: fileOf(file, number), number: integer(number), dataset: text(dataset) }
}

function toColumns(rows: readonly Row[]): Map<string, FieldName[]> {
  const names = Map.groupBy(rows, ({ dataset }) => text(dataset))
  return new Map([...names].map(([dataset, each]) => [dataset, knownColumns(each.map(({ name }) => text(name)))]))
}

function toSegments(rows: readonly Row[]): Segment[] {
  // Segments of a dataset share a few lists of columns.
  const lists = new Map<string, Pick<Segment, 'columns' | 'columnsHash'>>()
  return rows.map(({ number, dataset, day, file, rows: count, bytes, oldest, newest, columns, sha256 }) => {
    const list = text(columns)
    const known = lists.get(list) ?? { columns: knownColumns(namesOf(list)), columnsHash: columnsHash(list) }
    lists.set(list, known)
    return {
      number: integer(number),
      dataset: text(dataset),
      day: text(day),
      file: fileOf(file, number),
      rows: integer(count),
      bytes: integer(bytes),
      oldest: integer(oldest),
      newest: integer(newest),
      sha256: text(sha256),
      ...known,
    }
  })
}

function namesOf(list: string): string[] {
  try {
    const names: unknown = JSON.parse(list)
    if (Array.isArray(names)) return names.map(String)
  } catch {
    // Told below, like a list that is none.
  }
  throw new DamagedRow(`no list of columns: ${list.slice(0, 100)}`)
}

/** A manifest may come from anyone; a name of its choosing must not lead out of the store. */
function fileOf(file: SQLOutputValue | undefined, number: SQLOutputValue | undefined): string {
  const name = text(file)
  if (fileNumber(name) !== integer(number)) throw new DamagedRow(`no file of a store: ${name.slice(0, 100)}`)
  return name
}

function text(value: SQLOutputValue | undefined): string {
  if (typeof value !== 'string') throw new DamagedRow(`no text: ${String(value)}`)
  return value
}

function integer(value: SQLOutputValue | undefined): number {
  if (typeof value === 'bigint' || Number.isInteger(value)) return Number(value)
  throw new DamagedRow(`no number: ${String(value)}`)
}
