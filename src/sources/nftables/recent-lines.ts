/**
 * Recent (uptime, text) pairs: when a log daemon starts it reads the kernel's ring from its begin and writes again what it had
 * written before, stamped with now (formats.md 1.5.6). Uptime in microseconds and text together are the practical identity.
 *
 * A table of small buckets by uptime, the texts' bytes in a ring beside it: constant time and memory however hostile the input;
 * the oldest goes. As strings the texts would live long enough to be moved twice by the garbage collector, which costs five
 * times what copying them does. A replayed line that was forgotten is no longer recognised here and is then suspect for its
 * stale uptime.
 *
 * Saved are digests of the texts, a fraction of their size: a daemon that writes down its state every few seconds would else write
 * 4 MiB each time. A text is digested once, at the first save after it came.
 */
import { hash } from 'node:crypto'
import type { Micros } from '../../time.ts'

export type RecentLines = {
  /** True when this uptime and the text from `from` on were here before; else remembers them. */
  isRepeated(uptime: Micros, text: string, from: number): boolean
  save(): SavedRecentLines
}

/** One entry a pair that may still be recognised, in order of `slots`; at most some 1.7 MB. */
export type SavedRecentLines = {
  readonly slots: Uint16Array
  readonly uptimes: Float64Array
  /** How many bytes were written since the text began. */
  readonly ages: Uint32Array
  readonly lengths: Uint32Array
  /** Two an entry. */
  readonly digests: Uint32Array
  readonly nextInBucket: Uint8Array
  readonly written: number
  readonly writeAt: number
}

/** Pairs kept: many times a kernel ring (2^17 to 2^20 bytes, some 500 to 4000 packet lines). */
export const RECENT_LINES_MAX = 65_536
/** Bytes of text kept: four times the largest ring of a usual kernel. */
const TEXT_RING_BYTES = 1 << 22
const BUCKET = 4
const BUCKETS = RECENT_LINES_MAX / BUCKET

export function createRecentLines(saved?: SavedRecentLines): RecentLines {
  const uptimes = new Float64Array(RECENT_LINES_MAX).fill(-1)
  /** Where in all that was ever written the text begins; in the ring that is modulo its size. */
  const starts = new Float64Array(RECENT_LINES_MAX)
  const lengths = new Uint32Array(RECENT_LINES_MAX)
  const nextInBucket = new Uint8Array(BUCKETS)
  // Untouched pages of it cost nothing: a short log needs as much memory as it is long.
  const ring = Buffer.allocUnsafeSlow(TEXT_RING_BYTES)
  /** 64 bits of each text that was saved, as two halves. */
  const digests = new Uint32Array(2 * RECENT_LINES_MAX)
  let written = saved?.written ?? 0
  let writeAt = saved?.writeAt ?? 0
  /** What began before has no text here, only a digest. */
  const textFrom = written
  let digestedTo = written
  if (saved !== undefined) restore(saved)

  return { isRepeated, save }

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
    if (start < textFrom) {
      const digest = digestOf(Buffer.from(text.slice(from), 'latin1'))
      return digest.low === digests[2 * slot] && digest.high === digests[2 * slot + 1]
    }
    const at = start % TEXT_RING_BYTES
    return ring.toString('latin1', at, at + length) === text.slice(from)
  }

  function isRemembered(slot: number): boolean {
    return (uptimes[slot] ?? -1) >= 0 && (starts[slot] ?? 0) >= written - TEXT_RING_BYTES
  }

  function save(): SavedRecentLines {
    let count = 0
    for (let slot = 0; slot < RECENT_LINES_MAX; slot++) if (isRemembered(slot)) count++
    const into = {
      slots: new Uint16Array(count),
      uptimes: new Float64Array(count),
      ages: new Uint32Array(count),
      lengths: new Uint32Array(count),
      digests: new Uint32Array(2 * count),
      nextInBucket,
      written,
      writeAt,
    }
    let entry = 0
    for (let slot = 0; slot < RECENT_LINES_MAX; slot++) {
      if (!isRemembered(slot)) continue
      if ((starts[slot] ?? 0) >= digestedTo) digestSlot(slot)
      into.slots[entry] = slot
      into.uptimes[entry] = uptimes[slot] ?? 0
      into.ages[entry] = written - (starts[slot] ?? 0)
      into.lengths[entry] = lengths[slot] ?? 0
      into.digests[2 * entry] = digests[2 * slot] ?? 0
      into.digests[2 * entry + 1] = digests[2 * slot + 1] ?? 0
      entry++
    }
    digestedTo = written
    return into
  }

  function digestSlot(slot: number): void {
    const at = (starts[slot] ?? 0) % TEXT_RING_BYTES
    const digest = digestOf(ring.subarray(at, at + (lengths[slot] ?? 0)))
    digests[2 * slot] = digest.low
    digests[2 * slot + 1] = digest.high
  }

  function restore(from: SavedRecentLines): void {
    nextInBucket.set(from.nextInBucket)
    for (const [entry, slot] of from.slots.entries()) {
      uptimes[slot] = from.uptimes[entry] ?? 0
      starts[slot] = from.written - (from.ages[entry] ?? 0)
      lengths[slot] = from.lengths[entry] ?? 0
      digests[2 * slot] = from.digests[2 * entry] ?? 0
      digests[2 * slot + 1] = from.digests[2 * entry + 1] ?? 0
    }
  }
}

/** Of a strong hash: whoever could find a second text for a digest could have the kernel's own line taken for a repetition. */
function digestOf(text: Buffer): { readonly low: number; readonly high: number } {
  const digest = hash('sha256', text, 'buffer')
  return { low: digest.readUInt32LE(0), high: digest.readUInt32LE(4) }
}
