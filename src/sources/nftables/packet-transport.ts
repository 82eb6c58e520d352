/**
 * The transport part of a packet log line, from PROTO= to the end (formats.md 1.2 `l4`, `own`):
 * `PROTO=TCP SPT=51003 DPT=443 SEQ=4294967295 ACK=4294967294 WINDOW=64240 RES=0x00 ACK FIN URGP=0 UID=0 GID=0 MARK=0x2a `
 * Authority: nf_log_dump_tcp_header, _udp_header, _sk_uid_gid and dump_ipv4_packet in net/netfilter/nf_log_syslog.c.
 * Contents of IP and TCP options are checked and left out. ICMP has its own file.
 */
import { readIcmp } from './packet-icmp.ts'
import { optionsEnd, readOwn, readRest, readShort } from './packet-rest.ts'
import { behind, behindLast, broken, CUT, field, hexEnd, isCutOf, lastField, MALFORMED, next } from './packet-scan.ts'
import type { Packet } from './record.ts'

const BLANK = 32
const PORT_MAX = 0xffff
const U32_MAX = 0xffff_ffff
/** The first segment of a connection, which is what most rules log. Compared as a slice: by words, startsWith goes by characters. */
const OPENING = 'RES=0x00 SYN URGP=0 '

/** `at` is at PROTO=. Reads to the end of the line; a position there, or CUT or MALFORMED. */
export function readTransport(text: string, at: number, packet: Packet): number {
  const start = at + 6
  // Nearly every line of a log is one of these two.
  if (packet.fragmentOffset <= 0) {
    if (text.startsWith('TCP ', start)) {
      packet.protocol = 6
      return readTcp(text, start + 4, packet)
    }
    if (text.startsWith('UDP ', start)) {
      packet.protocol = 17
      return readUdp(text, start + 4, packet)
    }
  }
  const code = text.charCodeAt(start)
  if (code >= 48 && code <= 57) return readNumbered(text, start, packet)
  const blank = text.indexOf(' ', start)
  const end = blank < 0 ? text.length : blank
  const protocol = protocolNumber(text, start, end)
  const isLaterFragment = packet.fragmentOffset > 0
  // A name at the end of the line may be half a name, unless nothing more can follow it.
  if (blank < 0 && (protocol < 0 || !isLaterFragment)) return CUT
  if (protocol < 0) return MALFORMED
  packet.protocol = protocol
  const body = next(text, end)
  if (isLaterFragment) return readOwn(text, body, packet)
  switch (protocol) {
    case 136:
      return readUdp(text, body, packet)
    case 1:
    case 58:
      return readIcmp(text, body, packet)
    default:
      return readSpi(text, body, packet)
  }
}

/** IANA numbers of the names the kernel prints, -1 for any other text. */
function protocolNumber(text: string, start: number, end: number): number {
  switch (text.slice(start, end)) {
    case 'TCP':
      return 6
    case 'UDP':
      return 17
    case 'ICMP':
      return 1
    case 'ICMPv6':
      return 58
    case 'UDPLITE':
      return 136
    case 'ESP':
      return 50
    case 'AH':
      return 51
    default:
      return -1
  }
}

function readNumbered(text: string, start: number, packet: Packet): number {
  const protocol = lastField(text, start, '')
  if (protocol < 0) return protocol
  packet.protocol = protocol
  return protocol > 0xff ? MALFORMED : readOwn(text, behindLast(text, start, protocol), packet)
}

function readTcp(text: string, from: number, packet: Packet): number {
  let at = readPorts(text, from, packet)
  if (packet.dport < 0) return at
  if (text.startsWith('SEQ=', at)) {
    at = readSequence(text, at, packet)
    if (at < 0) return at
  }
  const window = field(text, at, 'WINDOW=')
  if (window < 0) return isCutOf(text, at, 'SEQ=') ? CUT : window
  if (window > 0xffff) return MALFORMED
  packet.tcpWindow = window
  at = behind(at + 7, window)
  if (text.slice(at, at + OPENING.length) === OPENING) {
    packet.tcpFlags = 'SYN'
    return readTcpEnd(text, at + OPENING.length, packet)
  }
  if (!text.startsWith('RES=0x', at)) return broken(text, at, 'RES=0x')
  if (text.length <= at + 8) return CUT
  if (hexEnd(text, at + 6, 2) !== at + 8 || text.charCodeAt(at + 8) !== BLANK) return MALFORMED
  at = readFlags(text, at + 9, packet)
  return at < 0 ? at : readTcpEnd(text, at, packet)
}

function readTcpEnd(text: string, from: number, packet: Packet): number {
  if (from === text.length) return from
  if (!text.startsWith('OPT (', from)) return readOwn(text, from, packet)
  if (text.startsWith('OPT (TRUNCATED)', from)) return readRest(text, from + 15)
  const at = optionsEnd(text, from + 5)
  return at < 0 ? at : readOwn(text, at, packet)
}

/** `ACK SYN URGP=0 `: any number of flags, none in a NULL scan. What the kernel may name in future is letters too. */
function readFlags(text: string, from: number, packet: Packet): number {
  let at = from
  while (at < text.length && !(text.charCodeAt(at) === 85 && text.startsWith('URGP=', at))) {
    const code = text.charCodeAt(at)
    if (code !== BLANK && (code < 65 || code > 90)) return MALFORMED
    at++
  }
  if (at === text.length) return CUT
  // The flags are whole once URGP= stands behind them.
  if (at > from) packet.tcpFlags = text.slice(from, at - 1)
  const pointer = lastField(text, at, 'URGP=')
  return pointer < 0 ? pointer : behindLast(text, at + 5, pointer)
}

function readSequence(text: string, from: number, packet: Packet): number {
  const seq = field(text, from, 'SEQ=')
  if (seq < 0) return seq
  packet.tcpSeq = seq
  const at = behind(from + 4, seq)
  const ack = field(text, at, 'ACK=')
  if (ack < 0) return ack
  packet.tcpAck = ack
  return seq > U32_MAX || ack > U32_MAX ? MALFORMED : behind(at + 4, ack)
}

function readUdp(text: string, from: number, packet: Packet): number {
  const at = readPorts(text, from, packet)
  if (packet.dport < 0) return at
  const length = lastField(text, at, 'LEN=')
  if (length < 0) return length
  packet.udpLength = length
  return length > 0xffff ? MALFORMED : readOwn(text, behindLast(text, at + 4, length), packet)
}

/** Both ports, or the kernel's note that the packet is too short to hold them; then dport stays -1 and the line is read. */
function readPorts(text: string, from: number, packet: Packet): number {
  const sport = field(text, from, 'SPT=')
  if (sport < 0) return readShort(text, from, packet, sport)
  if (sport > PORT_MAX) return MALFORMED
  packet.sport = sport
  const at = behind(from + 4, sport)
  const dport = field(text, at, 'DPT=')
  if (dport < 0) return dport
  if (dport > PORT_MAX) return MALFORMED
  packet.dport = dport
  return behind(at + 4, dport)
}

/** AH and ESP: `SPI=0xcafebabe `. */
function readSpi(text: string, at: number, packet: Packet): number {
  if (!text.startsWith('SPI=0x', at)) return readShort(text, at, packet, broken(text, at, 'SPI=0x'))
  const end = hexEnd(text, at + 6, 8)
  if (end === at + 6) return end === text.length ? CUT : MALFORMED
  if (end < text.length && text.charCodeAt(end) !== BLANK) return MALFORMED
  packet.spi = text.slice(at + 4, end)
  return readOwn(text, next(text, end), packet)
}
