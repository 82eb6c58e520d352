/**
 * One line of ulogd2's JSON output (formats.md 1.7), stack NFLOG,BASE,IFINDEX,IP2STR,HWHDR,JSON, to a Packet:
 * `{"timestamp": "2026-11-22T10:49:43.032890", "oob.prefix": "fx ", "oob.time.sec": 1795344583, "src_ip": "10.77.1.2", …}`
 * Authority: ulogd_raw2packet_BASE.c, ulogd_output_JSON.c and ulogd_inppkt_NFLOG.c of ulogd2 2.0.8.
 *
 * Keys are read by name from a fixed list; a key that is missing (ulogd leaves out what is not UTF-8) leaves its field
 * empty. `action` and `raw.label` are not read: `boolean_label` writes "blocked" for every packet, it is no verdict.
 * Conntrack flows (NFCT), LOGEMU and GPRINT text are not read here.
 */
import { canonicalAddress } from '../../address.ts'
import { INSTANT_MAX, type Micros, SECOND } from '../../time.ts'
import { emptyPacket } from './packet.ts'
import type { Packet } from './record.ts'
import { parseUlogdStamp } from './ulogd-stamp.ts'

export type UlogdPacket = {
  packet: Packet
  /** The kernel's stamp of the packet (`oob.time.*`), else ulogd's; null when neither can be read. */
  at: Micros | null
  /**
   * `at` comes from a stamp without zone, read as UTC. That is right for the versions that leave the zone out where it
   * is +0000 (traps 1.7 a); whoever knows the gateway's zone may know better.
   */
  isLocalTime: boolean
}

type Fields = ReadonlyMap<string, unknown>

/** Keys of which an NFLOG object has at least one and an NFCT flow none. */
const PACKET_KEYS: readonly string[] = ['oob.hook', 'oob.in', 'oob.out', 'oob.prefix', 'raw.pktlen']
/** A number that is not what its key allows. Never leaves this file. */
const BAD = -2
const U16_MAX = 0xffff
const U32_MAX = 0xffff_ffff
const IPV6_HEADER_BYTES = 40
/** Bits of `ip.fragoff`, which holds flags and offset as in the header (RFC 791). */
const IP_DF = 0x4000
const IP_MF = 0x2000
const IP_OFFSET = 0x1fff

/** Name, key and bit: the four reserved bits are in res1 with AE lowest, res2 holds ECE and CWR (netinet/tcp.h). */
const TCP_FLAGS: readonly (readonly [string, string, number])[] = [
  ['AE', 'tcp.res1', 1],
  ['CWR', 'tcp.res2', 2],
  ['ECE', 'tcp.res2', 1],
  ['URG', 'tcp.urg', 1],
  ['ACK', 'tcp.ack', 1],
  ['PSH', 'tcp.psh', 1],
  ['RST', 'tcp.rst', 1],
  ['SYN', 'tcp.syn', 1],
  ['FIN', 'tcp.fin', 1],
]

/** `text` is a latin1 line. null: JSON of another kind. `malformed`: no JSON, or addresses or numbers that cannot be trusted. */
export function parseUlogdJson(text: string): UlogdPacket | 'malformed' | null {
  const fields = readFields(text)
  if (fields === 'malformed') return 'malformed'
  if (fields === null || !PACKET_KEYS.some((key) => fields.has(key))) return null
  const packet = emptyPacket()
  packet.prefix = textOf(fields, 'oob.prefix')
  packet.in = textOf(fields, 'oob.in')
  packet.out = textOf(fields, 'oob.out')
  fillLink(fields, packet)
  if (!fillNetwork(fields, packet)) return 'malformed'
  // A later fragment has no transport header. BASE reads one from its payload all the same, which the sender chooses.
  if (packet.family !== 0 && packet.fragmentOffset <= 0) fillTransport(fields, packet)
  packet.uid = numberOf(fields, 'oob.uid', U32_MAX)
  packet.gid = numberOf(fields, 'oob.gid', U32_MAX)
  const mark = numberOf(fields, 'oob.mark', U32_MAX)
  packet.mark = mark > 0 ? `0x${mark.toString(16)}` : ''
  if (mark === BAD || Object.values(packet).includes(BAD)) return 'malformed'
  return { packet, ...stampOf(fields) }
}

