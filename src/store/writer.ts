/**
 * The one writer of a store. Events go into hot files, one a dataset; full ones are sealed beside the reading of more, by DuckDB's
 * own thread. `commit` is the acknowledgement: what was added before it is found again after a kill or a power loss.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { AppError } from '../errors.ts'
import type { Event } from '../event.ts'
import type { FieldName } from '../fields.ts'
import { safeText } from '../safe-text.ts'
import type { ChainHead } from './chain.ts'
import { openDuckdb } from './duckdb.ts'
import { createHotFile, type HotFile } from './hot-file.ts'
import { createHotLines, type HotLines } from './hot-lines.ts'
import { DIRECTORY_MODE, hotFile, layoutOf } from './layout.ts'
import { type HotEntry, openManifest } from './manifest.ts'
import { mergeSmall } from './merge-segments.ts'
import { recover } from './recover.ts'
import { expiredSegments, RETENTION_DEFAULT, type Retention } from './retention.ts'
import { type HotColumns, type SealTools, sealHot, syncFile } from './seal.ts'
import { takeWriterLock, type WriterLock } from './writer-lock.ts'

export type StoreWriter = {
  /** Throws AppError `cannot-write` when the disk is full or sealing failed. */
  add(event: Event): void
  /** Everything added is durable, and the sources' positions with it. */
  commit(cursors: ReadonlyMap<string, string>): void
  cursors(): Map<string, string>
  /** Waits while more hot files wait to be sealed than are allowed: the place for back-pressure. */
  drain(): Promise<void>
  /** Seals everything, merges, applies retention, frees the lock. */
  close(): Promise<StoreTotals>
  /** Frees the lock and leaves everything as it is; the next writer finds it. */
  abandon(): Promise<void>
  /** What was put right when it was opened. */
  readonly recovery: Recovery
}

export type Recovery = {
  /** Hot files that a stopped writer had left. */
  readonly files: number
  readonly tornBytes: number
  /** Hot files that are gone. */
  readonly missing: readonly string[]
}

export type StoreTotals = {
  readonly added: number
  /** Events the store had already. */
  readonly repeated: number
  /** Lines of hot files that could not be read back. */
  readonly damaged: number
  /** Segments that retention removed. */
  readonly expired: number
  readonly head: ChainHead
}

export type WriterOptions = {
  readonly retention?: Retention
  /** Rows of a hot file; more means fewer segments and more memory. */
  readonly segmentRows?: number
  /** Called at every point where a kill must be survived; for tests. */
  readonly step?: (name: string) => void
}

/** Rows of a hot file. Reading that many from JSON takes a quarter of a second; sealing them 60 MB. */
const SEGMENT_ROWS = 100_000
/** Long lines make a file full before its rows do. */
const SEGMENT_BYTES = 128 * 1024 * 1024
/** Combinations of facets a hot file defines; beyond it the file is turned over. */
const SHAPES_MAX = 65_536
/** Full hot files that may wait. */
const WAITING_MAX = 2
const MEMORY = '512MiB'

type Hot = {
  readonly entry: HotEntry
  readonly file: HotFile
  readonly lines: HotLines
  readonly columns: Set<FieldName>
  rows: number
}
type Full = { readonly entry: HotEntry; readonly columns: HotColumns | null }

