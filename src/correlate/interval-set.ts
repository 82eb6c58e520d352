/**
 * A set of moments as disjoint intervals [from, to), ascending. Bounded: when too many are kept, the two that lie closest
 * become one, so that the set only ever grows (`grow`), or the new one is left out (`refuse`). Which of both is the safe
 * error is the owner's to know.
 */
import type { Micros } from '../time.ts'

export type Interval = { readonly from: Micros; readonly to: Micros }

export type IntervalSet = {
  /** Empty and reversed intervals, and times that are no numbers, are left out. */
  add(from: Micros, to: Micros): void
  overlaps(from: Micros, to: Micros): boolean
  /** Sum of what lies within [from, to). */
  within(from: Micros, to: Micros): Micros
  readonly intervals: readonly Interval[]
  save(): SavedIntervalSet
}

/** The intervals; how the set grows is its owner's to say again. */
export type SavedIntervalSet = readonly Interval[]

export const INTERVALS_MAX = 10_000

export function createIntervalSet(
  whenFull: 'grow' | 'refuse',
  max = INTERVALS_MAX,
  saved?: SavedIntervalSet,
): IntervalSet {
  let intervals: Interval[] = saved === undefined ? [] : [...saved]

  /** Index of the first interval that ends at or after `at`. */
  function firstEndingFrom(at: Micros): number {
    let low = 0
    let high = intervals.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const interval = intervals[middle]
      if (interval !== undefined && interval.to < at) low = middle + 1
      else high = middle
    }
    return low
  }

  function add(from: Micros, to: Micros): void {
    if (!(from < to)) return
    const start = firstEndingFrom(from)
    let end = start
    let merged: Interval = { from, to }
    for (let next = intervals[end]; next !== undefined && next.from <= to; next = intervals[end]) {
      merged = { from: Math.min(merged.from, next.from), to: Math.max(merged.to, next.to) }
      end++
    }
    if (start === end && whenFull === 'refuse' && intervals.length >= max) return
    // Appending is the usual case, and must not cost a copy.
    if (start === intervals.length) intervals.push(merged)
    else intervals.splice(start, end - start, merged)
    if (intervals.length > max) intervals = halved(intervals)
  }

  function within(from: Micros, to: Micros): Micros {
    let sum = 0
    for (let i = firstEndingFrom(from); i < intervals.length; i++) {
      const interval = intervals[i]
      if (interval === undefined || interval.from >= to) break
      sum += Math.max(0, Math.min(to, interval.to) - Math.max(from, interval.from))
    }
    return sum
  }

  return {
    add,
    overlaps: (from, to) => within(from, to) > 0,
    within,
    get intervals() {
      return intervals
    },
    save: () => intervals,
  }
}

/** Closes the smaller half of the spaces between neighbours: done in one go, its cost spreads over the next `max / 2` additions. */
function halved(intervals: readonly Interval[]): Interval[] {
  const spaces = intervals.slice(1).map((next, i) => next.from - (intervals[i]?.to ?? 0))
  const limit = spaces.toSorted((a, b) => a - b)[spaces.length >> 1] ?? 0
  const kept: Interval[] = []
  for (const interval of intervals) {
    const last = kept.at(-1)
    if (last !== undefined && interval.from - last.to <= limit)
      kept[kept.length - 1] = { from: last.from, to: interval.to }
    else kept.push(interval)
  }
  return kept
}
