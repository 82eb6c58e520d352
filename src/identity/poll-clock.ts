/**
 * When the ledger was looked at. An answer needs a poll on both sides of the moment in question, no further apart than three
 * periods (design 5.3); the period is configured, or the median of the distances seen.
 */
import { type Micros, MS } from '../time.ts'

/**
 * A snapshot's stamp is taken before `wg` runs, so what it shows may be this much younger than its stamp. A moment is
 * "after" a poll only with this distance: long enough for a busy machine to start a process and dump thousands of peers.
 */
export const DUMP_DURATION_MAX: Micros = 500 * MS

/** Polls remembered: 55 hours of one a second. Questions about older times answer `forgotten`. */
const POLLS_MAX = 200_000
/** Distances the median is taken over: enough to outvote outages, few enough to follow a changed configuration. */
const DISTANCES_MAX = 101
/** Times remembered that the gateway's clock showed twice; beyond it the two oldest become one, with the time between them. */
const REPEATS_MAX = 64
/** Used while fewer than two polls are known: the longest sensible setting. */
const PERIOD_DEFAULT: Micros = 60_000 * MS

export type Bracket = {
  /** Last poll surely before, first poll surely after the interval. */
  readonly before: Micros
  readonly after: Micros
  /** Longest distance between neighbouring polls from `before` to `after`. */
  readonly widest: Micros
}

export type PollClock = {
  /** The next poll, later than all before. */
  add(at: Micros): void
  /**
   * A poll that came after the newest with an older stamp: the clock was set back, and stamps between the two stand for two
   * moments. A stamp that is known already is a line that was written twice and says nothing.
   */
  addLate(at: Micros): void
  /** -Infinity before the first. */
  readonly newest: Micros
  readonly oldest: Micros
  readonly count: number
  readonly period: Micros
  /** The polls around [from, to]; a side is null where there is none. `widest` is Infinity where the clock showed the time twice. */
  around(
    from: Micros,
    to: Micros,
  ): { readonly before: Micros | null; readonly after: Micros | null; readonly widest: Micros }
  save(): SavedPollClock
}

export type SavedPollClock = {
  /** Ascending, without the forgotten ones. */
  readonly polls: readonly Micros[]
  readonly distances: readonly Micros[]
  readonly period: Micros
  readonly isStale: boolean
  readonly repeats: readonly { readonly from: Micros; readonly to: Micros }[]
}

/** A configured period outdoes a saved one. */
export function createPollClock(configuredPeriod: Micros | null, saved?: SavedPollClock): PollClock {
  let polls: number[] = saved === undefined ? [] : [...saved.polls]
  /** Polls before this index are forgotten; the array is cut when half of it is dead. */
  let first = 0
  let distances: number[] = saved === undefined ? [] : [...saved.distances]
  let period = configuredPeriod ?? saved?.period ?? PERIOD_DEFAULT
  /** Distances came since the period was measured: it is asked for less often than polls come. */
  let isStale = configuredPeriod === null && (saved?.isStale ?? false)
  /** Oldest first, not overlapping. */
  let repeats: { readonly from: Micros; readonly to: Micros }[] = saved === undefined ? [] : [...saved.repeats]

  function add(at: Micros): void {
    const last = polls[polls.length - 1]
    polls.push(at)
    if (polls.length - first > POLLS_MAX) first++
    if (first > POLLS_MAX) {
      polls = polls.slice(first)
      first = 0
    }
    if (configuredPeriod === null && last !== undefined) {
      distances.push(at - last)
      if (distances.length > DISTANCES_MAX) distances = distances.slice(1)
      isStale = true
    }
  }

  function addLate(at: Micros): void {
    const newest = polls[polls.length - 1]
    // Two collectors that write at the same time are no clock step.
    if (newest === undefined || at >= newest - DUMP_DURATION_MAX) return
    const justAfter = at + DUMP_DURATION_MAX
    if (neighbours(justAfter, justAfter).before === at) return
    let from = at
    // Ends grow with every call, so what overlaps is at the end.
    while ((repeats.at(-1)?.to ?? Number.NEGATIVE_INFINITY) >= from) from = Math.min(from, repeats.pop()?.from ?? from)
    repeats.push({ from, to: newest })
    const [oldest, next] = repeats
    if (repeats.length > REPEATS_MAX && oldest !== undefined && next !== undefined)
      repeats = [{ from: oldest.from, to: next.to }, ...repeats.slice(2)]
  }

  function around(from: Micros, to: Micros) {
    const bracket = neighbours(from, to)
    const { before, after } = bracket
    const isRepeated =
      repeats.length > 0 &&
      before !== null &&
      after !== null &&
      repeats.some((each) => each.from < after && each.to > before)
    return isRepeated ? { before, after, widest: Number.POSITIVE_INFINITY } : bracket
  }

  function neighbours(from: Micros, to: Micros) {
    let low = first
    let high = polls.length
    const limit = from - DUMP_DURATION_MAX
    // The usual question is about the newest polls: look there before searching.
    for (let step = 1; step < 8 && high - step >= first; step++) {
      if ((polls[high - step] ?? 0) <= limit) {
        low = high - step
        high = low + 1
        break
      }
    }
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((polls[middle] ?? 0) <= limit) low = middle + 1
      else high = middle
    }
    const beforeIndex = low - 1
    let index = low
    let previous = polls[beforeIndex]
    let widest = 0
    const before = beforeIndex >= first ? (previous ?? null) : null
    for (; index < polls.length; index++) {
      const poll = polls[index] ?? 0
      if (previous !== undefined && before !== null) widest = Math.max(widest, poll - previous)
      if (poll >= to) return { before, after: poll, widest }
      previous = poll
    }
    return { before, after: null, widest }
  }

  return {
    add,
    addLate,
    around,
    get newest() {
      return polls.length > first ? (polls[polls.length - 1] ?? Number.NEGATIVE_INFINITY) : Number.NEGATIVE_INFINITY
    },
    get oldest() {
      return polls[first] ?? Number.POSITIVE_INFINITY
    },
    get count() {
      return polls.length - first
    },
    get period() {
      if (isStale) {
        period = medianOf(distances)
        isStale = false
      }
      return period
    },
    save: () => ({ polls: first === 0 ? polls : polls.slice(first), distances, period, isStale, repeats }),
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
