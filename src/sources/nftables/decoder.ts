/**
 * The packet log among other syslog text: lines of kern.log, messages, syslog, dmesg or /dev/kmsg to packet records.
 *
 *   2026-11-22T15:09:29.604391+00:00 gw1 kernel: [ 3815.082895] [edge] wg-allow web: IN=wg0 OUT=lan0 MAC= SRC=10.8.0.28 …
 *
 * header.ts says who claims to have written a line, uptime-habit.ts and boot-clock.ts whether that can be, recent-lines.ts
 * whether it was here before, packet.ts what it says. Time (design 6): the header's stamp, refined by `[uptime]`.
 * Authority: formats.md 1.5, 1.6. A packet line that is not the kernel's becomes a suspect whose addresses are never used.
 */
import { MINUTE, type Micros, SECOND } from '../../time.ts'
import type { Remark, Tally } from '../source.ts'
import { type Decoder, emptyTally, type Line, type Notice, type SourceFile, TEXT_MAX } from '../source.ts'
import { createArrivals, type Item, type SavedArrivals } from './arrivals.ts'
import { createAuditLoss, type SavedAuditLoss } from './audit-loss.ts'
import { createBootClock, type Reading, type SavedBootClock } from './boot-clock.ts'
import { type DaemonLine, readDaemonLine, readKernelLoss, repeatCount } from './daemon-lines.ts'
import { createHeaderReader, type Header } from './header.ts'
import { readUptime } from './header-bracket.ts'
import { longestFirst, parsePacket } from './packet.ts'
import { createPacketMemory } from './packet-memory.ts'
import { createRecentLines, type SavedRecentLines } from './recent-lines.ts'
import type { PacketRecord } from './record.ts'
import { createStampReader, type SavedStamps } from './stamp.ts'
import { createUptimeHabit, type SavedUptimeHabit } from './uptime-habit.ts'
import { createZone } from './zone.ts'

export type PacketLogOptions = {
  /** Of stamps without one: IANA name, `UTC`, or `+05:30`. */
  zone: string
  /** Gives the first stamp its year where it has none; null = unparsed until a line has a full date. */
  referenceAt: Micros | null
  /** Known log prefixes. */
  prefixes: readonly string[]
  /** For transports with no clock but the uptime (/dev/kmsg, plain dmesg): wall clock at uptime 0 and the boot's id. */
  boot?: { at: Micros; id: string }
}

export type PacketLogDecoder = Decoder & {
  /** Of the skipped lines: packet lines the log daemon wrote again after a restart. */
  readonly replayed: number
  setPrefixes(prefixes: readonly string[]): void
  quiet(at: Micros): void
  save(): SavedPacketLog
}

/** Zone, known prefixes and boot come with the options again. */
export type SavedPacketLog = {
  readonly stamps: SavedStamps
  readonly clock: SavedBootClock
  readonly habit: SavedUptimeHabit
  readonly recent: SavedRecentLines
  readonly auditLoss: SavedAuditLoss
  readonly arrivals: SavedArrivals<Item>
  readonly tally: Tally
  readonly waiting: Waiting[]
  readonly replayed: number
  readonly kernelAt: Micros
  readonly wasPacket: boolean
}

/** A line whose fate later lines decide. */
type Waiting = {
  readonly line: Line
  readonly file: SourceFile
  readonly header: Header
  /** Null: held only for its having no uptime, or nothing to wait for (`flaw` or `notice` says what it is). */
  readonly reading: Reading | null
  readonly isUndecided: boolean
  readonly flaw: string
  readonly notice: DaemonLine | null
}

/** Lines held at most while a boot, a clock step or a forgery is told apart. */
const WAITING_MAX = 256
/** A suspect's stamp may be the forger's: it moves the arrival of real lines no further than this. */
const SUSPECT_AHEAD_MAX = 10 * MINUTE

