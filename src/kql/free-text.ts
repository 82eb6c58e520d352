/**
 * Free text: a value without a field. It matches a document when
 * - any keyword or wildcard field equals it (with wildcards: fits it), upper and lower case told apart;
 * - any address field equals it, or lies in it when it is a prefix such as 10.8.0.0/24;
 * - any number equals it, when it is a whole number;
 * - event.original, error.message or rule.description contains it, ASCII letters in both cases.
 * Times and booleans take no part.
 */
import { FIELD_NAMES, type FieldName } from '../fields.ts'
import type { Match, Test } from './ast.ts'
import { typeOf } from './field-names.ts'
import { addressOrNetwork, wholeNumber } from './field-tests.ts'
import { type Literal, plainText } from './literal.ts'
import { asciiLowerCase } from './text-match.ts'

/** Fields of running text: nobody types the whole of one. */
const PROSE: ReadonlySet<FieldName> = new Set(['event.original', 'error.message', 'rule.description'])

/** One test for each field that can hold the text; never of `*` alone, which is everything. */
export function freeTextTests(literal: Literal): Match[] {
  const text = plainText(literal)
  const words: Test = text === null ? { kind: 'wildcard', pieces: literal.pieces } : { kind: 'equals', values: [text] }
  const prose: Test = { kind: 'contains', pieces: literal.pieces.map(asciiLowerCase) }
  const address = text === null ? null : addressOrNetwork(text)
  const number = text === null ? null : wholeNumber(text)
  const byField = (field: FieldName): Test | null => {
    if (PROSE.has(field)) return prose
    switch (typeOf(field)) {
      case 'keyword':
      case 'wildcard':
        return words
      case 'ip':
        return address
      case 'long':
        return number === null ? null : { kind: 'equals', values: [number] }
      case 'date':
      case 'boolean':
        return null
    }
  }
  return FIELD_NAMES.flatMap((field) => {
    const test = byField(field)
    return test === null ? [] : [{ kind: 'match', field, test, spread: true } satisfies Match]
  })
}
