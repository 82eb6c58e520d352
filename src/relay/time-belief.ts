/**
 * Whose times are believed. What stands far ahead of the wall clock was stamped by a clock that is wrong, or by nobody of ours: believed,
 * it would wait in memory until then, and what its machine tells later, with a clock that was put right, would be taken for what was worked
 * off. But it is the wall clock of this machine that is wrong, or a capture of another time that is replayed, where nobody tells of times near it.
 */
import { DAY, type Micros } from '../time.ts'

export type TimeBelief = {
  /** A machine has told that it has got to `at`. */
  heard(machine: string, at: Micros): void
  /** `known`: what was believed before, of anybody: near it is believed, too. */
  isBelieved(at: Micros, known: Micros): boolean
}

const AHEAD_MAX: Micros = DAY

/** `now`: wall clock. */
export function createTimeBelief(now: () => Micros): TimeBelief {
  /** Machines that told of times near the wall clock: as long as there is one, it is not the wall clock that is wrong. */
  const near = new Set<string>()
  /** Where time has got to by steps that were believed for themselves: many days may be replayed in a minute. */
  let furthest: Micros = Number.NEGATIVE_INFINITY

  const isNear = (at: Micros, known: Micros): boolean => at <= Math.max(now(), known, furthest) + AHEAD_MAX

  return {
    heard(machine, at) {
      if (isNear(at, Number.NEGATIVE_INFINITY)) furthest = Math.max(furthest, at)
      const ahead = at - now()
      if (Math.abs(ahead) <= AHEAD_MAX) near.add(machine)
      else if (ahead < 0) near.delete(machine)
    },
    isBelieved: (at, known) => isNear(at, known) || near.size === 0,
  }
}
