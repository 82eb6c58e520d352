/** Origins without an answer, and what waits for them: asked at every tick, forced when too much waits. */
import type { Micros } from '../../time.ts'
import type { HostJoin } from './host-join.ts'
import type { Answer, Origin } from './origin.ts'

export type Undecided = {
  add(origin: Origin): void
  /** Runs `then` with the answer: now, or when it is there. */
  whenAnswered(origin: Origin, then: (answer: Answer) => void): void
  tick(settled: Micros): void
  /** Everything is known: answers all that is left. */
  end(): void
  readonly waiting: number
  /** Origins decided before their time because too much waited. */
  readonly forced: number
}

/** Events that wait for an answer, all hosts together; about 5 kB each. */
export const WAITING_MAX = 50_000

/** `answered` is told first, before what waits. */
export function createUndecided(join: HostJoin, answered: (origin: Origin, answer: Answer) => void): Undecided {
  let origins: Origin[] = []
  let waiting = 0
  let forced = 0

  function decide(origin: Origin, settled: Micros, isForced: boolean): boolean {
    const answer = join.decide(origin, settled, isForced)
    if (answer === null) return false
    origin.answer = answer
    answered(origin, answer)
    waiting -= origin.waiting.length
    for (const then of origin.waiting.splice(0)) then(answer)
    return true
  }

  function tick(settled: Micros): void {
    if (origins.length > 0) origins = origins.filter((origin) => !decide(origin, settled, false))
  }

  return {
    add(origin) {
      origins.push(origin)
    },
    whenAnswered(origin, then) {
      if (origin.answer !== null) {
        then(origin.answer)
        return
      }
      origin.waiting.push(then)
      waiting++
      while (waiting > WAITING_MAX) {
        const oldest = origins.find((each) => each.waiting.length > 0)
        if (oldest === undefined) break
        forced++
        decide(oldest, Number.NEGATIVE_INFINITY, true)
        origins = origins.filter((each) => each !== oldest)
      }
    },
    tick,
    end() {
      // An answer may be what another one waits for.
      for (let left = -1; left !== origins.length; ) {
        left = origins.length
        tick(Number.POSITIVE_INFINITY)
      }
      for (const origin of origins) decide(origin, Number.POSITIVE_INFINITY, true)
      origins = []
    },
    get waiting() {
      return waiting
    },
    get forced() {
      return forced
    },
  }
}
