/**
 * The queue of full hot files: sealed one after another beside the reading of more, by DuckDB's own thread; after each, small
 * segments are merged and retention is applied. A file that DuckDB cannot read is set aside and told: it stays where it is, and the
 * next writer tries again.
 */
import type { Micros } from '../time.ts'
import { removeFile } from './durable.ts'
import type { HotEntry, Manifest } from './manifest.ts'
import { mergeSmall } from './merge-segments.ts'
import { expiredSegments, type Retention } from './retention.ts'
import { type HotColumns, sealHot } from './seal.ts'
import { toWriteError } from './write-error.ts'
import type { SegmentTools } from './write-segment.ts'

/** A hot file nobody writes to any more. `columns` null: not known. */
export type FullHot = { readonly entry: HotEntry; readonly columns: HotColumns | null }

export type SealTotals = {
  readonly added: number
  /** Events the store had already. */
  readonly repeated: number
  /** Lines of hot files that could not be read back, and rows whose shared fields could not. */
  readonly damaged: number
  /** Segments that retention removed. */
  readonly expired: number
  /** Hot files that could not be sealed, each with the reason. Their rows are read from them as far as that is possible. */
  readonly unsealed: readonly string[]
}

export type Sealing = {
  push(full: FullHot): void
  /** Begins to seal, unless that is going on. */
  start(): void
  /** Waits while too many wait. Throws what sealing failed with. */
  drain(): Promise<void>
  /** Seals everything that waits. Throws what sealing failed with. */
  finish(): Promise<void>
  /** Waits for the file that is being sealed, and begins no other. */
  stop(): Promise<void>
  totals(): SealTotals
  readonly failure: { readonly error: unknown } | null
}

/** Full hot files that may wait. */
const WAITING_MAX = 2

export function createSealing(
  tools: SegmentTools,
  manifest: Manifest,
  limits: { readonly retention: Retention; readonly now: Micros | undefined },
): Sealing {
  const { layout, step } = tools
  const waiting: FullHot[] = []
  const unsealed: string[] = []
  const counts = { added: 0, repeated: 0, damaged: 0, expired: 0 }
  /**
   * Files the manifest names no longer. A reader that took its list a moment ago may still open them, so they stay until two
   * more files are sealed; after a kill, the next writer removes them.
   */
  let unnamed: string[] = []
  let leaving: string[] = []
  let failure: { readonly error: unknown } | null = null
  let running: Promise<void> = Promise.resolve()
  let isRunning = false
  let isStopped = false

  async function sealOne({ entry, columns }: FullHot): Promise<void> {
    const known = manifest.contents().segments.filter(({ dataset }) => dataset === entry.dataset)
    const result = await sealHot(tools, entry, columns, known)
    if ('unreadable' in result) {
      unsealed.push(`${entry.file}: ${result.unreadable}`)
      return
    }
    step('segments-written')
    manifest.seal(entry, result.segments)
    step('segments-recorded')
    sweep()
    replaced([entry.file])
    counts.added += result.segments.reduce((sum, segment) => sum + segment.rows, 0)
    counts.repeated += result.repeated
    counts.damaged += result.damaged
  }

  function replaced(files: readonly string[]): void {
    unnamed.push(...files)
  }

  /** Removes what was replaced before the last sweep. */
  function sweep(): void {
    for (const file of leaving) {
      removeFile(layout, file)
      step('file-removed')
    }
    leaving = unnamed
    unnamed = []
  }

  async function tidy(): Promise<void> {
    await mergeSmall(tools, manifest, replaced)
    const expired = expiredSegments(manifest.contents().segments, limits.retention, limits.now)
    if (expired.length === 0) return
    manifest.expire(expired)
    step('expired-recorded')
    replaced(expired.map(({ file }) => file))
    counts.expired += expired.length
  }

  async function tidyAll(): Promise<void> {
    await tidy()
    sweep()
    sweep()
  }

  async function sealWaiting(): Promise<void> {
    for (let full = waiting[0]; full !== undefined && !isStopped; full = waiting[0]) {
      await sealOne(full)
      waiting.shift()
      await tidy()
    }
  }

  function run(work: () => Promise<void>): void {
    isRunning = true
    running = work()
      .catch((error: unknown) => {
        failure = { error: toWriteError(layout.dir, error) }
      })
      .finally(() => {
        isRunning = false
      })
  }

  function start(): void {
    if (!isRunning && failure === null && !isStopped) run(sealWaiting)
  }

  /** Seals until at most that many wait. */
  async function sealUntil(left: number): Promise<void> {
    while (waiting.length > left && failure === null && !isStopped) {
      start()
      await running
    }
    if (failure !== null) throw failure.error
  }

  return {
    push: (full) => void waiting.push(full),
    start,
    drain: () => sealUntil(WAITING_MAX),
    async finish() {
      await sealUntil(0)
      await running
      // Also when nothing was sealed: the limits may be others than the last time.
      if (failure === null && !isStopped) run(tidyAll)
      await running
      await sealUntil(0)
    },
    async stop() {
      isStopped = true
      await running
    },
    totals: () => ({ ...counts, unsealed: [...unsealed] }),
    get failure() {
      return failure
    },
  }
}
