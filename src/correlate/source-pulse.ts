/**
 * How long a source is usually silent, so that somebody with a clock can say when it is silent for too long. Silence is no gap and
 * makes no document: it proves nothing (design 7).
 *
 * Records come in bursts, and a mean would be that of the bursts. Measured is what nine out of ten distances stay below, and those
 * under a second are none.
 */
import { MINUTE, type Micros, SECOND } from '../time.ts'

export type SourcePulse = {
  /** `at` is 0 while no time is known. */
  heard(at: Micros): void
  /** 0 before the first. */
  readonly newestAt: Micros
  /** 0 while too few distances are known. */
  readonly usualDistance: Micros
  save(): SavedSourcePulse
}

export type SavedSourcePulse = { readonly newestAt: Micros; readonly distances: readonly Micros[] }

/** Shorter ones are one burst. */
const DISTANCE_MIN: Micros = SECOND
/** Newest distances kept: enough that an outage does not count, few enough to follow a changed load. */
const DISTANCES_MAX = 128
/** Fewer say nothing. */
const DISTANCES_MIN = 8
const USUAL_SHARE = 0.9
const STALE_MIN: Micros = 5 * MINUTE
const STALE_DISTANCES = 20

/** Silence of this length is worth a look. */
export function staleAfter(usualDistance: Micros): Micros {
  return Math.max(STALE_MIN, STALE_DISTANCES * usualDistance)
}

/** For one source; times never run backwards. */
export function createSourcePulse(saved?: SavedSourcePulse): SourcePulse {
  let newestAt: Micros = saved?.newestAt ?? 0
  let distances: Micros[] = [...(saved?.distances ?? [])]

  return {
    heard(at) {
      const distance = at - newestAt
      if (!(distance > 0)) return
      if (distance >= DISTANCE_MIN && newestAt > 0) {
        distances.push(distance)
        // Cut seldom: a busy source has a distance every second.
        if (distances.length >= 2 * DISTANCES_MAX) distances = distances.slice(-DISTANCES_MAX)
      }
      newestAt = at
    },
    get newestAt() {
      return newestAt
    },
    get usualDistance() {
      const recent = distances.slice(-DISTANCES_MAX)
      if (recent.length < DISTANCES_MIN) return 0
      return recent.sort((a, b) => a - b)[Math.floor(recent.length * USUAL_SHARE)] ?? 0
    },
    save: () => ({ newestAt, distances }),
  }
}
