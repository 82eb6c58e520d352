/**
 * Limits of the assembler that were hit: counted each, told once a minute of event time as a notice with reason `limit`, the
 * limit's name as its text, and how often it was hit since it was last told as `lost` (design 2.6).
 */
import { MINUTE, type Micros } from '../../time.ts'
import type { Notice } from '../source.ts'
import type { LocatedRecord } from './node-track.ts'

export type AssemblerLimit =
  | 'audit-open-events'
  | 'audit-open-bytes'
  | 'audit-event-size'
  | 'audit-nodes'
  | 'audit-held'

export type LimitHits = { readonly name: AssemblerLimit; readonly count: number }

type Count = { count: number; told: number; toldAt: Micros; located: LocatedRecord | null }

/** Of every limit that was hit. */
export type SavedLimitHits = Map<AssemblerLimit, Count>

export function createLimitHits(emit: (notice: Notice) => void, saved?: SavedLimitHits) {
  const counts: SavedLimitHits = saved ?? new Map<AssemblerLimit, Count>()

  function tell(name: AssemblerLimit, count: Count, { file, offset }: LocatedRecord, arrival: Micros): void {
    const lost = count.count - count.told
    count.told = count.count
    count.toldAt = arrival
    emit({ kind: 'notice', arrival, what: 'remark', reason: 'limit', lost, text: name, file, offset })
  }

  return {
    hit(name: AssemblerLimit, located: LocatedRecord, arrival: Micros): void {
      let count = counts.get(name)
      if (count === undefined) {
        count = { count: 0, told: 0, toldAt: Number.NaN, located: null }
        counts.set(name, count)
      }
      count.count++
      count.located = located
      if (!(arrival < count.toldAt + MINUTE)) tell(name, count, located, arrival)
    },
    /** Tells what was counted and not told yet. */
    end(arrival: Micros): void {
      for (const [name, count] of counts)
        if (count.count > count.told && count.located !== null) tell(name, count, count.located, arrival)
    },
    all: (): readonly LimitHits[] => [...counts].map(([name, { count }]) => ({ name, count })),
    save: (): SavedLimitHits => counts,
  }
}
