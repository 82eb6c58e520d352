/**
 * Events that were given out already, so that records of one that come later become its further part and never a second first
 * one. A table by the low bits of the serial: a few thousand of the latest serials, constant time and memory.
 */
import type { Micros } from '../../time.ts'

export type GivenEvents = {
  /** How many parts of it were given out; 0 = none, or forgotten. */
  parts(serial: number, at: Micros): number
  add(serial: number, at: Micros): void
  save(): SavedGivenEvents
}

/** One slot each: serial (-1: none), stamp, parts. */
export type SavedGivenEvents = {
  readonly serials: Float64Array
  readonly times: Float64Array
  readonly counts: Uint16Array
}

/** Serials remembered of one node and boot; disorder under load reaches some dozens. */
const GIVEN_MAX = 4096
const PARTS_MAX = 0xffff

export function createGivenEvents(saved?: SavedGivenEvents): GivenEvents {
  // Copies: an array that was read back is a view that keeps the whole of what was read alive.
  const serials = saved?.serials.slice() ?? new Float64Array(GIVEN_MAX).fill(-1)
  const times = saved?.times.slice() ?? new Float64Array(GIVEN_MAX)
  const counts = saved?.counts.slice() ?? new Uint16Array(GIVEN_MAX)

  function parts(serial: number, at: Micros): number {
    const slot = serial & (GIVEN_MAX - 1)
    return serials[slot] === serial && times[slot] === at ? (counts[slot] ?? 0) : 0
  }

  return {
    parts,
    add(serial, at) {
      const slot = serial & (GIVEN_MAX - 1)
      counts[slot] = Math.min(parts(serial, at) + 1, PARTS_MAX)
      serials[slot] = serial
      times[slot] = at
    },
    save: () => ({ serials, times, counts }),
  }
}
