/**
 * Reads Kibana's query language, after its public documentation:
 *
 *   source.ip : 10.8.0.0/24 and not destination.port : (22 or 443) or @timestamp >= now-15m
 *
 * `not` binds tightest, then `and`, then `or`. Several unquoted words are one value. Of an unquoted value only `*` has a meaning;
 * colons need no escape where a value stands. Not supported, and refused by name: nested `{ }`, regular expressions, Lucene's
 * ranges and signs. Differs from Kibana in one thing: a field that does not exist, or cannot hold the value, is an error.
 *
 * Parsing is recursive, so depth, length and number of comparisons are limited: a query may come from anybody.
 */
import type { Micros } from '../time.ts'
import type { Match, Query, RangeOperator } from './ast.ts'
import { allOf, anyOf, negate } from './combine.ts'
import { chooseFields, type FieldChoice } from './field-names.ts'
import { fieldTest } from './field-tests.ts'
import { freeTextTests } from './free-text.ts'
import { brief, isAnything, joinWords, type Literal, plainText, shown } from './literal.ts'
import {
  operatorHint,
  refuseBareHabit,
  refuseJoiningSign,
  refuseOperandHabit,
  refuseValueHabit,
  valueHint,
} from './lucene-hints.ts'
import { queryError } from './query-error.ts'
import { createScanner, type Operator, type Place, type Scanner, type Token, type Word } from './scanner.ts'

/** UTF-16 units of a query. */
export const QUERY_CHARACTERS_MAX = 8192
/** Levels of parentheses. */
export const QUERY_DEPTH_MAX = 64
/** Values in a query, counted before equal ones are joined. */
export const QUERY_LEAVES_MAX = 1024
/** Values times the fields each is looked for in: free text and `*` names count every field. Keeps a plan below a second. */
export const QUERY_TESTS_MAX = 8192

const ALL: Query = Object.freeze({ kind: 'all' })

type Reading = {
  readonly scanner: Scanner
  readonly text: string
  readonly now: Micros
  depth: number
  leaves: number
  tests: number
}

/** What stands between `and`, `or` and parentheses: comparisons, or the values of one field. */
type Grammar = { readonly place: Place; readonly operand: () => Query }

/**
 * The query of `text`; of blank text it is everything. `now` is what date math counts from.
 * Throws an AppError 'bad-query' with one problem for anything that is no query, and nothing else.
 */
export function parseQuery(text: string, { now }: { readonly now: Micros }): Query {
  if (text.length > QUERY_CHARACTERS_MAX)
    throw queryError(
      `a query has at most ${QUERY_CHARACTERS_MAX} characters, found ${text.length}`,
      QUERY_CHARACTERS_MAX + 1,
    )
  const reading: Reading = {
    scanner: createScanner(text),
    text,
    now,
    depth: 0,
    leaves: 0,
    tests: 0,
  }
  if (reading.scanner.peek('name').kind === 'end') return ALL
  const query = disjunction(reading, { place: 'name', operand: () => comparison(reading) })
  const next = reading.scanner.peek('name')
  if (next.kind !== 'end') throw unexpected(reading, next)
  return query
}

function disjunction(reading: Reading, grammar: Grammar): Query {
  const parts = [conjunction(reading, grammar)]
  while (takeWord(reading, grammar.place, 'or')) parts.push(conjunction(reading, grammar))
  return anyOf(parts)
}

function conjunction(reading: Reading, grammar: Grammar): Query {
  const parts = [negation(reading, grammar)]
  while (takeWord(reading, grammar.place, 'and')) parts.push(negation(reading, grammar))
  return allOf(parts)
}

function negation(reading: Reading, grammar: Grammar): Query {
  let isNegated = false
  while (takeWord(reading, grammar.place, 'not')) isNegated = !isNegated
  const isGroup = reading.scanner.peek(grammar.place).kind === '('
  const part = isGroup ? group(reading, grammar) : grammar.operand()
  return isNegated ? negate(part) : part
}

function group(reading: Reading, grammar: Grammar): Query {
  const open = reading.scanner.take(grammar.place)
  if (++reading.depth > QUERY_DEPTH_MAX)
    throw queryError(`parentheses go at most ${QUERY_DEPTH_MAX} levels deep`, open.start + 1)
  const inside = disjunction(reading, grammar)
  const close = reading.scanner.peek(grammar.place)
  if (close.kind === 'end') throw queryError('this "(" is never closed', open.start + 1)
  if (close.kind !== ')') throw unexpected(reading, close)
  reading.scanner.take(grammar.place)
  reading.depth--
  return inside
}

/** `field : value`, `field >= value`, or a value alone. */
function comparison(reading: Reading): Query {
  const { scanner } = reading
  const first = scanner.peek('name')
  const next = first.kind === 'word' || first.kind === 'quoted' ? scanner.behind(first) : first
  if (first.kind !== 'quoted' && (first.kind !== 'word' || isKeyword(first)))
    throw missing(reading, 'a field or a value', first)
  if (first.kind === 'word') refuseOperandHabit(first.literal, next)
  if (next.kind !== 'operator') return freeText(reading, readValue(reading, 'name'))
  scanner.take('name')
  const fields = chooseFields(first.literal)
  scanner.take('name')
  return fieldQuery(reading, fields, next.operator)
}

