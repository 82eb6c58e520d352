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

/** What a record says behind its pid: who runs which program. It is the same for call after call. */
export type SyscallTask = {
  readonly auid: number
  readonly uid: number
  readonly gid: number
  readonly euid: number
  readonly suid: number
  readonly fsuid: number
  readonly egid: number
  readonly sgid: number
  readonly fsgid: number
  readonly tty: string
  readonly ses: number
  readonly comm: string
  readonly exe: string
  readonly subj: string
  readonly keys: readonly string[]
}

const X86_64 = 'c000003e'

/** Reads a SYSCALL record into `facts`; true when it had the kernel's order, and so all ids. `taskOf`: readTask, or a memory of it. */
export function readSyscall(facts: FactsDraft, body: string, taskOf = readTask): boolean {
  if (isInOrder(facts, body, taskOf)) return true
  readFields(facts, body, body.length, SYSCALL_FIELDS)
  return false
}

/** Only ever writes what the first field of its name says, so that giving up halfway does no harm. */
function isInOrder(facts: FactsDraft, body: string, taskOf: (text: string) => SyscallTask | null): boolean {
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
  const task = cursor.at < 0 ? null : taskOf(body.substring(cursor.at))
  if (task === null) return false
  facts.auid = task.auid
  facts.uid = task.uid
  facts.gid = task.gid
  facts.euid = task.euid
  facts.suid = task.suid
  facts.fsuid = task.fsuid
  facts.egid = task.egid
  facts.sgid = task.sgid
  facts.fsgid = task.fsgid
  facts.tty = task.tty
  facts.ses = task.ses
  facts.comm = task.comm
  facts.exe = task.exe
  facts.subj = task.subj
  facts.keys = task.keys
  return true
}

/** The rest of a record from ` auid=` to its end; null when it is anything else. */
export function readTask(text: string): SyscallTask | null {
  const cursor: OrderedCursor = { text, at: 0 }
  const task = {
    auid: takeId(cursor, ' auid='),
    uid: takeId(cursor, ' uid='),
    gid: takeId(cursor, ' gid='),
    euid: takeId(cursor, ' euid='),
    suid: takeId(cursor, ' suid='),
    fsuid: takeId(cursor, ' fsuid='),
    egid: takeId(cursor, ' egid='),
    sgid: takeId(cursor, ' sgid='),
    fsgid: takeId(cursor, ' fsgid='),
    tty: plainText(takeWord(cursor, ' tty=')),
    ses: takeId(cursor, ' ses='),
    comm: takeText(cursor, ' comm='),
    exe: takeText(cursor, ' exe='),
    subj: stands(cursor, ' subj=') ? takeLabel(cursor) : '',
    keys: decodedKeys(takeWord(cursor, ' key=')),
  }
  return cursor.at === text.length ? task : null
}

/** AppArmor's labels end in their mode, as a word of its own: `subj=docker-default (enforce)`. */
function takeLabel(cursor: OrderedCursor): string {
  const { text } = cursor
  const label = plainText(takeWord(cursor, ' subj='))
  if (cursor.at >= 0 && text.startsWith(' (', cursor.at)) cursor.at = valueEnd(text, cursor.at + 1, text.length)
  return label
}
