/** Tests that commands put into queries of their own; allOf, anyOf and negate (combine.ts) join them. */
import { addressDigits } from '../address-digits.ts'
import type { FieldName } from '../fields.ts'
import type { Query, RangeOperator, Scalar, Test } from './ast.ts'
import { anyOf } from './combine.ts'

/** The field has one of the values, of several of a `many` field any; without values it is nothing. Never of a date. */
export function equals(field: FieldName, values: readonly Scalar[]): Query {
  return values.length === 0 ? anyOf([]) : matchOf(field, { kind: 'equals', values: [...new Set(values)] })
}

/** An `ip` field has this address, however it is spelled; nothing where the text is no address. */
export function hasAddress(field: FieldName, text: string): Query {
  const digits = addressDigits(text)
  return equals(field, digits === null ? [] : [digits])
}

/** The field is there. */
export function exists(field: FieldName): Query {
  return matchOf(field, { kind: 'exists' })
}

/** Numbers by size, of a date in Micros; text in order of its code points. */
export function compares(field: FieldName, operator: RangeOperator, value: string | number): Query {
  return matchOf(field, { kind: 'range', operator, value })
}

/** The text begins so. */
export function startsWith(field: FieldName, text: string): Query {
  return matchOf(field, { kind: 'wildcard', pieces: [text, ''] })
}

/** The text holds these pieces in order, ASCII letters in both cases; no piece at all: the field is there. */
export function holdsInOrder(field: FieldName, pieces: readonly string[]): Query {
  const inner = pieces.filter((piece) => piece !== '')
  return inner.length === 0 ? exists(field) : matchOf(field, { kind: 'contains', pieces: inner })
}

function matchOf(field: FieldName, test: Test): Query {
  return { kind: 'match', field, test, spread: false }
}
