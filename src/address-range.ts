/**
 * Stretches of addresses as pairs of numbers, both ends included: for questions about all addresses of a prefix at once. IPv4
 * counts in numbers, IPv6 in bigints; a range never mixes the two.
 */
import { addressBits } from './address.ts'
import { addressText } from './address-digits.ts'

export type Bound = number | bigint

/** `low` and `high` are of one type, and both belong to it. */
export type Range = { readonly low: Bound; readonly high: Bound }

export type Family = 4 | 6

const IPV4_ALL: Range = Object.freeze({ low: 0, high: 2 ** 32 - 1 })
const IPV6_ALL: Range = Object.freeze({ low: 0n, high: 2n ** 128n - 1n })

/** Every address of a family. */
export function allAddresses(family: Family): Range {
  return family === 4 ? IPV4_ALL : IPV6_ALL
}

/** Of a canonical prefix or address (address.ts); null when it is none. Host bits are masked. */
export function prefixRange(text: string): { readonly family: Family; readonly range: Range } | null {
  const slash = text.indexOf('/')
  const bits = addressBits(slash < 0 ? text : text.slice(0, slash))
  if (bits === null) return null
  const bitsMax = bits.family === 4 ? 32 : 128
  const length = slash < 0 ? bitsMax : Number(text.slice(slash + 1))
  if (!Number.isInteger(length) || length < 0 || length > bitsMax) return null
  if (bits.family === 4) {
    const size = 2 ** (32 - length)
    const low = Math.floor(bits.d / size) * size
    return { family: 4, range: { low, high: low + size - 1 } }
  }
  const whole = [bits.a, bits.b, bits.c, bits.d].reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)
  const host = (1n << BigInt(128 - length)) - 1n
  return { family: 6, range: { low: whole - (whole & host), high: whole | host } }
}

/** `10.8.0.0/24`, `10.8.0.2`, or both ends with `-` where it is no prefix; the words in their canonical form. */
export function rangeText({ low, high }: Range): string {
  if (low === high) return boundText(low)
  const length = prefixLength(low, high)
  return length === null ? `${boundText(low)}-${boundText(high)}` : `${boundText(low)}/${length}`
}

/** Canonical text of one address. */
export function boundText(bound: Bound): string {
  return addressText(typeof bound === 'bigint' ? hexOf(bound, 32) : `00000000000000000000ffff${hexOf(bound, 8)}`)
}

/** How many addresses, exact up to 2^53. */
export function rangeSize({ low, high }: Range): number {
  return typeof low === 'bigint' || typeof high === 'bigint' ? Number(BigInt(high) - BigInt(low)) + 1 : high - low + 1
}

/** What both have; null for nothing. */
export function overlap(a: Range, b: Range): Range | null {
  if (a.low > b.high || b.low > a.high) return null
  if (contains(a, b)) return b
  if (contains(b, a)) return a
  return a.low < b.low ? { low: b.low, high: a.high } : { low: a.low, high: b.high }
}

/** Whether all of `inner` lies in `outer`. */
export function contains(outer: Range, inner: Range): boolean {
  return outer.low <= inner.low && inner.high <= outer.high
}

/** What of `range` lies below and above `part`, in order: none, one or two stretches. */
export function around(range: Range, part: Range): Range[] {
  const rest: Range[] = []
  if (range.low < part.low) rest.push({ low: range.low, high: before(part.low) })
  if (range.high > part.high) rest.push({ low: after(part.high), high: range.high })
  return rest
}

/** The next number of the same type. */
export function after(bound: Bound): Bound {
  return typeof bound === 'bigint' ? bound + 1n : bound + 1
}

function before(bound: Bound): Bound {
  return typeof bound === 'bigint' ? bound - 1n : bound - 1
}

function hexOf(value: Bound, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

function prefixLength(low: Bound, high: Bound): number | null {
  const [first, last] = [BigInt(low), BigInt(high)]
  const size = last - first + 1n
  const digits = size.toString(2)
  if (digits.indexOf('1', 1) >= 0 || first % size !== 0n) return null
  return (typeof low === 'bigint' ? 128 : 32) - (digits.length - 1)
}
