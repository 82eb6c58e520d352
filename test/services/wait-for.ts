/** Waiting for what must come: every wait names it, and gives up. */
import { scheduler } from 'node:timers/promises'

const LOOK_MS = 50

/** Until `isSo` gives something other than false, null or undefined. Throws with `what` when the time is over, or what `isSo` threw. */
export async function waitFor<T>(
  what: string | (() => string),
  isSo: () => T | false | null | undefined | Promise<T | false | null | undefined>,
  patienceMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const found = await isSo()
    if (found !== false && found !== null && found !== undefined) return found
    if (Date.now() > deadline)
      throw new Error(`waited ${patienceMs / 1000} s in vain: ${typeof what === 'string' ? what : what()}`)
    await scheduler.wait(LOOK_MS)
  }
}
