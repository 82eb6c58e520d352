/**
 * The position of a followed log, as text that outlives the process. It names content, not paths: a file is found again by
 * device and inode, by the hash of its first line and by the bytes just before the position (design 13).
 *
 *   {"v":1,"hasBegun":true,"at":{…},"done":[…],"counts":[["Zk3…",2]]}
 */

const VERSION = 1
/** Bytes before a position that are hashed: several lines, so that lines that repeat do not pass for each other. */
export const BEFORE_BYTES = 1024
/** Files read to their end that are remembered, the youngest last. */
export const DONE_MAX = 16
/** First lines of which it is remembered how many different files began so. */
const COUNTS_MAX = 64

/** A place in some content. */
export type Place = {
  /** Hash of the first line; '' = not known yet. */
  readonly first: string
  /** Byte offset in the uncompressed file. */
  readonly offset: number
  /** Hash of up to BEFORE_BYTES before `offset`. */
  readonly before: string
}

/**
 * A file and the place reached in it: the one that is being read, or one that was read to its end. Offset -1: it is passed over,
 * known by its inode and its first line ('' = it could not be looked at).
 */
export type At = Place & {
  /** Device and inode. */
  readonly key: string
  readonly birth: string
  /** How many different files with this first line came before it. */
  readonly ordinal: number
  /** Its name when that was last known. */
  readonly name: string
  /** Bytes of an unterminated line that were seen behind `offset`, and the hash of up to BEFORE_BYTES before their end. */
  readonly held: number
  readonly heldBefore: string
}

export type Cursor = {
  /** False: what lies there was not looked at yet, so where the end was is not known. */
  readonly hasBegun: boolean
  /** `at` is in the copy of a file that was cut: what follows it begins after a cut. */
  readonly isCopy: boolean
  readonly at: At | null
  readonly done: readonly At[]
  readonly counts: readonly (readonly [first: string, count: number])[]
}

/** One line of JSON. */
export function printCursor(cursor: Cursor): string {
  return JSON.stringify({ v: VERSION, ...cursor })
}

/** Null when the text is no cursor of a version that is known. */
export function parseCursor(text: string): Cursor | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (!isRecord(value) || value['v'] !== VERSION) return null
  const { hasBegun, isCopy, at, done, counts } = value
  if (typeof hasBegun !== 'boolean' || typeof isCopy !== 'boolean') return null
  if (!Array.isArray(done) || !Array.isArray(counts) || done.length > DONE_MAX || counts.length > COUNTS_MAX)
    return null
  if (!(at === null || (isAt(at) && at.offset >= 0)) || !done.every(isAt) || !counts.every(isCount)) return null
  return { hasBegun, isCopy, at, done, counts }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isAt(value: unknown): value is At {
  return (
    isRecord(value) &&
    ['key', 'birth', 'name', 'first', 'before', 'heldBefore'].every((member) => typeof value[member] === 'string') &&
    Number.isSafeInteger(value['offset']) &&
    isNatural(value['ordinal']) &&
    isNatural(value['held'])
  )
}

function isCount(value: unknown): value is readonly [string, number] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && isNatural(value[1])
}

function isNatural(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

export type Ordinals = {
  /** How many different files began with this line before; counts one more. */
  next(first: string): number
  /** The same without counting. */
  peek(first: string): number
  save(): Cursor['counts']
}

/** Counts files by first line, as identifyFiles does for those of a capture. The oldest of more than COUNTS_MAX lines is forgotten. */
export function createOrdinals(saved: Cursor['counts']): Ordinals {
  const counts = new Map(saved)
  return {
    next(first) {
      const count = counts.get(first) ?? 0
      counts.delete(first)
      counts.set(first, count + 1)
      for (const oldest of counts.keys()) {
        if (counts.size <= COUNTS_MAX) break
        counts.delete(oldest)
      }
      return count
    },
    peek: (first) => counts.get(first) ?? 0,
    save: () => [...counts],
  }
}