/** Opens or creates the store. Throws AppError `store-locked`, `newer-store`, `bad-store`, `cannot-write`. */
export async function openStoreWriter(dir: string, options: WriterOptions = {}): Promise<StoreWriter> {
  const { retention = RETENTION_DEFAULT, segmentRows = SEGMENT_ROWS, step = () => {} } = options
  const layout = layoutOf(resolve(dir))
  makeDirectory(layout.dir)
  const lock = takeWriterLock(layout.lock, layout.dir)
  const manifest = orRelease(lock, () => openManifest(layout))
  const recovered = orRelease(lock, () => recover(layout, manifest))
  const database = await openDuckdb({
    directory: layout.dir,
    spill: join(layout.work, 'spill'),
    memory: MEMORY,
    threads: 1,
  })
  const tools: SealTools = { database, layout, nextNumber: () => manifest.nextNumber() }
  const hots = new Map<string, Hot>()
  const waiting: Full[] = recovered.hot.map((entry) => ({ entry, columns: null }))
  const totals = { added: 0, repeated: 0, damaged: 0 }
  /** What sealing failed with; told by the next call. */
  let failure: unknown = null
  let sealing: Promise<void> = Promise.resolve()
  let isSealing = false

  function hotOf(dataset: string): Hot {
    let hot = hots.get(dataset)
    if (hot === undefined) {
      const number = manifest.nextNumber()
      const entry = { file: hotFile(number, dataset), number, dataset }
      const file = createHotFile(join(layout.dir, entry.file), () => nameColumns(opened))
      step('hot-created')
      manifest.openHot(entry)
      const columns = new Set(manifest.contents().columns.get(dataset))
      const opened: Hot = { entry, file, lines: createHotLines(), columns, rows: 0 }
      hot = opened
      hots.set(dataset, opened)
    }
    return hot
  }

  function add(event: Event): void {
    if (failure !== null) throw failure
    const hot = hotOf(event.dataset)
    hot.file.append(hot.lines.print(event))
    hot.rows++
    if (hot.rows >= segmentRows || hot.file.bytes >= SEGMENT_BYTES || hot.lines.shapes >= SHAPES_MAX) turnOver(hot)
  }

  /** Readers need the names of all columns before they meet one. */
  function nameColumns(hot: Hot): void {
    const fresh = [...hot.lines.ownColumns(), ...hot.lines.sharedColumns()].filter((name) => !hot.columns.has(name))
    if (fresh.length === 0) return
    manifest.addColumns(hot.entry.dataset, fresh)
    for (const name of fresh) hot.columns.add(name)
  }

  function turnOver(hot: Hot): void {
    hot.file.sync()
    hot.file.close()
    hots.delete(hot.entry.dataset)
    waiting.push({ entry: hot.entry, columns: { own: hot.lines.ownColumns(), shared: hot.lines.sharedColumns() } })
    startSealing()
  }

  function startSealing(): void {
    if (isSealing || failure !== null) return
    isSealing = true
    sealing = sealWaiting().catch((error: unknown) => {
      failure = toWriteError(error, layout.dir)
    })
  }

  async function sealWaiting(): Promise<void> {
    try {
      for (let full = waiting[0]; full !== undefined; full = waiting[0]) {
        const { entry, columns } = full
        const known = manifest.contents().segments.filter(({ dataset }) => dataset === entry.dataset)
        const result = await sealHot(tools, entry, columns, known)
        step('segment-written')
        manifest.seal(entry, result.segments)
        step('segment-recorded')
        rmSync(join(layout.dir, entry.file), { force: true })
        totals.added += result.segments.reduce((sum, segment) => sum + segment.rows, 0)
        totals.repeated += result.repeated
        totals.damaged += result.damaged
        waiting.shift()
      }
    } finally {
      isSealing = false
    }
  }

  async function finishSealing(): Promise<void> {
    while (waiting.length > 0 && failure === null) {
      startSealing()
      await sealing
    }
    await sealing
    if (failure !== null) throw failure
  }

  function expire(): number {
    const expired = expiredSegments(manifest.contents().segments, retention)
    if (expired.length === 0) return 0
    manifest.expire(expired)
    step('expired-recorded')
    for (const { file } of expired) rmSync(join(layout.dir, file), { force: true })
    return expired.length
  }

  async function letGo(): Promise<void> {
    for (const { file } of hots.values()) file.close()
    hots.clear()
    await sealing
    database.close()
    manifest.close()
    lock.release()
  }

  return {
    add,
    commit(cursors) {
      if (failure !== null) throw failure
      for (const { file } of hots.values()) file.sync()
      if (hots.size > 0) syncFile(layout.hot)
      step('rows-synced')
      if (cursors.size > 0) manifest.setCursors(cursors)
    },
    cursors: () => manifest.cursors(),
    async drain() {
      while (waiting.length > WAITING_MAX && failure === null) {
        startSealing()
        await sealing
      }
      if (failure !== null) throw failure
    },
    async close() {
      try {
        for (const hot of hots.values()) turnOver(hot)
        await finishSealing()
        await mergeSmall(tools, manifest, step)
        return { ...totals, expired: expire(), head: manifest.head() }
      } catch (error) {
        throw toWriteError(error, layout.dir)
      } finally {
        await letGo()
      }
    },
    abandon: letGo,
    recovery: {
      files: recovered.hot.length,
      tornBytes: recovered.torn,
      missing: recovered.missing.map(({ file }) => file),
    },
  }
}

function orRelease<T>(lock: WriterLock, work: () => T): T {
  try {
    return work()
  } catch (error) {
    lock.release()
    throw error
  }
}

function makeDirectory(dir: string): void {
  try {
    if (!existsSync(dir)) mkdirSync(dir, { recursive: true, mode: DIRECTORY_MODE })
  } catch (cause) {
    throw new AppError('cannot-write', `cannot make the directory ${safeText(dir)}`, {
      cause,
      advice: 'Name a directory with --store whose parent may be written.',
    })
  }
}

function toWriteError(error: unknown, dir: string): unknown {
  if (error instanceof AppError) return error
  return new AppError('cannot-write', `the store ${safeText(dir)} cannot be written`, {
    cause: error,
    advice: 'Check the space on the disk. What was acknowledged is safe; the next writer goes on from there.',
  })
}
