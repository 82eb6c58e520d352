/**
 * The condition of a Sigma rule: names of its selections with `and`, `or`, `not`, parentheses, `1 of …` and `all of …`. What counts or
 * joins several events (`| count()`, `near`, `2 of …`) is refused by name.
 */
import type { Query } from '../../../kql/ast.ts'
import { allOf, anyOf, negate } from '../../../kql/combine.ts'
import { createWildcard } from '../../../kql/text-match.ts'
import { suggestion } from '../../../nearest.ts'
import { quoted } from '../../../safe-text.ts'

/** Characters of a condition: each name in it stands for all values of its selection. */
const CHARS_MAX = 5_000
/** Levels of parentheses, and of `not` before `not`. */
const DEPTH_MAX = 32

/** `index`: unit of the condition where the trouble is. */
export type ConditionOutcome = { readonly query: Query } | { readonly refusal: string; readonly index: number }

type Token = { readonly text: string; readonly index: number }
type Reading = {
  readonly tokens: readonly Token[]
  readonly selections: ReadonlyMap<string, Query>
  readonly end: number
  at: number
  depth: number
}

/** Thrown inside this file only. */
class Refusal extends Error {
  readonly index: number

  constructor(message: string, index: number) {
    super(message)
    this.index = index
  }
}

/** `selections`: what each name asks. */
export function conditionQuery(condition: string, selections: ReadonlyMap<string, Query>): ConditionOutcome {
  try {
    const tokens = tokensOf(condition)
    const reading: Reading = { tokens, selections, end: condition.length, at: 0, depth: 0 }
    const query = either(reading)
    const rest = tokens[reading.at]
    if (rest !== undefined) throw new Refusal(`expected "and" or "or", found ${quoted(rest.text)}`, rest.index)
    return { query }
  } catch (error) {
    if (error instanceof Refusal) return { refusal: error.message, index: error.index }
    throw error
  }
}

function tokensOf(condition: string): Token[] {
  const tokens: Token[] = []
  if (condition.length > CHARS_MAX) throw new Refusal(`a condition of more than ${CHARS_MAX} characters`, 0)
  const pipe = condition.indexOf('|')
  if (pipe >= 0) throw new Refusal(`the aggregation ${quoted(condition.slice(pipe).trim())}`, pipe)
  for (const match of condition.matchAll(/[()]|[^\s()]+/g)) tokens.push({ text: match[0], index: match.index })
  return tokens
}

function either(reading: Reading): Query {
  const parts = [both(reading)]
  while (take(reading, 'or')) parts.push(both(reading))
  return anyOf(parts)
}

function both(reading: Reading): Query {
  const parts = [operand(reading)]
  while (take(reading, 'and')) parts.push(operand(reading))
  return allOf(parts)
}

function operand(reading: Reading): Query {
  const token = reading.tokens[reading.at]
  if (token === undefined) throw new Refusal('expected the name of a selection, found the end', reading.end)
  if (++reading.depth > DEPTH_MAX) throw new Refusal('nested too deeply', token.index)
  reading.at++
  const query = operandOf(reading, token)
  reading.depth--
  return query
}

function operandOf(reading: Reading, token: Token): Query {
  const word = token.text.toLowerCase()
  if (word === 'not') return negate(operand(reading))
  if (word === '(') {
    const inside = either(reading)
    if (!take(reading, ')')) throw new Refusal('this "(" is never closed', token.index)
    return inside
  }
  if (word === 'near') throw new Refusal('"near", which joins several events', token.index)
  if (/^(?:\d+|all|any)$/.test(word) && take(reading, 'of')) return several(reading, token)
  const query = reading.selections.get(token.text)
  if (query !== undefined) return query
  if (/^(?:and|or|of|\))$/.test(word))
    throw new Refusal(`expected the name of a selection, found ${quoted(token.text)}`, token.index)
  throw new Refusal(
    `there is no selection ${quoted(token.text)}${suggestion(token.text, reading.selections.keys())}`,
    token.index,
  )
}

/** `1 of selection_*`, `all of them`. */
function several(reading: Reading, amount: Token): Query {
  const target = reading.tokens[reading.at++]
  if (target === undefined) throw new Refusal('expected "them" or a name behind "of"', reading.end)
  const word = amount.text.toLowerCase()
  if (/^\d+$/.test(word) && word !== '1')
    throw new Refusal(`"${amount.text} of": only 1 and all can be expressed`, amount.index)
  const fits = target.text.includes('*')
    ? createWildcard(target.text.split('*'))
    : (name: string) => name === target.text
  const chosen = [...reading.selections].filter(([name]) =>
    // What begins with an underscore is left out of `them` (Sigma's specification, conditions).
    target.text.toLowerCase() === 'them' ? !name.startsWith('_') : fits(name),
  )
  if (chosen.length === 0) throw new Refusal(`no selection fits ${quoted(target.text)}`, target.index)
  const queries = chosen.map(([, query]) => query)
  return word === 'all' ? allOf(queries) : anyOf(queries)
}

function take(reading: Reading, word: string): boolean {
  if (reading.tokens[reading.at]?.text.toLowerCase() !== word) return false
  reading.at++
  return true
}
