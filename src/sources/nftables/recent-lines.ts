/**
 * Recent (uptime, text) pairs: when a log daemon starts it reads the kernel's ring from its begin and writes again what it had
 * written before, stamped with now (formats.md 1.5.6). Uptime in microseconds and text together are the practical identity.
 *
 * A table of small buckets by uptime, the texts' bytes in a ring beside it: constant time and memory however hostile the input;
 * the oldest goes. As strings the texts would live long enough to be moved twice by the garbage collector, which costs five
 * times what copying them does. A replayed line that was forgotten is no longer recognised here and is then suspect for its
 * stale uptime.
 */
import type { Micros } from '../../time.ts'

export type RecentLines = {
  /** True when this uptime and the text from `from` on were here before; else remembers them. */
  isRepeated(uptime: Micros, text: string, from: number): boolean
}

/** Pairs kept: many times a kernel ring (2^17 to 2^20 bytes, some 500 to 4000 packet lines). */
export const RECENT_LINES_MAX = 65_536
/** Bytes of text kept: RECENT_LINES_MAX messages of 256 bytes, or of the longest a kernel writes 16 thousand. */
const TEXT_RING_BYTES = 1 << 24
const BUCKET = 4
const BUCKETS = RECENT_LINES_MAX / BUCKET

export function createRecentLines(): RecentLines {
  const uptimes = new Float64Array(RECENT_LINES_MAX).fill(-1)
  /** Where in all that was ever written the text begins; in the ring that is modulo its size. */
  const starts = new Float64Array(RECENT_LINES_MAX)
  const lengths = new Uint32Array(RECENT_LINES_MAX)
  const nextInBucket = new Uint8Array(BUCKETS)
  // Untouched pages of it cost nothing: a short log needs as much memory as it is long.
  const ring = Buffer.allocUnsafeSlow(TEXT_RING_BYTES)
  let written = 0
  let writeAt = 0

  return { isRepeated }

  function isRepeated(uptime: Micros, text: string, from: number): boolean {
    // The low bits: % of a number this large is a slow division of floats.
    const bucket = (uptime >>> 0) & (BUCKETS - 1)
    const first = bucket * BUCKET
    for (let slot = first; slot < first + BUCKET; slot++) {
      if (uptimes[slot] === uptime && isSameText(slot, text, from)) return true
    }
    const slot = first + (nextInBucket[bucket] ?? 0)
    nextInBucket[bucket] = (slot + 1 - first) % BUCKET
    uptimes[slot] = uptime
    remember(slot, text.slice(from))
    return false
  }

  function remember(slot: number, text: string): void {
    if (writeAt + text.length > TEXT_RING_BYTES) {
      written += TEXT_RING_BYTES - writeAt
      writeAt = 0
    }
    starts[slot] = written
    // Of a text longer than the ring a part is kept, which then equals nothing.
    lengths[slot] = ring.write(text, writeAt, 'latin1')
    written += lengths[slot] ?? 0
    writeAt += lengths[slot] ?? 0
  }

  function isSameText(slot: number, text: string, from: number): boolean {
    const start = starts[slot] ?? 0
    const length = lengths[slot] ?? 0
    if (length !== text.length - from || start < written - TEXT_RING_BYTES) return false
    const at = start % TEXT_RING_BYTES
    return ring.toString('latin1', at, at + length) === text.slice(from)
  }
}
