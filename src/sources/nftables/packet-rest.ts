/**
 * The end of a packet log line, behind the transport part (formats.md 1.2 `short`, `own`):
 * `INCOMPLETE [10 bytes] `, `OPT (020405B4) `, `UID=65534 GID=65534 MARK=0x2a `, or nothing.
 * Authority: nf_log_dump_sk_uid_gid and the last lines of dump_ipv4_packet in net/netfilter/nf_log_syslog.c. UID is the
 * owner of the local socket, whoever sent the packet.
 */
import {
  behind,
  behindLast,
  broken,
  brokenAny,
  CUT,
  field,
  hexEnd,
  isCutOf,
  lastField,
  MALFORMED,
  next,
} from './packet-scan.ts'
import type { Packet } from './record.ts'

const BLANK = 32
const CLOSE = 41
const U32_MAX = 0xffff_ffff
/** Room for options: 40 bytes in an IPv4 or TCP header, two digits each. */
const OPTION_DIGITS_MAX = 80

/** What may follow a transport part, to tell a cut token from a later kernel's addition. */
const LAST_TOKENS: readonly string[] = [
  'UID=',
  'MARK=0x',
  'OPT (',
  'ID=',
  'PARAMETER=',
  'POINTER=',
  'GATEWAY=',
  '[',
  'MTU=',
  'INCOMPLETE [',
  'PROTO=',
]
/** Tokens that were read by position already: a second one means two lines glued together, or a forged one. */
const UNIQUE_TOKENS: readonly string[] = ['SRC=', 'DST=', 'PROTO=', 'SPT=', 'DPT=', 'IN=', 'OUT=']

/**
 * `INCOMPLETE [10 bytes] ` where a field was expected that the packet is too short for (the line is not); `otherwise` is
 * why that field could not be read.
 */
export function readShort(text: string, at: number, packet: Packet, otherwise: number): number {
  if (!text.startsWith('INCOMPLETE [', at)) return isCutOf(text, at, 'INCOMPLETE [') ? CUT : otherwise
  const bytes = field(text, at, 'INCOMPLETE [')
  if (bytes < 0) return bytes
  const end = behind(at + 12, bytes)
  if (!text.startsWith('bytes]', end)) return broken(text, end, 'bytes]')
  return readOwn(text, next(text, end + 6), packet)
}

/** UID, GID and MARK of the outermost packet, each only where the kernel knows it, and the end of the line. */
export function readOwn(text: string, from: number, packet: Packet): number {
  let at = from
  if (at >= text.length) return at
  if (text.startsWith('UID=', at)) {
    at = readOwner(text, at, packet)
    if (at < 0) return at
  }
  if (text.startsWith('MARK=0x', at)) {
    const end = hexEnd(text, at + 7, 8)
    if (end === at + 7) return end === text.length ? CUT : MALFORMED
    if (end < text.length && text.charCodeAt(end) !== BLANK) return MALFORMED
    packet.mark = text.slice(at + 5, end)
    at = next(text, end)
  }
  return readRest(text, at)
}

function readOwner(text: string, from: number, packet: Packet): number {
  const uid = field(text, from, 'UID=')
  if (uid < 0) return uid
  const at = behind(from + 4, uid)
  const gid = lastField(text, at, 'GID=')
  if (gid < 0) return gid
  packet.uid = uid
  packet.gid = gid
  return uid > U32_MAX || gid > U32_MAX ? MALFORMED : behindLast(text, at + 4, gid)
}

/**
 * What is left when all that we know was read: nothing, a token cut short, or a later kernel's addition, which cannot
 * change what stands before it and is left alone. Unless it repeats what says whose packet this is.
 */
export function readRest(text: string, from: number): number {
  let at = from
  while (at < text.length && text.charCodeAt(at) === BLANK) at++
  if (at >= text.length) return text.length
  if (brokenAny(text, at, LAST_TOKENS) === CUT) return CUT
  return UNIQUE_TOKENS.some((token) => text.indexOf(token, at) >= 0) ? MALFORMED : text.length
}

/** Behind the `) ` of options in hexadecimal that begin at `at`. */
export function optionsEnd(text: string, at: number): number {
  const end = hexEnd(text, at, OPTION_DIGITS_MAX)
  if (end >= text.length || isCutOf(text, at, 'TRUNCATED)')) return CUT
  if (text.charCodeAt(end) !== CLOSE) return MALFORMED
  if (end + 1 < text.length && text.charCodeAt(end + 1) !== BLANK) return MALFORMED
  return next(text, end + 1)
}
