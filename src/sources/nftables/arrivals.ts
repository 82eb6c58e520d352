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
/** A record or a remark that waits for its arrival. Distributes over a union. */
export type Unarrived<T> = T extends unknown ? Writable<T> : never
export type Item = Unarrived<PacketRecord | Remark>

export type Arrivals<T> = {
  /** `at` NaN: no time of its own. `item` null: a line that is not emitted, whose time still confirms others. */
  readonly push: (at: Micros, item: T | null) => void
  /**
   * Nothing more lies there, and whatever comes will be stamped `at` or later: a jump that lies before is real. Else a line after
   * an hour of silence would wait for the one after it, long after the time of its flow has passed.
   */
  readonly quiet: (at: Micros) => void
  readonly end: () => void
  save(): SavedArrivals<T>
}

export type SavedArrivals<T> = {
  readonly arrival: Micros
  readonly held: { at: Micros; item: T | null }[]
  readonly pending: Micros
  readonly fallback: Micros | null
}

const JUMP_MIN = HOUR
/** At the end of input nothing confirms a jump: a quiet night is believed, a year is not. */
const LAST_JUMP_MAX = DAY
/** Items held at most, should lines without any time go on for ever. */
const HELD_MAX = 256

/** `fallback` is the arrival of items in a stream that never names a time; of a restored stream, the one it began with. */
export function createArrivals<T extends { arrival: Micros }>(
  emit: (item: T) => void,
  fallback: Micros | null,
  saved?: SavedArrivals<T>,
): Arrivals<T> {
  let arrival = saved?.arrival ?? Number.NaN
  let held = saved?.held ?? []
  /** Time of the stamped item in `held`, NaN when none is. */
  let pending = saved?.pending ?? Number.NaN
  const last = saved === undefined ? fallback : saved.fallback
  return { push, quiet, end, save: () => ({ arrival, held, pending, fallback: last }) }

  function push(at: Micros, item: T | null): void {
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

  function quiet(at: Micros): void {
    if (pending <= at) releaseHeld(pending)
  }

  function end(): void {
    const isFirst = Number.isNaN(arrival)
    if (isFirst && Number.isNaN(pending)) releaseHeld(last ?? 0)
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

  function hand(at: Micros, item: T | null): void {
    if (!(at <= arrival) && !Number.isNaN(at)) arrival = at
    if (item === null) return
    item.arrival = arrival
    emit(item)
  }
}
