/**
 * The SYSCALL record, the commonest of all, read in the order the kernel writes it (kernel/auditsc.c audit_log_exit,
 * audit_log_task_info): `arch=c000003e syscall=42 success=no exit=-115 a0=3 a1=7ffe a2=10 a3=8 items=0 ppid=1 pid=2 auid=1000
 * uid=1000 gid=… tty=pts0 ses=3 comm="curl" exe="/usr/bin/curl" subj=unconfined key="net"`.
 *
 * Absent are `per=` (nearly always), `success=` and `exit=` (a call that did not return) and `subj=` (no security module).
 * Any other order is read field by field; where both can read a record they say the same (a test holds them to it).
 */
import { decodedKeys, decodedText, plainText } from './encoding.ts'
import type { FactsDraft } from './facts-draft.ts'
import { valueEnd } from './kernel-fields.ts'
import { type OrderedCursor, stands, takeId, takeWord } from './ordered-fields.ts'
import { readFields, SYSCALL_FIELDS, succeeded } from './task-fields.ts'

/** Reads a SYSCALL record into `facts`; true when it had the kernel's order, and so all ids. */
export function readSyscall(facts: FactsDraft, body: string): boolean {
  if (isInOrder(facts, body)) return true
  readFields(facts, body, body.length, SYSCALL_FIELDS)
  return false
}

/** Only ever writes what the first field of its name says, so that giving up halfway does no harm. */
function isInOrder(facts: FactsDraft, body: string): boolean {
  const cursor: OrderedCursor = { text: body, at: 0 }
  facts.arch = takeWord(cursor, 'arch=')
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
  facts.auid = takeId(cursor, ' auid=')
  facts.uid = takeId(cursor, ' uid=')
  facts.gid = takeId(cursor, ' gid=')
  facts.euid = takeId(cursor, ' euid=')
  facts.suid = takeId(cursor, ' suid=')
  facts.fsuid = takeId(cursor, ' fsuid=')
  facts.egid = takeId(cursor, ' egid=')
  facts.sgid = takeId(cursor, ' sgid=')
  facts.fsgid = takeId(cursor, ' fsgid=')
  facts.tty = plainText(takeWord(cursor, ' tty='))
  facts.ses = takeId(cursor, ' ses=')
  facts.comm = decodedText(takeWord(cursor, ' comm='))
  facts.exe = decodedText(takeWord(cursor, ' exe='))
  if (stands(cursor, ' subj=')) {
    facts.subj = plainText(takeWord(cursor, ' subj='))
    // AppArmor's labels end in their mode, as a word of its own: `subj=docker-default (enforce)`.
    if (cursor.at >= 0 && body.startsWith(' (', cursor.at)) cursor.at = valueEnd(body, cursor.at + 1, body.length)
  }
  facts.keys = decodedKeys(takeWord(cursor, ' key='))
  return cursor.at === body.length
}
