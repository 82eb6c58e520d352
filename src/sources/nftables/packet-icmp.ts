/**
 * ICMP and ICMPv6 in a packet log line (formats.md 1.2 `icmpbody`):
 * `TYPE=3 CODE=4 [SRC=10.77.2.2 DST=10.77.1.2 LEN=40 … URGP=0 ] MTU=1400 ` or `TYPE=8 CODE=0 ID=4660 SEQ=1 `.
 * Authority: dump_ipv4_packet and dump_ipv6_packet in net/netfilter/nf_log_syslog.c.
 * What stands between [ ] is the header of some packet as the sender of the error claims it was: kept as text, never
 * read. PARAMETER, POINTER, GATEWAY and MTU are passed over.
 */
import { readOwn, readShort } from './packet-rest.ts'
import { behind, behindLast, CUT, field, hexEnd, lastField, MALFORMED, next } from './packet-scan.ts'
import type { Packet } from './record.ts'

const BLANK = 32
const OPEN = 91
const CLOSE = 93

/** Reads from TYPE= to the end of the line; a position there, or CUT or MALFORMED. */
export function readIcmp(text: string, from: number, packet: Packet): number {
  const type = field(text, from, 'TYPE=')
  if (type < 0) return readShort(text, from, packet, type)
  packet.icmpType = type
  let at = behind(from + 5, type)
  const code = lastField(text, at, 'CODE=')
  if (code < 0) return code
  packet.icmpCode = code
  if (type > 0xff || code > 0xff) return MALFORMED
  at = behindLast(text, at + 5, code)
  if (isEcho(packet)) return readEcho(text, at, packet)
  at = readDetails(text, at, packet)
  if (at < 0) return at
  return text.startsWith('INCOMPLETE [', at) ? readShort(text, at, packet, CUT) : readOwn(text, at, packet)
}

function isEcho(packet: Packet): boolean {
  const type = packet.icmpType
  return packet.protocol === 1 ? type === 0 || type === 8 : type === 128 || type === 129
}

function readEcho(text: string, from: number, packet: Packet): number {
  const id = field(text, from, 'ID=')
  if (id < 0) return readShort(text, from, packet, id)
  packet.icmpId = id
  const at = behind(from + 3, id)
  const sequence = lastField(text, at, 'SEQ=')
  if (sequence < 0) return sequence
  packet.icmpSeq = sequence
  return id > 0xffff || sequence > 0xffff ? MALFORMED : readOwn(text, behindLast(text, at + 4, sequence), packet)
}

/** What an error carries, in the kernel's order, each part optional. */
function readDetails(text: string, from: number, packet: Packet): number {
  let at = from
  if (text.startsWith('PARAMETER=', at)) at = skipNumber(text, at, 'PARAMETER=')
  else if (text.startsWith('POINTER=', at)) at = pointerEnd(text, at + 8)
  if (at < 0) return at
  if (text.startsWith('GATEWAY=', at)) {
    const end = text.indexOf(' ', at)
    if (end < 0) return CUT
    at = end + 1
  }
  if (at < text.length && text.charCodeAt(at) === OPEN) at = readQuoted(text, at + 1, packet)
  if (at >= 0 && text.startsWith('MTU=', at)) at = skipNumber(text, at, 'MTU=')
  return at
}

function skipNumber(text: string, at: number, label: string): number {
  const value = lastField(text, at, label)
  return value < 0 ? value : behindLast(text, at + label.length, value)
}

/** Eight digits and a blank. */
function pointerEnd(text: string, at: number): number {
  const end = hexEnd(text, at, 8)
  if (end >= text.length) return CUT
  return end === at + 8 && text.charCodeAt(end) === BLANK ? end + 1 : MALFORMED
}

/**
 * The text up to the bracket that closes the quoted packet, whose own `INCOMPLETE [10 bytes]` holds a pair more. When it
 * is never closed the buffer ran over inside it, and the rest of the line is part of it.
 */
function readQuoted(text: string, start: number, packet: Packet): number {
  let depth = 1
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === OPEN) depth++
    else if (code === CLOSE && --depth === 0) {
      packet.quoted = text.slice(start, at)
      if (at + 1 < text.length && text.charCodeAt(at + 1) !== BLANK) return MALFORMED
      return next(text, at + 1)
    }
  }
  packet.quoted = text.slice(start)
  return CUT
}
