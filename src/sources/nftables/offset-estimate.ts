/**
 * Where uptime 0 lies on the wall clock, learned from lines that carry both (design 6, arrival time).
 *
 * A line is stamped when the log daemon reads it: never before it happened, often a burst late. So every line bounds the
 * offset from above by stamp + resolution - uptime, and the smallest bound seen is the best one (`high`). A stamp cut to the
 * second was at least the second's begin, which bounds from below as far as reading was prompt (`low`).
 * Only the last one to two WINDOWs of uptime count, so the two clocks may drift apart or be slewed; when lines come at an even
 * pace at another offset, the wall clock was set and the estimate begins anew. Does not judge lines (boot-clock.ts).
 */
import { type Micros, MS, SECOND } from '../../time.ts'

export type OffsetEstimate = {
  low: Micros
  high: Micros
  add(stamp: Micros, resolution: Micros, uptime: Micros): void
  /** Writes `at` and `resolution` of a line by this estimate; leaves the header's where the estimate cannot be true for it. */
  refine(stamp: Micros, resolution: Micros, uptime: Micros, into: { at: Micros; resolution: Micros }): void
}

/** Two free-running clocks drift by at most about 100 ppm: 24 ms in two windows. */
const WINDOW = 120 * SECOND
/** Reading may be late by this much at most for an estimate to be preferred over the stamp. */
const REFINE_MAX = 120 * SECOND
/** A stamp later than the estimate by more is a late reader or a clock that was set. */
const STEP_MIN = 3 * SECOND
/** Stretch of even pace that tells the two apart. */
const PACE_MIN = 2 * SECOND
/** What a calibrated second-resolution stamp leaves open at least: drift inside a window. */
const SPREAD_MIN = 10 * MS

export function createOffsetEstimate(): OffsetEstimate {
  let windowEnd = Number.NEGATIVE_INFINITY
  let highNow = Number.POSITIVE_INFINITY
  let highBefore = Number.POSITIVE_INFINITY
  let lowNow = Number.NEGATIVE_INFINITY
  let lowBefore = Number.NEGATIVE_INFINITY
  let stepStamp = Number.NaN
  let stepUptime = Number.NaN
  const estimate: OffsetEstimate = { low: Number.NaN, high: Number.NaN, add, refine }
  return estimate

  function add(stamp: Micros, resolution: Micros, uptime: Micros): void {
    if (uptime >= windowEnd) turnWindow(uptime)
    const low = stamp - uptime
    const high = low + resolution
    if (low - estimate.high > STEP_MIN) {
      if (hasNewPace(stamp, resolution, uptime)) forget()
    } else stepStamp = Number.NaN
    if (high < highNow) highNow = high
    const bound = Math.min(highNow, highBefore)
    if (low > lowNow && low <= bound) lowNow = low
    if (lowNow > bound) lowNow = low <= bound ? low : bound - resolution
    if (lowBefore > bound) lowBefore = Number.NEGATIVE_INFINITY
    const best = Math.max(lowNow, lowBefore)
    estimate.high = bound
    estimate.low = best === Number.NEGATIVE_INFINITY ? bound - resolution : best
  }

  function refine(stamp: Micros, resolution: Micros, uptime: Micros, into: { at: Micros; resolution: Micros }): void {
    const at = uptime + (resolution === 0 ? estimate.high : estimate.low)
    const isPossible = at >= stamp - REFINE_MAX && at <= stamp + resolution
    into.at = isPossible ? at : stamp
    if (!isPossible) into.resolution = resolution
    else
      into.resolution = resolution === 0 ? 0 : Math.min(Math.max(estimate.high - estimate.low, SPREAD_MIN), resolution)
  }

  function turnWindow(uptime: Micros): void {
    const isNext = uptime < windowEnd + WINDOW
    highBefore = isNext ? highNow : Number.POSITIVE_INFINITY
    lowBefore = isNext ? lowNow : Number.NEGATIVE_INFINITY
    highNow = Number.POSITIVE_INFINITY
    lowNow = Number.NEGATIVE_INFINITY
    windowEnd = uptime + WINDOW
  }

  /** A late reader hands out old lines faster than they happened; after a clock step both clocks run on side by side. */
  function hasNewPace(stamp: Micros, resolution: Micros, uptime: Micros): boolean {
    const isPaced = Math.abs(stamp - stepStamp - (uptime - stepUptime)) <= SECOND + resolution
    if (isPaced && stamp - stepStamp >= PACE_MIN) return true
    if (!isPaced) {
      stepStamp = stamp
      stepUptime = uptime
    }
    return false
  }

  function forget(): void {
    highNow = Number.POSITIVE_INFINITY
    highBefore = Number.POSITIVE_INFINITY
    lowNow = Number.NEGATIVE_INFINITY
    lowBefore = Number.NEGATIVE_INFINITY
    stepStamp = Number.NaN
  }
}
