/**
 * Addresses as text that sorts: 32 lower-case hex digits of the 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2), as
 * Elasticsearch stores its `ip` fields. The order of the texts is the order of the addresses, so a network is one range of
 * them, and an IPv4 address and its mapped spelling are the same text.
 */
import { addressBits, parseIpv4 } from './address.ts'

/** First 24 digits of every IPv4 address. */
const MAPPED = '00000000000000000000ffff'
const ZEROS = '0'.repeat(32)
const COLON = 58
const DIGITS = /^[0-9a-f]{32}$/
const ALL_BITS = (1n << 128n) - 1n
const BYTES: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

/** 32 digits of an address in any spelling; null when `text` is none. */
export function addressDigits(text: string): string | null {
  const v4 = parseIpv4(text)
  if (v4 >= 0) return MAPPED + wordDigits(v4)
  const spelled = groupDigits(text)
  if (spelled !== null) return spelled
  const bits = addressBits(text)
  if (bits === null) return null
  return wordDigits(bits.a) + wordDigits(bits.b) + wordDigits(bits.c) + wordDigits(bits.d)
}

/**
 * IPv6 in plain groups, by moving the text's own digits, which takes 0.1 µs where parsing numbers takes 4. Null for everything less plain,
 * which may still be an address.
 */
function groupDigits(text: string): string | null {
  if (text.length > 39) return null
  const gap = text.indexOf('::')
  if (gap < 0) {
    const all = paddedGroups(text)
    return all?.length === 32 ? all : null
  }
  const head = gap === 0 ? '' : paddedGroups(text.slice(0, gap))
  const tail = gap + 2 === text.length ? '' : paddedGroups(text.slice(gap + 2))
  if (head === null || tail === null) return null
  const zeros = 32 - head.length - tail.length
  return zeros >= 4 ? head + ZEROS.slice(0, zeros) + tail : null
}

/** Groups between single colons, each filled up to four digits; null when one is none. */
function paddedGroups(text: string): string | null {
  let digits = ''
  let group = ''
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? COLON : text.charCodeAt(i)
    if (code === COLON) {
      if (group === '' || group.length > 4) return null
      digits += ZEROS.slice(0, 4 - group.length) + group
      group = ''
    } else if ((code >= 48 && code <= 57) || (code >= 97 && code <= 102)) group += text.charAt(i)
    else return null
  }
  return digits
}

function wordDigits(word: number): string {
  return `${byteDigits(word >>> 24)}${byteDigits(word >>> 16)}${byteDigits(word >>> 8)}${byteDigits(word)}`
}

function byteDigits(word: number): string {
  return BYTES[word & 0xff] ?? ''
}

/** The canonical text (dotted quad, else RFC 5952) of what addressDigits gave. Throws on anything else: nobody typed it. */
export function addressText(digits: string): string {
  if (!DIGITS.test(digits)) throw new TypeError(`no digits of an address: ${digits}`)
  if (digits.startsWith(MAPPED)) {
    const byte = (at: number) => Number.parseInt(digits.slice(at, at + 2), 16)
    return `${byte(24)}.${byte(26)}.${byte(28)}.${byte(30)}`
  }
  const groups = Array.from({ length: 8 }, (_, i) => digits.slice(i * 4, i * 4 + 4).replace(/^0{1,3}/, ''))
  const { start, length } = longestZeros(groups)
  if (length < 2) return groups.join(':')
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`
}

/** RFC 5952 4.2: the longest run of zero groups is the one to shorten, the first of equals. */
function longestZeros(groups: readonly string[]): { start: number; length: number } {
  const best = { start: 0, length: 0 }
  let start = 0
  groups.forEach((group, i) => {
    if (group !== '0') start = i + 1
    else if (i + 1 - start > best.length) {
      best.start = start
      best.length = i + 1 - start
    }
  })
  return best
}

/** A network: digits of its first and last address, and its canonical text. */
export type NetworkDigits = { readonly first: string; readonly last: string; readonly text: string }

/**
 * The network of a prefix such as `10.8.0.0/24`, host bits masked; null when `text` is none. `::/0` holds every address,
 * IPv4 too, and `0.0.0.0/0` only IPv4. A mapped spelling counts its bits from the 128 (`::ffff:10.8.0.0/104`); fewer than
 * 96 of them are refused, because readers disagree on what is meant (Elasticsearch refuses them too).
 */
export function networkDigits(text: string): NetworkDigits | null {
  const slash = text.indexOf('/')
  const digits = slash < 0 ? null : addressDigits(text.slice(0, slash))
  const lengthText = text.slice(slash + 1)
  if (digits === null || !/^\d{1,3}$/.test(lengthText)) return null
  const isDotted = !text.includes(':')
  const length = Number(lengthText) + (isDotted ? 96 : 0)
  if (length > 128 || (digits.startsWith(MAPPED) && length < 96)) return null
  const hostBits = ALL_BITS >> BigInt(length)
  const address = BigInt(`0x${digits}`)
  const first = bitsDigits(address & (ALL_BITS ^ hostBits))
  const last = bitsDigits(address | hostBits)
  const shown = first.startsWith(MAPPED) ? length - 96 : length
  return { first, last, text: `${addressText(first)}/${shown}` }
}

function bitsDigits(bits: bigint): string {
  return bits.toString(16).padStart(32, '0')
}
