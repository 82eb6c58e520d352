/**
 * One direction of a conntrack line, the middle of every row:
 * `src=10.77.1.2 dst=10.77.2.2 sport=36770 dport=443 packets=5 bytes=271 `, with `type= code= id=` (ICMP) or `srckey=
 * dstkey=` (GRE) instead of ports, and `zone-orig=`/`zone-reply=` before the counters.
 *
 * Authority: libnetfilter_conntrack src/conntrack/snprintf_default.c (tuples, zone, counters, in this order); the kernel's
 * /proc/net/nf_conntrack prints the same. GRE keys are checked and left out: they are no ports, and PPTP alone sets them.
 */

import { type Cursor, isTokenEnd, skipBlanks, takeDigits, takeKey, takeNumber, tokenEnd } from './cursor.ts'
import type { Tuple } from './record.ts'

/** Text of an address to its canonical form, null when it is none (src/address.ts, or a cache in front of it). */
export type Canonical = (text: string) => string | null

/** Decimal digits of a 16-bit zone. */
const ZONE_DIGITS_MAX = 5

/**
 * The tuple the cursor stands on, null when it is none. `mirror` is the first tuple while the second is read: without NAT
 * its addresses are the same texts the other way round, and need not be looked at again.
 */
export function takeTuple(cursor: Cursor, canonical: Canonical, mirror: Tuple | null): Tuple | null {
  const src = takeAddress(cursor, 'src=', canonical, mirror === null ? '' : mirror.dst)
  if (src === '') return null
  const dst = takeAddress(cursor, 'dst=', canonical, mirror === null ? '' : mirror.src)
  // One flow has one family.
  if (dst === '' || src.includes(':') !== dst.includes(':')) return null
  const tuple: Tuple = {
    src,
    dst,
    sport: -1,
    dport: -1,
    icmpType: -1,
    icmpCode: -1,
    icmpId: -1,
    packets: -1,
    bytes: -1,
    zone: '',
  }
  if (!takeLayer4(cursor, tuple)) return null
  if (takeKey(cursor, mirror === null ? 'zone-orig=' : 'zone-reply=')) {
    tuple.zone = takeDigits(cursor, ZONE_DIGITS_MAX)
    if (tuple.zone === '') return null
  }
  return takeCounters(cursor, tuple) ? tuple : null
}

function takeAddress(cursor: Cursor, key: string, canonical: Canonical, hint: string): string {
  if (!takeKey(cursor, key)) return ''
  const { text, at } = cursor
  if (hint !== '' && text.startsWith(hint, at) && isTokenEnd(text, at + hint.length)) {
    cursor.at = skipBlanks(text, at + hint.length)
    return hint
  }
  const end = tokenEnd(text, at)
  const address = canonical(text.slice(at, end))
  if (address === null) return ''
  cursor.at = skipBlanks(text, end)
  return address
}

/** Ports, ICMP numbers or GRE keys; a protocol without any of them is fine. */
function takeLayer4(cursor: Cursor, tuple: Tuple): boolean {
  if (takeKey(cursor, 'sport=')) {
    tuple.sport = takeNumber(cursor, 0xffff)
    tuple.dport = takeKey(cursor, 'dport=') ? takeNumber(cursor, 0xffff) : -1
    return tuple.sport >= 0 && tuple.dport >= 0
  }
  if (takeKey(cursor, 'type=')) {
    tuple.icmpType = takeNumber(cursor, 0xff)
    tuple.icmpCode = takeKey(cursor, 'code=') ? takeNumber(cursor, 0xff) : -1
    // The ICMP id; a later `id=` outside the tuples is the flow's (formats.md 2.7, trap 2).
    tuple.icmpId = takeKey(cursor, 'id=') ? takeNumber(cursor, 0xffff) : -1
    return tuple.icmpType >= 0 && tuple.icmpCode >= 0 && tuple.icmpId >= 0
  }
  if (takeKey(cursor, 'srckey=0x')) return takeHex(cursor) && takeKey(cursor, 'dstkey=0x') && takeHex(cursor)
  return true
}

function takeHex(cursor: Cursor): boolean {
  const end = tokenEnd(cursor.text, cursor.at)
  if (end === cursor.at || end - cursor.at > 8) return false
  for (let i = cursor.at; i < end; i++) {
    const code = cursor.text.charCodeAt(i)
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return false
  }
  cursor.at = skipBlanks(cursor.text, end)
  return true
}

/** Counters come in pairs or not at all; above 2^53 they could not be added up. */
function takeCounters(cursor: Cursor, tuple: Tuple): boolean {
  if (!takeKey(cursor, 'packets=')) return true
  tuple.packets = takeNumber(cursor, Number.MAX_SAFE_INTEGER)
  tuple.bytes = takeKey(cursor, 'bytes=') ? takeNumber(cursor, Number.MAX_SAFE_INTEGER) : -1
  return tuple.packets >= 0 && tuple.bytes >= 0
}
