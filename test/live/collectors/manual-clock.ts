/** A clock that stands still until it is moved. Timers fire in the order of their times, while it is moved, and never by themselves. */
import type { Clock } from '../../../src/live/clock.ts'
import { type Micros, MS } from '../../../src/time.ts'

export type ManualClock = Clock & {
  /** Moves on by so many milliseconds, firing what falls due at its own time. */
  advance(ms: number): void
  /** Sets the wall clock, as a person or NTP does; timers keep their distance. */
  set(at: Micros): void
  /** Timers set and neither fired nor taken back. */
  readonly pending: number
}

export function createManualClock(at: Micros): ManualClock {
  let wall = at
  let elapsed = 0
  let timers: { due: number; run: () => void }[] = []
  return {
    now: () => wall,
    after(delayMs, run) {
      const timer = { due: elapsed + delayMs * MS, run }
      timers.push(timer)
      return () => {
        timers = timers.filter((each) => each !== timer)
      }
    },
    advance(ms) {
      const end = elapsed + ms * MS
      for (;;) {
        const next = timers.toSorted((a, b) => a.due - b.due)[0]
        if (next === undefined || next.due > end) break
        timers = timers.filter((each) => each !== next)
        wall += Math.max(0, next.due - elapsed)
        elapsed = Math.max(elapsed, next.due)
        next.run()
      }
      wall += end - elapsed
      elapsed = end
    },
    set(to) {
      wall = to
    },
    get pending() {
      return timers.length
    },
  }
}
