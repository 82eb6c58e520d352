/**
 * Gaps between two lives of `conntrack -E`. Its stderr has no times, only how many lines each run wrote, so the runs are
 * laid along conntrack.log by counting: after line N the collector stopped, and with line N + 1 the next one was listening.
 *
 * Counting is only right when log and stderr were kept equally long. That shows at the end, so everything is said there;
 * a log shorter than its runs claim has lost lines nobody knows where, and then only that is said.
 *
 * Our own collector writes into the log itself when it stopped (collector-marks.ts). One such mark, and nothing is counted: the
 * marks have said all of it, and our stderr is no longer kept as long as the log.
 */

import type { Micros } from '../time.ts'
import type { Say } from './coverage-events.ts'
import type { Gap } from './gaps.ts'
import type { IntakeHost } from './intake.ts'

export type CollectorRuns = {
  /** The next line of conntrack.log, whether it could be read or not. `at` is 0 while no time is known. */
  line(at: Micros): void
  /** The log tells by itself when its writer stopped. */
  marked(): void
  /** Says what the runs have shown. Once. */
  finish(): void
  /** More than one run: gaps may yet be said. */
  readonly isPending: boolean
  save(): SavedCollectorRuns
}

/** How far the log has been laid along the runs. The boundaries are given again. */
export type SavedCollectorRuns = {
  readonly runs: Run[]
  readonly lines: number
  readonly next: number
  readonly firstAt: Micros
  readonly runFrom: Micros
  readonly lastAt: Micros
  readonly isFinished: boolean
  readonly isMarked: boolean
}

type Run = { readonly from: Micros; readonly to: Micros; readonly hasLoss: boolean }

/** Runs looked at; a collector that restarts every minute has so many in a week. */
const RUNS_MAX = 10_000

export function createCollectorRuns(
  boundaries: IntakeHost['conntrackRuns'],
  state: (gap: Gap) => void,
  say: Say,
  onLoss: (from: Micros, to: Micros) => void,
  saved?: SavedCollectorRuns,
): CollectorRuns {
  const placed = boundaries.slice(0, RUNS_MAX).filter(({ afterLine }) => afterLine >= 0)
  const runs: Run[] = saved?.runs ?? []
  let lines = saved?.lines ?? 0
  let next = saved?.next ?? 0
  let firstAt: Micros = saved?.firstAt ?? Number.NaN
  let runFrom: Micros = saved?.runFrom ?? Number.NaN
  let lastAt: Micros = saved?.lastAt ?? Number.NaN
  let isFinished = saved?.isFinished ?? false
  let isMarked = saved?.isMarked ?? false

  /** The run that ended with the line before this one is complete; so are empty runs after it. */
  function closeRuns(): void {
    for (let boundary = placed[next]; boundary !== undefined && boundary.afterLine < lines; boundary = placed[++next]) {
      runs.push({ from: runFrom, to: lastAt, hasLoss: boundary.enobufs })
      runFrom = Number.NaN
    }
  }

  function sayLoss(from: Micros, to: Micros): void {
    if (Number.isNaN(from) || Number.isNaN(to)) return
    onLoss(from, to)
    say({ action: 'source-lost', reason: 'enobufs', at: from, end: to })
  }

  function sayRuns(): void {
    let before: Micros = Number.NaN
    for (const run of runs) {
      // Loss of an empty run lies between its neighbours' lines.
      const from = Number.isNaN(run.from) ? before : run.from
      if (!Number.isNaN(before) && run.from > before) {
        state({ from: before, to: run.from, reason: 'collector-stopped', certain: null })
      }
      if (run.hasLoss) sayLoss(from, Number.isNaN(run.from) ? lastAt : run.to)
      if (!Number.isNaN(run.from)) before = run.to
    }
  }

  return {
    line(at) {
      lines++
      closeRuns()
      if (at > 0) {
        if (Number.isNaN(firstAt)) firstAt = at
        if (Number.isNaN(runFrom)) runFrom = at
        lastAt = at
      }
    },
    marked() {
      isMarked = true
    },
    finish() {
      if (isFinished || isMarked || lines === 0 || boundaries.length === 0) return
      isFinished = true
      const claimed = placed.at(-1)?.afterLine ?? 0
      if (claimed > lines) {
        if (Number.isNaN(firstAt)) return
        onLoss(firstAt, lastAt)
        const fields = {
          'wireguard.coverage.expected': claimed,
          'wireguard.coverage.seen': lines,
          'wireguard.coverage.lost': claimed - lines,
        }
        say({ action: 'source-lost', reason: 'lines-missing', at: firstAt, end: lastAt, fields })
        return
      }
      const unplaced = boundaries.slice(placed.length)
      const rest = placed[next]
      const hasLoss = rest?.enobufs === true || unplaced.some(({ enobufs }) => enobufs)
      runs.push({ from: runFrom, to: lastAt, hasLoss })
      sayRuns()
    },
    get isPending() {
      return !isFinished && !isMarked && placed.length > 1
    },
    save: () => ({ runs, lines, next, firstAt, runFrom, lastAt, isFinished, isMarked }),
  }
}
