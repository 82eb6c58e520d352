/** What coverage of one source is, between two records: everything its later output depends on. */
import type { Micros } from '../time.ts'
import type { SavedCompleteness } from './completeness.ts'
import type { SavedGapFinders } from './gap-finders.ts'
import type { Gap, SavedGaps } from './gaps.ts'
import type { HeartbeatCounts, SavedHeartbeats } from './heartbeats.ts'
import type { SavedLineQuota } from './line-quota.ts'
import type { SavedSourcePulse } from './source-pulse.ts'

/** Times are NaN, and counts null, where nothing is known. */
export type SavedCoveredSource = {
  readonly completeness: SavedCompleteness
  readonly totals: HeartbeatCounts
  readonly gaps: SavedGaps
  readonly heartbeats: SavedHeartbeats
  readonly finders: SavedGapFinders
  readonly pulse: SavedSourcePulse
  readonly quotas: {
    readonly unparsed: SavedLineQuota
    readonly suspect: SavedLineQuota
    readonly notice: SavedLineQuota
  }
  readonly first: Micros
  readonly last: Micros
  readonly spokeAt: Micros
  readonly isStreaming: boolean
  readonly held: Gap[]
  readonly uncountedLosses: number
  readonly lines: number | null
  readonly skipped: number | null
  readonly replayed: number | null
}
