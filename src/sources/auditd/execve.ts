/**
 * The arguments of an exec, over all EXECVE records of the event (kernel/auditsc.c audit_log_execve_info):
 *
 *     argc=3 a0="/bin/true" a1_len=20000 a1[0]=4141…
 *      a1[1]=4141… a2="second"
 *
 * A record ends at about 7.5 kB; the next one starts with a blank. An argument that does not fit comes in pieces, always hex;
 * `aN_len` is not needed and not trusted. Reading stops at the first argument that is missing: what lies behind a lost record
 * would stand in the wrong place. Text inside an argument is never a field: a value is quoted without blanks, or hex.
 */
import { decodedHex, decodedText, isHex } from './encoding.ts'
import { fieldValue, nextField, walkFields } from './kernel-fields.ts'

/** Arguments kept of one exec; the kernel may write thousands, and a document is no place for them. */
export const ARGS_MAX = 512
/** Bytes kept of all arguments of one exec; an argument is cut where they end. */
export const ARG_BYTES_MAX = 32768
const QUOTE = 34
/** Decimal digits of a number of arguments. */
const DIGITS_MAX = 9

export type Arguments = {
  readonly args: readonly string[]
  /** `argc`: how many there were. Without it (the first record was lost) how many are known. */
  readonly argsCount: number
}

/** What is known while records are read. `pieces`: hex of the argument that is coming in pieces, which is the next one. */
type Reading = { args: string[]; bytesLeft: number; argc: number; pieces: string; piecesCount: number; isOver: boolean }

/** Arguments of the bodies of an event's EXECVE records, in order. */
export function readArguments(bodies: readonly string[]): Arguments {
  const reading: Reading = {
    args: [],
    bytesLeft: ARG_BYTES_MAX,
    argc: -1,
    pieces: '',
    piecesCount: 0,
    isOver: false,
  }
  for (const body of bodies) {
    if (reading.isOver) break
    readBody(reading, body)
  }
  closePieces(reading)
  const { args, argc } = reading
  return { args, argsCount: argc < 0 ? args.length : argc }
}

function readBody(reading: Reading, body: string): void {
  const walk = walkFields(body)
  while (!reading.isOver && nextField(walk)) {
    const { key } = walk
    if (key.charCodeAt(0) !== 97) continue
    if (key === 'argc') {
      if (reading.argc < 0) reading.argc = decimal(fieldValue(walk), 0)
    } else takeArgument(reading, key, fieldValue(walk))
  }
}

/** `a12`, `a12_len` or `a12[0]`. */
function takeArgument(reading: Reading, key: string, value: string): void {
  const bracket = key.indexOf('[')
  if (bracket < 0) {
    if (key.endsWith('_len')) return
    closePieces(reading)
    if (reading.isOver) return
    if (decimal(key, 1) === reading.args.length) addArgument(reading, value)
    else if (decimal(key, 1) > reading.args.length) reading.isOver = true
    return
  }
  const index = decimal(key.substring(0, bracket), 1)
  const piece = decimal(key.substring(bracket + 1, key.length - 1), 0)
  if (reading.piecesCount > 0 && index !== reading.args.length) closePieces(reading)
  if (reading.isOver) return
  if (index === reading.args.length && piece === reading.piecesCount && isHex(value)) addPiece(reading, value)
  else if (index >= reading.args.length) reading.isOver = true
}

function addPiece(reading: Reading, hex: string): void {
  const digitsLeft = 2 * reading.bytesLeft - reading.pieces.length
  reading.pieces += hex.length > digitsLeft ? hex.substring(0, digitsLeft) : hex
  reading.piecesCount++
}

/** Makes an argument of the pieces so far, if there are any. */
function closePieces(reading: Reading): void {
  if (reading.piecesCount === 0) return
  const { pieces } = reading
  reading.pieces = ''
  reading.piecesCount = 0
  keep(reading, decodedHex(pieces), pieces.length >> 1)
}

function addArgument(reading: Reading, value: string): void {
  const { bytesLeft } = reading
  if (value.charCodeAt(0) !== QUOTE && isHex(value)) {
    const bytes = value.length >> 1
    keep(reading, decodedHex(bytes > bytesLeft ? value.substring(0, 2 * bytesLeft) : value), bytes)
  } else keep(reading, decodedText(value.length > bytesLeft ? value.substring(0, bytesLeft) : value), value.length)
}

function keep(reading: Reading, text: string, bytes: number): void {
  reading.args.push(text)
  reading.bytesLeft -= bytes
  if (reading.args.length >= ARGS_MAX || reading.bytesLeft <= 0) reading.isOver = true
}

/** The decimal number that is the rest of `text`; -1 when it is none. */
function decimal(text: string, from: number): number {
  const { length } = text
  if (length === from || length - from > DIGITS_MAX) return -1
  let number = 0
  for (let i = from; i < length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    number = number * 10 + digit
  }
  return number
}
