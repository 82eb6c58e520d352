/**
 * PATH: `item=1 name="/etc/shadow" inode=612 dev=fe:00 mode=0100640 ouid=0 ogid=42 rdev=00:00 nametype=NORMAL cap_fp=0 …`;
 * of a file that is not there only `item=0 name="/tmp/x" nametype=UNKNOWN cap_fp=0 …`.
 *
 * Authority: kernel/auditsc.c audit_log_name. Names are encoded, `(null)` where the kernel did not keep one; they are relative to
 * CWD unless they start with `/`.
 */
import { decodedText, idOf, plainText } from './encoding.ts'
import type { AuditPath } from './facts.ts'
import { fieldValue, nextField, walkFields } from './kernel-fields.ts'
import { type OrderedCursor, stands, takeId, takeText, takeWord } from './ordered-fields.ts'

type Draft = { -readonly [Key in keyof AuditPath]: AuditPath[Key] }
type Field = { readonly bit: number; readonly read: (path: Draft, value: string) => unknown }

const FIELDS: ReadonlyMap<string, Field> = new Map([
  ['item', { bit: 1, read: (path, value) => (path.item = idOf(value)) }],
  ['name', { bit: 2, read: (path, value) => (path.name = decodedText(value)) }],
  ['inode', { bit: 4, read: (path, value) => (path.inode = plainText(value)) }],
  ['dev', { bit: 8, read: (path, value) => (path.device = plainText(value)) }],
  ['mode', { bit: 16, read: (path, value) => (path.mode = plainText(value)) }],
  ['ouid', { bit: 32, read: (path, value) => (path.ouid = idOf(value)) }],
  ['ogid', { bit: 64, read: (path, value) => (path.ogid = idOf(value)) }],
  ['nametype', { bit: 128, read: (path, value) => (path.nametype = plainText(value)) }],
] satisfies [string, Field][])
/** All of the keys seen: what follows (capabilities) is not kept. */
const ALL = 255

/** One path of the call. */
export function readAuditPath(body: string): AuditPath {
  const path = emptyPath()
  return isInOrder(path, body) ? path : readInAnyOrder(body)
}

function emptyPath(): Draft {
  return { item: -1, name: '', inode: '', device: '', mode: '', ouid: -1, ogid: -1, nametype: '' }
}

/** As the kernel writes the path of a file that is there, with a label (`obj=`) or without; all fields, or false. */
function isInOrder(path: Draft, body: string): boolean {
  const cursor: OrderedCursor = { text: body, at: 0 }
  path.item = takeId(cursor, 'item=')
  path.name = takeText(cursor, ' name=')
  path.inode = plainText(takeWord(cursor, ' inode='))
  path.device = plainText(takeWord(cursor, ' dev='))
  path.mode = plainText(takeWord(cursor, ' mode='))
  path.ouid = takeId(cursor, ' ouid=')
  path.ogid = takeId(cursor, ' ogid=')
  takeWord(cursor, ' rdev=')
  if (stands(cursor, ' obj=')) takeWord(cursor, ' obj=')
  path.nametype = plainText(takeWord(cursor, ' nametype='))
  return cursor.at >= 0
}

/** The first field of each name, in any order. */
export function readInAnyOrder(body: string): AuditPath {
  const path = emptyPath()
  const walk = walkFields(body)
  let seen = 0
  while (seen !== ALL && nextField(walk)) {
    const field = FIELDS.get(walk.key)
    if (field === undefined || (seen & field.bit) !== 0) continue
    seen |= field.bit
    field.read(path, fieldValue(walk))
  }
  return path
}
