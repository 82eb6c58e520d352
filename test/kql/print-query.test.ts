import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseQuery } from '../../src/kql/parse.ts'
import { createPredicate } from '../../src/kql/predicate.ts'
import { printQuery, printWildcard, quoteText } from '../../src/kql/print-query.ts'
import { document, NOW, query } from './random-queries.ts'

const read = (text: string) => parseQuery(text, { now: NOW })

describe('a printed query', () => {
  test('finds the same when it is read', () => {
    fc.assert(
      fc.property(query, fc.array(document, { minLength: 12, maxLength: 12 }), ({ text }, documents) => {
        const meant = read(text)
        // Free text has no spelling of its own once it is spread over all fields.
        fc.pre(!JSON.stringify(meant).includes('"contains"'))
        const [before, after] = [meant, read(printQuery(meant))].map((each) => documents.filter(createPredicate(each)))
        expect(after).toEqual(before)
      }),
    )
  })

  test('keeps any text between wildcards', () => {
    const piece = fc.oneof(
      fc.string({ unit: fc.constantFrom(...' \\*():<>"{}&|[]/-!=+.aT\tandor'.split('')), maxLength: 8 }),
      fc.constantFrom('and', ' or ', 'a not b', 'x  y', '&&', '/a.', '[1 TO 5]', 'host.name:x', '\u00a0'),
    )
    fc.assert(
      fc.property(fc.array(piece, { minLength: 2, maxLength: 4 }), (pieces) => {
        fc.pre(pieces.some((each) => each !== ''))
        expect(read(`rule.name : ${printWildcard(pieces)}`)).toEqual({
          kind: 'match',
          field: 'rule.name',
          test: { kind: 'wildcard', pieces },
          spread: false,
        })
      }),
    )
  })

  test('keeps any text in quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(read(`rule.name : ${quoteText(text)}`)).toMatchObject({ test: { values: [text.toWellFormed()] } })
      }),
    )
  })

  test('has brackets only where they matter', () => {
    const text =
      'not (source.port : 1 or rule.name : "a") and (rule.id : b* or rule.name : *) and not tags : ("x" or "y")'
    expect(printQuery(read(text))).toBe(text)
  })
})
