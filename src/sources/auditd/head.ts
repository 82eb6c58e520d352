/**
 * The beginning of an audit line, in every shape the log comes in (formats.md 3.2):
 *
 *   node=db1 type=SYSCALL msg=audit(1795344889.559:126650): arch=…     audit.log, RAW or ENRICHED
 *   1300|audit(1795344889.559:126650): arch=…                          the kernel's multicast; also a blank for the bar
 *   … kernel: [12.3] audit: type=1300 audit(1795344889.559:126650): …  the kernel log, where no auditd runs
 *   … audisp-syslog: type=SYSCALL msg=audit(…): …                      auditd's syslog plugin
 *
 * Scanned by position from the begin of the line and nowhere else: arguments, user messages and socket paths legally hold
 * `type=… msg=audit(…)` (formats.md 3.8, trap 5).
 */
import { type Micros, MS, SECOND } from '../../time.ts'
import type { RecordHead } from './record.ts'
import { nameOfType, typeOfName } from './record-type.ts'

/** `netlink`: one message may lie on several lines, for nobody replaced the LFs in it. */
export type Shape = 'file' | 'netlink' | 'kernel-log' | 'syslog'

export type Head = RecordHead & {
  readonly type: number
  readonly name: string
  readonly shape: Shape
  /** Where the text behind `audit(…): ` begins. */
  readonly bodyFrom: number
}

/** Longest node name: auditd's `name` is a host name, at most 255 bytes. */
const NODE_MAX = 255
const NAME_MAX = 64
/** A syslog header is shorter. */
const SYSLOG_HEADER_MAX = 512
/** Ten digits of seconds reach the year 2286. */
const SECONDS_DIGITS_MAX = 10
const SERIAL_MAX = 0xffff_ffff

/** Null: not the beginning of an audit record. */
export function readHead(line: string): Head | null {
  const first = line.charCodeAt(0)
  if (first === 0x74 /* t */ && line.startsWith('type=')) return readTyped(line, 0, '', 'file')
  if (first === 0x6e /* n */ && line.startsWith('node=')) return readNode(line, 0, 'file')
  if (first >= 0x30 && first <= 0x39) {
    const netlink = readNetlink(line)
    if (netlink !== null) return netlink
  }
  return readLogged(line)
}

function readNode(line: string, from: number, shape: Shape): Head | null {
  // A name with blanks is possible: whoever sends records to an aggregator writes it as they like.
  const end = line.indexOf(' type=', from + 5)
  if (end < 0 || end - from - 5 > NODE_MAX || end === from + 5) return null
  return readTyped(line, end + 1, line.substring(from + 5, end), shape)
}

/** `from` is where `type=` stands. */
function readTyped(line: string, from: number, node: string, shape: Shape): Head | null {
  const nameFrom = from + 5
  const common = commonTypeAt(line, nameFrom)
  if (common !== null) return readStamp(line, nameFrom + common.start.length, node, common.type, common.name, shape)
  const nameEnd = line.indexOf(' ', nameFrom)
  if (nameEnd <= nameFrom || nameEnd - nameFrom > NAME_MAX) return null
  const isFile = line.startsWith('msg=audit(', nameEnd + 1)
  if (!isFile && !line.startsWith('audit(', nameEnd + 1)) return null
  const name = line.substring(nameFrom, nameEnd)
  if (!isName(name)) return null
  const type = typeOfName(name)
  return readStamp(line, nameEnd + (isFile ? 11 : 7), node, type, name, isFile ? shape : 'kernel-log')
}

/** The types that make up nearly all of a log are neither cut out nor looked up. */
function commonTypeAt(line: string, from: number): CommonType | null {
  const first = line.charCodeAt(from)
  for (const common of COMMON_TYPES) {
    if (common.first === first && line.startsWith(common.start, from)) return common
  }
  return null
}

type CommonType = { readonly first: number; readonly start: string; readonly name: string; readonly type: number }

