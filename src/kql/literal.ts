/** Words of a query after their escapes are undone, still without a meaning: a field name, a value or free text. */
import { quoted, safeText } from '../safe-text.ts'

/** Wildcards in one value; more of them are an attack or a mistake, and cost every back end. */
export const WILDCARDS_MAX = 32

/** Characters of a person's text in a message. */
const BRIEF_MAX = 60

export type Literal = {
  /** Text between the wildcards, escapes undone: one piece means no wildcard. Well-formed UTF-16. */
  readonly pieces: readonly string[]
  readonly quoted: boolean
  /** As it was written. */
  readonly raw: string
  /** UTF-16 units from 1. */
  readonly column: number
}

/** The text of a literal without wildcards; null of one with wildcards. */
export function plainText(literal: Literal): string | null {
  return literal.pieces.length === 1 ? (literal.pieces[0] ?? '') : null
}

/** True for `*` and `**`: any value there is. */
export function isAnything(literal: Literal): boolean {
  return literal.pieces.length > 1 && literal.pieces.every((piece) => piece === '')
}

/** Several unquoted words are one value, joined by single blanks. */
export function joinWords(words: readonly Literal[]): Literal {
  const [first, ...rest] = words
  if (first === undefined) throw new TypeError('no words to join')
  if (rest.length === 0) return first
  const pieces = [...first.pieces]
  for (const word of rest) {
    const [head = '', ...tail] = word.pieces
    pieces.push(`${pieces.pop() ?? ''} ${head}`, ...tail)
  }
  return { pieces, quoted: false, raw: words.map(({ raw }) => raw).join(' '), column: first.column }
}

/** The literal as a message shows it. */
export function shown(literal: Literal): string {
  return quoted(literal.pieces.join('*'))
}

/** Text of a person inside a message, without quotes: safe for a terminal and not long. */
export function brief(text: string): string {
  return safeText(text.length > BRIEF_MAX ? `${text.slice(0, BRIEF_MAX)}…` : text)
}
