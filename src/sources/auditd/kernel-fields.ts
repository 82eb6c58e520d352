/**
 * The `key=value` fields of what the kernel wrote of a record, one after the other:
 * `pid=1637 uid=0 old-auid=4294967295 auid=1002 tty=(none) comm="sshd" res=1`.
 *
 * Authority: kernel/audit.c, kernel/auditsc.c. A value is quoted text (which never holds blanks or quotes), or a word. Bare
 * words (`tty`, `avc:`, `(enforce)`) are passed over. Which keys of which record may be believed is the caller's knowledge:
 * nothing here is looked up by a name from the data.
 */

const BLANK = 32
const QUOTE = 34
const EQUALS = 61

/** A field under the walk: positions in `text`. `at` is where the search for the next one starts. */
export type FieldWalk = {
  readonly text: string
  readonly end: number
  at: number
  key: string
  valueFrom: number
  valueTo: number
}

/** A walk over `text` up to `end`, before its first field. */
export function walkFields(text: string, end = text.length): FieldWalk {
  return { text, end, at: 0, key: '', valueFrom: 0, valueTo: 0 }
}

/** Moves to the next field; false when there is none. */
export function nextField(walk: FieldWalk): boolean {
  const { text, end } = walk
  let from = walk.at
  while (from < end) {
    let i = from
    let code = BLANK
    while (i < end) {
      code = text.charCodeAt(i)
      if (code === EQUALS || code === BLANK) break
      i++
    }
    if (i < end && code === EQUALS && i > from) {
      walk.key = text.substring(from, i)
      walk.valueFrom = i + 1
      walk.valueTo = valueEnd(text, i + 1, end)
      walk.at = walk.valueTo + 1
      return true
    }
    from = code === EQUALS && i < end ? wordEnd(text, i, end) + 1 : i + 1
  }
  walk.at = end
  return false
}

/** Value of the field under the walk, as it stands. */
export function fieldValue(walk: FieldWalk): string {
  return walk.text.substring(walk.valueFrom, walk.valueTo)
}

/** Value of the first field called `key`, as it stands; '' when there is none. */
export function firstValue(text: string, key: string, end = text.length): string {
  if (text.startsWith(key) && text.charCodeAt(key.length) === EQUALS) {
    return text.substring(key.length + 1, valueEnd(text, key.length + 1, end))
  }
  const walk = walkFields(text, end)
  while (nextField(walk)) if (walk.key === key) return fieldValue(walk)
  return ''
}

/** Where the kernel's part of a user-space message ends: what follows is the sender's text. */
export function kernelPartEnd(body: string): number {
  const at = body.indexOf(" msg='")
  return at < 0 ? body.length : at
}

/** Behind the value at `from`: behind its closing quote and whatever sticks to it, else before the next blank. */
export function valueEnd(text: string, from: number, end: number): number {
  if (text.charCodeAt(from) === QUOTE) {
    const close = text.indexOf('"', from + 1)
    if (close >= 0 && close < end) return wordEnd(text, close, end)
  }
  return wordEnd(text, from, end)
}

function wordEnd(text: string, from: number, end: number): number {
  const blank = text.indexOf(' ', from)
  return blank < 0 || blank > end ? end : blank
}
