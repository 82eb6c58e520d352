/**
 * Gives every item its arrival: the running maximum of times in file order, which is what merges and joins run on.
 *
 * One stamp with a mangled digit, a year ahead, must not drag everything behind it along. So a time more than JUMP_MIN ahead
 * is held until the next one: when that is ahead as well, the jump was real; when not, the item keeps its own `at` but arrives
 * with the line before it. The first time of a stream is confirmed the same way by the second. Items without a time arrive
 * with the one before them.
 */
import { DAY, HOUR, type Micros } from '../../time.ts'
import type { Remark } from '../source.ts'
import type { PacketRecord } from './record.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }
/** What waits for its arrival; distributes over the kinds of Remark. */
export type Item = Writable<PacketRecord> | (Remark extends infer R ? Writable<R> : never)

export type Arrivals = {
  /** `at` NaN: no time of its own. `item` null: a line that is not emitted, whose time still confirms others. */
  readonly push: (at: Micros, item: Item | null) => void
  readonly end: () => void
}

const JUMP_MIN = HOUR
/** At the end of input nothing confirms a jump: a quiet night is believed, a year is not. */
const LAST_JUMP_MAX = DAY
/** Items held at most, should lines without any time go on for ever. */
const HELD_MAX = 256

/** `fallback` is the arrival of items in a stream that never names a time. */
export function createArrivals(emit: (item: PacketRecord | Remark) => void, fallback: Micros | null): Arrivals {
  let arrival = Number.NaN
  let held: { at: Micros; item: Item | null }[] = []
  /** Time of the stamped item in `held`, NaN when none is. */
  let pending = Number.NaN
  return { push, end }

  function push(at: Micros, item: Item | null): void {
    if (held.length === 0) {
      if (at <= arrival + JUMP_MIN) {
        hand(at, item)
        return
      }
      if (Number.isNaN(at) && !Number.isNaN(arrival)) {
        hand(at, item)
        return
      }
    }
    if (!Number.isNaN(at) && !Number.isNaN(pending)) {
      const isConfirmed = at >= pending - JUMP_MIN
      releaseHeld(isConfirmed ? pending : Number.isNaN(arrival) ? at : arrival)
      push(at, item)
      return
    }
    if (!Number.isNaN(at)) pending = at
    held.push({ at, item })
    if (held.length >= HELD_MAX) releaseHeld(Number.isNaN(arrival) ? (Number.isNaN(pending) ? 0 : pending) : arrival)
  }

  function end(): void {
    const isFirst = Number.isNaN(arrival)
    if (isFirst && Number.isNaN(pending)) releaseHeld(fallback ?? 0)
    else releaseHeld(isFirst || pending <= arrival + LAST_JUMP_MAX ? pending : arrival)
  }

  /** `at` counts for the held stamped item; what stands before it has the arrival before. */
  function releaseHeld(at: Micros): void {
    const items = held
    const isStart = Number.isNaN(arrival)
    held = []
    pending = Number.NaN
    for (const one of items) hand(isStart || !Number.isNaN(one.at) ? at : Number.NaN, one.item)
  }

  function hand(at: Micros, item: Item | null): void {
    if (!(at <= arrival) && !Number.isNaN(at)) arrival = at
    if (item === null) return
    item.arrival = arrival
    emit(item)
  }
}
