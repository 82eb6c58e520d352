/**
 * Origins without an answer, and what waits for them. An origin is asked about when it is new, when a flow of its tuple comes by,
 * and every second of event time; it is forced when too much waits.
 */
import { type Micros, SECOND } from '../../time.ts'
import type { CarriedFlow } from './carried-flows.ts'
import type { HostJoin } from './host-join.ts'
import type { Answer, Origin } from './origin.ts'

export type Undecided = {
  add(origin: Origin): void
  /** A new flow: what it may carry is asked about at the next tick. */
  noteFlow(flow: CarriedFlow): void
  /** Runs `then` with the answer: now, or when it is there. */
  whenAnswered(origin: Origin, then: (answer: Answer) => void): void
  tick(settled: Micros): void
  /** Everything is known: answers all that is left. */
  end(): void
  /** Origins decided before their time because too much waited. */
  readonly forced: number
}

/** Events that wait for an answer, all hosts together; about 5 kB each. */
export const WAITING_MAX = 50_000
/** Grid of event time on which all that is left is looked at. */
const LOOK_PERIOD: Micros = SECOND

/** `answered` is told first, before what waits. */
export function createUndecided(join: HostJoin, answered: (origin: Origin, answer: Answer) => void): Undecided {
  /** Each with the tuple it was added under. */
  const origins = new Map<Origin, string>()
  /** To be asked about at the next tick. */
  let due = new Set<Origin>()
  const byTuple = new Map<string, Set<Origin>>()
  let lookedAt = Number.NEGATIVE_INFINITY
  let waiting = 0
  let forced = 0

  function decide(origin: Origin, settled: Micros, isForced: boolean): boolean {
    const answer = join.decide(origin, settled, isForced)
    if (answer === null) return false
    origin.answer = answer
    const tuple = origins.get(origin) ?? ''
    origins.delete(origin)
    const same = byTuple.get(tuple)
    same?.delete(origin)
    if (same?.size === 0) byTuple.delete(tuple)
    answered(origin, answer)
    waiting -= origin.waiting.length
    for (const then of origin.waiting.splice(0)) then(answer)
    return true
  }

  function tick(settled: Micros): void {
    const at = Math.floor(settled / LOOK_PERIOD)
    const isWhole = at !== lookedAt
    if (!isWhole && due.size === 0) return
    lookedAt = at
    const asked = isWhole ? origins.keys() : due
    due = new Set()
    for (const origin of asked) if (origin.answer === null) decide(origin, settled, false)
  }

  return {
    add(origin) {
      if (origins.has(origin)) return
      const tuple = `${origin.clientIp} ${origin.clientPort}`
      origins.set(origin, tuple)
      due.add(origin)
      const same = byTuple.get(tuple)
      if (same === undefined) byTuple.set(tuple, new Set([origin]))
      else same.add(origin)
    },
    noteFlow({ clientIp, clientPort }) {
      for (const origin of byTuple.get(`${clientIp} ${clientPort}`) ?? []) due.add(origin)
    },
    whenAnswered(origin, then) {
      if (origin.answer !== null) {
        then(origin.answer)
        return
      }
      origin.waiting.push(then)
      waiting++
      while (waiting > WAITING_MAX) {
        let oldest: Origin | undefined
        for (const each of origins.keys()) {
          if (each.waiting.length === 0) continue
          oldest = each
          break
        }
        if (oldest === undefined) break
        forced++
        if (!decide(oldest, Number.NEGATIVE_INFINITY, true)) break
      }
    },
    tick,
    end() {
      // An answer may be what another one waits for.
      for (let left = -1; left !== origins.size; ) {
        left = origins.size
        lookedAt = Number.NaN
        tick(Number.POSITIVE_INFINITY)
      }
      for (const origin of origins.keys()) decide(origin, Number.POSITIVE_INFINITY, true)
    },
    get forced() {
      return forced
    },
  }
}
