/**
 * What a log says over and over, kept so that it is neither read nor cut out of the line anew: beginnings of messages, such as
 * `[edge] wg-allow web: IN=wg0 OUT=lan0 MAC= `, and addresses.
 *
 * Only saves work: packet.ts gives the same packet with and without. Texts that come from here are the same object each time,
 * whose hash V8 knows, and copies: a slice of a line would keep 64 KiB of the file in memory. Direct-mapped tables of fixed
 * size, so an attacker who fills them costs time for a look-up, nothing else. Knows no grammar.
 */
import { canonicalFullIpv6, FULL_IPV6_CHARACTERS } from './full-ipv6.ts'

/** The begin of a message up to the link part, or behind an empty `MAC= `. */
export type Head = {
  readonly text: string
  readonly prefix: string
  readonly in: string
  readonly out: string
  /** Begins with a prefix of the ruleset. Otherwise it is the head only if no `OUT=` follows. */
  readonly isKnown: boolean
}

export type PacketMemory = {
  /** The head that stands at `from`, null when it was not met lately. */
  findHead(text: string, from: number): Head | null
  addHead(text: string, from: number, head: Head): void
  /** The canonical text of the strict dotted quad in [start, end), null when there is none. */
  ipv4(text: string, start: number, end: number): string | null
  /** The same for the 39 characters at `start`. */
  ipv6(text: string, start: number): string | null
}

/** A gateway logs by some ten prefixes between some ten interfaces. */
const HEADS = 256
/** A head in use is given up at every 16th miss only: two that share a slot would cost more than reading them. */
const HEAD_MISSES = 16
/** Peers and their usual servers; 2 × 4096 texts are 400 KB. */
const ADDRESSES = 4096

export function createPacketMemory(prefixes: readonly string[]): PacketMemory {
  const heads: (Head | null)[] = Array.from({ length: HEADS }, () => null)
  const misses = new Uint8Array(HEADS)
  const quads = new Float64Array(ADDRESSES).fill(-1)
  const quadTexts: string[] = Array.from({ length: ADDRESSES }, () => '')
  const fulls: string[] = Array.from({ length: ADDRESSES }, () => '')
  const fullTexts: string[] = Array.from({ length: ADDRESSES }, () => '')

  return { findHead, addHead, ipv4, ipv6 }

  function findHead(text: string, from: number): Head | null {
    const head = heads[headSlot(text, from)] ?? null
    if (head === null) return null
    const end = from + head.text.length
    // A slice is compared by words, startsWith by characters.
    if (text.slice(from, end) !== head.text) return null
    return head.isKnown || text.indexOf('OUT=', end) < 0 ? head : null
  }

  function addHead(text: string, from: number, head: Head): void {
    const slot = headSlot(text, from)
    const missed = misses[slot] ?? 0
    misses[slot] = (missed + 1) % HEAD_MISSES
    if (missed !== 0) return
    // A prefix that goes on where this head ends would have been preferred, had it fitted.
    if (prefixes.some((prefix) => `${prefix}IN=`.startsWith(head.text))) return
    heads[slot] = {
      text: copied(head.text),
      prefix: copied(head.prefix),
      in: copied(head.in),
      out: copied(head.out),
      isKnown: head.isKnown,
    }
  }

  function ipv4(text: string, start: number, end: number): string | null {
    const quad = quadAt(text, start, end)
    if (quad < 0) return null
    const slot = (quad ^ (quad >>> 12)) & (ADDRESSES - 1)
    if (quads[slot] === quad) {
      const known = quadTexts[slot] ?? ''
      if (known !== '') return known
      quadTexts[slot] = copied(text.slice(start, end))
      return quadTexts[slot] ?? ''
    }
    // Kept when it is met again: the targets of a scan are met once.
    quads[slot] = quad
    quadTexts[slot] = ''
    return text.slice(start, end)
  }

  function ipv6(text: string, start: number): string | null {
    const slot = fullSlot(text, start)
    const end = start + FULL_IPV6_CHARACTERS
    if (text.slice(start, end) === fulls[slot]) return fullTexts[slot] ?? ''
    const address = canonicalFullIpv6(text, start)
    if (address === null) return null
    fulls[slot] = copied(text.slice(start, end))
    fullTexts[slot] = copied(address)
    return address
  }
}

/** By the characters around the first `=`, that of `IN=`: a prefix mostly ends in `web: `, the interfaces are behind. */
function headSlot(text: string, from: number): number {
  const at = text.indexOf('=', from)
  let hash = at - from
  for (let i = at - 7; i < at - 4; i++) hash = Math.imul(hash, 31) + text.charCodeAt(i)
  hash = Math.imul(hash, 31) + text.charCodeAt(at + 3)
  hash = Math.imul(hash, 31) + text.charCodeAt(at + 9)
  hash = Math.imul(hash, 31) + text.charCodeAt(at + 12)
  return (hash ^ (hash >>> 8)) & (HEADS - 1)
}

/** By the first group that differs within an organisation and the last two. */
function fullSlot(text: string, start: number): number {
  let hash = text.charCodeAt(start + 7) * 31 + text.charCodeAt(start + 8)
  for (let i = start + 32; i < start + FULL_IPV6_CHARACTERS; i++) hash = Math.imul(hash, 31) + text.charCodeAt(i)
  return (hash ^ (hash >>> 12)) & (ADDRESSES - 1)
}

/** As parseIpv4 of src/address.ts, of a part of a text. */
function quadAt(text: string, start: number, end: number): number {
  if (end - start > 15) return -1
  let value = 0
  let part = -1
  let dots = 0
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit === -2) {
      if (part < 0) return -1
      value = value * 256 + part
      part = -1
      dots++
    } else {
      if (digit < 0 || digit > 9 || part === 0) return -1
      part = part < 0 ? digit : part * 10 + digit
      if (part > 255) return -1
    }
  }
  return dots === 3 && part >= 0 ? value * 256 + part : -1
}

function copied(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
