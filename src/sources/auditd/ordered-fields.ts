/**
 * Reading a record whose fields stand in the order the kernel writes them: no key is looked up, each is only compared with the one that
 * should be there. A cursor that met something else stays lost (-1), so that one look at the end tells whether all of it was
 * read; such a record is read again field by field (kernel-fields.ts).
 */
import { decoded, decodedText, UNSET } from './encoding.ts'
import { valueEnd } from './kernel-fields.ts'

const BLANK = 32
const QUOTE = 34
/** Decimal digits of an id. */
const DIGITS_MAX = 10

/** Where the reading stands; -1 once something else stood there. */
export type OrderedCursor = { readonly text: string; at: number }

/** Whether `label` is what stands here. */
export function stands(cursor: OrderedCursor, label: string): boolean {
  return cursor.at >= 0 && cursor.text.startsWith(label, cursor.at)
}

/** Takes the value behind `label`, '' when the label is not here. */
export function takeWord(cursor: OrderedCursor, label: string): string {
  if (!stands(cursor, label)) {
    cursor.at = -1
    return ''
  }
  const from = cursor.at + label.length
  cursor.at = valueEnd(cursor.text, from, cursor.text.length)
  return cursor.text.substring(from, cursor.at)
}

/** As takeWord, decoded (decodedText). */
export function takeText(cursor: OrderedCursor, label: string): string {
  const { text } = cursor
  const from = cursor.at + label.length
  if (!stands(cursor, label) || text.charCodeAt(from) !== QUOTE) return decodedText(takeWord(cursor, label))
  const close = text.indexOf('"', from + 1)
  const isWhole = close >= 0 && (close + 1 === text.length || text.charCodeAt(close + 1) === BLANK)
  if (!isWhole) return decodedText(takeWord(cursor, label))
  cursor.at = close + 1
  return decoded(text.substring(from + 1, close))
}

/** Takes the id behind `label`; -1 when it is unset, no number, or the label is not here. */
export function takeId(cursor: OrderedCursor, label: string): number {
  const { text } = cursor
  if (!stands(cursor, label)) {
    cursor.at = -1
    return -1
  }
  const from = cursor.at + label.length
  let id = 0
  let i = from
  for (; i < text.length && i <= from + DIGITS_MAX; i++) {
    const code = text.charCodeAt(i)
    if (code === BLANK) break
    if (code < 48 || code > 57) {
      cursor.at = -1
      return -1
    }
    id = id * 10 + code - 48
  }
  const isNumber = i > from && i - from <= DIGITS_MAX
  cursor.at = isNumber ? i : -1
  return isNumber && id < UNSET ? id : -1
}
