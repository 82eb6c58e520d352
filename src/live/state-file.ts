/**
 * What the daemon knows from run to run, in one SQLite file: the cursor of every source, the core as it was at exactly those
 * cursors, and where each sink stood. One transaction a checkpoint, so a kill leaves the former one whole.
 *
 * A file that cannot be used is never just overwritten: it is set aside under another name and named. Then everything that still
 * lies in the logs is read again; ids are the same, so nothing counts twice where a sink knows ids.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { deserialize, serialize } from 'node:v8'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import type { SavedEngine } from './engine.ts'

export type Checkpoint = {
  readonly at: Micros
  readonly engine: SavedEngine
  /** By label of the source (LineSource.cursor). */
  readonly cursors: ReadonlyMap<string, string>
  /** By name of the sink (Sink.position). */
  readonly positions: ReadonlyMap<string, string>
}

/** The core as bytes, taken at one moment; written when the sinks have everything up to it. */
export type FrozenCheckpoint = Omit<Checkpoint, 'engine' | 'positions'> & { readonly bytes: Buffer }

export type StateFile = {
  /** The last checkpoint when the file was opened; null before the first, and after `forgetCheckpoint`. */
  readonly checkpoint: Checkpoint | null
  /** Somebody goes on from it: what it holds, tens of megabytes, is no longer kept for others. */
  forgetCheckpoint(): void
  /** Where each sink stood at the last checkpoint; before the first one, as `begin` was told. */
  readonly positions: ReadonlyMap<string, string>
  /** What was wrong with the file found, for people; '' = nothing. */
  readonly setAside: string
  /**
   * Before the first checkpoint: where the sinks stand before anything is delivered. A kill before the checkpoint then leaves nothing
   * behind that comes again. Throws AppError `cannot-write`.
   */
  begin(positions: ReadonlyMap<string, string>): void
  /** Throws AppError `cannot-write`, also when the disk is full; the former checkpoint stands. */
  commit(frozen: FrozenCheckpoint, positions: ReadonlyMap<string, string>): void
  close(): void
}

/** Of the tables and of what is saved in them. A release reads its predecessor's. */
export const STATE_VERSION = 2
/** "ptst": tells our file from any other SQLite database (PRAGMA application_id). */
const APPLICATION_ID = 0x70747374
const NAME = 'state.sqlite'
const INSERT_CURSOR = 'INSERT INTO cursors (source, cursor) VALUES (?, ?)'
const INSERT_POSITION = 'INSERT INTO positions (sink, position) VALUES (?, ?)'
/** A large core takes several rows, in order: SQLite copies what it is given, and keeps the copy until the next. */
const INSERT_CORE = 'INSERT INTO core (at, version, sha256, bytes) VALUES (?, ?, ?, ?)'
const PIECE_BYTES = 1024 * 1024

/** The engine as it is now. The bytes hold it whole; what goes on in the engine afterwards does not reach them. */
export function freeze(at: Micros, engine: SavedEngine, cursors: ReadonlyMap<string, string>): FrozenCheckpoint {
  return { at, cursors, bytes: serialize(engine) }
}

/**
 * Opens or creates the file in `dir`, for this process alone. `step` is called at every point where a kill must be survived.
 * Throws AppError `state-locked`, `newer-state`, `cannot-write`.
 */
