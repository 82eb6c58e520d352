/**
 * How long to wait before a command that ended is run again: 1 s, doubling up to 60 s; one that lived for a minute begins anew
 * at 1 s.
 */
import { MINUTE, type Micros } from '../../time.ts'

const FIRST_MS = 1_000
const LONGEST_MS = 60_000
/** Lived so long, it was well. */
const WELL_AFTER: Micros = MINUTE

export type BackOff = {
  /** Milliseconds to wait after a life of `lived`; negative (the clock was set back) counts as short. */
  next(lived: Micros): number
}

/** One of it for each command. */
export function createBackOff(): BackOff {
  let delayMs = FIRST_MS
  return {
    next(lived) {
      if (lived >= WELL_AFTER) delayMs = FIRST_MS
      const wait = delayMs
      delayMs = Math.min(LONGEST_MS, delayMs * 2)
      return wait
    },
  }
}
