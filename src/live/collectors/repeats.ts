/**
 * Leaves out dumps that say the same as the one before (a ruleset, polled every minute, changes twice a year), without losing
 * how closely a change is dated: when one differs, the last equal one is written too, with the time it was seen.
 */
import type { Micros } from '../../time.ts'

export type Repeats = {
  /** What to append for this dump: nothing, this one, or the last unwritten equal one and this one. `dump` has its header. */
  take(at: Micros, substance: string, dump: Buffer): Buffer
  /** What `take` gave could not be written: the next one is written whatever it says. */
  forget(): void
}

const NOTHING = Buffer.alloc(0)

/** An unchanged dump is written again after `atLeastEvery`. */
export function createRepeats(atLeastEvery: Micros): Repeats {
  let known: string | null = null
  let writtenAt: Micros = 0
  /** The last dump that was equal and not written. */
  let unwritten: Buffer = NOTHING

  return {
    take(at, substance, dump) {
      const isSame = substance === known
      // A clock that was set back makes it due as well.
      if (isSame && at - writtenAt < atLeastEvery && at >= writtenAt) {
        unwritten = dump
        return NOTHING
      }
      const bytes = isSame ? dump : Buffer.concat([unwritten, dump])
      known = substance
      writtenAt = at
      unwritten = NOTHING
      return bytes
    },
    forget() {
      known = null
      unwritten = NOTHING
    },
  }
}