export function openStateFile(dir: string, now: Micros, step: (name: string) => void = () => {}): StateFile {
  makeDirectory(dir)
  const path = join(dir, NAME)
  // SQLite takes a file without a byte for a new one; one that was there lost what it had.
  const found = statSync(path, { throwIfNoEntry: false })
  let setAside = ''
  // First of all: a file that another daemon holds is not looked into, and not set aside either.
  let database = openDatabase(path)
  if (found?.size === 0) {
    database?.close()
    setAside = moveAside(path, now, new Error('it is empty'))
    database = openDatabase(path)
  }
  let checkpoint: Checkpoint | null = null
  try {
    if (found !== undefined && setAside === '') checkpoint = readCheckpoint(database, path)
  } catch (error) {
    if (error instanceof AppError) {
      database?.close()
      throw error
    }
    database?.close()
    setAside = moveAside(path, now, error)
    step('state-set-aside')
    database = openDatabase(path)
  }
  if (database === null) throw cannotWrite(path, 'it is no database and could not be set aside')
  const held = database
  prepare(held, path)
  step('state-made')

  const insertCursor = held.prepare(INSERT_CURSOR)
  const insertPosition = held.prepare(INSERT_POSITION)
  const insertCore = held.prepare(INSERT_CORE)

  function writeBeginning(positions: ReadonlyMap<string, string>): void {
    held.exec('BEGIN IMMEDIATE; DELETE FROM positions')
    for (const [sink, position] of positions) insertPosition.run(sink, position)
    held.exec('COMMIT')
  }

  function write(frozen: FrozenCheckpoint, positions: ReadonlyMap<string, string>): void {
    held.exec('BEGIN IMMEDIATE')
    held.exec('DELETE FROM cursors; DELETE FROM positions; DELETE FROM core')
    for (const [source, cursor] of frozen.cursors) insertCursor.run(source, cursor)
    for (const [sink, position] of positions) insertPosition.run(sink, position)
    const hash = hashOf(frozen.bytes, frozen.cursors, positions)
    for (let from = 0; from < frozen.bytes.length; from += PIECE_BYTES)
      insertCore.run(frozen.at, STATE_VERSION, hash, frozen.bytes.subarray(from, from + PIECE_BYTES))
    step('checkpoint-written')
    held.exec('COMMIT')
    step('checkpoint-committed')
  }

  return {
    get checkpoint() {
      return checkpoint
    },
    forgetCheckpoint() {
      checkpoint = null
    },
    setAside,
    positions: checkpoint?.positions ?? pairs(held, 'positions'),
    begin(positions) {
      try {
        writeBeginning(positions)
      } catch (cause) {
        rollBack(held)
        throw cannotWrite(path, 'where the sinks stand could not be written', cause)
      }
    },
    commit(frozen, positions) {
      try {
        write(frozen, positions)
      } catch (cause) {
        rollBack(held)
        throw cannotWrite(path, 'the checkpoint could not be written', cause)
      }
    },
    close: () => held.close(),
  }
}

function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw cannotWrite(dir, 'the directory could not be made', cause)
  }
}

/** Null when the file is no database, or not ours. */
function openDatabase(path: string): DatabaseSync | null {
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(path)
    // Exclusive: two daemons with one state would tell everything twice and lose each other's cursors.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL')
    database.exec('BEGIN EXCLUSIVE; COMMIT')
    return database
  } catch (cause) {
    database?.close()
    const code = codeOf(cause)
    if (code === SQLITE_BUSY)
      throw new AppError('state-locked', `another daemon is running with the state in ${safeText(path)}`, {
        cause,
        advice: '`peertrail status` asks it. Two daemons need two state directories (state.dir in pipeline.yaml).',
      })
    if (code === SQLITE_NOTADB || code === SQLITE_CORRUPT || code === SQLITE_ERROR) return null
    throw cannotWrite(path, 'the state file could not be opened', cause)
  }
}

/** sqlite3.h. ERROR: before any table is asked for, an unsupported file format. */
const SQLITE_ERROR = 1
const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

function codeOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : -1
}

