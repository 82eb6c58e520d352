/**
 * IPv6 extension headers in a packet log line (formats.md 1.2 `ext`): `FRAG:24 ID:deadbeef ` always, and with
 * `flags ip options` each header as a group, `OPT ( AH SPI=0x12345678 ) OPT ( ) PROTO=TCP …`.
 * Authority: dump_ipv6_packet in net/netfilter/nf_log_syslog.c. A sender chooses how many there are: 150 small ones fill
 * the kernel's buffer, so nothing is kept per header but what the first of its kind said.
 */

import { readRest } from './packet-rest.ts'
import { behind, brokenAny, CUT, field, hexEnd, MALFORMED, next } from './packet-scan.ts'
import { readTransport } from './packet-transport.ts'
import type { Packet } from './record.ts'

const BLANK = 32
const CLOSE = 41
const IPPROTO_ESP = 50
const FRAGMENT_OFFSET_MAX = 0xfff8
const TOKENS: readonly string[] = ['OPT ( ', 'FRAG:', 'PROTO=', 'TRUNCATED', 'Unknown Ext Hdr ']
const SPI_TOKENS: readonly string[] = ['SPI=0x', 'INCOMPLETE [']
const GROUP_TOKENS: readonly string[] = ['FRAG:', 'AH ', 'ESP ']

/** Reads from behind FLOWLBL= to the end of the line; a position there, or CUT or MALFORMED. */
export function readExtensions(text: string, from: number, packet: Packet): number {
  let at = from
  // Without the options flag ESP prints nothing at all, so the line may end right here.
  let mayEnd = true
  while (at < text.length) {
    if (text.startsWith('PROTO=', at)) return readTransport(text, at, packet)
    if (text.startsWith('OPT ( ', at)) {
      const isFragment = text.startsWith('FRAG:', at + 6)
      at = readGroup(text, at + 6, packet)
      if (at < 0) return at
      // Only ESP, and a header behind that of a later fragment, has no PROTO= after it.
      mayEnd = packet.protocol === IPPROTO_ESP || (packet.fragmentOffset > 0 && !isFragment)
    } else if (text.startsWith('FRAG:', at)) {
      at = readFragment(text, at, packet)
      if (at < 0) return at
      mayEnd = true
    } else if (text.startsWith('TRUNCATED', at) || text.startsWith('Unknown Ext Hdr ', at)) {
      return readRest(text, at)
    } else {
      return brokenAny(text, at, TOKENS)
    }
  }
  return mayEnd ? at : CUT
}

/** One `OPT ( … )`; the position behind the bracket and its blank. */
function readGroup(text: string, from: number, packet: Packet): number {
  let at = from
  if (text.startsWith('FRAG:', at)) at = readFragment(text, at, packet)
  else if (text.startsWith('AH ', at)) at = readSpi(text, at + 3, packet)
  else if (text.startsWith('ESP ', at)) {
    packet.protocol = IPPROTO_ESP
    at = readSpi(text, at + 4, packet)
  }
  if (at < 0) return at
  if (at >= text.length) return CUT
  if (text.charCodeAt(at) !== CLOSE) return brokenAny(text, at, GROUP_TOKENS)
  if (at + 1 < text.length && text.charCodeAt(at + 1) !== BLANK) return MALFORMED
  return next(text, at + 1)
}

/** `FRAG:24 INCOMPLETE ID:deadbeef `; INCOMPLETE means that more fragments follow. */
function readFragment(text: string, from: number, packet: Packet): number {
  if (text.startsWith('FRAG:TRUNCATED', from)) return text.length
  const offset = field(text, from, 'FRAG:')
  if (offset < 0) return offset
  if (offset > FRAGMENT_OFFSET_MAX) return MALFORMED
  let id = behind(from + 5, offset)
  const hasMore = text.startsWith('INCOMPLETE ', id)
  if (hasMore) id += 11
  if (!text.startsWith('ID:', id)) return brokenAny(text, id, hasMore ? ['ID:'] : ['INCOMPLETE ', 'ID:'])
  const idEnd = hexEnd(text, id + 3, 8)
  if (idEnd === text.length && idEnd < id + 11) return CUT
  if (idEnd !== id + 11 || (idEnd < text.length && text.charCodeAt(idEnd) !== BLANK)) return MALFORMED
  if (packet.fragmentId === '') {
    packet.fragmentId = text.slice(id + 3, idEnd)
    packet.fragmentOffset = offset
    packet.moreFragments = hasMore
  } else if (offset > 0) {
    // A second fragment header, which no honest sender writes: the kernel then prints no ports, and neither may we.
    packet.fragmentOffset = offset
  }
  return next(text, idEnd)
}

/** What AH and ESP say in their group: `SPI=0x12345678 `, a note that the packet is too short, or nothing in a fragment. */
function readSpi(text: string, at: number, packet: Packet): number {
  if (text.startsWith('INCOMPLETE [', at)) {
    const end = text.indexOf(']', at)
    return end < 0 ? CUT : next(text, end + 1)
  }
  if (!text.startsWith('SPI=0x', at)) return text.charCodeAt(at) === CLOSE ? at : brokenAny(text, at, SPI_TOKENS)
  const end = hexEnd(text, at + 6, 8)
  if (end >= text.length) return CUT
  if (end === at + 6 || text.charCodeAt(end) !== BLANK) return MALFORMED
  if (packet.spi === '') packet.spi = text.slice(at + 4, end)
  return end + 1
}
