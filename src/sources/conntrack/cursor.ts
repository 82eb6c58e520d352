/**
 * Reads one blank-separated token after the other from a line of text, for the conntrack parsers. A cursor always stands on
 * the first character of a token or at the end of the text; every `take…` that succeeds leaves it there again.
 *
 * No regular expressions: this is the hot path, and a hostile line must cost no more than its length.
 */

export type Cursor = { readonly text: string; at: number }

const BLANK = 32

/** A decimal number up to `max` that fills its token; -1 (cursor not moved) when it is something else, negative or larger. */
export function takeNumber(cursor: Cursor, max: number): number {
  const { text, at } = cursor
  let i = at
  let value = 0
  let code = text.charCodeAt(i)
  while (code >= 48 && code <= 57) {
    value = value * 10 + (code - 48)
    // Beyond 2^53 the sum is rounded, but never to `max` or less.
    if (value > max) return -1
    code = text.charCodeAt(++i)
  }
  if (i === at || !isTokenEnd(text, i)) return -1
  cursor.at = skipBlanks(text, i)
  return value
}

/** The same as text, for ids and marks: never compared as numbers, so their width does not matter up to `lengthMax` digits. '' when it is none. */
export function takeDigits(cursor: Cursor, lengthMax: number): string {
  const { text, at } = cursor
  let i = at
  let code = text.charCodeAt(i)
  while (code >= 48 && code <= 57) code = text.charCodeAt(++i)
  if (i === at || i - at > lengthMax || !isTokenEnd(text, i)) return ''
  cursor.at = skipBlanks(text, i)
  return text.slice(at, i)
}

/** Everything up to the next blank; '' at the end of the text. */
export function takeWord(cursor: Cursor): string {
  const { text, at } = cursor
  const end = tokenEnd(text, at)
  cursor.at = skipBlanks(text, end)
  return text.slice(at, end)
}

/** Steps over `key` (`sport=`) when the cursor stands on it. The value follows without a blank. */
export function takeKey(cursor: Cursor, key: string): boolean {
  const { text, at } = cursor
  // Most keys that are asked for are not there: one comparison saves the call.
  if (text.charCodeAt(at) !== key.charCodeAt(0) || !text.startsWith(key, at)) return false
  cursor.at = at + key.length
  return true
}

/** Index of the first character that is no blank. */
export function skipBlanks(text: string, from: number): number {
  let i = from
  while (text.charCodeAt(i) === BLANK) i++
  return i
}

/** Index of the blank that ends the token, or of the end. */
export function tokenEnd(text: string, from: number): number {
  const end = text.indexOf(' ', from)
  return end < 0 ? text.length : end
}

/** Whether a token that was read up to `at` ends there. */
export function isTokenEnd(text: string, at: number): boolean {
  return at === text.length || text.charCodeAt(at) === BLANK
}
