/** Which subjects had their finding and are quiet for now: for detections that judge at once and need no window (thresholds.ts has its own). */
import { HOUR, type Micros } from '../../time.ts'

/** Subjects of one detection; beyond it the one that was found longest ago is let go, and may be found again. */
export const QUIET_MAX = 20_000

/**
 * Subjects are known this much longer than they are quiet: what is found has a time some minutes before it is judged, and whether it
 * is quiet may not depend on when that is.
 */
const KEPT_FOR: Micros = HOUR

/** Plain data: the end of the quiet time by subject, the longest known first. */
export type SavedQuietSubjects = Map<string, Micros>

export type QuietSubjects = {
  /** Also true of a time before the finding: what comes late is not found once more. */
  isQuiet(subject: string, at: Micros): boolean
  silence(subject: string, until: Micros): void
  /** Forgets whose time is long over by then. */
  expire(watermark: Micros): void
  save(): SavedQuietSubjects
}

export function createQuietSubjects(saved?: SavedQuietSubjects): QuietSubjects {
  const subjects = saved ?? new Map<string, Micros>()
  return {
    isQuiet: (subject, at) => at < (subjects.get(subject) ?? Number.NEGATIVE_INFINITY),
    silence(subject, until) {
      // The newest stand last.
      subjects.delete(subject)
      subjects.set(subject, until)
      if (subjects.size <= QUIET_MAX) return
      const oldest = subjects.keys().next()
      if (oldest.done !== true) subjects.delete(oldest.value)
    },
    expire(watermark) {
      // The end of the input is no time: what was said is not said again after it.
      if (!Number.isFinite(watermark)) return
      // All of one detection are quiet for the same time, so they end nearly in order.
      for (const [subject, until] of subjects) {
        if (until > watermark - KEPT_FOR) return
        subjects.delete(subject)
      }
    },
    save: () => subjects,
  }
}
