/**
 * What stands before the kernel's text, in every transport of formats.md 1.5.1:
 *
 *   Nov 22 15:09:30 gw2 kernel: [ 3816.361608] WG-ACCEPT IN=wg0 …           rsyslog traditional, journalctl short
 *   <6>1 2026-11-22T10:43:44.740970+00:00 vm kernel - - - [ 2415.942494] …  RFC 5424
 *   6,810,2099844502,-,caller=T123;fx-TR deny: IN=…                         /dev/kmsg
 *   kern  :warn  : [ 2099.844557] …                                         dmesg -x
 *
 * Authority: rsyslog's templates, RFC 3164, RFC 5424 6, Documentation/ABI/testing/dev-kmsg, util-linux dmesg. Says who claims
 * to have written the line and what contradicts that; does not look at the packet, and judges no time (boot-clock.ts).
 */

import type { Micros } from '../../time.ts'
import { type Bracket, createBracket, readBracket, readUptime } from './header-bracket.ts'
import { isSyslogStart, readPriority, skipPriority, tokenEnd } from './header-syslog.ts'
import type { StampReader } from './stamp.ts'

export type Header = {
  /** kernel: the line says so and nothing in the header contradicts it. other: anybody else, or a contradiction (`flaw`). */
  origin: 'kernel' | 'other' | 'continuation' | 'none'
  /** Why an `other` line that holds a packet is suspect: `tag`, `pid`, `facility`, `rfc5424-blank`, `structured-data`, `several-messages`. */
  flaw: string
  /** NaN: the header has no wall clock, or one whose year nothing tells (`isYearless`). */
  at: Micros
  resolution: Micros
  isYearless: boolean
  /** Microseconds since boot, -1 without. */
  uptime: Micros
  /** Where the message begins: behind tag and uptime. */
  from: number
  /** The tag as it stands, for lines of daemons: [tagFrom, tagEnd), empty in dmesg and kmsg. */
  tagFrom: number
  tagEnd: number
  /** The facility is proven by the transport (kmsg number, dmesg -x). */
  isProven: boolean
  /** Of /dev/kmsg, decimal; '' elsewhere. */
  sequence: string
}

export type HeaderReader = { read(text: string): Header }

