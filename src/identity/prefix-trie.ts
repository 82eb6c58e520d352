/**
 * Longest-prefix match over IPv4 and IPv6: the same question WireGuard's cryptokey routing asks for every packet
 * (drivers/net/wireguard/allowedips.c). A path-compressed binary trie on typed arrays: a look-up visits only nodes where
 * two stored prefixes part, and allocates nothing.
 *
 * Prefixes are only added: what a prefix means at which time is the ledger's business.
 */
import { type AddressBits, addressBits } from '../address.ts'

export type PrefixTrie = {
  /** The slot of a canonical prefix (`10.8.0.0/24`), made when it is new. Slots count up from 0. Null when the text is no prefix. */
  slotOf(prefix: string): number | null
  /** Slots of all prefixes that cover the address, shortest first, written to `into`; returns how many. */
  covering(bits: AddressBits, into: Int32Array): number
  readonly size: number
  save(): SavedPrefixTrie
}

export type SavedPrefixTrie = { readonly v4: SavedFamilyTrie; readonly v6: SavedFamilyTrie; readonly slots: number }

type SavedFamilyTrie = {
  /** NODE words a node. */
  readonly pool: Int32Array
  readonly root: number
}

/** Longest chain of nested prefixes: one per length 0..128. */
export const COVERING_MAX = 129

export function createPrefixTrie(saved?: SavedPrefixTrie): PrefixTrie {
  const v4 = createFamilyTrie(saved?.v4)
  const v6 = createFamilyTrie(saved?.v6)
  let slots = saved?.slots ?? 0
  return {
    slotOf(prefix) {
      const slash = prefix.lastIndexOf('/')
      const bits = addressBits(prefix.slice(0, slash))
      const length = Number(prefix.slice(slash + 1))
      if (
        slash < 0 ||
        bits === null ||
        !Number.isInteger(length) ||
        length < 0 ||
        length > (bits.family === 4 ? 32 : 128)
      )
        return null
      const found =
        bits.family === 4
          ? v4.insert(bits.d, 0, 0, 0, length, slots)
          : v6.insert(bits.a, bits.b, bits.c, bits.d, length, slots)
      if (found === slots) slots++
      return found
    },
    covering(bits, into) {
      return bits.family === 4 ? v4.coveringV4(bits.d, into) : v6.coveringV6(bits, into)
    },
    get size() {
      return slots
    },
    save: () => ({ v4: v4.save(), v6: v6.save(), slots }),
  }
}

/** Words per node in the pool: four prefix words, length, two children, slot. */
const NODE = 8
const LENGTH = 4
const CHILD = 5
const SLOT = 7
const NONE = -1

function createFamilyTrie(saved?: SavedFamilyTrie) {
  // Int32Array: prefix words are bit patterns, compared with ^ only, so their sign does not matter.
  let pool = new Int32Array(Math.max(NODE * 64, saved?.pool.length ?? 0))
  // A copy: what was read back is a window into the bytes of the whole state.
  if (saved !== undefined) pool.set(saved.pool)
  let nodes = saved === undefined ? 0 : saved.pool.length / NODE
  let root = saved?.root ?? NONE

  function add(w0: number, w1: number, w2: number, w3: number, length: number, slot: number): number {
    if ((nodes + 1) * NODE > pool.length) {
      const bigger = new Int32Array(pool.length * 2)
      bigger.set(pool)
      pool = bigger
    }
    const base = nodes++ * NODE
    pool[base] = w0 & mask(length)
    pool[base + 1] = w1 & mask(length - 32)
    pool[base + 2] = w2 & mask(length - 64)
    pool[base + 3] = w3 & mask(length - 96)
    pool[base + LENGTH] = length
    pool[base + CHILD] = NONE
    pool[base + CHILD + 1] = NONE
    pool[base + SLOT] = slot
    return base
  }

  /** How many leading bits of the node's prefix the words share, at most the node's length. */
  function shared(base: number, w0: number, w1: number, w2: number, w3: number): number {
    let same = Math.clz32((pool[base] ?? 0) ^ w0)
    if (same === 32) same += Math.clz32((pool[base + 1] ?? 0) ^ w1)
    if (same === 64) same += Math.clz32((pool[base + 2] ?? 0) ^ w2)
    if (same === 96) same += Math.clz32((pool[base + 3] ?? 0) ^ w3)
    return Math.min(same, pool[base + LENGTH] ?? 0)
  }

  function insert(w0: number, w1: number, w2: number, w3: number, length: number, slot: number): number {
    let parent = NONE
    let side = 0
    let base = root
    const attach = (child: number) => {
      if (parent === NONE) root = child
      else pool[parent + CHILD + side] = child
    }
    for (;;) {
      if (base === NONE) {
        attach(add(w0, w1, w2, w3, length, slot))
        return slot
      }
      const nodeLength = pool[base + LENGTH] ?? 0
      const common = Math.min(shared(base, w0, w1, w2, w3), length)
      if (common === nodeLength && common === length) {
        const present = pool[base + SLOT] ?? NONE
        if (present === NONE) pool[base + SLOT] = slot
        return present === NONE ? slot : present
      }
      if (common === nodeLength) {
        parent = base
        side = bit(w0, w1, w2, w3, nodeLength)
        base = pool[base + CHILD + side] ?? NONE
        continue
      }
      // The paths part inside this node's prefix: put a fork above it.
      const old = base
      const fork = add(w0, w1, w2, w3, common, common === length ? slot : NONE)
      const oldSide = bit(pool[old] ?? 0, pool[old + 1] ?? 0, pool[old + 2] ?? 0, pool[old + 3] ?? 0, common)
      pool[fork + CHILD + oldSide] = old
      attach(fork)
      if (common < length) {
        const leaf = add(w0, w1, w2, w3, length, slot)
        pool[fork + CHILD + (1 - oldSide)] = leaf
      }
      return slot
    }
  }

  /*
   * Both walk down by single bits and compare only where a prefix is stored: below a fork whose prefix does not cover the
   * address no stored one does, so a wrong way costs steps, never an answer.
   */

  function coveringV4(address: number, into: Int32Array): number {
    const words = pool
    let count = 0
    let base = root
    while (base !== NONE) {
      const length = words[base + LENGTH] ?? 0
      const slot = words[base + SLOT] ?? NONE
      if (slot !== NONE) {
        if ((((words[base] ?? 0) ^ address) & mask(length)) !== 0) break
        into[count++] = slot
        if (length === 32) break
      }
      base = words[base + CHILD + ((address >>> (31 - length)) & 1)] ?? NONE
    }
    return count
  }

  function coveringV6({ a, b, c, d }: AddressBits, into: Int32Array): number {
    const words = pool
    let count = 0
    let base = root
    while (base !== NONE) {
      const length = words[base + LENGTH] ?? 0
      const slot = words[base + SLOT] ?? NONE
      if (slot !== NONE) {
        if (shared(base, a, b, c, d) < length) break
        into[count++] = slot
        if (length === 128) break
      }
      base = words[base + CHILD + bit(a, b, c, d, length)] ?? NONE
    }
    return count
  }

  const save = (): SavedFamilyTrie => ({ pool: pool.subarray(0, nodes * NODE), root })

  return { insert, coveringV4, coveringV6, save }
}

function mask(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits)
}

function bit(w0: number, w1: number, w2: number, w3: number, index: number): number {
  const word = index < 32 ? w0 : index < 64 ? w1 : index < 96 ? w2 : w3
  return (word >>> (31 - (index & 31))) & 1
}
