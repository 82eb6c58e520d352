/**
 * The SYSCALL record, the commonest of all, read in the order the kernel writes it (kernel/auditsc.c audit_log_exit,
 * audit_log_task_info): `arch=c000003e syscall=42 success=no exit=-115 a0=3 a1=7ffe a2=10 a3=8 items=0 ppid=1 pid=2 auid=1000
 * uid=1000 gid=… tty=pts0 ses=3 comm="curl" exe="/usr/bin/curl" subj=unconfined key="net"`.
 *
 * Absent are `per=` (nearly always), `success=` and `exit=` (a call that did not return) and `subj=` (no security module).
 * Any other order is read field by field; where both can read a record they say the same (a test holds them to it).
 */
import { decodedKeys, plainText } from './encoding.ts'
import type { FactsDraft } from './facts-draft.ts'
import { valueEnd } from './kernel-fields.ts'
import { type OrderedCursor, stands, takeId, takeText, takeWord } from './ordered-fields.ts'
import { readFields, SYSCALL_FIELDS, succeeded } from './task-fields.ts'

/** The ids of the task, the same for call after call. */
export type TaskIds = {
  readonly auid: number
  readonly uid: number
  readonly gid: number
  readonly euid: number
  readonly suid: number
  readonly fsuid: number
  readonly egid: number
  readonly sgid: number
  readonly fsgid: number
}

/** Which program it is, and which rule saw it. */
export type TaskProgram = {
  readonly comm: string
  readonly exe: string
  readonly subj: string
  readonly keys: readonly string[]
}

/** What parts of a record say, or a memory of it; null for text in another order. */
export type TaskReaders = {
  readonly idsOf: (text: string) => TaskIds | null
  readonly programOf: (text: string) => TaskProgram | null
}

const X86_64 = 'c000003e'

/** Without a memory. */
export const TASK_READERS: TaskReaders = { idsOf: readIds, programOf: readProgram }

/** Reads a SYSCALL record into `facts`; true when it had the kernel's order, and so all ids. */
export function readSyscall(facts: FactsDraft, body: string, readers = TASK_READERS): boolean {
  if (isInOrder(facts, body, readers)) return true
  readFields(facts, body, body.length, SYSCALL_FIELDS)
  return false
}

/** Only ever writes what the first field of its name says, so that giving up halfway does no harm. */
function isInOrder(facts: FactsDraft, body: string, { idsOf, programOf }: TaskReaders): boolean {
  const cursor: OrderedCursor = { text: body, at: 0 }
  // A part of the line would be hashed for each table it is looked up in.
  const arch = takeWord(cursor, 'arch=')
  facts.arch = arch === X86_64 ? X86_64 : arch
  facts.syscall = takeId(cursor, ' syscall=')
  if (stands(cursor, ' per=')) takeWord(cursor, ' per=')
  if (stands(cursor, ' success=')) {
    facts.isSuccess = succeeded(takeWord(cursor, ' success='))
    facts.exit = takeWord(cursor, ' exit=')
  }
  facts.a0 = takeWord(cursor, ' a0=')
  facts.a1 = takeWord(cursor, ' a1=')
  facts.a2 = takeWord(cursor, ' a2=')
  facts.a3 = takeWord(cursor, ' a3=')
  takeWord(cursor, ' items=')
  facts.ppid = takeId(cursor, ' ppid=')
  facts.pid = takeId(cursor, ' pid=')
  const idsEnd = cursor.at < 0 ? -1 : body.indexOf(' tty=', cursor.at)
  const ids = idsEnd < 0 ? null : idsOf(body.substring(cursor.at, idsEnd))
  if (ids === null) return false
  cursor.at = idsEnd
  const tty = plainText(takeWord(cursor, ' tty='))
  const ses = takeId(cursor, ' ses=')
  const program = cursor.at < 0 ? null : programOf(body.substring(cursor.at))
  if (program === null) return false
  facts.auid = ids.auid
  facts.uid = ids.uid
  facts.gid = ids.gid
  facts.euid = ids.euid
  facts.suid = ids.suid
  facts.fsuid = ids.fsuid
  facts.egid = ids.egid
  facts.sgid = ids.sgid
  facts.fsgid = ids.fsgid
  facts.tty = tty
  facts.ses = ses
  facts.comm = program.comm
  facts.exe = program.exe
  facts.subj = program.subj
  facts.keys = program.keys
  return true
}

/** ` auid=1000 uid=… fsgid=1000` and nothing else. */
export function readIds(text: string): TaskIds | null {
  const cursor: OrderedCursor = { text, at: 0 }
  const ids = {
    auid: takeId(cursor, ' auid='),
    uid: takeId(cursor, ' uid='),
    gid: takeId(cursor, ' gid='),
    euid: takeId(cursor, ' euid='),
    suid: takeId(cursor, ' suid='),
    fsuid: takeId(cursor, ' fsuid='),
    egid: takeId(cursor, ' egid='),
    sgid: takeId(cursor, ' sgid='),
    fsgid: takeId(cursor, ' fsgid='),
  }
  return cursor.at === text.length ? ids : null
}

/** ` comm=` to the end of the record. */
export function readProgram(text: string): TaskProgram | null {
  const cursor: OrderedCursor = { text, at: 0 }
  const program = {
    comm: takeText(cursor, ' comm='),
    exe: takeText(cursor, ' exe='),
    subj: stands(cursor, ' subj=') ? takeLabel(cursor) : '',
    keys: decodedKeys(takeWord(cursor, ' key=')),
  }
  return cursor.at === text.length ? program : null
}

/** AppArmor's labels end in their mode, as a word of its own: `subj=docker-default (enforce)`. */
function takeLabel(cursor: OrderedCursor): string {
  const { text } = cursor
  const label = plainText(takeWord(cursor, ' subj='))
  if (cursor.at >= 0 && text.startsWith(' (', cursor.at)) cursor.at = valueEnd(text, cursor.at + 1, text.length)
  return label
}
