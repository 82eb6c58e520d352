/**
 * One packet log record, the same for kernel text (nft log, xt LOG), journald and ulogd2 JSON. One fixed shape for all of
 * them, because V8 is only fast on objects that look alike: absent numbers are -1, absent texts ''.
 */
import type { Micros } from '../../time.ts'
import type { SourceFile } from '../source.ts'

/** The fields of the packet itself (formats.md 1.2, 1.3). Texts are latin1 slices of the line except addresses, which are canonical. */
export type Packet = {
  prefix: string
  /** Devices, '' when the line has none. */
  in: string
  out: string
  physIn: string
  physOut: string
  /** Upper case with hyphens, as ECS wants them; '' when absent. On a device without link header both are ''. */
  macSource: string
  macDestination: string
  /** Four hex digits. */
  etherType: string
  /** VLAN id of the outer tag (TCI & 0xfff). */
  vlanId: number
  /** 4, 6, or 0 for a line without an IP part (ARP, unknown EtherType, two tags). */
  family: 0 | 4 | 6
  src: string
  dst: string
  /** IP length including header (the first LEN). */
  length: number
  dscp: number
  ttl: number
  /** IPv4 identification. */
  ipId: number
  dontFragment: boolean
  /** IPv4 MF, IPv6 INCOMPLETE before ID. */
  moreFragments: boolean
  /** Bytes (IPv4 units of 8 are normalised), -1 when the packet is no fragment. */
  fragmentOffset: number
  /** IPv6 fragment id, 8 hex digits. */
  fragmentId: string
  flowLabel: number
  /** IANA number, -1 when the line names none (IPv6 ESP, later AH fragment). */
  protocol: number
  sport: number
  dport: number
  /** UDP length field, the sender's claim. */
  udpLength: number
  tcpSeq: number
  tcpAck: number
  tcpWindow: number
  /** `SYN`, `ACK SYN`, … as printed, in kernel order, separated by one blank. */
  tcpFlags: string
  icmpType: number
  icmpCode: number
  icmpId: number
  icmpSeq: number
  /** Text between [ ] of an ICMP error: the quoted packet. Attacker-supplied: never attributed, never a flow. */
  quoted: string
  spi: string
  uid: number
  gid: number
  /** `0x2a`, '' when absent (mark 0 is never printed). */
  mark: string
  /** The line ended in the middle (1019-byte buffer, cut log). What was read before the cut is kept. */
  isTruncated: boolean
}

export type PacketRecord = {
  readonly kind: 'packet'
  /** When the source had said it: never runs backwards within one source. */
  readonly arrival: Micros
  /** When it happened: the stamp, refined by `[uptime]` within one boot. */
  readonly at: Micros
  /** How far `at` may be off because of the stamp's resolution: 1 s for `Nov 22 15:09:29` without uptime, 0 for microseconds. */
  readonly resolution: Micros
  /** kernel: proven by /dev/kmsg or the journal; syslog: tag and uptime look right; unverified: neither. */
  readonly trust: 'kernel' | 'syslog' | 'unverified'
  readonly packet: Packet
  /** The source's own identity of the record where it has one (`__CURSOR` of journald, `boot:sequence` of kmsg), else ''. */
  readonly ownIdentity: string
  readonly file: SourceFile
  readonly offset: number
  /** The whole line, latin1. */
  readonly text: string
}
