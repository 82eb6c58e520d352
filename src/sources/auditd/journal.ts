/**
 * `journalctl -o json` to audit events: journald's own copy of the kernel's multicast, one entry a record. Fields with a
 * leading `_` cannot be sent by a client, so an entry of the audit transport is the kernel's (formats.md 1.5.5). Its MESSAGE
 * is the type's name and then the record's text; LFs inside are JSON, so nothing spills into other lines.
 *
 *   {"_TRANSPORT":"audit","_AUDIT_TYPE":"1300","_AUDIT_ID":"62650","_SOURCE_REALTIME_TIMESTAMP":"1795344138255000",
 *    "MESSAGE":"SYSCALL arch=c000003e syscall=49 …","_BOOT_ID":"…",…}
 *
 * journald knows the boot, so serials need not tell it. All other entries are another decoder's, and skipped.
 */
import { type JournalEntry, readJournalEntry } from '../journal-entry.ts'
import { emptyTally, type Line, type Remark, type SourceFile, type Tally, TEXT_MAX } from '../source.ts'
import { createAssembler, type SavedAssembler } from './assembler.ts'
import type { AuditDecoder } from './decoder.ts'
import type { AuditEvent } from './record.ts'
import { nameOfType, TYPE_EOE } from './record-type.ts'

/** Longest entry kept whole: a message of 8970 bytes, escaped, and the same again as fields. */
export const AUDIT_ENTRY_BYTES_MAX = 256 * 1024

/** Record types have 16 bits, serials 32. */
const TYPE_LIMIT = 0x1_0000
const SERIAL_LIMIT = 0x1_0000_0000

export type SavedAuditJournalDecoder = {
  readonly tally: Tally
  readonly assembler: SavedAssembler
  readonly bootId: string
}

export function createAuditJournalDecoder(
  _options: object,
  emit: (item: AuditEvent | Remark) => void,
  saved?: SavedAuditJournalDecoder,
): Omit<AuditDecoder, 'save'> & { save(): SavedAuditJournalDecoder } {
  const assembler = createAssembler({ hasBootIds: true }, emit, saved?.assembler)
  const tally = saved?.tally ?? emptyTally()
  let bootId = saved?.bootId ?? ''

  function push(line: Line, file: SourceFile): void {
    tally.lines++
    // Most entries are other programs': telling that needs no JSON. An entry of theirs that holds the text is parsed below.
    if (!line.text.includes('"_AUDIT_TYPE"') && !line.text.includes('"audit"')) {
      tally.skipped++
      return
    }
    const entry = readJournalEntry(line.text)
    if (entry === null) unparsed(line, file, line.flaw === '' ? 'bad-json' : line.flaw)
    else if (entry.isAudit) pushAudit(entry, line, file)
    else tally.skipped++
  }

  function pushAudit(entry: JournalEntry, line: Line, file: SourceFile): void {
    const { auditType: type, auditSerial: serial, sourceAt: at, messages } = entry
    if (!(type >= 0 && type < TYPE_LIMIT && serial >= 0 && serial < SERIAL_LIMIT) || Number.isNaN(at)) {
      unparsed(line, file, 'no-head')
      return
    }
    const message = messages?.length === 1 ? messages[0] : undefined
    if (message === undefined) {
      unparsed(line, file, 'no-message')
      return
    }
    if (entry.bootId !== bootId) {
      assembler.boot('')
      bootId = entry.bootId
    }
    if (type === TYPE_EOE) tally.skipped++
    else tally.records++
    const blank = message.indexOf(' ')
    const body = blank < 0 ? '' : message.substring(blank + 1)
    const name = nameOfType(type)
    const head = { node: '', at, serial, type, name, shape: 'netlink' as const, bodyFrom: 0 }
    const record = { type, name, body, enriched: '', raw: line.text }
    assembler.push({ head, record, file, offset: line.offset })
  }

  function unparsed(line: Line, file: SourceFile, reason: string): void {
    tally.unparsed++
    const text = line.text.slice(0, TEXT_MAX)
    emit({ kind: 'unparsed', arrival: assembler.arrival, reason, text, file, offset: line.offset })
  }

  return {
    push,
    end: () => assembler.end(),
    tally,
    get oldestOpen() {
      return assembler.oldestOpen
    },
    quiet: (at) => assembler.quiet(at),
    limits: () => assembler.limits(),
    save: () => ({ tally, assembler: assembler.save(), bootId }),
  }
}