function fieldQuery(reading: Reading, fields: FieldChoice, operator: Operator): Query {
  const { scanner } = reading
  const value = scanner.peek('value')
  if (value.kind === '(') {
    const values: Grammar = { place: 'value', operand: () => leaf(reading, fields, ':', readValue(reading, 'value')) }
    if (operator === ':') return group(reading, values)
    throw queryError(`"${operator}" takes one value, found a list`, value.start + 1)
  }
  if (value.kind === 'operator') {
    const hint = operatorHint(fields.label, operator, value.operator)
    throw queryError(`expected a value after "${operator}", found "${value.operator}"${hint}`, value.start + 1)
  }
  if (value.kind === 'word' && isKeyword(value)) {
    const hint = value.literal.raw.toLowerCase() === 'not' ? `; write not ${fields.label} : value` : ''
    throw missing(reading, 'a value', value, hint)
  }
  return leaf(reading, fields, operator, readValue(reading, 'value'))
}

/** A quoted text, or all unquoted words up to the next operator word, bracket or quote. */
function readValue(reading: Reading, place: Place): Literal {
  const { scanner } = reading
  const first = scanner.peek(place)
  if (first.kind === 'quoted') {
    scanner.take(place)
    return first.literal
  }
  const words: Literal[] = []
  for (let token: Token = first; token.kind === 'word' && !isKeyword(token); token = scanner.peek(place)) {
    if (words.length > 0) refuseComparison(scanner, words, token, place)
    refuseJoiningSign(token.literal)
    words.push(token.literal)
    scanner.take(place)
  }
  if (words.length === 0) throw missing(reading, 'a value', first)
  if (place === 'name') refuseBareHabit(words)
  return joinWords(words)
}

/** A word behind others that is a field with its operator: `22 host.name : x`, `22 host.name:x`. */
function refuseComparison(scanner: Scanner, words: readonly Literal[], token: Word, place: Place): void {
  const holdsColon = /^[A-Za-z_@*][\w@.*-]*:/.test(token.literal.raw)
  if (!holdsColon && scanner.behind(token).kind !== 'operator') return
  if (place === 'name') refuseBareHabit([...words, token.literal])
  const hint = holdsColon ? '; a colon in a value of several words needs quotes' : ''
  throw queryError(`expected "and" or "or" before ${shown(token.literal)}${hint}`, token.start + 1)
}

function freeText(reading: Reading, literal: Literal): Query {
  count(reading, literal, 1, 0)
  if (isAnything(literal)) return ALL
  if (plainText(literal) === '') throw queryError('expected text between the quotes', literal.column)
  refuseValueHabit(literal, '')
  const tests = freeTextTests(literal)
  count(reading, literal, 0, tests.length)
  return anyOf(tests)
}

function leaf(reading: Reading, fields: FieldChoice, operator: ':' | RangeOperator, literal: Literal): Query {
  count(reading, literal, 1, fields.names.length)
  refuseValueHabit(literal, fields.label)
  if (fields.isEvery && operator === ':' && isAnything(literal)) return ALL
  const matches: Match[] = []
  let refusal = ''
  for (const field of fields.names) {
    const result = fieldTest(field, operator, literal, reading.now)
    if ('test' in result) matches.push({ kind: 'match', field, test: result.test, spread: fields.isPattern })
    else refusal = result.refusal
  }
  if (matches.length > 0) return anyOf(matches)
  const message = fields.isPattern
    ? `no field like ${fields.label} takes ${operator === ':' ? '' : `${operator} `}${shown(literal)}`
    : refusal
  throw queryError(`${message}${valueHint(literal)}`, literal.column)
}

function count(reading: Reading, literal: Literal, leaves: number, tests: number): void {
  reading.leaves += leaves
  reading.tests += tests
  if (reading.leaves > QUERY_LEAVES_MAX)
    throw queryError(`a query has at most ${QUERY_LEAVES_MAX} values`, literal.column)
  if (reading.tests > QUERY_TESTS_MAX)
    throw queryError(
      `a query asks at most ${QUERY_TESTS_MAX} fields, and free text asks nearly all; name the fields`,
      literal.column,
    )
}

/** Takes the operator word when it stands next. An escaped or quoted one is a value. */
function takeWord({ scanner }: Reading, place: Place, word: 'and' | 'or' | 'not'): boolean {
  const token = scanner.peek(place)
  if (token.kind !== 'word' || token.literal.raw.toLowerCase() !== word) return false
  scanner.take(place)
  return true
}

function isKeyword(token: Word): boolean {
  return /^(?:and|or|not)$/i.test(token.literal.raw)
}

/** Something had to stand here and does not. */
function missing(reading: Reading, wanted: string, found: Token, hint = '') {
  const last = reading.scanner.last()
  const after = last === null ? '' : ` after ${written(reading, last)}`
  return refusal(reading, `expected ${wanted}${after}`, found, hint)
}

/** Something stands where the query could only go on or end. */
function unexpected(reading: Reading, found: Token) {
  if (found.kind === ')') return queryError('this ")" closes nothing', found.start + 1)
  const hint = found.kind === 'operator' ? '; quote a value that holds this sign' : ''
  return refusal(reading, 'expected "and" or "or" before this', found, hint)
}

function refusal(reading: Reading, wanted: string, found: Token, hint: string) {
  if (found.kind === '{' || found.kind === '}')
    return queryError('nested queries in { } are not supported: no field here is nested', found.start + 1)
  return queryError(`${wanted}, found ${written(reading, found)}${hint}`, found.start + 1)
}

function written({ text }: Reading, token: Token): string {
  if (token.kind === 'end') return 'the end of the query'
  return token.kind === 'quoted'
    ? brief(text.slice(token.start, token.end))
    : `"${brief(text.slice(token.start, token.end))}"`
}
