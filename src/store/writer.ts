/**
 * The one writer of a store. Events go into hot files, one a dataset; full ones are sealed beside the reading of more, by DuckDB's
 * own thread. `commit` is the acknowledgement: what was added before it is found again after a kill or a power loss.
 */
import { join, resolve } from 'node:path'
import type { Event } from '../event.ts'
import type { FieldName } from '../fields.ts'
import type { Micros } from '../time.ts'
import type { ChainHead } from './chain.ts'
import { claimDirectory } from './claim-directory.ts'
import { type Database, openDuckdb } from './duckdb.ts'
import { syncDirectory } from './durable.ts'
import { createHotFile, type HotFile } from './hot-file.ts'
import { createHotLines, type HotLines } from './hot-lines.ts'
import { hotFile, layoutOf, type StoreLayout } from './layout.ts'
import { type HotEntry, type Manifest, openManifest } from './manifest.ts'
import { type Recovered, recover } from './recover.ts'
import { RETENTION_DEFAULT, type Retention } from './retention.ts'
import { createSealing, type SealTotals } from './sealing.ts'
import { toWriteError } from './write-error.ts'
import { takeWriterLock } from './writer-lock.ts'

/**
 * When a method has thrown, the writer is done for: every later call throws the same again, `close` too, and `abandon` frees the
 * lock. What was committed before is safe.
 */
export type StoreWriter = {
  /** Throws AppError `cannot-write` when the disk is full or sealing failed, TypeError for an event without time or id. */
  add(event: Event): void
  /** Everything added is durable, and the sources' positions with it. */
  commit(cursors: ReadonlyMap<string, string>): void
  cursors(): Map<string, string>
  /** Begins to seal what was added so far, beside the adding of more. */
  seal(): void
  /** The newest entry of the chain. */
  head(): ChainHead
  /** Waits while more hot files wait to be sealed than are allowed: the place for back-pressure. */
  drain(): Promise<void>
  /** Seals everything, merges, applies retention, frees the lock. */
  close(): Promise<StoreTotals>
  /** Frees the lock and leaves everything as it is; the next writer finds it. Waits for the file that is being sealed. */
  abandon(): Promise<void>
  /** What was put right when it was opened. */
  readonly recovery: Recovery
}

export type Recovery = {
  /** Hot files that a stopped writer had left. */
  readonly files: number
  readonly tornBytes: number
  /** Hot files that are gone: acknowledged rows were lost with them. Told at every opening. */
  readonly missing: readonly string[]
}

export type StoreTotals = SealTotals & { readonly head: ChainHead }

export type WriterOptions = {
  readonly retention?: Retention
  /** Wall clock, Micros: rows stamped later do not make others old. Absent = not asked. */
  readonly now?: Micros
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
/** For DuckDB, which writes what does not fit below work/. */
const MEMORY = '512MiB'

type Hot = {
  readonly entry: HotEntry
  readonly file: HotFile
  readonly lines: HotLines
  readonly columns: Set<FieldName>
  rows: number
}

/** Opens or creates the store. Throws AppError `store-locked`, `newer-store`, `bad-store`, `cannot-write`. */
export async function openStoreWriter(dir: string, options: WriterOptions = {}): Promise<StoreWriter> {
  const { step = () => {} } = options
  const layout = layoutOf(resolve(dir))
  claimDirectory(layout)
  step('directory-made')
  const lock = takeWriterLock(layout.lock, layout.dir)
  let manifest: Manifest | null = null
  try {
    step('locked')
    manifest = openManifest(layout)
    step('manifest-made')
    const recovered = recover(layout, manifest)
    step('recovered')
    const spill = join(layout.work, 'spill')
    const database = await openDuckdb({ directory: layout.dir, spill, memory: MEMORY, threads: 1 })
    return createStoreWriter({ layout, manifest, database, recovered, release: () => lock.release() }, options)
  } catch (error) {
    manifest?.close()
    lock.release()
    throw error
  }
}

type OpenStore = {
  readonly layout: StoreLayout
  readonly manifest: Manifest
  readonly database: Database
  readonly recovered: Recovered
  release(): void
}

function createStoreWriter(store: OpenStore, options: WriterOptions): StoreWriter {
  const { layout, manifest, database, recovered } = store
  const { retention = RETENTION_DEFAULT, now, segmentRows = SEGMENT_ROWS, step = () => {} } = options
  const nextNumber = () => manifest.nextNumber()
  const sealing = createSealing({ database, layout, nextNumber, step }, manifest, { retention, now })
  for (const entry of recovered.hot) sealing.push({ entry, columns: null })
  const hots = new Map<string, Hot>()
  /** What the writer is done for with. */
  let failure: { readonly error: unknown } | null = null
  let isOpen = true

  function attempt<T>(work: () => T): T {
    const known = failure ?? sealing.failure
    if (known !== null) throw known.error
    try {
      return work()
    } catch (error) {
      failure = { error: toWriteError(layout.dir, error) }
      throw failure.error
    }
  }

  function openHot(dataset: string): Hot {
    const number = manifest.nextNumber()
    const entry = { file: hotFile(number, dataset), number, dataset }
    const file = createHotFile(join(layout.dir, entry.file), () => nameColumns(hot))
    const hot: Hot = { entry, file, lines: createHotLines(), columns: new Set(), rows: 0 }
    hots.set(dataset, hot)
    syncDirectory(layout.hot)
    step('hot-created')
    manifest.openHot(entry)
    step('hot-named')
    for (const name of manifest.contents().columns.get(dataset) ?? []) hot.columns.add(name)
    return hot
  }

  /** Readers need the names of all columns before they meet one. */
  function nameColumns({ entry, lines, columns }: Hot): void {
    const fresh = [...lines.ownColumns(), ...lines.sharedColumns()].filter((name) => !columns.has(name))
    if (fresh.length === 0) return
    manifest.addColumns(entry.dataset, fresh)
    for (const name of fresh) columns.add(name)
    step('columns-named')
  }

  function turnOver({ entry, file, lines }: Hot): void {
    file.sync()
    hots.delete(entry.dataset)
    file.close()
    step('hot-full')
    sealing.push({ entry, columns: { own: lines.ownColumns(), shared: lines.sharedColumns() } })
    sealing.start()
  }

  async function letGo(): Promise<void> {
    if (!isOpen) return
    isOpen = false
    failure ??= { error: new Error('the store was closed') }
    await sealing.stop()
    try {
      for (const { file } of hots.values()) file.close()
    } finally {
      await database.close()
      manifest.close()
      store.release()
    }
  }

  return {
    add: (event) =>
      attempt(() => {
        const hot = hots.get(event.dataset) ?? openHot(event.dataset)
        hot.file.append(hot.lines.print(event))
        hot.rows++
        if (hot.rows >= segmentRows || hot.file.bytes >= SEGMENT_BYTES || hot.lines.shapes >= SHAPES_MAX) turnOver(hot)
      }),
    commit: (cursors) =>
      attempt(() => {
        for (const { file } of hots.values()) file.sync()
        step('rows-synced')
        if (cursors.size > 0) manifest.setCursors(cursors)
        step('committed')
      }),
    cursors: () => manifest.cursors(),
    seal: () =>
      attempt(() => {
        for (const hot of hots.values()) turnOver(hot)
        sealing.start()
      }),
    head: () => manifest.head(),
    drain: () => sealing.drain(),
    async close() {
      try {
        attempt(() => [...hots.values()].forEach(turnOver))
        await sealing.finish()
        return { ...sealing.totals(), head: manifest.head() }
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
