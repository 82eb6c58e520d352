/** The one way of a text into a page. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { htmlText, visibleText } from '../../../src/reports/document/html-escape.ts'

describe('htmlText', () => {
  test.each([
    ['<b title="a&b">\'`', '&#60;b title=&#34;a&#38;b&#34;&#62;&#39;&#96;'],
    ['a\u202eb\u200bc\u0000\n', 'a\\u202eb\\u200bc\\x00\\x0a'],
    ['\u2028\ud800\u3164\u2800\u00a0', '\\u2028\\ud800\\u3164\\u2800\\u00a0'],
    ['\u{e0041}\u034f', '\\u{e0041}\\u034f'],
    ['Zoë Müller, 李, עברית', 'Zoë Müller, 李, עברית'],
    ['z\u0301\u0302\u0303\u0304\u0305', 'z\u0301\u0302\u0303\\u0304\\u0305'],
  ])('%j', (text, expected) => {
    expect(htmlText(text)).toBe(expected)
  })

  test('whatever the text, what is left has no markup and nothing that is not seen', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), fc.nat(60), (text, max) => {
        const shown = htmlText(text, max + 1)
        expect(shown).not.toMatch(/[<>"'`]/)
        expect(shown.replace(/&#\d+;/g, '')).not.toContain('&')
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u)
      }),
    )
  })

  test('a long text is cut, its length is said, and no pair of surrogates is cut in two', () => {
    expect(visibleText('abcdef', 4)).toBe('abcd… (cut; 6 characters)')
    expect(visibleText('abc😀f', 4)).toBe('abc… (cut; 6 characters)')
    expect(visibleText('abc😀', 5)).toBe('abc😀')
  })
})
