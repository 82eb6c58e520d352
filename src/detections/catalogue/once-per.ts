/**
 * For findings whose id follows from subject and period alone, because several places may find the same (design 10): each place says it
 * once a period, and what two places say is one document.
 */
import type { Micros } from '../../time.ts'

/** Subjects and periods that are remembered; beyond it the oldest may be said again, as the same document. */
export const SAID_MAX = 50_000

export type OncePer = {
  /** `from`: the period's beginning. True the first time. */
  isFirst(subject: string, from: Micros, period: Micros): boolean
  /** Forgets periods that have been over for as long as they lasted. */
  tick(watermark: Micros): void
  save(): SavedOncePer
}

/** Plain data: `subject\0from` to the time it can be forgotten. */
export type SavedOncePer = Map<string, Micros>

export function createOncePer(saved?: SavedOncePer): OncePer {
  const said = saved ?? new Map<string, Micros>()
  return {
    isFirst(subject, from, period) {
      const key = `${subject}\0${from}`
      if (said.has(key)) return false
      said.set(key, from + 2 * period)
      if (said.size <= SAID_MAX) return true
      const oldest = said.keys().next()
      if (oldest.done !== true) said.delete(oldest.value)
      return true
    },
    tick(watermark) {
      // The end of the input is no time: what was said is not said again after it.
      if (!Number.isFinite(watermark)) return
      // The oldest stand first, nearly: what is behind a longer period waits for it.
      for (const [key, until] of said) {
        if (until > watermark) return
        said.delete(key)
      }
    },
    save: () => said,
  }
}