export function createPacketLogDecoder(
  options: PacketLogOptions,
  emit: (item: PacketRecord | Remark) => void,
  saved?: SavedPacketLog,
): PacketLogDecoder {
  const stamps = createStampReader(createZone(options.zone), options.referenceAt, saved?.stamps)
  const headers = createHeaderReader(stamps)
  const clock = createBootClock(saved?.clock)
  const habit = createUptimeHabit(saved?.habit)
  const recent = createRecentLines(saved?.recent)
  const auditLoss = createAuditLoss(saved?.auditLoss)
  let prefixes = longestFirst(options.prefixes)
  let memory = createPacketMemory(prefixes)
  const arrivals = createArrivals<Item>(emit, options.referenceAt, saved?.arrivals)
  const tally = saved?.tally ?? emptyTally()
  let waiting = saved?.waiting ?? []
  let replayed = saved?.replayed ?? 0
  let kernelAt = saved?.kernelAt ?? Number.NaN
  let wasPacket = saved?.wasPacket ?? false

  return {
    push,
    end,
    quiet: arrivals.quiet,
    setPrefixes,
    save,
    tally,
    get replayed() {
      return replayed
    },
  }

  function push(line: Line, file: SourceFile): void {
    tally.lines++
    const header = headers.read(line.text)
    if (header.origin === 'kernel') pushKernel(line, file, header)
    else pushOther(line, file, header)
  }

  function end(): void {
    settle()
    arrivals.end()
  }

  function setPrefixes(known: readonly string[]): void {
    prefixes = longestFirst(known)
    memory = createPacketMemory(prefixes)
  }

  function save(): SavedPacketLog {
    return {
      stamps: stamps.save(),
      clock: clock.save(),
      habit: habit.save(),
      recent: recent.save(),
      auditLoss: auditLoss.save(),
      arrivals: arrivals.save(),
      tally,
      waiting,
      replayed,
      kernelAt,
      wasPacket,
    }
  }

  function pushKernel(line: Line, file: SourceFile, header: Header): void {
    if (Number.isNaN(header.at)) {
      pushUnstamped(line, file, header)
      return
    }
    const hasUptime = header.uptime >= 0
    if (hasUptime) {
      if (recent.isRepeated(header.uptime, line.text, header.from)) {
        skipReplay(line, header, 1)
        return
      }
    } else if (line.text.startsWith('message repeated ', header.from)) {
      pushRepeated(line, file, header)
      return
    }
    const likeness = habit.judge(hasUptime)
    if (likeness === 'other') {
      submit(line, file, header, null, hasUptime ? 'uptime-unexpected' : 'no-uptime', null)
      return
    }
    const reading = hasUptime ? clock.judge(header.at, header.resolution, header.uptime) : null
    if (waiting.length === 0 && likeness === 'same' && (reading === null || reading.verdict === 'accept')) {
      if (reading === null) deliver(line, file, header, header.at, header.resolution)
      else deliver(line, file, header, reading.at, reading.resolution)
    } else enqueue(line, file, header, reading, likeness === 'open', '', null)
  }

  /** Nothing but an uptime, or a stamp whose year nothing tells. */
  function pushUnstamped(line: Line, file: SourceFile, header: Header): void {
    const boot = options.boot
    if (header.isYearless || boot === undefined || header.uptime < 0) {
      submit(line, file, header, null, header.isYearless ? '?no-year' : '?no-time', null)
      return
    }
    header.at = boot.at + header.uptime
    header.resolution = header.isProven ? 0 : SECOND
    if (waiting.length === 0) deliver(line, file, header, header.at, header.resolution)
    else enqueue(line, file, header, null, false, '', null)
  }

  function pushOther(line: Line, file: SourceFile, header: Header): void {
    const text = line.text
    if (header.origin !== 'other') {
      submit(line, file, header, null, header.origin === 'continuation' ? 'continuation' : '?no-header', null)
      return
    }
    let notice: DaemonLine | null = null
    const tag = text.slice(header.tagFrom, header.tagEnd)
    if (tag === 'last') {
      const lost = wasPacket ? repeatCount(text.slice(header.from, header.from + 64)) : 0
      if (lost > 0) notice = { what: 'loss', reason: 'message-repeated', lost }
    } else notice = readDaemonLine(tag, text.slice(header.from, header.from + TEXT_MAX))
    submit(line, file, header, null, header.flaw, notice)
  }

  function pushRepeated(line: Line, file: SourceFile, header: Header): void {
    // rsyslog's repeated message reduction. With an uptime inside, equal text is one line written again; without, so many
    // packets are known only by their number. The text itself is cut at 800 characters and not parsed.
    const lost = repeatCount(line.text.slice(header.from, header.from + 64))
    const inner = line.text.indexOf(': [ ', header.from) + 4
    if (inner > 3 && readUptime(line.text, inner, header) > inner) {
      skipReplay(line, header, lost)
      return
    }
    const isPacket = inner > 3 && parsePacket(line.text, inner, prefixes) !== null
    const notice: DaemonLine | null = isPacket ? { what: 'loss', reason: 'message-repeated', lost } : null
    submit(line, file, header, null, '', notice)
  }

  function skipReplay(line: Line, header: Header, count: number): void {
    if (parsePacket(line.text, header.from, prefixes) !== null) replayed += count
    tally.skipped++
  }

  /** Nothing to wait for: `flaw` is what is wrong should the line hold a packet. */
  function submit(
    line: Line,
    file: SourceFile,
    header: Header,
    reading: Reading | null,
    flaw: string,
    notice: DaemonLine | null,
  ): void {
    if (waiting.length === 0) dispose(line, file, header, flaw, notice)
    else enqueue(line, file, header, reading, false, flaw === '' ? '-' : flaw, notice)
  }

  function enqueue(
    line: Line,
    file: SourceFile,
    header: Header,
    reading: Reading | null,
    isUndecided: boolean,
    flaw: string,
    notice: DaemonLine | null,
  ): void {
    // Immediate readings and the header are reused by the next line.
    waiting.push({ line, file, header: { ...header }, reading: reading && keep(reading), isUndecided, flaw, notice })
    drain()
    if (waiting.length >= WAITING_MAX) settle()
  }

  function settle(): void {
    clock.settle()
    if (waiting.length > 0) habit.settle()
    drain()
  }

  function drain(): void {
    let done = 0
    for (const one of waiting) {
      if (one.reading?.verdict === 'hold') break
      if (one.isUndecided && habit.isOpen) break
      done++
      release(one)
    }
    if (done > 0) waiting = waiting.slice(done)
  }

  function release(one: Waiting): void {
    const { line, file, header, reading } = one
    if (one.flaw !== '') {
      dispose(line, file, header, one.flaw === '-' ? '' : one.flaw, one.notice)
      return
    }
    const hasUptime = header.uptime >= 0
    if (one.isUndecided && habit.hasUptime !== hasUptime) {
      dispose(line, file, header, hasUptime ? 'uptime-unexpected' : 'no-uptime', null)
    } else if (reading === null) deliver(line, file, header, header.at, header.resolution)
    else if (reading.verdict === 'suspect') dispose(line, file, header, reading.reason, null)
    else deliver(line, file, header, reading.at, reading.resolution)
  }

  /** A kernel line whose time is believed. */
  function deliver(line: Line, file: SourceFile, header: Header, at: Micros, resolution: Micros): void {
    const text = line.text
    const packet = parsePacket(text, header.from, prefixes, memory)
    kernelAt = at
    wasPacket = packet !== null
    if (packet === null) {
      const body = text.slice(header.from, header.from + 200)
      const notice = readKernelLoss(body) ?? auditLoss.read(body)
      dispose(line, file, header, '', notice)
      return
    }
    if (packet === 'malformed') {
      unparsed(line, file, 'bad-packet', at)
      return
    }
    if (line.flaw === 'cut') packet.isTruncated = true
    tally.records++
    arrivals.push(at, {
      kind: 'packet',
      arrival: at,
      at,
      resolution,
      trust: header.isProven ? 'kernel' : header.uptime >= 0 && header.tagEnd > 0 ? 'syslog' : 'unverified',
      packet,
      ownIdentity: header.sequence === '' ? '' : `${options.boot?.id ?? ''}:${header.sequence}`,
      file,
      offset: line.offset,
      text,
    })
  }

  /** A line that gives no record: other text, a suspect, or (`?reason`) one that lacks what a record needs. */
  function dispose(line: Line, file: SourceFile, header: Header, flaw: string, notice: DaemonLine | null): void {
    const isBounded = header.at <= kernelAt + SUSPECT_AHEAD_MAX || Number.isNaN(kernelAt)
    if (flaw !== '' && parsePacket(line.text, header.from, prefixes) !== null) {
      if (flaw.startsWith('?')) {
        unparsed(line, file, flaw.slice(1), header.at)
        return
      }
      tally.suspect++
      const item = { arrival: 0, reason: flaw, text: line.text.slice(0, TEXT_MAX), file, offset: line.offset }
      arrivals.push(isBounded ? header.at : Number.NaN, { kind: 'suspect', ...item })
      return
    }
    tally.skipped++
    if (notice === null) {
      arrivals.push(isBounded ? header.at : Number.NaN, null)
      return
    }
    if (notice.what === 'started') clock.daemonStarted(header.at)
    arrivals.push(header.at, toNotice(notice, line, file))
  }

  function unparsed(line: Line, file: SourceFile, reason: string, at: Micros): void {
    tally.unparsed++
    const text = line.text.slice(0, TEXT_MAX)
    arrivals.push(at, { kind: 'unparsed', arrival: 0, reason, text, file, offset: line.offset })
  }
}

function toNotice(notice: DaemonLine, line: Line, file: SourceFile): Notice {
  return { kind: 'notice', arrival: 0, ...notice, text: line.text.slice(0, TEXT_MAX), file, offset: line.offset }
}

function keep(reading: Reading): Reading {
  return reading.verdict === 'hold' ? reading : { ...reading }
}
