/**
 * Whether polls follow each other without a hole: a moment that no poll looked at proves nothing. The rule is that of the coverage
 * documents (correlate/poll-gaps.ts): neighbours nearly two periods apart have lost one between them.
 */
import * as z from 'zod'
import type { LedgerRow } from '../../identity/ledger-restore.ts'
import { DUMP_DURATION_MAX } from '../../identity/poll-clock.ts'
import type { Micros } from '../../time.ts'

/** Between two neighbouring polls, or the clock showed this time twice. */
export type Hole = { readonly from: Micros; readonly to: Micros }

export type PollScan = {
  take(rows: readonly LedgerRow[]): void
  /** Of the stretch; null = none. */
  readonly first: Micros | null
  readonly last: Micros | null
  readonly marked: Micros | null
  readonly count: number
  /** Longest distance of neighbours. */
  readonly widest: Micros
  /** The first HOLES_MAX of them. */
  readonly holes: readonly Hole[]
  readonly holeCount: number
  /** Times that the gateway's clock showed twice: what a poll of then showed is not sure to be later than another. */
  readonly repeats: readonly Hole[]
}

/** Between one period with a late poll and two with a lost one. */
export const PERIODS_MAX = 1.75
const HOLES_MAX = 50
/** Polls remembered, so that a dump that was written twice is not taken for a clock that was set back. */
const RECENT_MAX = 20_000
const pollsSchema = z.object({
  polls: z.array(z.number().int()),
  late: z.array(z.tuple([z.number(), z.number().int()])),
})

export type ScanStretch = {
  /** Both included. */
  readonly since: Micros
  readonly until: Micros
  /** The first poll from then on is noted, too. */
  readonly mark?: Micros
}

/** Polls of a record, in their order. Throws (zod) where it is not what the journal writes. */
export function pollsOf({ text }: LedgerRow): Micros[] {
  let at = 0
  return pollsSchema.parse(JSON.parse(text)).polls.map((difference) => {
    at += difference
    return at
  })
}

/** `period` in microseconds. Records come in order of time; polls outside the stretch are passed over. */
export function createPollScan(
  { since, until, mark = Number.POSITIVE_INFINITY }: ScanStretch,
  period: Micros,
): PollScan {
  const holes: Hole[] = []
  const repeats: Hole[] = []
  const recent = new Set<Micros>()
  let [first, last, marked]: [Micros | null, Micros | null, Micros | null] = [null, null, null]
  let [count, widest, holeCount] = [0, 0, 0]

  function see(at: Micros): void {
    if (at < since || at > until) return
    if (last !== null && at <= last) return
    count++
    recent.add(at)
    for (const oldest of recent) {
      if (recent.size <= RECENT_MAX) break
      recent.delete(oldest)
    }
    first ??= at
    if (at >= mark) marked ??= at
    if (last !== null) {
      widest = Math.max(widest, at - last)
      if (at - last > PERIODS_MAX * period) {
        holeCount++
        if (holes.length < HOLES_MAX) holes.push({ from: last, to: at })
      }
    }
    last = at
  }

  return {
    take(rows) {
      for (const row of rows.toSorted((a, b) => a.at - b.at)) {
        for (const at of pollsOf(row)) see(at)
        const { late } = pollsSchema.parse(JSON.parse(row.text))
        for (const [newest, stamp] of late) {
          // Two collectors that write at the same time are no clock step.
          const isStep = stamp < newest - DUMP_DURATION_MAX && newest >= since && stamp <= until && !recent.has(stamp)
          if (isStep && repeats.length < HOLES_MAX) repeats.push({ from: stamp, to: newest })
        }
      }
    },
    get first() {
      return first
    },
    get marked() {
      return marked
    },
    get last() {
      return last
    },
    get count() {
      return count
    },
    get widest() {
      return widest
    },
    holes,
    get holeCount() {
      return holeCount
    },
    repeats,
  }
}
