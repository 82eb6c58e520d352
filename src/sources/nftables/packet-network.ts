/**
 * The network part of a packet log line: IPv4, IPv6 with its extension headers, or ARP (formats.md 1.2 `ip`, `arp`).
 * `SRC=10.77.1.2 DST=10.77.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=4660 DF PROTO=TCP …`
 * Authority: dump_ipv4_packet, dump_ipv6_packet, dump_arp_packet in net/netfilter/nf_log_syslog.c.
 * ARP lines are recognised, their addresses are not kept: they are claims about a neighbour, not ends of a packet.
 */
import { parseIpv4 } from '../../address.ts'
import { canonicalFullIpv6, FULL_IPV6_CHARACTERS } from './full-ipv6.ts'
import { readExtensions } from './packet-extensions.ts'
import type { PacketMemory } from './packet-memory.ts'
import { optionsEnd, readOwn, readRest } from './packet-rest.ts'
import {
  behind,
  behindLast,
  broken,
  brokenAny,
  CUT,
  field,
  hexByte,
  hexEnd,
  isCutOf,
  lastField,
  MALFORMED,
} from './packet-scan.ts'
import { readTransport } from './packet-transport.ts'
import type { Packet } from './record.ts'

const BLANK = 32
/** FRAG: of IPv4 counts units of 8 bytes in 13 bits; that of IPv6 is in bytes. */
const IPV4_OFFSET_BYTES = 8
const IPV4_OFFSET_MAX = 0x1fff
/** The payload length of 16 bits and the header of 40 bytes that the kernel adds. */
const IPV6_LENGTH_MAX = 0xffff + 40
const IPV4_TOKENS: readonly string[] = ['CE ', 'DF ', 'MF ', 'FRAG:', 'OPT (', 'PROTO=', 'TRUNCATED']
const NETWORK_TOKENS: readonly string[] = ['PHYSOUT=', 'MAC=', 'MACSRC=', 'SRC=', 'ARP ', 'TRUNCATED']
const PRINTED_ETHER_TYPES: readonly string[] = ['0800', '86dd', '0806']
const ARP_ADDRESSES: readonly string[] = ['MACSRC=', 'IPSRC=', 'MACDST=', 'IPDST=']

/** Reads to the end of the line; a position there, or CUT or MALFORMED. */
export function readNetwork(text: string, from: number, packet: Packet, memory: PacketMemory | null): number {
  if (!text.startsWith('SRC=', from)) return readNoAddresses(text, from, packet)
  let end = text.indexOf(' ', from)
  if (end < 0) return CUT
  const isIpv6 = end - from - 4 === FULL_IPV6_CHARACTERS
  const src = addressAt(text, from + 4, end, memory)
  if (src === null) return MALFORMED
  packet.src = src
  const dstAt = end + 1
  if (!text.startsWith('DST=', dstAt)) return broken(text, dstAt, 'DST=')
  end = text.indexOf(' ', dstAt)
  if (end < 0) return CUT
  const dst = addressAt(text, dstAt + 4, end, memory)
  if (dst === null) return MALFORMED
  packet.dst = dst
  // By spelling, not by the canonical form: ::ffff:10.0.0.1 becomes 10.0.0.1, but its packet is an IPv6 one.
  if (isIpv6 !== (end - dstAt - 4 === FULL_IPV6_CHARACTERS)) return MALFORMED
  packet.family = isIpv6 ? 6 : 4
  return isIpv6 ? readIpv6(text, end + 1, packet) : readIpv4(text, end + 1, packet)
}

function addressAt(text: string, start: number, end: number, memory: PacketMemory | null): string | null {
  if (memory !== null)
    return end - start === FULL_IPV6_CHARACTERS ? memory.ipv6(text, start) : memory.ipv4(text, start, end)
  if (end - start === FULL_IPV6_CHARACTERS) return canonicalFullIpv6(text, start)
  const address = text.slice(start, end)
  // Anything but a dotted quad is no spelling of the kernel's, even where it would be an address.
  return parseIpv4(address) < 0 ? null : address
}

function readIpv4(text: string, from: number, packet: Packet): number {
  const length = field(text, from, 'LEN=')
  if (length < 0) return length
  packet.length = length
  let at = readTos(text, behind(from + 4, length), packet)
  if (at < 0) return at
  const ttl = field(text, at, 'TTL=')
  if (ttl < 0) return ttl
  packet.ttl = ttl
  at = behind(at + 4, ttl)
  const id = field(text, at, 'ID=')
  if (id < 0) return id
  packet.ipId = id
  if (length > 0xffff || ttl > 0xff || id > 0xffff) return MALFORMED
  at = behind(at + 3, id)
  // The common case: no fragment, no options.
  if (text.startsWith('DF PROTO=', at)) {
    packet.dontFragment = true
    return readTransport(text, at + 3, packet)
  }
  at = readIpv4Flags(text, at, packet)
  if (at < 0) return at
  if (text.startsWith('PROTO=', at)) return readTransport(text, at, packet)
  // TRUNCATED stands for options that are not in the packet; only a later fragment of AH has no PROTO= either.
  if (text.startsWith('TRUNCATED', at)) return readRest(text, at + 9)
  return packet.fragmentOffset > 0 ? readOwn(text, at, packet) : brokenAny(text, at, IPV4_TOKENS)
}

