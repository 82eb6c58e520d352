/** Which segments have to go (design 11): whole ones, the oldest first, by age and by size. A dataset may have an age of its own. */
import type { StoreConfig } from '../config.ts'
import { DAY, type Micros } from '../time.ts'
import type { Segment } from './manifest.ts'

export type Retention = {
  /** Of datasets that are not named below. */
  readonly days: number
  /** Days by dataset, fewer or more. Without it all are kept alike. */
  readonly datasets?: ReadonlyMap<string, number>
  /** Of sealed files. */
  readonly bytes: number
}

export const RETENTION_DEFAULT: Retention = Object.freeze({ days: 90, bytes: 20 * 1024 ** 3 })

/** What a pipeline file says, and the default where it says nothing. */
export function configuredRetention(store: StoreConfig | null): Retention {
  return {
    days: store?.retentionDays || RETENTION_DEFAULT.days,
    datasets: store?.retentionDatasets ?? new Map(),
    bytes: store?.retentionBytes || RETENTION_DEFAULT.bytes,
  }
}

/** Rows that a wrong clock or a forged stamp may put ahead of all others, as a share of all, without making the others old. */
const STRAY_SHARE = 0.01

/**
 * Age counts from the newest row of the store, and never from later than `now`: a capture of last year replayed today is not old,
 * a gateway that fell silent does not lose its last records, and one line dated 2099 does not remove everything before it.
 */
export function expiredSegments(
  segments: readonly Segment[],
  retention: Retention,
  now: Micros = Number.POSITIVE_INFINITY,
): Segment[] {
  // One age for all datasets: one of which nothing came for long does not keep its last rows for ever.
  const newest = Math.min(newestRow(segments), now)
  const isOld = (segment: Segment) =>
    segment.newest < newest - (retention.datasets?.get(segment.dataset) ?? retention.days) * DAY
  const kept = segments.filter((segment) => !isOld(segment))
  const expired = segments.filter(isOld)
  let bytes = kept.reduce((sum, segment) => sum + segment.bytes, 0)
  for (const segment of kept.toSorted((a, b) => a.newest - b.newest)) {
    if (bytes <= retention.bytes) break
    bytes -= segment.bytes
    expired.push(segment)
  }
  return expired
}

/** The newest row that is not among the strays. */
function newestRow(segments: readonly Segment[]): Micros {
  const strays = segments.reduce((sum, { rows }) => sum + rows, 0) * STRAY_SHARE
  let ahead = 0
  for (const { rows, newest } of segments.toSorted((a, b) => b.newest - a.newest)) {
    ahead += rows
    if (ahead > strays) return newest
  }
  return Number.NEGATIVE_INFINITY
}