/** One object is returned for every line: read it before the next call. */
export function createHeaderReader(stamp: StampReader): HeaderReader {
  const header: Header = {
    origin: 'none',
    flaw: '',
    at: Number.NaN,
    resolution: 0,
    isYearless: false,
    uptime: -1,
    from: 0,
    tagFrom: 0,
    tagEnd: 0,
    isProven: false,
    sequence: '',
  }
  const bracket: Bracket = createBracket()
  /** ` gw2 kernel: ` of the last kernel line: the next one mostly has the same. */
  let kernelTail = '\n'
  return { read }

  function read(text: string): Header {
    header.origin = 'none'
    header.flaw = ''
    header.at = Number.NaN
    header.isYearless = false
    header.uptime = -1
    header.from = 0
    header.tagFrom = 0
    header.tagEnd = 0
    header.isProven = false
    header.sequence = ''
    const first = text.charCodeAt(0)
    if (first === 32 || first === 9) header.origin = 'continuation'
    else if (first === 60) readMarked(text)
    else if (first === 91) readBracketed(text, 0)
    else if (first >= 48 && first <= 57) readNumbered(text)
    else if (stamp.readTraditional(text, 0) || stamp.readFull(text, 0)) readSyslog(text)
    else readDecoded(text)
    return header
  }

  /** `<PRI>` first: RFC 5424, a forward format in a file, or dmesg -r (whose number is wrong for facilities but kern). */
  function readMarked(text: string): void {
    const priority = readPriority(text, 0)
    if (priority < 0) return
    const from = skipPriority(text, 0)
    if (text.charCodeAt(from) === 91) readBracketed(text, from)
    else if (text.startsWith('1 ', from) && stamp.readIso(text, from + 2)) readProtocol(text)
    else if (stamp.readTraditional(text, from) || stamp.readIso(text, from)) {
      readSyslog(text)
      // The forward formats end no message: what follows in the same line may be anybody's.
      if (isSyslogStart(text, from)) contradict('several-messages')
    } else return
    if (priority >> 3 !== 0) contradict('facility')
  }

  function readNumbered(text: string): void {
    if (text.lastIndexOf(',', 5) > 0) {
      readKmsg(text)
      return
    }
    if (text.startsWith('1 ') && stamp.readIso(text, 2)) {
      readProtocol(text)
      return
    }
    if (stamp.readIso(text, 0)) {
      if (text.charCodeAt(19) === 44) takeMessage(text)
      else readSyslog(text)
    } else if (stamp.readUnix(text, 0)) readSyslog(text)
  }

  /** ` HOST TAG: message` behind a stamp. The host is the sender's claim and is not used. */
  function readSyslog(text: string): void {
    takeStamp()
    const at = stamp.end
    if (text.slice(at, at + kernelTail.length) === kernelTail) {
      header.origin = 'kernel'
      header.tagEnd = at + kernelTail.length - 1
      header.tagFrom = header.tagEnd - 7
      header.from = readUptime(text, header.tagEnd + 1, header)
      return
    }
    if (text.charCodeAt(at) !== 32) return
    const tagFrom = tokenEnd(text, at + 1) + 1
    const tagEnd = tokenEnd(text, tagFrom)
    const isColon = text.charCodeAt(tagEnd - 1) === 58
    if (!isColon && (text.startsWith(' - - ', tagEnd) || /^ \d{1,10} - /.test(text.slice(tagEnd, tagEnd + 14)))) {
      readProtocol(text)
      return
    }
    header.tagFrom = tagFrom
    header.tagEnd = tagEnd
    header.from = Math.min(tagEnd + 1, text.length)
    if (isColon && tagEnd - tagFrom === 7 && text.startsWith('kernel', tagFrom)) {
      header.origin = 'kernel'
      if (text.charCodeAt(tagEnd) === 32 && tagEnd - at < 300) kernelTail = text.slice(at, tagEnd + 1)
      header.from = readUptime(text, header.from, header)
    } else contradict(text.startsWith('kernel[', tagFrom) ? 'pid' : 'tag')
  }

  /** RFC 5424 behind its stamp: HOST APP PROCID MSGID SD MSG. A message that came through the log socket keeps its leading blank here. */
  function readProtocol(text: string): void {
    takeStamp()
    const tagFrom = tokenEnd(text, stamp.end + 1) + 1
    const tagEnd = tokenEnd(text, tagFrom)
    const pidEnd = tokenEnd(text, tagEnd + 1)
    const idEnd = tokenEnd(text, pidEnd + 1)
    header.tagFrom = tagFrom
    header.tagEnd = tagEnd
    header.from = Math.min(tokenEnd(text, idEnd + 1) + 1, text.length)
    const length = tagEnd - tagFrom
    const isKernel = text.startsWith('kernel', tagFrom) && (length === 6 || (length === 7 && text[tagEnd - 1] === ':'))
    if (!isKernel) {
      contradict('tag')
      return
    }
    if (!text.startsWith(' - ', tagEnd)) {
      contradict('pid')
      return
    }
    if (!text.startsWith(' - - ', pidEnd)) {
      contradict('structured-data')
      return
    }
    if (text.charCodeAt(header.from) === 32) {
      contradict('rfc5424-blank')
      return
    }
    header.origin = 'kernel'
    header.from = readUptime(text, header.from, header)
  }

  /** The number is facility * 8 + level; the kernel refuses facility 0 to writers from user space. */
  function readKmsg(text: string): void {
    const match = /^(\d{1,5}),(\d{1,20}),(\d{1,15}),[^;]{0,100};/.exec(text)
    if (match === null) return
    header.sequence = match[2] ?? ''
    header.uptime = Number(match[3])
    header.from = match[0].length
    header.isProven = true
    if (Number(match[1]) >> 3 === 0) header.origin = 'kernel'
    else contradict('facility')
  }

  /** dmesg: `[ 2099.844502] `, `[Sun Nov 22 10:38:27 2026] `; journalctl short-monotonic has a host and a tag behind it. */
  function readBracketed(text: string, at: number): void {
    if (stamp.readCtime(text, at + 1) && text.startsWith('] ', stamp.end)) {
      stamp.end++
      takeMessage(text)
      return
    }
    if (!readBracket(text, at, bracket)) return
    header.origin = 'kernel'
    header.uptime = bracket.uptime
    header.from = bracket.end
    const tagFrom = tokenEnd(text, bracket.end) + 1
    const tagEnd = tokenEnd(text, tagFrom)
    if (tagEnd - tagFrom > 64) return
    const tag = text.slice(tagFrom, tagEnd)
    if (tag !== 'kernel:' && !/^[\w./-]{1,40}\[\d{1,10}\]:$/.test(tag)) return
    header.tagFrom = tagFrom
    header.tagEnd = tagEnd
    header.from = Math.min(tagEnd + 1, text.length)
    if (tag !== 'kernel:') contradict(tag.startsWith('kernel[') ? 'pid' : 'tag')
  }

  /** dmesg -x: `kern  :warn  : ` and then any of dmesg's stamps. */
  function readDecoded(text: string): void {
    const match = /^([a-z0-9]{3,8}) *:[a-z]{3,6} *: (?=[[\d])/.exec(text.slice(0, 24))
    if (match === null) return
    const from = match[0].length
    header.isProven = true
    if (text.charCodeAt(from) === 91) readBracketed(text, from)
    else if (stamp.readIso(text, from)) takeMessage(text)
    if (match[1] !== 'kern') contradict('facility')
  }

  /** dmesg with a wall clock: the message follows the stamp at once. */
  function takeMessage(text: string): void {
    takeStamp()
    header.origin = 'kernel'
    header.from = Math.min(stamp.end + 1, text.length)
  }

  function takeStamp(): void {
    header.at = stamp.at
    header.resolution = stamp.resolution
    header.isYearless = Number.isNaN(stamp.at)
  }

  function contradict(flaw: string): void {
    if (header.origin === 'none' && header.from === 0) return
    header.origin = 'other'
    if (header.flaw === '') header.flaw = flaw
  }
}