/** Null where none was made yet. Throws Error for one that cannot be used, AppError for one that only a newer release can. */
function readCheckpoint(database: DatabaseSync | null, path: string): Checkpoint | null {
  if (database === null) throw new Error('it is no SQLite database, or its header is damaged')
  const application = pragma(database, 'application_id')
  const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table'").get()
  if (application === 0 && tables?.['n'] === 0) throw new Error('it is an empty database')
  if (application !== APPLICATION_ID) throw new Error('it is a database of another program')
  const version = pragma(database, 'user_version')
  if (version > STATE_VERSION)
    throw new AppError('newer-state', `${safeText(path)} was written by a newer release (version ${version})`, {
      advice: 'Run that release again, or name another state directory (state.dir in pipeline.yaml).',
    })
  // Nothing was released with it.
  if (version < STATE_VERSION) throw new Error('it is of a version before the first release')
  const check = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
  if (check !== 'ok') throw new Error(`it is damaged: ${String(check)}`)
  const checkpoint = readTables(database)
  // A name that is damaged in the schema shows here, and not when the next checkpoint is written.
  for (const insert of [INSERT_CURSOR, INSERT_POSITION, INSERT_CORE]) database.prepare(insert)
  return checkpoint
}

function readTables(database: DatabaseSync): Checkpoint | null {
  const rows = database.prepare('SELECT at, sha256, bytes FROM core ORDER BY rowid').all()
  const core = rows[0]
  if (core === undefined) return null
  const { at, sha256 } = core
  const pieces = rows.map((row) => row['bytes']).filter((piece) => piece instanceof Uint8Array)
  if (typeof at !== 'number' || pieces.length < rows.length) throw new Error('it is damaged: the core has no bytes')
  const bytes = Buffer.concat(pieces)
  const cursors = pairs(database, 'cursors')
  const positions = pairs(database, 'positions')
  if (hashOf(bytes, cursors, positions) !== sha256)
    throw new Error('it is damaged: the hash of what it holds does not match')
  // The hash says that these are the bytes `freeze` made, and the version that it made them of this type.
  const engine = deserialize(bytes) as SavedEngine
  return { at, engine, cursors, positions }
}

function pairs(database: DatabaseSync, table: 'cursors' | 'positions'): Map<string, string> {
  const rows = database.prepare(`SELECT * FROM ${table} ORDER BY rowid`).all()
  return new Map(
    rows.map((row) => {
      const [key, value] = Object.values(row)
      return [String(key), String(value)]
    }),
  )
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0)
}

function prepare(database: DatabaseSync, path: string): void {
  try {
    database.exec(`
      BEGIN;
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${STATE_VERSION};
      CREATE TABLE IF NOT EXISTS cursors (source TEXT PRIMARY KEY, cursor TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS positions (sink TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS core (at INTEGER NOT NULL, version INTEGER NOT NULL, sha256 TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
      COMMIT`)
  } catch (cause) {
    rollBack(database)
    throw cannotWrite(path, 'the state file could not be prepared', cause)
  }
}

function rollBack(database: DatabaseSync): void {
  if (database.isTransaction) database.exec('ROLLBACK')
}

/** Renames the file, with its journal; returns what to say. */
function moveAside(path: string, now: Micros, error: unknown): string {
  const why = error instanceof Error ? error.message : String(error)
  const aside = `${path}.set-aside-${new Date(now / 1000).toISOString().replaceAll(/[:.]/g, '-')}`
  try {
    renameSync(path, aside)
    rmSync(`${path}-journal`, { force: true })
  } catch (cause) {
    throw cannotWrite(path, `it cannot be used (${why}) and could not be set aside`, cause)
  }
  return `${path} cannot be used: ${why}. It was set aside as ${aside}; the logs are read again from their beginning`
}

/** Over all three: SQLite's own check knows whether pages hang together, not whether a digit of a cursor has changed. */
function hashOf(
  bytes: Uint8Array,
  cursors: ReadonlyMap<string, string>,
  positions: ReadonlyMap<string, string>,
): string {
  const places = JSON.stringify([[...cursors], [...positions]])
  return createHash('sha256').update(places).update('\n').update(bytes).digest('hex')
}

function cannotWrite(path: string, what: string, cause?: unknown): AppError {
  return new AppError('cannot-write', `${safeText(path)}: ${what}`, {
    cause,
    advice: 'Check the space on the disk and that this user may write there.',
  })
}
