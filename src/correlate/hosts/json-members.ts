/**
 * Members of JSON objects straight into a block of bytes, each with a comma behind it: closing an object puts the brace in the place
 * of the last one, so that no object needs a member that is always there. The block must have room.
 */
import { quote } from '../../event-json.ts'
import { putNumber, putText } from '../ascii-bytes.ts'

const QUOTE = 34
const COMMA = 44
const BACKSLASH = 92
const BRACE = 125
const BRACKET = 93

/** The last comma becomes the brace; a comma for what follows. */
export function close(block: Buffer, at: number): number {
  block[at - 1] = BRACE
  block[at] = COMMA
  return at + 1
}

/** Closes an object whose members began at `first`; one without members is taken back with its `head`. */
export function end(block: Buffer, at: number, first: number, head: string): number {
  return at === first ? first - head.length : close(block, at)
}

/** `name` is `"name":"`. Text that is no plain ASCII goes the general way. */
export function word(block: Buffer, start: number, name: string, value: string | undefined): number {
  if (value === undefined) return start
  const first = putText(block, start, name)
  const { length } = value
  if (length > LOOP_MAX) return longWord(block, first, value)
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i)
    if (code < 32 || code > 126 || code === QUOTE || code === BACKSLASH) {
      return anyWord(block, first, value)
    }
    block[first + i] = code
  }
  return endWord(block, first + length)
}

/** Texts of this many characters cost the same either way. */
const LOOP_MAX = 24

/** In UTF-8 whatever is no ASCII shows as a byte that needs care. */
function longWord(block: Buffer, first: number, value: string): number {
  const at = escapeAt(block, first, block.write(value, first, 'utf8'))
  return at < 0 ? anyWord(block, first, value) : endWord(block, at)
}

function anyWord(block: Buffer, first: number, value: string): number {
  return endWord(block, putText(block, first, quote(value).slice(1, -1)))
}

/** After the text of a word: quote and comma. */
export function endWord(block: Buffer, at: number): number {
  block[at] = QUOTE
  block[at + 1] = COMMA
  return at + 2
}

/** `name` is `"name":`. */
export function number(block: Buffer, start: number, name: string, value: number | undefined): number {
  if (value === undefined) return start
  const at = putNumber(block, putText(block, start, name), value)
  block[at] = COMMA
  return at + 1
}

/** `name` is `"name":[`; a list has at least one value. */
export function list(block: Buffer, start: number, name: string, values: readonly string[] | undefined): number {
  if (values === undefined) return start
  let at = putText(block, start, name)
  for (const value of values) at = word(block, at, '"', value)
  block[at - 1] = BRACKET
  block[at] = COMMA
  return at + 1
}

/** An account or group. */
export function named(
  block: Buffer,
  start: number,
  head: string,
  id: string | undefined,
  name: string | undefined,
): number {
  if (id === undefined && name === undefined) return start
  return close(block, word(block, word(block, putText(block, start, head), '"id":"', id), '"name":"', name))
}

/**
 * Makes bytes that the runtime copied there the inside of a JSON string; returns its end, or -1 when one of them needs more care. They
 * move up from their end, to make room for what escapes add: half the time of a loop over the characters of a text.
 */
export function escapeAt(block: Buffer, start: number, length: number): number {
  let added = 0
  for (let i = start; i < start + length; i++) added += ADDED[block[i] ?? 0] ?? 0
  if (added >= CARE) return -1
  let from = start + length
  let to = from + added
  while (from < to) {
    const code = block[--from] ?? 0
    block[--to] = code
    if (code === QUOTE || code === BACKSLASH) block[--to] = BACKSLASH
    else if (code === SEPARATOR) {
      to -= SEPARATOR_TEXT.length - 1
      putText(block, to, SEPARATOR_TEXT)
    }
  }
  return start + length + added
}

/** auditd puts it before what it adds to a line. */
const SEPARATOR = 0x1d
const SEPARATOR_TEXT = '\\u001d'
/** More than all other escapes of one line can add. */
const CARE = 1 << 24
/** Bytes that the escape of a byte adds; CARE for those that go the general way. */
const ADDED = Int32Array.from({ length: 256 }, (_, code) => {
  if (code === SEPARATOR) return SEPARATOR_TEXT.length - 1
  if (code < 32 || code > 126) return CARE
  return code === QUOTE || code === BACKSLASH ? 1 : 0
})
