/**
 * One followed file and its place in the engine: reads a little at a time, and tells how far time has got where nothing more lies.
 *
 * Time passes for a quiet source by the wall clock, but in the source's own time: what was written into the file a minute ago with
 * a stamp of a minute ago is live; what is written now with stamps of yesterday (a log that is fed in, a clock that is off) runs
 * behind by that much and goes on running behind, together with the others. Who runs far behind all others is not waited for.
 */
import type { LineSource } from '../sources/line-source.ts'
import { MINUTE, type Micros, MS, SECOND } from '../time.ts'
import type { Engine } from './engine.ts'
import type { PlannedFile } from './plan.ts'
import { createRate } from './rate.ts'
import type { SourceStatus } from './status.ts'

export type Reader = {
  readonly file: PlannedFile
  readonly source: LineSource
  /** Reads once and hands the lines on; false when nothing was there, or what was read before still waits. */
  step(): Promise<boolean>
  /**
   * Wall clock `now`: tells the engine how far the source has got without saying anything. `least`: the least lag of any source,
   * null while none has spoken.
   */
  pass(now: Micros, least: Micros | null): void
  /** How far behind the wall clock its time runs; null before its first record. */
  readonly lag: Micros | null
  readonly isAtEnd: boolean
  /** Something came since the last checkpoint. */
  readonly hasMoved: boolean
  settleMoved(): void
  /** Gives out a last line without its end. */
  finish(): Promise<void>
  status(now: Micros): SourceStatus
}

/** Records of one source that wait for other sources: beyond it the file waits. About 1 kB each. */
export const WAITING_MAX = 20_000
/** A writer's last bytes have surely arrived after this, and what a decoder holds back for want of a next line may go. */
const STILL: Micros = 200 * MS
/** Beyond this a source is not live but caught up with or fed: whoever writes it may write in larger pieces. */
const FED_LAG: Micros = MINUTE
const FED_PATIENCE: Micros = 5 * SECOND
/** A source that runs further than this behind the others is not waited for: its records are late. */
const SPREAD_MAX: Micros = 30 * SECOND
/** A source that never spoke is waited for this long after the start. */
const SILENT_PATIENCE: Micros = 5 * SECOND

export function createReader(
  file: PlannedFile,
  index: number,
  source: LineSource,
  engine: () => Engine,
  { now, startedAt }: { readonly now: () => Micros; readonly startedAt: Micros },
): Reader {
  const rate = createRate()
  let isAtEnd = false
  let behind = 0
  let bytes = 0
  let lostBytes = 0
  /** Wall clock when something was last read. */
  let readAt = startedAt
  /** Wall clock before the last read: what was written later it has not seen. */
  let lookedAt = startedAt
  let lag: Micros | null = null
  let hasMoved = false
  /** The newest record when the lag was measured: one that its decoder still holds back must not count as lag. */
  let measured = Number.NaN

  function measureLag(writtenAt: Micros): void {
    const newest = engine().newest(index)
    if (!Number.isFinite(newest) || writtenAt <= 0 || newest === measured) return
    measured = newest
    lag = Math.max(0, writtenAt - newest)
  }

  return {
    file,
    source,
    async step() {
      if (engine().waiting(index) >= WAITING_MAX) {
        // What the file got meanwhile is not known: no time passes for it.
        isAtEnd = false
        return false
      }
      lookedAt = now()
      const read = await source.read()
      isAtEnd = read.isAtEnd
      behind = read.behind
      for (const gap of read.gaps) {
        lostBytes += Math.max(0, gap.bytes)
        engine().gap(index, gap)
        hasMoved = true
      }
      if (read.file !== null && read.lines.length > 0) {
        engine().lines(index, read.lines, read.file)
        for (const { text } of read.lines) bytes += text.length + 1
        rate.add(read.lines.length, now())
        readAt = now()
        hasMoved = true
      }
      if (isAtEnd) measureLag(read.writtenAt)
      return read.lines.length > 0 || read.gaps.length > 0
    },
    pass(at, least) {
      if (!isAtEnd && source.problem === '') return
      const still = at - readAt
      if (lag === null && still < SILENT_PATIENCE) return
      const own = Math.min(lag ?? least ?? 0, (least ?? 0) + SPREAD_MAX)
      const patience = own > FED_LAG ? FED_PATIENCE : 0
      const reached = Math.min(at, lookedAt) - own - patience
      if (still >= STILL + patience) engine().quiet(index, reached)
      // Where nobody has said a time yet, none has passed.
      if (least !== null) engine().idle(index, reached - file.entry.delay)
    },
    get lag() {
      return lag
    },
    get isAtEnd() {
      return isAtEnd
    },
    get hasMoved() {
      return hasMoved
    },
    settleMoved() {
      hasMoved = false
    },
    async finish() {
      const { lines, file: of } = await source.finish()
      if (of !== null) engine().lines(index, lines, of)
    },
    status(at) {
      const { lines, records, unparsed, suspect } = engine().tally(index)
      const newest = engine().newest(index)
      return {
        label: file.label,
        host: file.host,
        name: file.entry.kind === 'ruleset-dump' ? 'ruleset' : file.entry.name,
        path: file.path,
        problem: source.problem,
        lines,
        records,
        unparsed,
        suspect,
        bytes,
        behind,
        lostBytes,
        newestAt: Number.isFinite(newest) ? newest : null,
        waiting: engine().waiting(index),
        rate: rate.perSecond(at),
      }
    },
  }
}
