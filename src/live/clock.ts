/**
 * Wall clock and timers of the live parts, as one object that is handed in: a test has a clock of its own that it moves, and
 * nothing waits for real. This is the only file of src/live that asks the system for the time.
 */
import { type Micros, MS } from '../time.ts'

export type Clock = {
  /** Wall clock; may step in either direction. */
  readonly now: () => Micros
  /** Calls `run` once, not before `delayMs` milliseconds have passed. What it gives takes that back. */
  readonly after: (delayMs: number, run: () => void) => () => void
}

/** setTimeout takes a signed 32-bit number of milliseconds; beyond it, it would fire at once. */
const DELAY_MS_MAX = 0x7fff_ffff

/** The machine's own. A pending timer keeps the process alive. */
export function createSystemClock(): Clock {
  return {
    // Date.now() has milliseconds; process clocks with more are not wall clocks.
    now: () => Date.now() * MS,
    after(delayMs, run) {
      const timer = setTimeout(run, Math.min(Math.max(0, delayMs), DELAY_MS_MAX))
      return () => clearTimeout(timer)
    },
  }
}
