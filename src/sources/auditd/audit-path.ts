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

/** What a record says behind the inode: the same for nearly all files of one owner. */
export type PathKind = Pick<AuditPath, 'device' | 'mode' | 'ouid' | 'ogid' | 'nametype'>

/** One path of the call. `kindOf`: readPathKind, or a memory of it. */
export function readAuditPath(body: string, kindOf = readPathKind): AuditPath {
  return readInOrder(body, kindOf) ?? readInAnyOrder(body)
}

function emptyPath(): Draft {
  return { item: -1, name: '', inode: '', device: '', mode: '', ouid: -1, ogid: -1, nametype: '' }
}

/** As the kernel writes the path of a file that is there; null for any other order. */
function readInOrder(body: string, kindOf: (text: string) => PathKind | null): AuditPath | null {
  const cursor: OrderedCursor = { text: body, at: 0 }
  const item = takeId(cursor, 'item=')
  const name = takeText(cursor, ' name=')
  const inode = plainText(takeWord(cursor, ' inode='))
  const kind = cursor.at < 0 ? null : kindOf(body.substring(cursor.at))
  if (kind === null) return null
  const { device, mode, ouid, ogid, nametype } = kind
  return { item, name, inode, device, mode, ouid, ogid, nametype }
}

/** ` dev=fe:00 mode=0100640 ouid=0 ogid=42 rdev=00:00 nametype=NORMAL …`, with a label (`obj=`) or without; null for anything else. */
export function readPathKind(text: string): PathKind | null {
  const cursor: OrderedCursor = { text, at: 0 }
  const device = plainText(takeWord(cursor, ' dev='))
  const mode = plainText(takeWord(cursor, ' mode='))
  const ouid = takeId(cursor, ' ouid=')
  const ogid = takeId(cursor, ' ogid=')
  takeWord(cursor, ' rdev=')
  if (stands(cursor, ' obj=')) takeWord(cursor, ' obj=')
  const nametype = plainText(takeWord(cursor, ' nametype='))
  return cursor.at < 0 ? null : { device, mode, ouid, ogid, nametype }
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
