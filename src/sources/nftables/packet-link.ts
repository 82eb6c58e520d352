/**
 * The link part of a packet log line: bridge ports and the link header (formats.md 1.2 `link`).
 * `PHYSIN=fxbr0 PHYSOUT=fxbr1 MAC=f6:53:31:8e:d5:cd:3a:22:85:4f:11:31:08:00 ` or, with `flags ether`,
 * `MACSRC=3a:22:85:4f:11:31 MACDST=f6:53:31:8e:d5:cd VPROTO=8100 VID=41002 MACPROTO=0800 `.
 * Authority: dump_mac_header in net/netfilter/nf_log_syslog.c. Only Ethernet headers are decoded: the raw header of
 * another device is whatever lies before the packet in memory, on WireGuard mostly nothing.
 */
import { behind, broken, CUT, field, hexByte, hexEnd, isCutOf, MALFORMED } from './packet-scan.ts'
import type { Packet } from './record.ts'

const BLANK = 32
const COLON = 58
/** Characters of `7e:02:76:e2:4c:f5`. */
const MAC_CHARACTERS = 17
/** Characters of a whole Ethernet header in MAC=: 14 bytes, destination first. */
const HEADER_CHARACTERS = 41
/** The low 12 bits of VID= are the VLAN id; the kernel prints the whole tag control information (802.1Q 9.6). */
const VLAN_ID_MASK = 0xfff

/** `00` to `FF`: cheaper than cutting and upper-casing, twelve times a line. */
const BYTE_TEXTS: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).toUpperCase().padStart(2, '0'),
)

/** Fills the link fields; where the network part begins, or CUT or MALFORMED. */
export function readLink(text: string, from: number, packet: Packet): number {
  let at = from
  // Nearly all lines of a headerless device go on with MAC= or SRC= at once; P can only be a bridge port here.
  if (text.charCodeAt(at) === 80) {
    at = readPorts(text, at, packet)
    if (at < 0) return at
  }
  if (text.startsWith('MAC=', at)) return readRawHeader(text, at + 4, packet)
  if (text.startsWith('MACSRC=', at)) return readDecodedHeader(text, at, packet)
  return at < text.length && isCutOf(text, at, 'MACSRC=') ? CUT : at
}

function readPorts(text: string, from: number, packet: Packet): number {
  let at = from
  if (text.startsWith('PHYSIN=', at)) {
    const end = text.indexOf(' ', at)
    if (end < 0) return CUT
    packet.physIn = text.slice(at + 7, end)
    at = end + 1
  }
  if (text.startsWith('PHYSOUT=', at)) {
    const end = text.indexOf(' ', at)
    if (end < 0) return CUT
    packet.physOut = text.slice(at + 8, end)
    at = end + 1
  }
  return at === from ? broken(text, at, isCutOf(text, at, 'PHYSIN=') ? 'PHYSIN=' : 'PHYSOUT=') : at
}

function readRawHeader(text: string, from: number, packet: Packet): number {
  if (text.charCodeAt(from) === BLANK) return from + 1
  const end = text.indexOf(' ', from)
  // The blank behind an empty MAC= is the kernel's; without it the line may end inside the header.
  if (end < 0) return CUT
  if (end - from === HEADER_CHARACTERS) readEthernet(text, from, packet)
  // SIT devices add the outer addresses of the tunnel, which are no addresses of this packet.
  if (!text.startsWith('TUNNEL=', end + 1)) return end + 1
  const tunnelEnd = text.indexOf(' ', end + 1)
  return tunnelEnd < 0 ? CUT : tunnelEnd + 1
}

/** `7e:02:76:e2:4c:f5:52:1f:cc:7c:69:00:08:00`; 41 characters that are something else are left alone. */
function readEthernet(text: string, from: number, packet: Packet): void {
  const destination = hyphenated(text, from)
  const source = hyphenated(text, from + MAC_CHARACTERS + 1)
  const high = hexByte(text, from + 36)
  const low = hexByte(text, from + 39)
  const isWhole = destination !== '' && source !== '' && (high | low) >= 0
  if (!isWhole || text.charCodeAt(from + 17) !== COLON || text.charCodeAt(from + 35) !== COLON) return
  if (text.charCodeAt(from + 38) !== COLON) return
  packet.macDestination = destination
  packet.macSource = source
  packet.etherType = text.slice(from + 36, from + 38) + text.slice(from + 39, from + 41)
}

/** Unlike MAC=, these are decoded by the kernel and for Ethernet only, so anything else is no kernel line. */
function readDecodedHeader(text: string, from: number, packet: Packet): number {
  let at = behindMac(text, from, 'MACSRC=')
  if (at < 0) return at
  packet.macSource = hyphenated(text, from + 7)
  if (packet.macSource === '') return MALFORMED
  const destination = at + 7
  at = behindMac(text, at, 'MACDST=')
  if (at < 0) return at
  packet.macDestination = hyphenated(text, destination)
  if (packet.macDestination === '') return MALFORMED
  if (text.startsWith('VPROTO=', at)) {
    at = readTag(text, at, packet)
    if (at < 0) return at
  }
  if (!text.startsWith('MACPROTO=', at))
    return broken(text, at, at < text.length && isCutOf(text, at, 'VPROTO=') ? 'VPROTO=' : 'MACPROTO=')
  const end = hexEnd(text, at + 9, 4)
  if (end === text.length) return CUT
  if (end !== at + 13 || text.charCodeAt(end) !== BLANK) return MALFORMED
  packet.etherType = text.slice(at + 9, end)
  return end + 1
}

function behindMac(text: string, at: number, label: string): number {
  if (!text.startsWith(label, at)) return broken(text, at, label)
  const end = at + label.length + MAC_CHARACTERS
  if (end >= text.length) return CUT
  return text.charCodeAt(end) === BLANK ? end + 1 : MALFORMED
}

function readTag(text: string, from: number, packet: Packet): number {
  const end = hexEnd(text, from + 7, 4)
  if (end === text.length) return CUT
  if (end !== from + 11 || text.charCodeAt(end) !== BLANK) return MALFORMED
  const tag = field(text, end + 1, 'VID=')
  if (tag < 0) return tag
  if (tag > 0xffff) return MALFORMED
  packet.vlanId = tag & VLAN_ID_MASK
  return behind(end + 5, tag)
}

/** The 17 characters at `at` as ECS writes a MAC address, upper case with hyphens; '' when they are none. */
function hyphenated(text: string, at: number): string {
  const first = BYTE_TEXTS[hexByte(text, at)]
  if (first === undefined) return ''
  let result = first
  for (let i = at + 3; i < at + MAC_CHARACTERS; i += 3) {
    const byte = BYTE_TEXTS[hexByte(text, i)]
    if (byte === undefined || text.charCodeAt(i - 1) !== COLON) return ''
    result += `-${byte}`
  }
  return result
}
