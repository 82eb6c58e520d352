/** Waiting for what must come, never for a time to pass: every wait names what it waits for, and gives up. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Micros } from '../../src/time.ts'

/** Generous: other work may load the machine. */
export const PATIENCE_MS = 30_000
const LOOK_MS = 50

/** Microseconds since the epoch; the kernel that stamps the logs uses the same clock. */
export function wallClock(): Micros {
  return Date.now() * 1000
}

/** Until `isSo` gives something other than false, null or undefined. Throws with `what` when the deadline passes. */
export async function until<T>(
  what: string,
  isSo: () => T | false | null | undefined | Promise<T | false | null | undefined>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const found = await isSo()
    if (found !== false && found !== null && found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s in vain: ${what}`)
    await pause(LOOK_MS)
  }
}
