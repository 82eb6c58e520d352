/**
 * Where uptime 0 lies on the wall clock, learned from lines that carry both (design 6, arrival time).
 *
 * A line is stamped when the log daemon reads it: never before it happened, often a burst late. So every line bounds the
 * offset from above by stamp + resolution - uptime, and the smallest bound seen is the best one (`high`). A stamp cut to the
 * second was at least the second's begin, which bounds from below as far as reading was prompt (`low`).
 * Only the last one to two WINDOWs of uptime count, so the two clocks may drift apart or be slewed; when lines come at an even
 * pace at another offset, the wall clock was set and the estimate begins anew. Does not judge lines (boot-clock.ts).
 *
 * An estimate is plain data, because tracks and held lines that are saved share it.
 */
import { type Micros, MS, SECOND } from '../../time.ts'

export type OffsetEstimate = {
  /** Bounds of the wall clock at uptime 0; NaN before the first line. */
  low: Micros
  high: Micros
  /** Uptime at which the window being filled ends; bounds of it and of the one before, infinite where nothing was seen. */
  windowEnd: Micros
  highNow: Micros
  highBefore: Micros
  lowNow: Micros
  lowBefore: Micros
  /** Where a stretch at another offset begins, NaN while there is none. */
  stepStamp: Micros
  stepUptime: Micros
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

/** Knows nothing yet: learnOffset before refineTime. */
export function createOffsetEstimate(): OffsetEstimate {
  return {
    low: Number.NaN,
    high: Number.NaN,
    windowEnd: Number.NEGATIVE_INFINITY,
    highNow: Number.POSITIVE_INFINITY,
    highBefore: Number.POSITIVE_INFINITY,
    lowNow: Number.NEGATIVE_INFINITY,
    lowBefore: Number.NEGATIVE_INFINITY,
    stepStamp: Number.NaN,
    stepUptime: Number.NaN,
  }
}

/** Learns from a line that is believed. */
export function learnOffset(estimate: OffsetEstimate, stamp: Micros, resolution: Micros, uptime: Micros): void {
  if (uptime >= estimate.windowEnd) turnWindow(estimate, uptime)
  const low = stamp - uptime
  const high = low + resolution
  if (low - estimate.high > STEP_MIN) {
    if (hasNewPace(estimate, stamp, resolution, uptime)) forget(estimate)
  } else estimate.stepStamp = Number.NaN
  if (high < estimate.highNow) estimate.highNow = high
  const bound = Math.min(estimate.highNow, estimate.highBefore)
  if (low > estimate.lowNow && low <= bound) estimate.lowNow = low
  if (estimate.lowNow > bound) estimate.lowNow = low <= bound ? low : bound - resolution
  if (estimate.lowBefore > bound) estimate.lowBefore = Number.NEGATIVE_INFINITY
  const best = Math.max(estimate.lowNow, estimate.lowBefore)
  estimate.high = bound
  estimate.low = best === Number.NEGATIVE_INFINITY ? bound - resolution : best
}

/** Writes `at` and `resolution` of a line by this estimate; leaves the header's where the estimate cannot be true for it. */
export function refineTime(
  estimate: OffsetEstimate,
  stamp: Micros,
  resolution: Micros,
  uptime: Micros,
  into: { at: Micros; resolution: Micros },
): void {
  const at = uptime + (resolution === 0 ? estimate.high : estimate.low)
  const isPossible = at >= stamp - REFINE_MAX && at <= stamp + resolution
  into.at = isPossible ? at : stamp
  if (!isPossible) into.resolution = resolution
  else into.resolution = resolution === 0 ? 0 : Math.min(Math.max(estimate.high - estimate.low, SPREAD_MIN), resolution)
}

function turnWindow(estimate: OffsetEstimate, uptime: Micros): void {
  const isNext = uptime < estimate.windowEnd + WINDOW
  estimate.highBefore = isNext ? estimate.highNow : Number.POSITIVE_INFINITY
  estimate.lowBefore = isNext ? estimate.lowNow : Number.NEGATIVE_INFINITY
  estimate.highNow = Number.POSITIVE_INFINITY
  estimate.lowNow = Number.NEGATIVE_INFINITY
  estimate.windowEnd = uptime + WINDOW
}

/** A late reader hands out old lines faster than they happened; after a clock step both clocks run on side by side. */
function hasNewPace(estimate: OffsetEstimate, stamp: Micros, resolution: Micros, uptime: Micros): boolean {
  const stretch = stamp - estimate.stepStamp
  const isPaced = Math.abs(stretch - (uptime - estimate.stepUptime)) <= SECOND + resolution
  if (isPaced && stretch >= PACE_MIN) return true
  if (!isPaced) {
    estimate.stepStamp = stamp
    estimate.stepUptime = uptime
  }
  return false
}

function forget(estimate: OffsetEstimate): void {
  estimate.highNow = Number.POSITIVE_INFINITY
  estimate.highBefore = Number.POSITIVE_INFINITY
  estimate.lowNow = Number.NEGATIVE_INFINITY
  estimate.lowBefore = Number.NEGATIVE_INFINITY
  estimate.stepStamp = Number.NaN
}
