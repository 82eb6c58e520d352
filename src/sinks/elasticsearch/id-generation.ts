/**
 * A few hundred thousand ids in memory as the very bytes of the journal's lines (id-journal.ts), with an index over them: 60 bytes an
 * id and nothing for the garbage collector to look at, where a Map of strings takes 160.
 */
import { createHashIndex, NO_NODE } from '../../correlate/hash-index.ts'
import { LF } from './torn-line.ts'

export type Generation = {
  /** Ids, repeated ones counted again. */
  readonly count: number
  /** 'accepted' if it was at least once. */
  stateOf(id: string, hash: number): IdState
  /**
   * The line `KIND ids…` as bytes, valid until the next call; no id of it is known before `keep`. Gives the line's ids their
   * places from `count` on.
   */
  draft(head: string, ids: readonly string[]): Buffer
  /** What was drafted last holds from now on; `hashes` of its ids. */
  keep(hashes: Int32Array, isAccepted: boolean): void
  /** Places as `draft` gave them. */
  accept(from: number, count: number): void
  /** False when the id has no place here. */
  acceptId(id: string, hash: number): boolean
}

export type IdState = 'new' | 'accepted' | 'unknown'

const BYTES_MIN = 4 * 1024
const BLANK = 0x20
/** Characters of an id that are hashed. */
const HASHED = 14
/**
 * One bit for each of so many remainders of a hash: nearly every id that is asked for is new, and half a megabyte answers from the
 * processor's cache, the index from memory.
 */
const SEEN_BITS = 2 ** 22

/**
 * FNV-1a over the last characters, which are a hash or a place in a file (event-id.ts), with its high bits mixed into the low ones.
 * Ids are our own: nobody chooses them to collide, and equal hashes only cost a look.
 */
export function hashId(id: string): number {
  let hash = 0x811c9dc5
  for (let i = Math.max(0, id.length - HASHED); i < id.length; i++)
    hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return hash ^ (hash >>> 15)
}

/** Empty; grows with what is added. */
export function createGeneration(): Generation {
  const index = createHashIndex()
  /** Made with the first id. */
  let seen = new Uint8Array(0)
  let bytes = Buffer.allocUnsafeSlow(BYTES_MIN)
  let used = 0
  let starts = new Uint32Array(64)
  let isAcceptedAt = new Uint8Array(64)
  let count = 0
  let drafted = { ids: 0, end: 0 }

  function makeRoom(more: number, ids: number): void {
    if (used + more > bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(used + more, bytes.length * 2))
      bytes.copy(larger, 0, 0, used)
      bytes = larger
    }
    if (count + ids <= isAcceptedAt.length) return
    const size = Math.max(count + ids, isAcceptedAt.length * 2)
    const [wider, longer] = [new Uint32Array(size), new Uint8Array(size)]
    wider.set(starts)
    longer.set(isAcceptedAt)
    starts = wider
    isAcceptedAt = longer
  }

  function isAt(node: number, id: string): boolean {
    const start = starts[node] ?? 0
    for (let i = 0; i < id.length; i++) if (bytes[start + i] !== id.charCodeAt(i)) return false
    const after = bytes[start + id.length]
    return after === BLANK || after === LF
  }

  function mayHave(hash: number): boolean {
    return ((seen[(hash & (SEEN_BITS - 1)) >> 3] ?? 0) & (1 << (hash & 7))) !== 0
  }

  function* placesOf(id: string, hash: number): Generator<number> {
    for (let node = index.first(hash); node !== NO_NODE; node = index.next(node)) if (isAt(node, id)) yield node
  }

  return {
    get count() {
      return count
    },
    stateOf(id, hash) {
      if (!mayHave(hash)) return 'new'
      let state: IdState = 'new'
      for (const node of placesOf(id, hash)) {
        if (isAcceptedAt[node] === 1) return 'accepted'
        state = 'unknown'
      }
      return state
    },
    draft(head, ids) {
      makeRoom(
        ids.reduce((sum, id) => sum + id.length + 1, head.length + 1),
        ids.length,
      )
      let end = used + bytes.write(head, used, 'latin1')
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i] ?? ''
        bytes[end++] = BLANK
        starts[count + i] = end
        // A call of its own for 34 bytes costs three times as much.
        for (let at = 0; at < id.length; at++) bytes[end++] = id.charCodeAt(at)
      }
      bytes[end++] = LF
      drafted = { ids: ids.length, end }
      return bytes.subarray(used, end)
    },
    keep(hashes, isAccepted) {
      used = drafted.end
      if (seen.length === 0) seen = new Uint8Array(SEEN_BITS / 8)
      for (let i = 0; i < drafted.ids; i++) {
        const hash = hashes[i] ?? 0
        const place = (hash & (SEEN_BITS - 1)) >> 3
        seen[place] = (seen[place] ?? 0) | (1 << (hash & 7))
        isAcceptedAt[count] = isAccepted ? 1 : 0
        index.add(count++, hash)
      }
    },
    accept: (from, size) => void isAcceptedAt.fill(1, from, from + size),
    acceptId(id, hash) {
      for (const node of placesOf(id, hash)) {
        isAcceptedAt[node] = 1
        return true
      }
      return false
    },
  }
}

/** Whether or not they have a place there. */
export function acceptEach(generation: Generation, ids: readonly string[]): void {
  const missing = ids.filter((id) => !generation.acceptId(id, hashId(id)))
  if (missing.length === 0) return
  generation.draft('', missing)
  generation.keep(Int32Array.from(missing, hashId), true)
}
