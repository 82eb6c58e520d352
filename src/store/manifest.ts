/**
 * What the store consists of, in SQLite: segments, hot files, columns, cursors, the chain. Every change of it is one transaction,
 * so that a kill at any point leaves the state before or after, never between. A rollback journal instead of WAL: readers need
 * nothing but read access, and the manifest changes a few times a minute.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { AppError } from '../errors.ts'
import type { FieldName } from '../fields.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import type { ChainEntry, ChainHead } from './chain.ts'
import { STORE_SCHEMA, type StoreLayout } from './layout.ts'
import { cannotRead, lostManifest, manifestError } from './manifest-error.ts'
import { createManifest, TABLES } from './manifest-tables.ts'

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
  /** Those this release knows. */
  readonly columns: readonly FieldName[]
  /** Of all of them, as they were written (chain.ts). */
  readonly columnsHash: string
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

/** A row of the chain as it stands there; `entry` null when its text is none of ours. */
export type ChainRow = { readonly number: number; readonly entry: ChainEntry | null; readonly hash: string }

/** Every method throws AppError: a reader's `cannot-read`, a writer's `cannot-write`, `bad-store` for a damaged file. */
export type Manifest = {
  contents(): Contents
  /** The contents and the whole chain, as of the same moment. */
  everything(): Contents & { readonly chain: readonly ChainRow[] }
  head(): ChainHead
  cursors(): Map<string, string>
  /** Numbers of files are never used twice, whatever happens after this. */
  nextNumber(): number
  /** No file of the store has this number yet, or a higher one. */
  firstUnused(): number
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

/** `PTrl`, in SQLite's field for the kind of program a database belongs to. */
const APPLICATION_ID = 0x5054726c
/** How long a statement waits for another process's transaction. */
const BUSY_MS = 10_000

/** For the one writer: creates the tables where there are none. Throws AppError `newer-store`, `bad-store`, `cannot-write`. */
export function openManifest(layout: StoreLayout): Manifest {
  return open(
    layout,
    'write',
    () => new DatabaseSync(layout.manifest),
    (database) => {
      const isNew = !isOurs(database, layout)
      // Before this, nothing may be changed: a newer release's file is not ours to convert.
      // EXTRA syncs the directory too when the journal goes: without it a commit may come undone at power loss.
      database.exec('PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA')
      if (isNew)
        database.exec(
          `BEGIN IMMEDIATE; ${TABLES} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${STORE_SCHEMA}; COMMIT`,
        )
      return createManifest(database, layout, 'write')
    },
  )
}

/** For a reader; `null` when there is no store. Creates nothing. Throws AppError `newer-store`, `bad-store`, `cannot-read`. */
export function readManifest(layout: StoreLayout): Manifest | null {
  if (!isPresent(layout)) return null
  return open(
    layout,
    'read',
    () => openForReading(layout),
    (database) => {
      if (isOurs(database, layout)) return createManifest(database, layout, 'read')
      database.close()
      return null
    },
  )
}

/** False when nothing is there. Throws AppError when the manifest is gone and records are there, or nobody may look. */
function isPresent(layout: StoreLayout): boolean {
  try {
    if (statSync(layout.manifest, { throwIfNoEntry: false }) !== undefined) return true
  } catch (error) {
    // The directory is a file.
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return false
    throw cannotRead(layout, error)
  }
  if (holdsRecords(layout)) throw lostManifest(layout)
  return false
}

/** A journal left by a kill has to be rolled back first, which a connection that only reads must not do. */
function openForReading(layout: StoreLayout): DatabaseSync {
  const reading = new DatabaseSync(layout.manifest, { readOnly: true })
  try {
    prepare(reading)
    return reading
  } catch (error) {
    reading.close()
    if (!existsSync(`${layout.manifest}-journal`)) throw error
    return new DatabaseSync(layout.manifest)
  }
}

/** Waits for others, and reads the file's header. */
function prepare(database: DatabaseSync): void {
  // A store may come from anyone: a view or trigger in it must not call anything.
  database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA trusted_schema = OFF`)
  database.prepare('SELECT count(*) FROM sqlite_schema').get()
}

function open<T>(
  layout: StoreLayout,
  mode: 'read' | 'write',
  connect: () => DatabaseSync,
  use: (database: DatabaseSync) => T,
): T {
  let database: DatabaseSync | null = null
  try {
    database = connect()
    prepare(database)
    return use(database)
  } catch (error) {
    if (database?.isOpen === true) database.close()
    throw manifestError(layout, mode, error)
  }
}

/** Whether the database is a manifest; false for an empty one, which a kill at the very first moment leaves. */
function isOurs(database: DatabaseSync, layout: StoreLayout): boolean {
  const version = pragma(database, 'user_version')
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined
  if (isEmpty && version === 0) {
    if (holdsRecords(layout)) throw lostManifest(layout)
    return false
  }
  if (pragma(database, 'application_id') !== APPLICATION_ID)
    throw new AppError('bad-store', `${safeText(layout.manifest)} is a database of another program`, {
      advice: 'Name another directory with --store.',
    })
  if (version > STORE_SCHEMA)
    throw new AppError(
      'newer-store',
      `the store ${safeText(layout.dir)} was written by a newer release (schema ${version})`,
      {
        advice: `This release reads schemas up to ${STORE_SCHEMA}. Use the release that wrote it, or name another directory with --store.`,
      },
    )
  return true
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0)
}

/** Whether rows lie below the directory, whatever a manifest says. */
function holdsRecords(layout: StoreLayout): boolean {
  return [layout.hot, layout.segments].some((folder) => {
    try {
      return readdirSync(folder).length > 0
    } catch {
      return false
    }
  })
}
