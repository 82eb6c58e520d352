/** What points of a peer (peer-points.ts) prove of its use at a time. A key that runs is not a key that is used. */
import type { Micros } from '../../time.ts'
import type { PeerPoint } from './peer-points.ts'

/**
 * Bytes that came from the peer between the points, in order of time. Counters that fell began anew with the interface or the peer,
 * and what they show then came since. What the gateway sent is no use by the peer.
 */
export function receivedBetween(points: readonly PeerPoint[]): number {
  let sum = 0
  for (const [i, { rxBytes }] of points.entries()) {
    const before = points[i - 1]
    if (before !== undefined) sum += rxBytes < before.rxBytes ? rxBytes : rxBytes - before.rxBytes
  }
  return sum
}

export type Use = {
  /** The newest handshake in that time; null = none. */
  readonly handshake: Micros | null
  /** Bytes received between points of that time. */
  readonly received: number
  /** The points that show it, in order of time. */
  readonly points: readonly [PeerPoint, ...PeerPoint[]]
}

/** The points of a stretch, and the point before it where one is remembered. */
export type Watched = { readonly before: PeerPoint | null; readonly points: readonly PeerPoint[] }

/** How the peer was used from `since` on; null = not, as far as the points show. */
export function usedSince(watched: Watched, since: Micros): Use | null {
  return usedWithin(watched, since, Number.POSITIVE_INFINITY)
}

/** How the peer was used from `since` on and before `until`; null = not, as far as the points show. */
export function usedWithin({ before, points }: Watched, since: Micros, until: Micros): Use | null {
  const isWithin = ({ at }: PeerPoint) => at >= since && at < until
  const within = (before === null ? points : [before, ...points]).filter(isWithin)
  // What the point before showed was told with its own stretch.
  const shown = points
    .filter(isWithin)
    .filter(({ handshake }) => handshake !== null && handshake >= since && handshake < until)
  const received = receivedBetween(within)
  const [first, ...rest] = shown.length > 0 ? shown : within
  if (first === undefined || (shown.length === 0 && received === 0)) return null
  return { handshake: shown.at(-1)?.handshake ?? null, received, points: [first, ...rest] }
}
