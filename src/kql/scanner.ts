/**
 * Splits a query into words, quoted texts, operators and brackets, each with its column. Written from Kibana's documentation:
 * `\` makes the next sign an ordinary one, `\and` an ordinary word; `\t`, `\r`, `\n` and `\u00e9` are those characters.
 *
 * Where a name may stand `:` ends the word, where a value stands it does not: addresses, times and MACs are written
 * without quotes. The parser says which of the two places it is at.
 */
import { canonicalPrefix } from '../address.ts'
import { quoted } from '../safe-text.ts'
import { type Literal, WILDCARDS_MAX } from './literal.ts'
import { queryError } from './query-error.ts'

export type Operator = ':' | '<' | '<=' | '>' | '>='
export type Bracket = '(' | ')' | '{' | '}'
export type Place = 'name' | 'value'

/** `start` is the offset of the first unit, `end` the one after the last. */
export type Token = { readonly start: number; readonly end: number } & (
  | { readonly kind: 'end' }
  | { readonly kind: Bracket }
  | { readonly kind: 'operator'; readonly operator: Operator }
  | { readonly kind: 'quoted'; readonly literal: Literal }
  | { readonly kind: 'word'; readonly literal: Literal }
)
export type Word = Token & { readonly kind: 'word' }

export type Scanner = {
  /** The next token, as it reads at this place. Throws a bad-query for what is no token. */
  peek(place: Place): Token
  take(place: Place): Token
  /** The token behind `token`, where a name may stand. */
  behind(token: Token): Token
  /** The token taken last; null at the beginning. */
  last(): Token | null
}

