/**
 * A query as text again: what a message shows of a part of it. What parse.ts reads from the text is the same query, except that days and
 * free text are written out. A text that is searched inside fields (free text) is shown as it is searched.
 */
import { addressText } from '../address-digits.ts'
import { toIso } from '../time.ts'
import type { Match, Query, Scalar } from './ast.ts'
import { typeOf } from './field-names.ts'

/** One line, without brackets around the whole. Values come from the query: safeText before a terminal. */
export function printQuery(query: Query): string {
  return printPart(query, 'or')
}

/** `within`: what joins it with its neighbours; what binds less tightly stands in brackets. */
function printPart(query: Query, within: 'or' | 'and' | 'not'): string {
  switch (query.kind) {
    case 'all':
      return '*'
    case 'none':
      return 'not *'
    case 'and':
    case 'or': {
      const text = query.parts.map((part) => printPart(part, query.kind)).join(` ${query.kind} `)
      const needsBrackets = within === 'not' || (query.kind === 'or' && within === 'and')
      return needsBrackets ? `(${text})` : text
    }
    case 'not':
      return `not ${printPart(query.part, 'not')}`
    case 'match':
      return printMatch(query, within)
  }
}

function printMatch({ field, test }: Match, within: 'or' | 'and' | 'not'): string {
  switch (test.kind) {
    case 'exists':
      return `${field} : *`
    case 'equals': {
      const values = test.values.map((value) => printScalar(field, value))
      return `${field} : ${values.length === 1 ? values[0] : `(${values.join(' or ')})`}`
    }
    case 'range':
      return `${field} ${test.operator} ${printScalar(field, test.value)}`
    case 'period': {
      const text = `${field} >= "${toIso(test.from)}" and ${field} < "${toIso(test.to + 1)}"`
      return within === 'not' ? `(${text})` : text
    }
    case 'network':
      return `${field} : "${test.text}"`
    case 'wildcard':
      return `${field} : ${printWildcard(test.pieces)}`
    case 'contains':
      return `${field} : ${printWildcard(['', ...test.pieces, ''])}`
  }
}

function printScalar(field: Match['field'], value: Scalar): string {
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return typeOf(field) === 'date' ? `"${toIso(value)}"` : String(value)
  return quoteText(typeOf(field) === 'ip' ? addressText(value) : value)
}

/** A value in quotes, as the language reads it: any text. What no line of text may hold is written as its number. */
export function quoteText(text: string): string {
  return `"${text
    .toWellFormed()
    .replaceAll(/["\\]/g, '\\$&')
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\uFEFF]/gu, escapeUnit)}"`
}

/**
 * Text with wildcards between its pieces, which no quotes may enclose. Only the signs that have a meaning get a backslash, because Kibana
 * refuses others; blanks that stand alone between words, and habits that parse.ts refuses, are written so that they are text.
 */
export function printWildcard(pieces: readonly string[]): string {
  const text = pieces
    .map((piece) => piece.replaceAll(/[\\():<>"*{}]/g, '\\$&').replaceAll(/[\s\p{Cc}]/gu, escapeUnit))
    .join('*')
  return text
    .replaceAll(/(?<=[^\\]|\\.)\\u0020(?=.)(?!\\u0020)/g, (blank, at: number) =>
      isBlankAt(text, at - 6) ? blank : ' ',
    )
    .replaceAll(/(?<=^| )(?:and|or|not)(?= |$)/gi, '\\$&')
    .replaceAll(/&(?=&)|\|(?=\|)|^\[|^\/(?=.*\/$)/g, escapeUnit)
}

function isBlankAt(text: string, at: number): boolean {
  return at >= 0 && text.startsWith('\\u0020', at)
}

function escapeUnit(sign: string): string {
  return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`
}
