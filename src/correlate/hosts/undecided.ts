/**
 * Origins without an answer, and what waits for them. An origin is asked about when it is new, when a flow of its tuple comes by,
 * and every second of event time; it is forced when too much waits.
 */
import { type Micros, SECOND } from '../../time.ts'
import type { AwaitingAnswer } from './awaiting.ts'
import type { CarriedFlow } from './carried-flows.ts'
import type { HostJoin } from './host-join.ts'
import type { Answer, Origin } from './origin.ts'

export type Undecided = {
  add(origin: Origin): void
  /** A new flow: what it may carry is asked about at the next tick. */
  noteFlow(flow: CarriedFlow): void
  /** Goes on with the answer: now, or when it is there. */
  whenAnswered(origin: Origin, waiting: AwaitingAnswer): void
  tick(settled: Micros): void
  /** Everything is known: asks as long as answers lead to answers. */
  settle(): void
  /** Answers all that is left, too. */
  end(): void
  /** Origins without an answer. */
  readonly size: number
  /** Origins decided before their time because too much waited. */
  readonly forced: number
  /** Live references. */
  save(): SavedUndecided
}

/** Plain data; see Undecided.save. */
export type SavedUndecided = {
  /** In the order they were made, so that one among which another may be stands before that: the serializer recurses. */
  readonly origins: Map<Origin, string>
  readonly due: Set<Origin>
  readonly lookedAt: number
  readonly waiting: number
  readonly forced: number
}

export type UndecidedTold = {
  /** An origin has its answer; told before what waits for it. */
  readonly answered: (origin: Origin, answer: Answer) => void
  /** What waited for the answer goes on. */
  readonly goOn: (origin: Origin, answer: Answer, waiting: AwaitingAnswer) => void
}

/** Events that wait for an answer, all hosts together; about 5 kB each. */
export const WAITING_MAX = 50_000
/** Grid of event time on which all that is left is looked at. */
const LOOK_PERIOD: Micros = SECOND

const NONE: readonly Origin[] = []

export function createUndecided(join: HostJoin, told: UndecidedTold, saved?: SavedUndecided): Undecided {
  /** Each with the tuple it was added under. */
  const origins = saved?.origins ?? new Map<Origin, string>()
  /** To be asked about at the next tick. */
  let due = saved?.due ?? new Set<Origin>()
  const byTuple = new Map<string, Set<Origin>>()
  let lookedAt = saved?.lookedAt ?? Number.NEGATIVE_INFINITY
  let waiting = saved?.waiting ?? 0
  let forced = saved?.forced ?? 0
  for (const [origin, tuple] of origins) noteTuple(origin, tuple)

  function noteTuple(origin: Origin, tuple: string): void {
    const same = byTuple.get(tuple)
    if (same === undefined) byTuple.set(tuple, new Set([origin]))
    else same.add(origin)
  }

  function decide(origin: Origin, settled: Micros, isForced: boolean): boolean {
    const answer = join.decide(origin, settled, isForced)
    if (answer === null) return false
    origin.answer = answer
    const tuple = origins.get(origin) ?? ''
    origins.delete(origin)
    const same = byTuple.get(tuple)
    same?.delete(origin)
    if (same?.size === 0) byTuple.delete(tuple)
    told.answered(origin, answer)
    // Nobody asks any more, and logins of years would hang on each other.
    origin.among = NONE
    waiting -= origin.waiting.length
    for (const each of origin.waiting.splice(0)) told.goOn(origin, answer, each)
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

  function settle(): void {
    // An answer may be what another one waits for.
    for (let left = -1; left !== origins.size; ) {
      left = origins.size
      lookedAt = Number.NaN
      tick(Number.POSITIVE_INFINITY)
    }
  }

  return {
    add(origin) {
      if (origins.has(origin)) return
      const tuple = `${origin.clientIp} ${origin.clientPort}`
      origins.set(origin, tuple)
      due.add(origin)
      noteTuple(origin, tuple)
    },
    noteFlow({ clientIp, clientPort }) {
      for (const origin of byTuple.get(`${clientIp} ${clientPort}`) ?? []) due.add(origin)
    },
    whenAnswered(origin, each) {
      if (origin.answer !== null) {
        told.goOn(origin, origin.answer, each)
        return
      }
      origin.waiting.push(each)
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
    settle,
    get size() {
      return origins.size
    },
    end() {
      settle()
      for (const origin of origins.keys()) decide(origin, Number.POSITIVE_INFINITY, true)
    },
    get forced() {
      return forced
    },
    save: () => ({ origins, due, lookedAt, waiting, forced }),
  }
}
