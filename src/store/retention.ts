/** Which segments have to go (design 11): whole ones, the oldest first, by age and by size. */
import { DAY } from '../time.ts'
import type { Segment } from './manifest.ts'

export type Retention = {
  readonly days: number
  /** Of sealed files. */
  readonly bytes: number
}

export const RETENTION_DEFAULT: Retention = Object.freeze({ days: 90, bytes: 20 * 1024 ** 3 })

/**
 * Age counts from the newest row of the store: a capture of last year replayed today is not old, and a gateway that fell silent
 * does not lose its last records.
 */
export function expiredSegments(segments: readonly Segment[], retention: Retention): Segment[] {
  const newest = segments.reduce((at, segment) => Math.max(at, segment.newest), 0)
  const limit = newest - retention.days * DAY
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
