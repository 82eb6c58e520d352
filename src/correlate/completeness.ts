/**
 * How much of a period a source surely, and at most, covered (design 7), in percent of its time.
 *
 * At least: only minutes without a gap, uncounted loss or sampled rule, and between the source's first and last record. At
 * most: all but what is certainly missing. A minute with a counted loss is worth the share that came.
 */
import { MINUTE, type Micros } from '../time.ts'
import { floorToMinute } from './heartbeats.ts'
import { createIntervalSet, INTERVALS_MAX, type Interval, type SavedIntervalSet } from './interval-set.ts'

/** Percent, two decimals; `atLeast` is rounded down, `atMost` up. */
export type Range = { readonly atLeast: number; readonly atMost: number }

export type Completeness = {
  /** Something may be missing here: a gap, or a loss without a count. */
  doubt(from: Micros, to: Micros): void
  /** All of it is certainly missing. */
  miss(interval: Interval): void
  /** A rule that logs only some of its packets stood. */
  sampled(from: Micros, to: Micros): void
  /** In these minutes `lost` records are known to be missing beside the `seen`. */
  loss(from: Micros, to: Micros, seen: number, lost: number): void
  /** `first` and `last`: the source's own records, NaN when it has none. */
  rangeOf(period: Interval, first: Micros, last: Micros, isSampledCounted: boolean): Range
  save(): SavedCompleteness
}

/** Minutes of which `share` is missing. */
type Loss = Interval & { readonly share: number }

export type SavedCompleteness = {
  readonly doubts: SavedIntervalSet
  readonly samples: SavedIntervalSet
  readonly misses: SavedIntervalSet
  readonly losses: Loss[]
}

/** Minutes with a counted loss that are kept apart; beyond it they count as doubt. */
const LOSSES_MAX = 10_000

export function createCompleteness(saved?: SavedCompleteness): Completeness {
  // More doubt is the safe error, so is less certainty.
  const doubts = createIntervalSet('grow', INTERVALS_MAX, saved?.doubts)
  const samples = createIntervalSet('grow', INTERVALS_MAX, saved?.samples)
  const misses = createIntervalSet('refuse', INTERVALS_MAX, saved?.misses)
  const losses: Loss[] = saved?.losses ?? []

  const doubt = (from: Micros, to: Micros) => doubts.add(floorToMinute(from), ceilToMinute(to))

  return {
    doubt,
    miss({ from, to }) {
      misses.add(from, to)
      if (from < to) doubt(from, to)
    },
    sampled: (from, to) => samples.add(from, to),
    loss(from, to, seen, lost) {
      if (losses.length < LOSSES_MAX) losses.push({ from, to, share: lost / (seen + lost) })
      else doubt(from, to)
    },
    rangeOf(period, first, last, isSampledCounted) {
      const length = period.to - period.from
      if (Number.isNaN(first) || !(length > 0))
        return { atLeast: 0, atMost: misses.within(period.from, period.to) >= length ? 0 : 100 }
      const unsure = createIntervalSet('grow')
      unsure.add(period.from, floorToMinute(first))
      unsure.add(ceilToMinute(last), period.to)
      for (const { from, to } of doubts.intervals) unsure.add(from, to)
      if (isSampledCounted) for (const { from, to } of samples.intervals) unsure.add(from, to)
      let covered = length - unsure.within(period.from, period.to)
      let possible = length - misses.within(period.from, period.to)
      for (const { from, to, share } of losses) {
        covered -= (to - from - unsure.within(from, to)) * share
        if (!misses.overlaps(from, to)) possible -= (to - from) * share
      }
      return { atLeast: percent(covered, length, Math.floor), atMost: percent(possible, length, Math.ceil) }
    },
    save: () => ({ doubts: doubts.save(), samples: samples.save(), misses: misses.save(), losses }),
  }
}

function percent(part: number, whole: number, round: (value: number) => number): number {
  return Math.min(100, Math.max(0, round((part / whole) * 10_000) / 100))
}

function ceilToMinute(at: Micros): Micros {
  return Math.ceil(at / MINUTE) * MINUTE
}
