/**
 * What a record says of the task that caused it, in whatever order: the fields of audit_log_task_info and of the shorter lists
 * that SECCOMP, ANOM_ABEND, CONFIG_CHANGE, LOGIN, URINGOP, AVC and auditd's own DAEMON_* records have
 * (`auid=4294967295 ses=4294967295 op=add_rule key="exec" list=4 res=1`).
 *
 * Each kind of record has its list of keys that may be believed; of a key that repeats, the first counts, because the kernel
 * writes its own fields before text that others chose.
 */
import { decodedKeys, decodedText, idOf, plainText } from './encoding.ts'
import type { FactsDraft } from './facts-draft.ts'
import { fieldValue, nextField, walkFields } from './kernel-fields.ts'
import { type OrderedCursor, stands, takeId, takeWord } from './ordered-fields.ts'

type Read = (facts: FactsDraft, value: string) => void
/** `bit`: marks the key as seen. */
type Field = { readonly bit: number; readonly read: Read }
type Fields = ReadonlyMap<string, Field>

const USER: readonly (readonly [string, Read])[] = [
  ['pid', (facts, value) => (facts.pid = idOf(value))],
  ['uid', (facts, value) => (facts.uid = idOf(value))],
  ['auid', (facts, value) => (facts.auid = idOf(value))],
  ['ses', (facts, value) => (facts.ses = idOf(value))],
  ['subj', (facts, value) => (facts.subj = plainText(value))],
]
const TASK: readonly (readonly [string, Read])[] = [
  ...USER,
  ['ppid', (facts, value) => (facts.ppid = idOf(value))],
  ['gid', (facts, value) => (facts.gid = idOf(value))],
  ['euid', (facts, value) => (facts.euid = idOf(value))],
  ['suid', (facts, value) => (facts.suid = idOf(value))],
  ['fsuid', (facts, value) => (facts.fsuid = idOf(value))],
  ['egid', (facts, value) => (facts.egid = idOf(value))],
  ['sgid', (facts, value) => (facts.sgid = idOf(value))],
  ['fsgid', (facts, value) => (facts.fsgid = idOf(value))],
  ['tty', (facts, value) => (facts.tty = plainText(value))],
  ['comm', (facts, value) => (facts.comm = decodedText(value))],
  ['exe', (facts, value) => (facts.exe = decodedText(value))],
  ['key', (facts, value) => (facts.keys = decodedKeys(value))],
  ['success', (facts, value) => (facts.isSuccess = succeeded(value))],
  ['res', (facts, value) => (facts.isSuccess = succeeded(value))],
  ['exit', (facts, value) => (facts.exit = value)],
]
const SYSCALL: readonly (readonly [string, Read])[] = [
  ...TASK.filter(([key]) => key !== 'res'),
  ['arch', (facts, value) => (facts.arch = value)],
  ['syscall', (facts, value) => (facts.syscall = idOf(value))],
  ['a0', (facts, value) => (facts.a0 = value)],
  ['a1', (facts, value) => (facts.a1 = value)],
  ['a2', (facts, value) => (facts.a2 = value)],
  ['a3', (facts, value) => (facts.a3 = value)],
]

/** Of a user-space message, before ` msg='` (audit_log_user_recv_msg). */
export const USER_FIELDS: Fields = numbered(USER)
/** Of any other record that names an event. */
export const TASK_FIELDS: Fields = numbered(TASK)
export const SYSCALL_FIELDS: Fields = numbered(SYSCALL)

/** Reads the believed `fields` of `text` up to `end` into `facts`. */
export function readFields(facts: FactsDraft, text: string, end: number, fields: Fields): void {
  const walk = walkFields(text, end)
  let seen = 0
  while (nextField(walk)) {
    const field = fields.get(walk.key)
    if (field === undefined || (seen & field.bit) !== 0) continue
    seen |= field.bit
    field.read(facts, fieldValue(walk))
  }
}

/**
 * Reads the kernel's part of a user-space message, which ends at `end`, where it has the kernel's order (audit_log_user_recv_msg):
 * `pid=1637 uid=0 auid=1002 ses=2 subj=unconfined`, the label only with a security module. Else false: to be read by readFields.
 */
export function readSender(facts: FactsDraft, text: string, end: number): boolean {
  const cursor: OrderedCursor = { text, at: 0 }
  facts.pid = takeId(cursor, 'pid=')
  facts.uid = takeId(cursor, ' uid=')
  facts.auid = takeId(cursor, ' auid=')
  facts.ses = takeId(cursor, ' ses=')
  if (stands(cursor, ' subj=')) facts.subj = plainText(takeWord(cursor, ' subj='))
  return cursor.at === end
}

/** `success=yes|no`, the kernel's `res=1|0`, auditd's and user space's `res=success|failed`; null for anything else. */
export function succeeded(value: string): boolean | null {
  if (value === 'yes' || value === '1' || value === 'success') return true
  return value === 'no' || value === '0' || value === 'failed' ? false : null
}

function numbered(fields: readonly (readonly [string, Read])[]): Fields {
  return new Map(fields.map(([key, read], i) => [key, { bit: 1 << i, read }]))
}