const COMMON_TYPES: readonly CommonType[] = ['SYSCALL', 'PATH', 'PROCTITLE', 'CWD', 'EXECVE', 'SOCKADDR'].map(
  (name) => ({ first: name.charCodeAt(0), start: `${name} msg=audit(`, name, type: typeOfName(name) }),
)

function readNetlink(line: string): Head | null {
  let at = 0
  let type = 0
  for (; at < 6; at++) {
    const digit = line.charCodeAt(at) - 0x30
    if (!(digit >= 0 && digit <= 9)) break
    type = type * 10 + digit
  }
  const next = line.charCodeAt(at)
  if ((next !== 0x7c /* | */ && next !== 0x20) || type > 0xffff || !line.startsWith('audit(', at + 1)) return null
  return readStamp(line, at + 7, '', type, '', 'netlink')
}

/** Behind the header of a log daemon: only its own tag may stand before the record. */
function readLogged(line: string): Head | null {
  let from = 0
  if (!line.startsWith('audit: type=') && line.charCodeAt(0) !== 0x5b /* [ */) {
    const colon = line.indexOf(': ')
    if (colon <= 0 || colon > SYSLOG_HEADER_MAX) return null
    const tag = line.substring(line.lastIndexOf(' ', colon - 1) + 1, colon)
    from = colon + 2
    if (/^audis(?:pd|p-syslog)(?:\[\d{1,10}\])?$/.test(tag)) {
      if (line.startsWith('node=', from)) return readNode(line, from, 'syslog')
      return line.startsWith('type=', from) ? readTyped(line, from, '', 'syslog') : null
    }
    if (tag !== 'kernel') return null
  }
  if (line.charCodeAt(from) === 0x5b) {
    const end = line.indexOf('] ', from)
    if (end < 0 || end - from > 24) return null
    from = end + 2
  }
  return line.startsWith('audit: type=', from) ? readTyped(line, from + 7, '', 'kernel-log') : null
}

/** `from` stands behind `audit(`: seconds, `.`, three digits, `:`, serial, `):`. */
function readStamp(line: string, from: number, node: string, type: number, name: string, shape: Shape): Head | null {
  let at = from
  let seconds = 0
  for (; at - from <= SECONDS_DIGITS_MAX; at++) {
    const digit = line.charCodeAt(at) - 0x30
    if (!(digit >= 0 && digit <= 9)) break
    seconds = seconds * 10 + digit
  }
  if (at === from || at - from > SECONDS_DIGITS_MAX || line.charCodeAt(at) !== 0x2e /* . */) return null
  const ms = threeDigits(line, at + 1)
  if (ms < 0 || line.charCodeAt(at + 4) !== 0x3a /* : */) return null
  at += 5
  const serialFrom = at
  let serial = 0
  for (; at - serialFrom <= 10; at++) {
    const digit = line.charCodeAt(at) - 0x30
    if (!(digit >= 0 && digit <= 9)) break
    serial = serial * 10 + digit
  }
  if (at === serialFrom || serial > SERIAL_MAX || !line.startsWith('):', at)) return null
  at += 2
  const stamp: Micros = seconds * SECOND + ms * MS
  const known = name === '' || (type >= 0 && name.charCodeAt(0) <= 0x39) ? nameOfType(type) : name
  return { node, at: stamp, serial, type, name: known, shape, bodyFrom: line.charCodeAt(at) === 0x20 ? at + 1 : at }
}

/** -1: not three digits. */
function threeDigits(line: string, from: number): number {
  const a = line.charCodeAt(from) - 0x30
  const b = line.charCodeAt(from + 1) - 0x30
  const c = line.charCodeAt(from + 2) - 0x30
  // NaN beyond the end of the line fails all comparisons.
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 && c >= 0 && c <= 9 ? a * 100 + b * 10 + c : -1
}

/** Letters, digits and `_`, or `UNKNOWN[digits]`. */
function isName(name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at)
    const isWord = (code >= 0x41 && code <= 0x5a) || code === 0x5f || (code >= 0x30 && code <= 0x39)
    if (!isWord && !(code >= 0x61 && code <= 0x7a)) return /^UNKNOWN\[\d{1,5}\]$/.test(name)
  }
  return true
}
