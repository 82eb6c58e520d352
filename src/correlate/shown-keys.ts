/**
 * What a source has shown before and so must show again: counts, by what and whom a record is about, how often it was shown
 * and how often it was not while the source was speaking. Rules that log only some packets, chains that drop later, collectors
 * with a filter all show up as misses, and then that key proves nothing any more.
 *
 * Keys have three parts, looked up one after the other: putting them together as text would cost more than all the rest.
 * They may be slices of a read buffer: they are copied where they are kept.
 */
import { detach } from '../identity/address-book.ts'

export type ShownKeys = {
  /** `state`: what must not have changed since, a hash of the ruleset. */
  shown(a: string, b: string, c: number, state: string): void
  missed(a: string, b: string, c: number): void
  /** Shown at least `times` times under this state, and hardly ever missed. */
  mustShow(a: string, b: string, c: number, state: string, times: number): boolean
  isKnown(a: string, b: string, c: number): boolean
  save(): SavedShownKeys
}

/** Keys remembered; the older half is forgotten at a time. About 200 bytes each. */
const KEYS_MAX = 40_000
/** One miss in so many is a stamp that was off. */
const MISSES_MAX = 1 / 20

type Counts = { shown: number; missed: number; state: string }
type Keys = Map<string, Map<string, Map<number, Counts>>>

export type SavedShownKeys = { readonly recent: Keys; readonly older: Keys; readonly recentCount: number }

export function createShownKeys(saved?: SavedShownKeys): ShownKeys {
  let recent: Keys = saved?.recent ?? new Map()
  let older: Keys = saved?.older ?? new Map()
  let recentCount = saved?.recentCount ?? 0

  const find = (a: string, b: string, c: number) => recent.get(a)?.get(b)?.get(c) ?? older.get(a)?.get(b)?.get(c)

  function countsOf(a: string, b: string, c: number): Counts {
    return recent.get(a)?.get(b)?.get(c) ?? keep(a, b, c)
  }

  function keep(a: string, b: string, c: number): Counts {
    const counts = older.get(a)?.get(b)?.get(c) ?? { shown: 0, missed: 0, state: '' }
    if (recentCount >= KEYS_MAX / 2) {
      older = recent
      recent = new Map()
      recentCount = 0
    }
    recentCount++
    const byB: Map<string, Map<number, Counts>> = recent.get(a) ?? new Map()
    const byC: Map<number, Counts> = byB.get(b) ?? new Map()
    if (byB.size === 0) recent.set(detach(a), byB)
    if (byC.size === 0) byB.set(detach(b), byC)
    byC.set(c, counts)
    return counts
  }

  return {
    shown(a, b, c, state) {
      const counts = countsOf(a, b, c)
      if (counts.state !== state) {
        counts.state = state
        counts.shown = 0
        counts.missed = 0
      }
      counts.shown++
    },
    missed: (a, b, c) => {
      countsOf(a, b, c).missed++
    },
    mustShow(a, b, c, state, times) {
      const counts = find(a, b, c)
      if (counts === undefined || counts.state !== state) return false
      return counts.shown >= times && counts.missed <= counts.shown * MISSES_MAX
    },
    isKnown: (a, b, c) => find(a, b, c) !== undefined,
    save: () => ({ recent, older, recentCount }),
  }
}
