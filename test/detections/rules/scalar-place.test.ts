import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Document, parseDocument, Scalar } from 'yaml'
import { createScalarPlaces } from '../../../src/detections/rules/scalar-place.ts'

const PATH = ['rules', 0, 'query']

/** What stands in the file where the character of the text is said to be. */
function standsAt(source: string, index: number): string | undefined {
  const place = createScalarPlaces(source)(PATH, index)
  return place === null ? undefined : source.split('\n')[place.line - 1]?.charAt(place.column - 1)
}

function textOf(source: string): string {
  return String(parseDocument(source).getIn(PATH))
}

describe('the place of a character', () => {
  test.each([
    ['plain', 'rules:\n  - query: a.b and X c\n'],
    ['plain over two lines', 'rules:\n  - query: a.b\n      and X c\n'],
    ['single quotes', "rules:\n  - query: 'it''s and X c'\n"],
    ['double quotes', 'rules:\n  - query: "a \\"b\\" \\t \\u0041\\x41 and X c"\n'],
    ['double quotes over two lines', 'rules:\n  - query: "a \\\n      b\n\n      and X c"\n'],
    ['a literal block', 'rules:\n  - query: |\n      a : "b"\n        and X c\n'],
    ['a folded block with a comment', 'rules:\n  - query: >-  # X why\n      a : "b"\n\n      and X c\n    title: x\n'],
  ])('%s', (_, source) => {
    const text = textOf(source)
    expect(standsAt(source, text.indexOf('X'))).toBe('X')
    expect(standsAt(source, text.indexOf('c'))).toBe('c')
  })

  test('of every character that YAML does not fold, in every style', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab"\'\\#: \n\t*é\u0001'.split(''), '\u{1f600}'), maxLength: 40 })
    const style = fc.constantFrom(
      Scalar.PLAIN,
      Scalar.QUOTE_SINGLE,
      Scalar.QUOTE_DOUBLE,
      Scalar.BLOCK_FOLDED,
      Scalar.BLOCK_LITERAL,
    )
    fc.assert(
      fc.property(text, style, fc.nat(40), (value, type, at) => {
        const scalar = new Scalar(value)
        scalar.type = type
        const source = new Document({ rules: [{ query: scalar }] }).toString({ lineWidth: 20 })
        const index = Math.min(at, value.length)
        const character = value.charAt(index)
        fc.pre(/^[ab#:*é]$/.test(character))
        // What the library writes is now and then another text.
        fc.pre(textOf(source) === value)
        expect(standsAt(source, index)).toBe(character)
      }),
      { numRuns: 500 },
    )
  })

  test('past the end is behind the last character', () => {
    const source = 'rules:\n  - query: a and\n'
    expect(createScalarPlaces(source)(PATH, 5)).toEqual({ line: 2, column: 17 })
  })

  test('is not known of an alias', () => {
    expect(createScalarPlaces('q: &q a b\nrules:\n  - query: *q\n')(PATH, 2)).toBeNull()
  })
})