/** `TOS=0x18 PREC=0xA0 `: two parts of one byte. DSCP is its upper six bits. */
function readTos(text: string, at: number, packet: Packet): number {
  // Compared as a slice: V8 does that by words, startsWith by characters.
  if (text.slice(at, at + 19) === 'TOS=0x00 PREC=0x00 ') {
    packet.dscp = 0
    return at + 19
  }
  if (!text.startsWith('TOS=0x', at)) return broken(text, at, 'TOS=0x')
  if (text.length < at + 19) return CUT
  const low = hexByte(text, at + 6)
  const high = hexByte(text, at + 16)
  const isWhole = text.startsWith(' PREC=0x', at + 8) && text.charCodeAt(at + 18) === BLANK
  if (!isWhole || (low | high) < 0) return MALFORMED
  packet.dscp = (low | high) >> 2
  return at + 19
}

/** `CE DF MF FRAG:185 OPT (94040000) `, each optional; where PROTO= must begin. */
function readIpv4Flags(text: string, from: number, packet: Packet): number {
  let at = from
  if (text.startsWith('CE ', at)) at += 3
  if (text.startsWith('DF ', at)) {
    packet.dontFragment = true
    at += 3
  }
  if (text.startsWith('MF ', at)) {
    packet.moreFragments = true
    at += 3
  }
  if (text.startsWith('FRAG:', at)) {
    const units = field(text, at, 'FRAG:')
    if (units < 0) return units
    if (units > IPV4_OFFSET_MAX) return MALFORMED
    packet.fragmentOffset = units * IPV4_OFFSET_BYTES
    at = behind(at + 5, units)
  } else if (packet.moreFragments && !isCutOf(text, at, 'FRAG:')) {
    // The first fragment: the kernel prints no FRAG: for offset 0.
    packet.fragmentOffset = 0
  }
  return text.startsWith('OPT (', at) ? optionsEnd(text, at + 5) : at
}

function readIpv6(text: string, from: number, packet: Packet): number {
  const length = field(text, from, 'LEN=')
  if (length < 0) return length
  packet.length = length
  let at = behind(from + 4, length)
  const trafficClass = field(text, at, 'TC=')
  if (trafficClass < 0) return trafficClass
  packet.dscp = trafficClass >> 2
  at = behind(at + 3, trafficClass)
  const hopLimit = field(text, at, 'HOPLIMIT=')
  if (hopLimit < 0) return hopLimit
  packet.ttl = hopLimit
  at = behind(at + 9, hopLimit)
  const flowLabel = lastField(text, at, 'FLOWLBL=')
  if (flowLabel < 0) return flowLabel
  packet.flowLabel = flowLabel
  if (length > IPV6_LENGTH_MAX || trafficClass > 0xff || hopLimit > 0xff || flowLabel > 0xfffff) return MALFORMED
  at = behindLast(text, at + 8, flowLabel)
  // The common case, without extension headers.
  if (text.startsWith('PROTO=', at)) return readTransport(text, at, packet)
  return readExtensions(text, at, packet)
}

/** No SRC=: ARP, a packet too short for its header, an EtherType the kernel does not print, or a cut line. */
function readNoAddresses(text: string, at: number, packet: Packet): number {
  if (text.startsWith('ARP ', at)) return readArp(text, at + 4)
  if (text.startsWith('TRUNCATED', at)) return readRest(text, at + 9)
  if (at < text.length) return brokenAny(text, at, NETWORK_TOKENS)
  // The EtherType says whether a network part was to follow; without link header nothing does, and IN decides:
  // what comes in has a link header, so only a line without IN may end here.
  const isOther = packet.etherType === '' ? packet.in === '' : !PRINTED_ETHER_TYPES.includes(packet.etherType)
  return isOther ? at : CUT
}

/** `HTYPE=1 PTYPE=0x0800 OPCODE=1 MACSRC=… IPSRC=10.77.9.2 MACDST=… IPDST=10.77.9.3`, no blank at the end. */
function readArp(text: string, from: number): number {
  const hardware = field(text, from, 'HTYPE=')
  if (hardware < 0) return hardware
  let at = behind(from + 6, hardware)
  if (!text.startsWith('PTYPE=0x', at)) return broken(text, at, 'PTYPE=0x')
  at = hexEnd(text, at + 8, 4)
  if (at === text.length) return CUT
  if (text.charCodeAt(at) !== BLANK) return MALFORMED
  const operation = lastField(text, at + 1, 'OPCODE=')
  if (operation < 0) return operation
  at = behindLast(text, at + 8, operation)
  if (at === text.length) return at
  if (text.startsWith('INCOMPLETE [', at)) return text.indexOf(']', at) < 0 ? CUT : text.length
  for (const label of ARP_ADDRESSES) {
    if (!text.startsWith(label, at)) return isCutOf(text, at, 'INCOMPLETE [') ? CUT : broken(text, at, label)
    const blank = text.indexOf(' ', at)
    if (blank < 0 && label !== 'IPDST=') return CUT
    at = blank < 0 ? text.length : blank + 1
  }
  return text.length
}
