/** What `field operator value` asks of one field: the value as the field's type understands it, or why it does not. */

import { parseIpv4 } from '../address.ts'
import { addressDigits, networkDigits } from '../address-digits.ts'
import type { FieldName } from '../fields.ts'
import type { Micros } from '../time.ts'
import type { RangeOperator, Test } from './ast.ts'
import { DATE_EXPECTED, dateSpan, dateTest } from './date-values.ts'
import { typeOf } from './field-names.ts'
import { isAnything, type Literal, plainText, shown } from './literal.ts'

export type ValueOperator = ':' | RangeOperator

/** `refusal` begins with the name of the field and says what was found. */
export type FieldTest = { readonly test: Test } | { readonly refusal: string }

const EXISTS: Test = Object.freeze({ kind: 'exists' })
const NUMBER = /^([+-]?\d+)(?:\.(\d+))?$/
const ADDRESS_EXPECTED = 'write an address such as 10.8.0.2 or fd08::2, or a prefix such as 10.8.0.0/24'

/** `now` is what date math counts from. */
export function fieldTest(field: FieldName, operator: ValueOperator, literal: Literal, now: Micros): FieldTest {
  if (operator === ':' && isAnything(literal)) return { test: EXISTS }
  const text = plainText(literal)
  if (text === null) return wildcardTest(field, operator, literal)
  switch (typeOf(field)) {
    case 'keyword':
    case 'wildcard':
      return { test: operator === ':' ? equals(text) : { kind: 'range', operator, value: text } }
    case 'long':
      return numberTest(field, operator, text, literal)
    case 'boolean':
      return booleanTest(field, operator, text, literal)
    case 'date': {
      const span = dateSpan(text, now)
      if (span === null) return { refusal: `${field} is a time, found ${shown(literal)}; ${DATE_EXPECTED}` }
      return { test: dateTest(operator, span) }
    }
    case 'ip':
      return addressTest(field, operator, text, literal)
  }
}

/** The test of an address or a prefix; null when `text` is neither. */
export function addressOrNetwork(text: string): Test | null {
  const digits = addressDigits(text)
  if (digits !== null) return equals(digits)
  const network = networkDigits(text)
  if (network === null) return null
  return network.first === network.last ? equals(network.first) : { kind: 'network', ...network }
}

/** The integer `text` is, when a number holds it exactly; else null. */
export function wholeNumber(text: string): number | null {
  const [, digits, fraction] = NUMBER.exec(text) ?? []
  return digits !== undefined && fraction === undefined ? safe(Number(digits)) : null
}

function equals(value: string | number | boolean): Test {
  return { kind: 'equals', values: [value] }
}

function safe(value: number): number | null {
  return Number.isSafeInteger(value) ? value : null
}

function wildcardTest(field: FieldName, operator: ValueOperator, literal: Literal): FieldTest {
  const type = typeOf(field)
  if (operator !== ':') return { refusal: `${field} ${operator} takes one value, found the wildcard ${shown(literal)}` }
  if (type === 'keyword' || type === 'wildcard') return { test: { kind: 'wildcard', pieces: literal.pieces } }
  const found = `takes no wildcard but * alone, found ${shown(literal)}`
  if (type === 'ip') {
    const prefix = prefixOf(literal.pieces.join('*'))
    return { refusal: `${field} ${found}; write ${prefix ?? 'a prefix such as 10.8.0.0/24'}` }
  }
  if (type === 'long') return { refusal: `${field} ${found}; write ${field} >= 1000 or a list (22 or 80)` }
  return { refusal: type === 'date' ? `${field} ${found}; ${DATE_EXPECTED}` : `${field} ${found}` }
}

/** `10.8.*` as the prefix it means; null when it is not clear. */
function prefixOf(pattern: string): string | null {
  const [, fixed, wild] = /^((?:\d{1,3}\.){1,3})(\*(?:\.\*){0,2})$/.exec(pattern) ?? []
  if (fixed === undefined || wild === undefined) return null
  const parts = fixed.split('.').length - 1
  const network = `${fixed}${Array.from({ length: 4 - parts }, () => '0').join('.')}`
  return parseIpv4(network) < 0 ? null : `${network}/${parts * 8}`
}

function numberTest(field: FieldName, operator: ValueOperator, text: string, literal: Literal): FieldTest {
  const [, digits, fraction = ''] = NUMBER.exec(text) ?? []
  if (digits === undefined) return { refusal: `${field} is a number, found ${shown(literal)}` }
  const isWhole = /^0*$/.test(fraction)
  const value = safe(Number(digits))
  if (value === null)
    return { refusal: `${field} holds numbers up to ${Number.MAX_SAFE_INTEGER}, found ${shown(literal)}` }
  if (isWhole) return { test: operator === ':' ? equals(value) : { kind: 'range', operator, value } }
  if (operator === ':') return { refusal: `${field} is a whole number, found ${shown(literal)}` }
  // No integer lies between a fraction and the integers around it, so > and >= ask the same.
  const below = digits.startsWith('-') ? value - 1 : value
  const isLower = operator === '>' || operator === '>='
  return { test: { kind: 'range', operator: isLower ? '>' : '<=', value: below } }
}

function booleanTest(field: FieldName, operator: ValueOperator, text: string, literal: Literal): FieldTest {
  if (operator !== ':') return { refusal: `${field} is true or false and has no order, found "${operator}"` }
  const word = text.toLowerCase()
  if (word !== 'true' && word !== 'false') return { refusal: `${field} is true or false, found ${shown(literal)}` }
  return { test: equals(word === 'true') }
}

function addressTest(field: FieldName, operator: ValueOperator, text: string, literal: Literal): FieldTest {
  const test = addressOrNetwork(text)
  if (test === null) return { refusal: `${field} is an address, found ${shown(literal)}; ${ADDRESS_EXPECTED}` }
  if (operator === ':') return { test }
  const digits = addressDigits(text)
  if (digits === null)
    return {
      refusal: `${field} ${operator} takes one address, found the prefix ${shown(literal)}; write ${field} : ${text}`,
    }
  return { test: { kind: 'range', operator, value: digits } }
}
