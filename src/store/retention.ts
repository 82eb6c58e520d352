/** Which segments have to go (design 11): whole ones, the oldest first, by age and by size. */
import { DAY, type Micros } from '../time.ts'
import type { Segment } from './manifest.ts'

export type Retention = {
  readonly days: number
  /** Of sealed files. */
  readonly bytes: number
}

export const RETENTION_DEFAULT: Retention = Object.freeze({ days: 90, bytes: 20 * 1024 ** 3 })

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
  const limit = Math.min(newestRow(segments), now) - retention.days * DAY
  const kept = segments.filter((segment) => segment.newest >= limit)
  const expired = segments.filter((segment) => segment.newest < limit)
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
