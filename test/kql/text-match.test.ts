import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asciiLowerCase, compareText, createContains, createWildcard } from '../../src/kql/text-match.ts'

const short = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '.', '\n', 'é', '\u{10000}'), maxLength: 12 })
const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '.', '\n'), maxLength: 3 }), {
  minLength: 2,
  maxLength: 5,
})
const literally = (text: string) => text.replace(/[.]/g, '\\.')

describe('wildcards', () => {
  test('match like a regular expression', () => {
    fc.assert(
      fc.property(short, pieces, (text, parts) => {
        const regex = new RegExp(`^${parts.map(literally).join('.*')}$`, 's')
        expect(createWildcard(parts)(text)).toBe(regex.test(text))
        const inside = new RegExp(parts.map(literally).join('.*'), 's')
        expect(createContains(parts)(text)).toBe(inside.test(asciiLowerCase(text)))
      }),
      { numRuns: 3000 },
    )
  })

  test.each([
    ['', ['', ''], true],
    ['ab', ['ab', ''], true],
    ['ab', ['ab', 'b'], false],
    ['aba', ['ab', 'ba'], false],
    ['abba', ['ab', 'ba'], true],
    ['abcabc', ['a', 'c', 'c'], true],
    ['abc', ['a', 'c', 'c'], false],
  ])('%j of %j', (text, parts, expected) => {
    expect(createWildcard(parts)(text)).toBe(expected)
  })

  test('take time by the text, not by their number', () => {
    const text = 'a'.repeat(1_000_000)
    const many = createWildcard([...Array.from({ length: 32 }, () => 'aa'), 'b'])
    const inside = createContains([...Array.from({ length: 32 }, () => 'aa'), 'b'])
    expect([many(text), inside(text)]).toEqual([false, false])
  })
})

describe('order of text', () => {
  test('is the order of UTF-8 bytes', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'),
      maxLength: 4,
    })
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
      { numRuns: 2000 },
    )
  })
})

test('lower case is about ASCII', () => {
  expect(asciiLowerCase('WG-Ä İ \u212a Z')).toBe('wg-Ä İ \u212a z')
})
