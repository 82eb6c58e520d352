/**
 * A query as a tree. Fields are resolved and values typed when the text is parsed, so the back ends (to-sql.ts,
 * to-elasticsearch.ts, predicate.ts) cannot fail on what a person typed and cannot disagree on what it means.
 *
 * Every test is true or false: of an absent field all are false. Of a `many` field a test is true when it is of any element.
 */
import type { FieldName } from '../fields.ts'

export type RangeOperator = '<' | '<=' | '>' | '>='

/** keyword and wildcard: the text; long: an integer; date: Micros; boolean; ip: the digits of addressDigits. */
export type Scalar = string | number | boolean

/** What is asked of one value. */
export type Test =
  | { readonly kind: 'exists' }
  /** The value is one of these. Never of a date. */
  | { readonly kind: 'equals'; readonly values: readonly Scalar[] }
  /** Text in order of its code points, numbers and instants by size, addresses by their 16 bytes. Never of a boolean. */
  | { readonly kind: 'range'; readonly operator: RangeOperator; readonly value: string | number }
  /** Instants, both ends included: a day, or the second that was written. */
  | { readonly kind: 'period'; readonly from: number; readonly to: number }
  /** Addresses, both ends included. `text` is the canonical prefix. */
  | { readonly kind: 'network'; readonly first: string; readonly last: string; readonly text: string }
  /** The pieces in order with any text between them: `a*b` is `a`, `b`; `a*` is `a`, ``. At least two. */
  | { readonly kind: 'wildcard'; readonly pieces: readonly string[] }
  /** The pieces in order anywhere in the text. ASCII letters match in both cases; in the pieces they are lower case. */
  | { readonly kind: 'contains'; readonly pieces: readonly string[] }

export type Match = {
  readonly kind: 'match'
  readonly field: FieldName
  readonly test: Test
  /** True when the query did not name this field: it stands for a pattern of names, or for free text. */
  readonly spread: boolean
}

export type Query =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | { readonly kind: 'and'; readonly parts: readonly Query[] }
  | { readonly kind: 'or'; readonly parts: readonly Query[] }
  | { readonly kind: 'not'; readonly part: Query }
  | Match
