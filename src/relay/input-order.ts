/**
 * Messages of many machines in one order: by where they stand on event time, then by who told them, then as that one told them. What
 * stands at the same place twice, and has the same id, is the same message again (delivery is at least once) and is given out once.
 */
import type { Micros } from '../time.ts'
import { createMinHeap } from './min-heap.ts'

export type Standing<T> = {
  /** When it takes effect. */
  readonly at: Micros
  /** Unique name of who told it. */
  readonly from: string
  /** Its position there: no two messages of one teller have the same, unless it was killed in between. */
  readonly told: Micros
  readonly n: number
  /** Of the message (recent-messages.ts). A machine that was killed may tell another one at a place than it told before. */
  readonly id?: number
  readonly value: T
}

export type InputOrder<T> = {
  push(standing: Standing<T>): void
  peek(): Standing<T> | undefined
  /** Null for what came before. */
  shift(): Standing<T> | null
  readonly size: number
  /** Live references. */
  save(): SavedInputOrder<T>
}

/** Plain data. */
export type SavedInputOrder<T> = {
  readonly waiting: Standing<T>[]
  readonly last: Omit<Standing<T>, 'value'> | null
}

export function createInputOrder<T>(saved?: SavedInputOrder<T>): InputOrder<T> {
  const waiting = createMinHeap<Standing<T>>(isBefore, saved?.waiting)
  /** What was given out last; the same again stands right behind it. */
  let last = saved?.last ?? null
  return {
    push: (standing) => waiting.push(standing),
    peek: () => waiting.peek(),
    shift() {
      const next = waiting.shift()
      if (next === undefined) return null
      const isAgain =
        last !== null &&
        last.at === next.at &&
        last.from === next.from &&
        last.told === next.told &&
        last.n === next.n &&
        last.id === next.id
      const { at, from, told, n, id } = next
      last = id === undefined ? { at, from, told, n } : { at, from, told, n, id }
      return isAgain ? null : next
    },
    get size() {
      return waiting.size
    },
    save: () => ({ waiting: waiting.save(), last }),
  }
}

function isBefore<T>(a: Standing<T>, b: Standing<T>): boolean {
  if (a.at !== b.at) return a.at < b.at
  if (a.from !== b.from) return a.from < b.from
  if (a.told !== b.told) return a.told < b.told
  return a.n === b.n ? (a.id ?? 0) < (b.id ?? 0) : a.n < b.n
}