/** The object's own keys, null for JSON that is no object. A Map, because a key may be `__proto__`. */
function readFields(text: string): Fields | 'malformed' | null {
  let value: unknown
  try {
    value = JSON.parse(isAscii(text) ? text : Buffer.from(text, 'latin1').toString('utf8'))
  } catch {
    return 'malformed'
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return new Map<string, unknown>(Object.entries(value))
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

/** A text's UTF-8 bytes as latin1, as the kernel's text has them; '' when the key is missing or no text. */
function textOf(fields: Fields, key: string): string {
  const value = fields.get(key)
  if (typeof value !== 'string') return ''
  return isAscii(value) ? value : Buffer.from(value, 'utf8').toString('latin1')
}

/** A whole number up to `max`, -1 when the key is missing, BAD when it holds anything else. */
function numberOf(fields: Fields, key: string, max: number): number {
  const value = fields.get(key)
  if (value === undefined) return -1
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max ? value : BAD
}

/** `mac.str` is the raw link header; only that of Ethernet is decoded, as in the kernel's text. */
function fillLink(fields: Fields, packet: Packet): void {
  const header = textOf(fields, 'mac.str')
  if (!/^(?:[0-9a-f]{2}:){13}[0-9a-f]{2}$/i.test(header)) return
  const hyphenated = header.toUpperCase().replaceAll(':', '-')
  packet.macDestination = hyphenated.slice(0, 17)
  packet.macSource = hyphenated.slice(18, 35)
  packet.etherType = (header.slice(36, 38) + header.slice(39, 41)).toLowerCase()
}

/** False when the addresses cannot be trusted. A packet too short for its header, and ARP, have none at all. */
function fillNetwork(fields: Fields, packet: Packet): boolean {
  const isIpv6 = fields.has('ip6.hoplimit') || fields.has('ip6.payloadlen')
  if (!fields.has('src_ip') && !fields.has('dest_ip')) return !isIpv6 && !fields.has('ip.protocol')
  const src = canonicalAddress(textOf(fields, 'src_ip'))
  const dst = canonicalAddress(textOf(fields, 'dest_ip'))
  if (src === null || dst === null) return false
  if (!isIpv6 && (src.includes(':') || dst.includes(':'))) return false
  packet.src = src
  packet.dst = dst
  packet.family = isIpv6 ? 6 : 4
  packet.protocol = numberOf(fields, 'ip.protocol', 0xff)
  if (isIpv6) fillIpv6(fields, packet)
  else fillIpv4(fields, packet)
  return true
}

function fillIpv4(fields: Fields, packet: Packet): void {
  packet.length = numberOf(fields, 'ip.totlen', U16_MAX)
  packet.dscp = numberOf(fields, 'ip.tos', 0xff)
  if (packet.dscp >= 0) packet.dscp >>= 2
  packet.ttl = numberOf(fields, 'ip.ttl', 0xff)
  packet.ipId = numberOf(fields, 'ip.id', U16_MAX)
  const fragment = numberOf(fields, 'ip.fragoff', U16_MAX)
  if (fragment < 0) {
    packet.fragmentOffset = fragment
    return
  }
  packet.dontFragment = (fragment & IP_DF) !== 0
  packet.moreFragments = (fragment & IP_MF) !== 0
  if ((fragment & (IP_MF | IP_OFFSET)) !== 0) packet.fragmentOffset = (fragment & IP_OFFSET) * 8
}

function fillIpv6(fields: Fields, packet: Packet): void {
  packet.length = numberOf(fields, 'ip6.payloadlen', U16_MAX)
  if (packet.length >= 0) packet.length += IPV6_HEADER_BYTES
  // BASE puts the whole traffic class here, whatever the name says.
  packet.dscp = numberOf(fields, 'ip6.priority', 0xff)
  if (packet.dscp >= 0) packet.dscp >>= 2
  packet.ttl = numberOf(fields, 'ip6.hoplimit', 0xff)
  packet.flowLabel = numberOf(fields, 'ip6.flowlabel', 0xfffff)
  packet.fragmentOffset = numberOf(fields, 'ip6.fragoff', U16_MAX)
  const id = numberOf(fields, 'ip6.fragid', U32_MAX)
  if (id >= 0) packet.fragmentId = id.toString(16).padStart(8, '0')
  // Only the header that ends the chain is named for ESP and for later fragments.
  if (packet.protocol === -1) packet.protocol = numberOf(fields, 'ip6.nexthdr', 0xff)
}

function fillTransport(fields: Fields, packet: Packet): void {
  packet.sport = numberOf(fields, 'src_port', U16_MAX)
  packet.dport = numberOf(fields, 'dest_port', U16_MAX)
  packet.udpLength = numberOf(fields, 'udp.len', U16_MAX)
  packet.tcpSeq = numberOf(fields, 'tcp.seq', U32_MAX)
  packet.tcpAck = numberOf(fields, 'tcp.ackseq', U32_MAX)
  packet.tcpWindow = numberOf(fields, 'tcp.window', U16_MAX)
  packet.tcpFlags = tcpFlagsOf(fields)
  const icmp = packet.family === 4 ? 'icmp' : 'icmpv6'
  packet.icmpType = numberOf(fields, `${icmp}.type`, 0xff)
  packet.icmpCode = numberOf(fields, `${icmp}.code`, 0xff)
  packet.icmpId = numberOf(fields, `${icmp}.echoid`, U16_MAX)
  packet.icmpSeq = numberOf(fields, `${icmp}.echoseq`, U16_MAX)
}

/**
 * Flags in the kernel's order. AE, CWR and ECE are the reserved bits of the old header struct; where ulogd writes a
 * constant 0 for them they are missing here.
 */
function tcpFlagsOf(fields: Fields): string {
  const flags: string[] = []
  for (const [name, key, bit] of TCP_FLAGS) {
    const value = numberOf(fields, key, 0xff)
    if (value > 0 && (value & bit) !== 0) flags.push(name)
  }
  return flags.join(' ')
}

function stampOf(fields: Fields): { at: Micros | null; isLocalTime: boolean } {
  const seconds = numberOf(fields, 'oob.time.sec', INSTANT_MAX / SECOND)
  const micros = numberOf(fields, 'oob.time.usec', SECOND - 1)
  // 0 is a kernel that gave the packet no time.
  if (seconds > 0) return { at: seconds * SECOND + Math.max(micros, 0), isLocalTime: false }
  return parseUlogdStamp(textOf(fields, 'timestamp') || textOf(fields, '@timestamp'))
}
