/**
 * `journalctl -o json` of a gateway to packet records. Journald tells the kernel's own messages from what any local user
 * hands it (formats.md 1.5.5), so a line is trusted or suspect by its fields; its text is never asked who wrote it.
 *
 * Time: `__REALTIME_TIMESTAMP` is when journald received the message, refined by the kernel's clock within one `_BOOT_ID`
 * (offset-estimate.ts). Audit entries are another decoder's and are skipped here.
 */
import type { Micros } from '../../time.ts'
import { type JournalEntry, readJournalEntry } from '../journal-entry.ts'
import { type Decoder, emptyTally, type Line, type Remark, type SourceFile, type Tally, TEXT_MAX } from '../source.ts'
import { createArrivals, type Item, type SavedArrivals } from './arrivals.ts'
import { createAuditLoss, type SavedAuditLoss } from './audit-loss.ts'
import { type DaemonLine, readJournald, readKernelLoss } from './daemon-lines.ts'
import { createOffsetEstimate, learnOffset, type OffsetEstimate, refineTime } from './offset-estimate.ts'
import { longestFirst, parsePacket } from './packet.ts'
import type { PacketRecord } from './record.ts'

export type JournalOptions = {
  /** Not used: the journal's times are UTC. Here so that all packet log decoders are opened alike. */
  zone: string
  referenceAt: Micros | null
  /** Known log prefixes. */
  prefixes: readonly string[]
}

/** Boots whose clocks are remembered; journals of several are merged in order of time, so one or two are in use. */
const BOOTS_MAX = 16

/** `boots`: by `_BOOT_ID`. */
export type SavedJournal = {
  readonly arrivals: SavedArrivals<Item>
  readonly auditLoss: SavedAuditLoss
  readonly tally: Tally
  readonly boots: Map<string, OffsetEstimate>
}

export function createJournalDecoder(
  options: JournalOptions,
  emit: (item: PacketRecord | Remark) => void,
  saved?: SavedJournal,
): Decoder {
  let prefixes = longestFirst(options.prefixes)
  const arrivals = createArrivals<Item>(emit, options.referenceAt, saved?.arrivals)
  const auditLoss = createAuditLoss(saved?.auditLoss)
  const tally = saved?.tally ?? emptyTally()
  const boots = saved?.boots ?? new Map<string, OffsetEstimate>()

  return {
    push,
    end: arrivals.end,
    quiet: arrivals.quiet,
    setPrefixes(known) {
      prefixes = longestFirst(known)
    },
    save: (): SavedJournal => ({ arrivals: arrivals.save(), auditLoss: auditLoss.save(), tally, boots }),
    tally,
  }

  function push(line: Line, file: SourceFile): void {
    tally.lines++
    const entry = readJournalEntry(line.text)
    if (entry === null) {
      if (line.text.trim() === '') tally.skipped++
      else remark('unparsed', 'bad-json', Number.NaN, line, file)
    } else if (entry.isAudit) skip(entry)
    else if (entry.isKernel) pushKernel(entry, line, file)
    else pushOther(entry, line, file)
  }

  function pushKernel(entry: JournalEntry, line: Line, file: SourceFile): void {
    const at = { at: entry.receivedAt, resolution: 0 }
    if (entry.uptime >= 0 && !Number.isNaN(entry.receivedAt)) refine(entry, at)
    const message = entry.messages?.[0]
    if (message === undefined || entry.messages?.length !== 1) {
      remark('unparsed', 'no-message', at.at, line, file)
      return
    }
    const packet = parsePacket(message, 0, prefixes)
    if (packet === null) {
      const body = message.slice(0, 200)
      skip(entry, readKernelLoss(body) ?? auditLoss.read(body), line, file)
      return
    }
    if (packet === 'malformed' || Number.isNaN(at.at)) {
      remark('unparsed', packet === 'malformed' ? 'bad-packet' : 'no-time', at.at, line, file)
      return
    }
    if (line.flaw === 'cut') packet.isTruncated = true
    tally.records++
    arrivals.push(at.at, {
      kind: 'packet',
      arrival: at.at,
      at: at.at,
      resolution: at.resolution,
      trust: 'kernel',
      packet,
      ownIdentity: entry.cursor,
      file,
      offset: line.offset,
      text: line.text,
    })
  }

  function pushOther(entry: JournalEntry, line: Line, file: SourceFile): void {
    const messages = entry.messages ?? []
    if (messages.some((message) => parsePacket(message, 0, prefixes) !== null)) {
      remark('suspect', 'not-kernel', entry.receivedAt, line, file)
      return
    }
    const isJournald = entry.identifier === 'systemd-journald'
    skip(entry, isJournald ? readJournald(messages[0] ?? '') : null, line, file)
  }

  function refine(entry: JournalEntry, into: { at: Micros; resolution: Micros }): void {
    let boot = boots.get(entry.bootId)
    if (boot === undefined) {
      if (boots.size >= BOOTS_MAX) boots.clear()
      boot = createOffsetEstimate()
      boots.set(entry.bootId, boot)
    }
    learnOffset(boot, entry.receivedAt, 0, entry.uptime)
    refineTime(boot, entry.receivedAt, 0, entry.uptime, into)
  }

  function skip(entry: JournalEntry, notice: DaemonLine | null = null, line?: Line, file?: SourceFile): void {
    tally.skipped++
    if (notice === null || line === undefined || file === undefined) {
      arrivals.push(entry.receivedAt, null)
      return
    }
    const text = line.text.slice(0, TEXT_MAX)
    arrivals.push(entry.receivedAt, { kind: 'notice', arrival: 0, ...notice, text, file, offset: line.offset })
  }

  function remark(kind: 'unparsed' | 'suspect', reason: string, at: Micros, line: Line, file: SourceFile): void {
    tally[kind]++
    arrivals.push(at, { kind, arrival: 0, reason, text: line.text.slice(0, TEXT_MAX), file, offset: line.offset })
  }
}
