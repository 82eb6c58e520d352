/**
 * Reading a store, beside its writer and any number of other readers: each question is answered from the manifest's files as of
 * one moment, by a DuckDB in memory that may open nothing else. Rows not sealed yet are read from the hot files.
 *
 * Repeats never count: sealed segments share no id, and hot rows that are sealed already, or written twice, are left out.
 *
 * A file that is gone, has another size or cannot be read is left out and told. Trap: bytes changed in place are noticed only
 * where they break the format, about every second time; all of them are found by `check: 'hash'`, and by `verify`.
 */
import { join, resolve } from 'node:path'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import type { ChainHead } from './chain.ts'
import { type Database, faultOf, openDuckdb, type Parameter } from './duckdb.ts'
import { type EventReader, LEDGER_DATASET, type Result, type Scope } from './event-reader.ts'
import { eventsSql, type Parts } from './events-sql.ts'
import { dropHotRows, loadHotRows } from './hot-rows.ts'
import { layoutOf, type StoreLayout } from './layout.ts'
import { type Contents, type HotEntry, type Manifest, readManifest, type Segment } from './manifest.ts'
import { fileProblem, fileSize, sizeProblem } from './segment-check.ts'
import { boundsBySelect, countBySelect, groupsBySelect, placesBySelect } from './selection-sql.ts'
import { createWorkTables, makeWorkDirectory, removeWorkDirectory, type WorkTables } from './work-tables.ts'
import { reasonOf } from './write-error.ts'

/**
 * An EventReader whose `select` does without the filter of a scope: the SQL says all of it again. Beside its errors, `bad-store`
 * is thrown where no file can be read. `damage` has files, or what of them: `FILE is gone: 30 rows of DATASET`. `close` interrupts
 * the question that runs.
 */
export type StoreReader = EventReader & {
  readonly dir: string
  /** Oldest and newest row by dataset and day, from the manifest alone; hot rows are not in it. */
  segments(): readonly Segment[]
  head(): ChainHead
}

export type ReaderOptions = {
  /** `size` (default): of every file the answer needs. `hash`: also its hash, once a reader; half a GB a second. */
  readonly check?: 'size' | 'hash'
}

/** A file listed a moment ago may be merged or sealed away; then the list is read again. */
const ATTEMPTS_MAX = 30
const MEMORY = '1GiB'
/** Measured on 1 M rows: 1 and 2 threads take the same processor time, 2 half the time; 4 on 2 cores gain nothing. */
const THREADS = 2
/** Of tables (openTables): a report over a year has a process of 500 MB. */
const TABLES_MEMORY = '192MiB'
/** Tables are made and dropped all the time. */
const TABLES_KEPT = '32MiB'

/** Throws AppError `no-store`, `newer-store`, `bad-store`, `cannot-read`. */
export async function openStoreReader(dir: string, { check = 'size' }: ReaderOptions = {}): Promise<StoreReader> {
  const layout = layoutOf(resolve(dir))
  const manifest = readManifest(layout)
  if (manifest === null) {
    throw new AppError('no-store', `there is no store at ${safeText(dir)}`, {
      advice: 'Make one with `peertrail demo`, or with `peertrail replay DIR --store DIR`; or name it with --store.',
    })
  }
  const database = await openDuckdb({ directory: layout.dir, spill: '', memory: MEMORY, threads: THREADS })
  const state: State = { layout, manifest, database, check, left: new Map(), damage: new Map(), hashed: new Set() }
  let tables: WorkTables | null = null
  let last: Promise<unknown> = Promise.resolve()
  let isOpen = true
  const ask: EventReader['select'] = (scope, sql, parameters = []) => {
    // One connection runs one statement at a time anyway, and the hot rows of two questions must not mix.
    const answer = last.then(() => select(state, scope, sql, parameters))
    last = answer.catch(() => {})
    return answer
  }
  return {
    name: `store ${safeText(dir)}`,
    dir: layout.dir,
    select: ask,
    count: (selection) => countBySelect(ask, selection),
    places: (selection, order, limit, after) => placesBySelect(ask, selection, order, limit, after),
    groups: (selection, fields) => groupsBySelect(ask, selection, fields),
    bounds: (datasets) => boundsBySelect(ask, datasets),
    async openTables(scope) {
      if (tables !== null) throw new TypeError('tables of a reader are open already')
      tables = await openTables(state, scope, () => {
        tables = null
      })
      return tables
    },
    segments: () => manifest.contents().segments,
    head: () => manifest.head(),
    get damage() {
      return [...state.left.values(), ...state.damage.values()]
    },
    close() {
      if (!isOpen) return
      isOpen = false
      // The question that runs ends first.
      void Promise.all([database.close(), tables?.close()])
        .then(() => last)
        .then(() => manifest.close())
    },
  }
}

type State = {
  readonly layout: StoreLayout
  readonly manifest: Manifest
  readonly database: Database
  readonly check: 'size' | 'hash'
  /** Files that are left out, with what is told of them. */
  readonly left: Map<string, string>
  /** What of hot files could not be read the last time, by file. */
  readonly damage: Map<string, string>
  /** Segments whose hash was right. */
  readonly hashed: Set<number>
}

