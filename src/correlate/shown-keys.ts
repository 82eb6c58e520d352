/**
 * What a source has shown before and so must show again: counts, by key, how often it did and how often it did not while it
 * was speaking. Rules that log only some packets, chains that drop later, collectors with a filter all show up as misses,
 * and then the key proves nothing any more.
 */
export type ShownKeys = {
  /** `state`: what must not have changed since, a hash of the ruleset. */
  shown(key: string, state: string): void
  missed(key: string): void
  /** Shown at least `times` times under this state, and hardly ever missed. */
  mustShow(key: string, state: string, times: number): boolean
  isKnown(key: string): boolean
}

/** Keys remembered; the less recently used half is forgotten at a time. About 200 bytes each. */
const KEYS_MAX = 40_000
/** One miss in so many is a stamp that was off. */
const MISSES_MAX = 1 / 20

type Counts = { shown: number; missed: number; state: string }

export function createShownKeys(): ShownKeys {
  let recent = new Map<string, Counts>()
  let older = new Map<string, Counts>()

  function countsOf(key: string): Counts {
    const known = recent.get(key)
    if (known !== undefined) return known
    if (recent.size >= KEYS_MAX / 2) {
      older = recent
      recent = new Map()
    }
    const counts = older.get(key) ?? { shown: 0, missed: 0, state: '' }
    recent.set(key, counts)
    return counts
  }

  return {
    shown(key, state) {
      const counts = countsOf(key)
      if (counts.state !== state) {
        counts.state = state
        counts.shown = 0
        counts.missed = 0
      }
      counts.shown++
    },
    missed: (key) => {
      countsOf(key).missed++
    },
    mustShow(key, state, times) {
      const counts = recent.get(key) ?? older.get(key)
      return (
        counts !== undefined &&
        counts.state === state &&
        counts.shown >= times &&
        counts.missed <= counts.shown * MISSES_MAX
      )
    },
    isKnown: (key) => recent.has(key) || older.has(key),
  }
}
