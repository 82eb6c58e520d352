/**
 * Which documented entries cover an address: one hash look-up per prefix length that occurs (RFC 4632 matching). For inventories,
 * asked once per new address; the ledger, asked per packet and changing over time, has its own structure.
 */
import { type AddressBits, addressBits, canonicalAddress } from '../address.ts'

export type PrefixIndex<Value> = {
  /** The values of all prefixes that cover `address`, longest prefix first; none for text that is no address. */
  covering(address: string): Value[]
}

/** `entries`: a canonical prefix and its value, each prefix once. */
export function createPrefixIndex<Value>(entries: Iterable<readonly [string, Value]>): PrefixIndex<Value> {
  const byLength = { 4: new Map<number, Map<string, Value>>(), 6: new Map<number, Map<string, Value>>() }
  for (const [prefix, value] of entries) {
    const slash = prefix.indexOf('/')
    const bits = addressBits(prefix.slice(0, slash))
    if (bits === null) continue
    const length = Number(prefix.slice(slash + 1))
    const lengths = byLength[bits.family]
    const networks = lengths.get(length) ?? new Map<string, Value>()
    lengths.set(length, networks.set(networkKey(bits, length), value))
  }
  const longestFirst = {
    4: [...byLength[4]].sort(([a], [b]) => b - a),
    6: [...byLength[6]].sort(([a], [b]) => b - a),
  }
  return {
    covering: (address) => {
      const canonical = canonicalAddress(address)
      const bits = canonical === null ? null : addressBits(canonical)
      if (bits === null) return []
      const found: Value[] = []
      for (const [length, networks] of longestFirst[bits.family]) {
        const value = networks.get(networkKey(bits, length))
        if (value !== undefined) found.push(value)
      }
      return found
    },
  }
}

/** The first `length` bits of an address as text. */
function networkKey(bits: AddressBits, length: number): string {
  if (bits.family === 4) return String(masked(bits.d, length))
  const { a, b, c, d } = bits
  return `${masked(a, length)} ${masked(b, length - 32)} ${masked(c, length - 64)} ${masked(d, length - 96)}`
}

function masked(word: number, length: number): number {
  if (length >= 32) return word
  // A shift by 32 is a shift by 0 in JavaScript.
  return length <= 0 ? 0 : (word & (-1 << (32 - length))) >>> 0
}
