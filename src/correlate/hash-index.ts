/**
 * A hash table from 32-bit hashes to small numbers (nodes) that the caller has given a meaning: chains in typed arrays, about 12
 * bytes a node, nothing for the garbage collector to look at. Whoever asks compares what a node stands for; equal hashes prove
 * nothing.
 *
 * Nodes of one hash come newest first, also after the table has grown.
 */

export type HashIndex = {
  /** `node` must not be in the table. */
  add(node: number, hash: number): void
  remove(node: number): void
  /** Newest node with this hash; NO_NODE when there is none. */
  first(hash: number): number
  /** The next older one with the same hash. */
  next(node: number): number
  /** `nodes`: no node was ever this or more. */
  save(nodes: number): SavedHashIndex
}

export type SavedHashIndex = {
  readonly heads: Int32Array
  /** By node. */
  readonly nexts: Int32Array
  readonly hashes: Int32Array
  readonly count: number
}

export const NO_NODE = -1
const SIZE_MIN = 1024

/** Empty; grows with its nodes and never shrinks. */
export function createHashIndex(saved?: SavedHashIndex): HashIndex {
  let heads = copyOf(saved?.heads, SIZE_MIN, NO_NODE)
  let nexts = copyOf(saved?.nexts, SIZE_MIN, 0)
  let hashes = copyOf(saved?.hashes, SIZE_MIN, 0)
  let count = saved?.count ?? 0

  function link(node: number, hash: number): void {
    const bucket = hash & (heads.length - 1)
    nexts[node] = heads[bucket] ?? NO_NODE
    heads[bucket] = node
  }

  function growHeads(): void {
    const old = heads
    heads = new Int32Array(old.length * 2).fill(NO_NODE)
    const chain: number[] = []
    for (const head of old) {
      for (let node = head; node !== NO_NODE; node = nexts[node] ?? NO_NODE) chain.push(node)
      // Oldest first, so that the newest ends up in front again.
      for (let node = chain.pop(); node !== undefined; node = chain.pop()) link(node, hashes[node] ?? 0)
    }
  }

  function withHash(from: number, hash: number): number {
    let node = from
    while (node !== NO_NODE && hashes[node] !== hash) node = nexts[node] ?? NO_NODE
    return node
  }

  return {
    add(node, hash) {
      if (node >= nexts.length) {
        nexts = enlarge(nexts, node + 1)
        hashes = enlarge(hashes, node + 1)
      }
      if (count >= heads.length) growHeads()
      count++
      hashes[node] = hash
      link(node, hash)
    },
    remove(node) {
      const bucket = (hashes[node] ?? 0) & (heads.length - 1)
      let before = NO_NODE
      let each = heads[bucket] ?? NO_NODE
      while (each !== NO_NODE && each !== node) {
        before = each
        each = nexts[each] ?? NO_NODE
      }
      if (each === NO_NODE) return
      count--
      if (before === NO_NODE) heads[bucket] = nexts[node] ?? NO_NODE
      else nexts[before] = nexts[node] ?? NO_NODE
    },
    first: (hash) => withHash(heads[hash & (heads.length - 1)] ?? NO_NODE, hash | 0),
    next: (node) => withHash(nexts[node] ?? NO_NODE, hashes[node] ?? 0),
    save: (nodes) => ({ heads, nexts: nexts.subarray(0, nodes), hashes: hashes.subarray(0, nodes), count }),
  }
}

/** A longer copy. Half as much again: doubling would cost more memory than it saves time. */
export function enlarge(array: Int32Array<ArrayBuffer>, atLeast: number): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(Math.max(atLeast, array.length + (array.length >> 1)))
  bigger.set(array)
  return bigger
}

/**
 * A saved array as one that may be written: what was read back is a window into the bytes of the whole state, which it would
 * keep alive. At least `atLeast` long, the rest `filler`.
 */
export function copyOf(saved: Int32Array | undefined, atLeast: number, filler: number): Int32Array<ArrayBuffer> {
  const known = saved?.length ?? 0
  const array = new Int32Array(Math.max(atLeast, known)).fill(filler, known)
  if (saved !== undefined) array.set(saved)
  return array
}

/** Spreads three numbers over 32 bits (the finalizer of MurmurHash3, public domain, after each). */
export function mixHash(a: number, b: number, c: number): number {
  return finish(finish(finish(a) ^ b) ^ c)
}

function finish(value: number): number {
  let hash = value | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
