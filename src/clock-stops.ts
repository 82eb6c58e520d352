/**
 * Where a clock of event time stops. What becomes due between two stops is told at the second, so the stops are fixed: at the first
 * record of each stretch of a grid of 100 ms, and between records that are far apart every half second, after a long silence less
 * often.
 */
import { DAY, HOUR, MINUTE, type Micros, MS } from './time.ts'

export type ClockStops = {
  /** A record that arrived then is taken next. */
  advance(arrival: Micros): void
  /** Nothing that arrives before `arrival` will be taken any more. */
  pass(arrival: Micros): void
  save(): SavedClockStops
}

export type SavedClockStops = {
  /** Arrival of the newest record. */
  readonly recordAt: Micros
  /** The newest stop. */
  readonly at: Micros
}

/** Fixed, so that output does not depend on read sizes. */
export const TICK: Micros = 100 * MS
/**
 * Stops between records, by how long the silence is. Nothing waits longer than a quarter of an hour for time alone, except by the
 * minute: answers of hosts take up to ten. After days nothing waits at all; a clock that jumps by years must not stop the daemon.
 */
const STEPS: readonly { readonly from: Micros; readonly step: Micros }[] = [
  { from: 30 * DAY, step: DAY },
  { from: DAY, step: HOUR },
  { from: 15 * MINUTE, step: MINUTE },
  { from: Number.NEGATIVE_INFINITY, step: 500 * MS },
]

/** `stop` is called with each, in order. */
export function createClockStops(stop: (at: Micros) => void, saved?: SavedClockStops): ClockStops {
  let recordAt = saved?.recordAt ?? Number.NEGATIVE_INFINITY
  let at = saved?.at ?? Number.NEGATIVE_INFINITY
  /** Nearly every record lies in the same stretch of the grid as the one before it. */
  let nextLook = Number.NEGATIVE_INFINITY

  function stopAt(next: Micros): void {
    at = next
    stop(next)
  }

  /** The stops after the newest one, up to `arrival`. */
  function stepTo(arrival: Micros): void {
    if (!Number.isFinite(at) || !Number.isFinite(arrival)) return
    for (;;) {
      const step = STEPS.find(({ from }) => at - recordAt >= from)?.step ?? MINUTE
      const next = (Math.floor(at / step) + 1) * step
      if (next > arrival) return
      stopAt(next)
    }
  }

  return {
    advance(arrival) {
      if (arrival < nextLook) {
        if (arrival > recordAt) recordAt = arrival
        return
      }
      stepTo(arrival)
      recordAt = Math.max(recordAt, arrival)
      if (arrival > at) stopAt(arrival)
      nextLook = (Math.floor(at / TICK) + 1) * TICK
    },
    pass(arrival) {
      stepTo(arrival)
      nextLook = (Math.floor(at / TICK) + 1) * TICK
    },
    save: () => ({ recordAt, at }),
  }
}
