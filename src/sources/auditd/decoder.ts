/**
 * Lines of audit.log to audit events (design 6, formats.md 3): head.ts says where a record begins, injected-lines.ts and
 * split-messages.ts whether the line is one at all, assembler.ts which event it belongs to.
 *
 * Lines add up: a record of an event counts as `records`, an EOE (it only ends one) and comments as `skipped`.
 */
import {
  type Decoder,
  emptyTally,
  type Line,
  type Notice,
  type Remark,
  type SourceFile,
  type Tally,
  TEXT_MAX,
} from '../source.ts'
import { createAssembler, type SavedAssembler } from './assembler.ts'
import { type Head, readHead } from './head.ts'
import { createInjectedLines, type SavedInjectedLines } from './injected-lines.ts'
import type { LimitHits } from './limit-hits.ts'
import type { AuditEvent, AuditRecord } from './record.ts'
import { isUserMessageType, TYPE_EOE, TYPE_SOCKADDR } from './record-type.ts'
import { extendMessage, openMessage, type SplitMessage } from './split-messages.ts'

/**
 * `quiet` gives out the events of a still log whose END_OF_EVENT has passed by `at`, with the arrival of the newest record. They
 * are what a replay gives out when the log goes on, only earlier; where the log ends there, a replay knows of no time passing
 * and calls them incomplete. Events that wait for what a later record will say (`doubt.ts`) go on waiting.
 */
export type AuditDecoder = Decoder & {
  /** File and first byte of the oldest event not given out yet; null when there is none. A cursor must not pass it. */
  readonly oldestOpen: { readonly file: SourceFile; readonly offset: number } | null
  limits(): readonly LimitHits[]
}

/** Longest line kept whole: 8970 bytes of message, a head, and what auditd interprets behind it. */
export const AUDIT_LINE_BYTES_MAX = 64 * 1024

/** What auditd puts between the kernel's part and its own. */
const SEPARATOR = '\x1d'
const NUL = 0
const HASH = 0x23

export type SavedAuditDecoder = {
  readonly tally: Tally
  readonly assembler: SavedAssembler
  readonly injected: SavedInjectedLines
  readonly split: SplitMessage | null
}

export function createAuditDecoder(
  _options: object,
  emit: (item: AuditEvent | Remark) => void,
  saved?: SavedAuditDecoder,
): Omit<AuditDecoder, 'save'> & { save(): SavedAuditDecoder } {
  const assembler = createAssembler({ hasBootIds: false }, emit, saved?.assembler)
  const injected = createInjectedLines(saved?.injected)
  const tally = saved?.tally ?? emptyTally()
  let split: SplitMessage | null = saved?.split ?? null

  function push(line: Line, file: SourceFile): void {
    tally.lines++
    if (split === null) read(line, file)
    else extend(split, line, file)
  }

  function extend(message: SplitMessage, line: Line, file: SourceFile): void {
    const state = extendMessage(message, line, file)
    if (state === 'open') return
    split = null
    if (state === 'whole') {
      const { line: first, head, body } = message
      accept(first, message.file, head, body, first.text.substring(0, head.bodyFrom) + body)
      for (const { line: tail, file: tailFile } of message.rest) suspect(tail, tailFile, 'message-line-feed')
    } else giveUp(message)
  }

  /** It was no split message: the first line stands as it is, the others are read as if they came now. */
  function giveUp(message: SplitMessage): void {
    const { line, file, head, rest } = message
    accept(line, file, head, line.text.substring(head.bodyFrom), line.text)
    for (const one of rest) {
      if (split === null) read(one.line, one.file)
      else extend(split, one.line, one.file)
    }
  }

  function read(line: Line, file: SourceFile): void {
    const { text, flaw } = line
    const why = injected.judge(text)
    if (why !== '') {
      suspect(line, file, why)
      return
    }
    if (flaw !== '') {
      unparsed(line, file, flaw)
      return
    }
    const first = text.charCodeAt(0)
    if (text.length === 0 || first === HASH) {
      tally.skipped++
      return
    }
    if (first === NUL) readBehindNuls(line, file)
    else {
      const head = readHead(text)
      if (head === null) unparsed(line, file, 'no-head')
      else readRecord(line, file, head)
    }
  }

  /** A power cut leaves blocks of NULs where lines were; what is written later follows them without an LF. */
  function readBehindNuls(line: Line, file: SourceFile): void {
    const text = line.text.replace(/^\0+/, '')
    const head = text === '' ? null : readHead(text)
    if (head === null) {
      unparsed(line, file, 'nul-bytes')
      return
    }
    notice({ what: 'loss', reason: 'nul-bytes' }, line, file)
    readRecord({ text, offset: line.offset, flaw: line.flaw }, file, head)
  }

  function readRecord(line: Line, file: SourceFile, head: Head): void {
    split = openMessage(line, file, head)
    if (split !== null) return
    const { text } = line
    const separator = head.shape === 'netlink' ? -1 : separatorOf(text, head)
    if (separator >= 0) injected.enriched()
    const body = text.substring(head.bodyFrom, separator < 0 ? text.length : separator)
    const enriched = separator < 0 ? '' : text.substring(separator + 1)
    if (head.type === TYPE_SOCKADDR) injected.sockaddr(body, enriched, head.shape === 'syslog')
    accept(line, file, head, body, text, enriched)
  }

  function accept(line: Line, file: SourceFile, head: Head, body: string, raw: string, enriched = ''): void {
    const record: AuditRecord = { type: head.type, name: head.name, body, enriched, raw }
    if (head.type === TYPE_EOE) tally.skipped++
    else tally.records++
    assembler.push({ head, record, file, offset: line.offset })
  }

  function suspect(line: Line, file: SourceFile, reason: string): void {
    tally.suspect++
    emit({ kind: 'suspect', arrival: assembler.arrival, reason, ...textOf(line), file, offset: line.offset })
  }

  function unparsed(line: Line, file: SourceFile, reason: string): void {
    tally.unparsed++
    emit({ kind: 'unparsed', arrival: assembler.arrival, reason, ...textOf(line), file, offset: line.offset })
  }

  function notice(what: Pick<Notice, 'what' | 'reason'>, line: Line, file: SourceFile): void {
    emit({ kind: 'notice', arrival: assembler.arrival, ...what, lost: 0, text: '', file, offset: line.offset })
  }

  return {
    push,
    end() {
      while (split !== null) {
        const message: SplitMessage = split
        split = null
        giveUp(message)
      }
      assembler.end()
    },
    tally,
    get oldestOpen() {
      const open = assembler.oldestOpen
      if (open !== null || split === null) return open
      return { file: split.file, offset: split.line.offset }
    },
    quiet: (at) => assembler.quiet(at),
    limits: () => assembler.limits(),
    save: () => ({ tally, assembler: assembler.save(), injected: injected.save(), split }),
  }
}

/**
 * Where auditd's own part begins, -1 when there is none. It is behind the last separator: a user-space message may hold one
 * itself. In a RAW log that is the only one, and the message's closing quote stands behind it.
 */
function separatorOf(text: string, head: Head): number {
  if (text.indexOf(SEPARATOR, head.bodyFrom) < 0) return -1
  if (text.endsWith("'") && isUserMessageType(head.type)) return -1
  return text.lastIndexOf(SEPARATOR)
}

function textOf(line: Line): { text: string } {
  return { text: line.text.slice(0, TEXT_MAX) }
}
