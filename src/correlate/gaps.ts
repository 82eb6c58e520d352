/**
 * The gaps of one source: every statement that it was not collected for some time goes through here, so that one gap is
 * stated once and completeness knows of it (design 7).
 *
 * A gap's ends are the last thing known before and the first known after. What is surely missing may be less (`certain`):
 * a collector that died some time between two lines was perhaps down for a moment only.
 */
import type { Fields } from '../fields.ts'
import type { Micros } from '../time.ts'
import type { Say } from './coverage-events.ts'
import { createIntervalSet, INTERVALS_MAX, type Interval, type SavedIntervalSet } from './interval-set.ts'

export type Gap = {
  readonly from: Micros
  readonly to: Micros
  readonly reason: string
  /** Null when nothing says how much of it is really missing. */
  readonly certain: Interval | null
  /** An inference from other sources: not stated where a direct statement overlaps. */
  readonly isInferred?: boolean
  /** What tells it from another one of the same time. */
  readonly identity?: string
  readonly fields?: Fields
}

export type StatedGap = { readonly from: Micros; readonly to: Micros; readonly reason: string }

export type Gaps = {
  readonly state: (gap: Gap) => void
  readonly stated: readonly StatedGap[]
  /** Stated as documents, but not kept in `stated`. */
  readonly omitted: number
  save(): SavedGaps
}

export type SavedGaps = {
  readonly known: SavedIntervalSet
  readonly stated: StatedGap[]
  readonly omitted: number
}

/** Gaps kept for the report. */
const GAPS_MAX = 1000

export function createGaps(say: Say, onGap: (gap: Gap) => void, saved?: SavedGaps): Gaps {
  const known = createIntervalSet('grow', INTERVALS_MAX, saved?.known)
  const stated: StatedGap[] = saved?.stated ?? []
  let omitted = saved?.omitted ?? 0
  return {
    state(gap) {
      const { from, to, reason, identity = '', fields = {} } = gap
      if (!(from < to)) return
      const isKnown = known.overlaps(from, to)
      known.add(from, to)
      onGap(gap)
      if (isKnown && gap.isInferred === true) return
      if (stated.length < GAPS_MAX) stated.push({ from, to, reason })
      else omitted++
      say({ action: 'source-gap', reason, at: from, end: to, identity, fields })
    },
    stated,
    get omitted() {
      return omitted
    },
    save: () => ({ known: known.save(), stated, omitted }),
  }
}
