/**
 * What follows the two tuples of a conntrack line, all of it optional:
 * `[ASSURED] mark=0 delta-time=2 [start=Sun Nov 22 10:46:45 2026] [stop=Sun Nov 22 10:46:47 2026] use=1 id=1067040127
 * labels=wg-peer-alice,has space [USERSPACE] portid=19942 progname=conntrack`.
 *
 * Authority: libnetfilter_conntrack src/conntrack/snprintf_default.c; `[USERSPACE]` conntrack-tools src/conntrack.c.
 * Keys of later versions or vendors (`Service=…`) are stepped over; a key that belongs to a tuple, a key said twice or an
 * unknown bracket means that two lines ran together (a killed writer's half line), and the line is refused.
 */
import { CTIME_LENGTH, parseCtime } from './ctime.ts'
import { type Cursor, isTokenEnd, skipBlanks, takeDigits, takeKey, takeNumber, takeWord } from './cursor.ts'
import type { FieldsDraft } from './fields.ts'

const USERSPACE = '[USERSPACE] portid='
/** Decimal digits of a 64-bit number: more than any id, mark or zone has. */
const DIGITS_MAX = 20
/** Seconds of delta-time: 32 bit in the kernel. */
const SECONDS_MAX = 0xffff_ffff
/** Keys of a tuple; behind the tuples they belong to another line. */
const TUPLE_KEYS = ['src', 'dst', 'sport', 'dport', 'type', 'code', 'packets', 'bytes', 'zone-orig', 'zone-reply']

/** Reads on to the end of the line into `fields`; false when something there cannot be what conntrack prints. */
export function takeAttributes(cursor: Cursor, fields: FieldsDraft): boolean {
  const { text } = cursor
  while (cursor.at < text.length) {
    if (!(text.charCodeAt(cursor.at) === 91 ? takeBracket(cursor, fields) : takePair(cursor, fields))) return false
  }
  return true
}

function takeBracket(cursor: Cursor, fields: FieldsDraft): boolean {
  const { text, at } = cursor
  if (text.startsWith('[start=', at)) {
    if (fields.startLocal >= 0) return false
    fields.startLocal = takeCtime(cursor, '[start='.length)
    return fields.startLocal >= 0
  }
  if (text.startsWith('[stop=', at)) {
    if (fields.stopLocal >= 0) return false
    fields.stopLocal = takeCtime(cursor, '[stop='.length)
    return fields.stopLocal >= 0
  }
  if (text.startsWith(USERSPACE, at)) return takeUserspace(cursor, fields)
  switch (takeWord(cursor)) {
    case '[ASSURED]':
      fields.isAssured = true
      return true
    case '[OFFLOAD]':
    case '[HW_OFFLOAD]':
      fields.isOffloaded = true
      return true
    default:
      return false
  }
}

function takeCtime(cursor: Cursor, keyLength: number): number {
  const from = cursor.at + keyLength
  const close = from + CTIME_LENGTH
  if (cursor.text.charCodeAt(close) !== 93 || !isTokenEnd(cursor.text, close + 1)) return -1
  cursor.at = skipBlanks(cursor.text, close + 1)
  return parseCtime(cursor.text, from)
}

/** The name is whatever the program was called, blanks included, and always last (trap 8). */
function takeUserspace(cursor: Cursor, fields: FieldsDraft): boolean {
  cursor.at += USERSPACE.length
  fields.userspacePortid = takeDigits(cursor, DIGITS_MAX)
  if (fields.userspacePortid === '') return false
  if (takeKey(cursor, 'progname=')) {
    fields.userspaceProgram = cursor.text.slice(cursor.at)
    cursor.at = cursor.text.length
  }
  return cursor.at === cursor.text.length
}

function takePair(cursor: Cursor, fields: FieldsDraft): boolean {
  if (takeKey(cursor, 'id=')) {
    if (fields.id !== '') return false
    fields.id = takeDigits(cursor, DIGITS_MAX)
    return fields.id !== ''
  }
  if (takeKey(cursor, 'delta-time=')) {
    if (fields.deltaSeconds >= 0) return false
    fields.deltaSeconds = takeNumber(cursor, SECONDS_MAX)
    return fields.deltaSeconds >= 0
  }
  if (takeKey(cursor, 'mark=')) {
    if (fields.mark !== '') return false
    fields.mark = takeDigits(cursor, DIGITS_MAX)
    return fields.mark !== ''
  }
  if (takeKey(cursor, 'use=')) return takeDigits(cursor, DIGITS_MAX) !== ''
  if (takeKey(cursor, 'zone=')) {
    if (fields.zone !== '') return false
    fields.zone = takeDigits(cursor, DIGITS_MAX)
    return fields.zone !== ''
  }
  return takeRarePair(cursor, fields)
}

function takeRarePair(cursor: Cursor, fields: FieldsDraft): boolean {
  if (takeKey(cursor, 'labels=')) return takeLabels(cursor, fields)
  if (takeKey(cursor, 'secmark=')) {
    if (fields.secmark !== '') return false
    fields.secmark = takeDigits(cursor, DIGITS_MAX)
    return fields.secmark !== ''
  }
  if (takeKey(cursor, 'helper=')) {
    if (fields.helper !== '') return false
    fields.helper = takeWord(cursor)
    return isText(fields.helper)
  }
  if (takeKey(cursor, 'secctx=')) {
    if (fields.secctx !== '') return false
    fields.secctx = takeWord(cursor)
    return isText(fields.secctx)
  }
  return isForeignPair(takeWord(cursor))
}

/** A stamp's TAB inside a value means that the next event was glued on. */
function isText(value: string): boolean {
  return value !== '' && !value.includes('\t')
}

/** Label names come from a file on the gateway and may hold blanks (trap 9): only the end or `[USERSPACE]` closes the list. */
function takeLabels(cursor: Cursor, fields: FieldsDraft): boolean {
  const { text, at } = cursor
  const suffix = text.indexOf(` ${USERSPACE}`, at)
  const end = suffix < 0 ? text.length : suffix
  fields.labels = text.slice(at, end)
  if (!isText(fields.labels)) return false
  cursor.at = skipBlanks(text, end)
  return true
}

/** `Key=value` that this version does not know and may ignore. */
function isForeignPair(word: string): boolean {
  const equals = word.indexOf('=')
  if (equals <= 0 || !isText(word)) return false
  for (let i = 0; i < equals; i++) {
    const code = word.charCodeAt(i)
    const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
    if (!isLetter && !(i > 0 && (code === 45 || code === 95 || (code >= 48 && code <= 57)))) return false
  }
  return !TUPLE_KEYS.includes(word.slice(0, equals))
}