function select(state: State, scope: Scope, sql: string, parameters: readonly Parameter[]): Promise<Result> {
  const { database } = state
  return read(state, scope, (events) => database.rows(`WITH events AS (${events}) ${sql}`, parameters))
}

/** Tables in a database of their own. `closed` is told once they are gone. */
async function openTables(state: State, scope: Scope, closed: () => void): Promise<WorkTables> {
  const spill = makeWorkDirectory('report')
  try {
    const directory = state.layout.dir
    const database = await openDuckdb({
      directory,
      spill,
      memory: TABLES_MEMORY,
      threads: THREADS,
      kept: TABLES_KEPT,
      isUnordered: true,
    })
    const own: State = { ...state, database }
    const eventsOf = (since: Micros, until: Micros, work: (events: string) => Promise<void>) =>
      read(own, { ...scope, since, until }, work)
    return createWorkTables(database, eventsOf, spill, TABLES_MEMORY, async () => {
      closed()
      await database.close()
      removeWorkDirectory(spill)
    })
  } catch (error) {
    removeWorkDirectory(spill)
    throw error
  }
}

/** Gives `work` the SELECT of the scope's rows; again, when files it read were merged or sealed away meanwhile. */
async function read<T>(state: State, scope: Scope, work: (events: string) => Promise<T>): Promise<T> {
  const { layout, manifest, database, left } = state
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; ) {
    const contents = manifest.contents()
    const parts = partsOf(contents, scope, left)
    const found = await problems(state, parts, state.check)
    let failure: unknown = null
    try {
      if (found.size === 0) {
        const hot = await loadHotRows(database, layout, parts, scope.columns)
        for (const { file, error } of hot.unreadable) found.set(file, `cannot be read (${reasonOf(error)}): its rows`)
        for (const [file, what] of hot.damage) state.damage.set(file, what)
        const events = eventsSql(layout, parts.segments, hot.tables, scope)
        if (found.size === 0) return await work(events)
      }
    } catch (error) {
      failure = toQuestionError(error)
    } finally {
      await dropHotRows(database, parts)
    }
    const now = manifest.contents()
    if (failure !== null && isSame(contents, now)) {
      for (const { number } of parts.segments) state.hashed.delete(number)
      for (const [file, what] of await problems(state, parts, 'hash')) found.set(file, what)
      if (found.size === 0) throw faultOf(failure) === 'file' ? cannotAnswer(layout, failure) : failure
    }
    // A file goes only after the manifest has ceased to name it: what is named still is damaged, not merged or sealed away.
    const damaged = namesOf(now).filter((file) => found.has(file))
    for (const file of damaged) left.set(file, `${file} ${found.get(file)}`)
    if (damaged.length === 0) attempt++
  }
  throw cannotAnswer(layout, new Error('it changes faster than it is read'))
}

/** The files a scope needs. Hot files are looked into whatever their times: nobody wrote these down yet. */
function partsOf(
  { segments, hot, columns }: Contents,
  { datasets, since, until }: Scope,
  left: ReadonlyMap<string, string>,
): Parts {
  const isWanted = ({ dataset, file }: HotEntry) =>
    (datasets === null ? dataset !== LEDGER_DATASET : datasets.includes(dataset)) && !left.has(file)
  return {
    segments: segments.filter((segment) => isWanted(segment) && segment.newest >= since && segment.oldest <= until),
    hot: hot.filter(isWanted),
    columns,
  }
}

/** Which of the files are gone or not what was written, by file. A hash that was right is not computed again. */
async function problems(state: State, { segments, hot }: Parts, check: 'size' | 'hash'): Promise<Map<string, string>> {
  const { layout, hashed } = state
  const found = new Map<string, string>()
  for (const segment of segments) {
    const isBySize = check === 'size' || hashed.has(segment.number)
    const what = isBySize ? sizeProblem(layout, segment) : await fileProblem(layout, segment)
    if (what !== '') found.set(segment.file, `${what}: ${segment.rows} rows of ${segment.dataset}`)
    else if (!isBySize) hashed.add(segment.number)
  }
  for (const { file, dataset } of hot)
    if (fileSize(join(layout.dir, file)) < 0) found.set(file, `is gone: rows of ${dataset}`)
  return found
}

function namesOf({ segments, hot }: Contents): string[] {
  return [...segments, ...hot].map(({ file }) => file)
}

function isSame(before: Contents, now: Contents): boolean {
  return namesOf(before).join() === namesOf(now).join()
}

/** A failure that the files may explain comes back; throws any other. */
function toQuestionError(error: unknown): unknown {
  const fault = faultOf(error)
  if (fault === 'memory') throw tooLarge(error)
  // A statement that names a missing column may be ours, or the footer of a file may be damaged: its names stand there.
  if (fault === 'interrupt') throw error
  return error
}

function cannotAnswer(layout: StoreLayout, cause: unknown): AppError {
  return new AppError('bad-store', `the store ${safeText(layout.dir)} could not answer: ${reasonOf(cause)}`, {
    cause,
    advice: 'Ask again. If it stays so, `peertrail verify` names every file that is damaged.',
  })
}

function tooLarge(cause: unknown): AppError {
  return new AppError('bad-query', `the answer needs more than ${MEMORY} of memory`, {
    cause,
    advice: 'Ask for less at once: a shorter time, fewer columns, or a smaller --limit.',
  })
}
