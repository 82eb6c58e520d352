/**
 * Events that were given out already, so that records of one that come later become its further part and never a second first
 * one. A table by the low bits of the serial: a few thousand of the latest serials, constant time and memory.
 */
import type { Micros } from '../../time.ts'

export type GivenEvents = {
  /** How many parts of it were given out; 0 = none, or forgotten. */
  parts(serial: number, at: Micros): number
  add(serial: number, at: Micros): void
}

/** Serials remembered of one node and boot; disorder under load reaches some dozens. */
const GIVEN_MAX = 4096
const PARTS_MAX = 0xffff

export function createGivenEvents(): GivenEvents {
  const serials = new Float64Array(GIVEN_MAX).fill(-1)
  const times = new Float64Array(GIVEN_MAX)
  const counts = new Uint16Array(GIVEN_MAX)

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
  }
}
