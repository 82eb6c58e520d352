/**
 * Recent (uptime, text) pairs: when a log daemon starts it reads the kernel's ring from its begin and writes again what it had
 * written before, stamped with now (formats.md 1.5.6). Uptime in microseconds and text together are the practical identity.
 *
 * A table of small buckets by uptime: constant time and memory however hostile the input; the oldest of a full bucket goes.
 * A replayed line that was forgotten is no longer recognised here and is then suspect for its stale uptime.
 */
import type { Micros } from '../../time.ts'

export type RecentLines = {
  /** True when this uptime and the text from `from` on were here before; else remembers them. */
  isRepeated(uptime: Micros, text: string, from: number): boolean
}

/** Pairs kept: many times a kernel ring (2^17 to 2^20 bytes, some 500 to 4000 packet lines). At 250 bytes a line 16 MB. */
export const RECENT_LINES_MAX = 65_536
const BUCKET = 4
const BUCKETS = RECENT_LINES_MAX / BUCKET

export function createRecentLines(): RecentLines {
  const uptimes = new Float64Array(RECENT_LINES_MAX).fill(-1)
  const froms = new Uint32Array(RECENT_LINES_MAX)
  const nextInBucket = new Uint8Array(BUCKETS)
  const texts: string[] = []

  return { isRepeated }

  function isRepeated(uptime: Micros, text: string, from: number): boolean {
    // The low bits; % of a number this large is a division of floats.
    const bucket = (uptime >>> 0) & (BUCKETS - 1)
    const first = bucket * BUCKET
    for (let slot = first; slot < first + BUCKET; slot++) {
      if (uptimes[slot] === uptime && isSameText(slot, text, from)) return true
    }
    const turn = nextInBucket[bucket] ?? 0
    nextInBucket[bucket] = (turn + 1) % BUCKET
    uptimes[first + turn] = uptime
    froms[first + turn] = from
    while (texts.length <= first + turn) texts.push('')
    texts[first + turn] = text
    return false
  }

  function isSameText(slot: number, text: string, from: number): boolean {
    const known = texts[slot] ?? ''
    const knownFrom = froms[slot] ?? 0
    return known.length - knownFrom === text.length - from && known.endsWith(text.slice(from))
  }
}
