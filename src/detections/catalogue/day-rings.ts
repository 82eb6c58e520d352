/** What a detection remembers of each key by day, for a few weeks: the history a peer is held against. */
import { DAY, type Micros } from '../../time.ts'

/** Days remembered of a key, counted from its newest. */
export const DAYS_KEPT = 28
/** Keys; beyond it the one longest without a new day is forgotten and begins anew. */
export const RINGS_MAX = 50_000

/** Days are whole days in UTC since 1970. */
export type DayRings<T> = {
  get(key: string, day: number): T | undefined
  /** Newest DAYS_KEPT days of the key. */
  of(key: string): ReadonlyMap<number, T>
  /** A day that is too old already is not kept. */
  set(key: string, day: number, value: T): void
  /** Keys that were forgotten for lack of room. */
  readonly forgotten: number
  save(): SavedDayRings<T>
}

/** Plain data. */
export type SavedDayRings<T> = { readonly rings: Map<string, Map<number, T>>; readonly forgotten: number }

/** Goes on from what `save` gave; `ringsMax` is for tests. */
export function createDayRings<T>(saved?: SavedDayRings<T>, ringsMax = RINGS_MAX): DayRings<T> {
  const rings = saved?.rings ?? new Map<string, Map<number, T>>()
  let forgotten = saved?.forgotten ?? 0
  const none: ReadonlyMap<number, T> = new Map()

  function begin(key: string, ring: Map<number, T>, day: number): void {
    // Whoever had a new day stands last.
    rings.delete(key)
    rings.set(key, ring)
    for (const old of ring.keys()) if (old <= day - DAYS_KEPT) ring.delete(old)
    if (rings.size <= ringsMax) return
    const oldest = rings.keys().next()
    if (oldest.done === true) return
    rings.delete(oldest.value)
    forgotten++
  }

  return {
    get: (key, day) => rings.get(key)?.get(day),
    of: (key) => rings.get(key) ?? none,
    set(key, day, value) {
      const ring = rings.get(key) ?? new Map<number, T>()
      if (!ring.has(day)) {
        const newest = Math.max(...ring.keys())
        if (day <= newest - DAYS_KEPT) return
        begin(key, ring, Math.max(newest, day))
      }
      ring.set(day, value)
    },
    get forgotten() {
      return forgotten
    },
    save: () => ({ rings, forgotten }),
  }
}

/** The day in UTC. */
export function dayNumber(at: Micros): number {
  return Math.floor(at / DAY)
}