const BLANK = /\s/
const ENDS_WORD = new Set(['(', ')', '{', '}', '"', '<', '>'])
const MAC = /^[\da-f]{2}(?::[\da-f]{2}){5}$/i
/** What stands for itself behind a backslash. */
const IN_QUOTES = /^["\\]$/
const IN_WORDS = /^[^\p{L}\p{N}]$/u
const CONTROLS: ReadonlyMap<string, string> = new Map([
  ['t', '\t'],
  ['r', '\r'],
  ['n', '\n'],
])

/** Tokens of a query; literals are well-formed UTF-16, because DuckDB and JSON know no lone surrogates. */
export function createScanner(text: string): Scanner {
  let at = 0
  let taken: Token | null = null
  let peeked: { at: number; place: Place; token: Token } | null = null
  const peek = (place: Place): Token => {
    if (peeked === null || peeked.at !== at || peeked.place !== place)
      peeked = { at, place, token: tokenAt(text, at, place) }
    return peeked.token
  }
  return {
    peek,
    take(place) {
      taken = peek(place)
      at = taken.end
      return taken
    },
    behind: (token) => tokenAt(text, token.end, 'name'),
    last: () => taken,
  }
}

function tokenAt(text: string, from: number, place: Place): Token {
  let start = from
  while (start < text.length && BLANK.test(text.charAt(start))) start++
  const character = text.charAt(start)
  switch (character) {
    case '':
      return { kind: 'end', start, end: start }
    case '(':
    case ')':
    case '{':
    case '}':
      return { kind: character, start, end: start + 1 }
    case '<':
    case '>': {
      const operator = text.charAt(start + 1) === '=' ? (`${character}=` as const) : character
      return { kind: 'operator', operator, start, end: start + operator.length }
    }
    case '"':
      return quotedAt(text, start)
    case ':':
      if (isOperator(text, start, start > from, place))
        return { kind: 'operator', operator: ':', start, end: start + 1 }
  }
  return wordAt(text, start, place)
}

/** `::` begins an address, unless it stands where `field::…` ends the name of a field. */
function isOperator(text: string, colon: number, isAfterBlank: boolean, place: Place): boolean {
  if (text.charAt(colon + 1) !== ':') return true
  return place === 'name' && (text.charAt(colon + 2) === ':' || !(isAfterBlank || isOpening(text, colon)))
}

/** True at the beginning of the query or of a group. */
function isOpening(text: string, at: number): boolean {
  return at === 0 || text.charAt(at - 1) === '(' || BLANK.test(text.charAt(at - 1))
}

function quotedAt(text: string, start: number): Token {
  let value = ''
  let at = start + 1
  while (text.charAt(at) !== '"') {
    if (at >= text.length) throw queryError('this quote is never closed', start + 1)
    // Here a backslash that escapes nothing is a backslash, as in Kibana.
    const escaped = text.charAt(at) === '\\' ? escapeAt(text, at, IN_QUOTES) : null
    value += escaped?.value ?? text.charAt(at)
    at = escaped?.end ?? at + 1
  }
  const end = at + 1
  const raw = text.slice(start, end)
  return {
    kind: 'quoted',
    literal: { pieces: [value.toWellFormed()], quoted: true, raw, column: start + 1 },
    start,
    end,
  }
}

function wordAt(text: string, start: number, place: Place): Token {
  const keepsColons = place === 'value' || holdsColons(runAt(text, start))
  const pieces: string[] = []
  let piece = ''
  let at = start
  for (;;) {
    const character = text.charAt(at)
    if (character === '' || BLANK.test(character) || ENDS_WORD.has(character)) break
    if (character === ':' && !keepsColons) break
    if (character === '\\') {
      const escaped = wordEscape(text, at, at === start)
      piece += escaped.value
      at = escaped.end
    } else if (character === '*') {
      pieces.push(piece.toWellFormed())
      piece = ''
      at++
      if (pieces.length > WILDCARDS_MAX)
        throw queryError(`a value takes at most ${WILDCARDS_MAX} wildcards "*"; a sign of its own is \\*`, at)
    } else {
      piece += character
      at++
    }
  }
  pieces.push(piece.toWellFormed())
  return {
    kind: 'word',
    literal: { pieces, quoted: false, raw: text.slice(start, at), column: start + 1 },
    start,
    end: at,
  }
}

/** Up to the next blank, bracket or quote. */
function runAt(text: string, start: number): string {
  let end = start
  while (end < text.length && !BLANK.test(text.charAt(end)) && !ENDS_WORD.has(text.charAt(end))) end++
  return text.slice(start, end)
}

/** Free text such as `fd08::2` or `10:47`: what stands before the first colon can be no field. */
function holdsColons(run: string): boolean {
  return run.startsWith('::') || /^\d[^:]*:/.test(run) || MAC.test(run) || canonicalPrefix(run) !== null
}

type Escape = { readonly value: string; readonly end: number }

function wordEscape(text: string, at: number, isFirst: boolean): Escape {
  const escaped = (isFirst ? keywordEscape(text, at) : null) ?? escapeAt(text, at, IN_WORDS)
  if (escaped !== null) return escaped
  const next = text.charAt(at + 1)
  const what = next === '' ? 'nothing follows this backslash' : `a backslash before ${quoted(next)} means nothing`
  throw queryError(`${what}; a backslash of its own is \\\\`, at + 1)
}

/** `\and` is the word "and". */
function keywordEscape(text: string, at: number): Escape | null {
  const word = /^(?:and|or|not)(?=[\s(){}"<>:]|$)/i.exec(text.slice(at + 1, at + 5))?.[0]
  return word === undefined ? null : { value: word, end: at + 1 + word.length }
}

/** Null when the backslash at `at` escapes nothing. `signs`: what stands for itself behind a backslash. */
function escapeAt(text: string, at: number, signs: RegExp): Escape | null {
  const next = text.charAt(at + 1)
  const control = CONTROLS.get(next)
  if (control !== undefined) return { value: control, end: at + 2 }
  const digits = next === 'u' ? /^[\da-f]{4}/i.exec(text.slice(at + 2, at + 6))?.[0] : undefined
  if (digits !== undefined) return { value: String.fromCharCode(Number.parseInt(digits, 16)), end: at + 6 }
  return signs.test(next) ? { value: next, end: at + 2 } : null
}
