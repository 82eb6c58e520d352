/** Columns that a terminal gives a text. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { displayWidth, fittingStart } from '../../src/commands/display-width.ts'

test.each([
  ['', 0],
  ['abc', 3],
  ['é ñ', 3],
  ['漢字', 4],
  ['가나', 4],
  ['ＡＢ', 4],
  ['ｱｲ', 2],
  ['z\u0301\u0302', 1],
  ['👍', 2],
  ['█▒✗·', 4],
  ['שלום العربية', 12],
  ['𠀀', 2],
])('%j', (text, width) => {
  expect(displayWidth(text)).toBe(width)
})

test('the start that fits is a start, fits, and takes no more letter', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '漢', '\u0301', '👍', 'é', ' ') })
  fc.assert(
    fc.property(text, fc.nat({ max: 20 }), (whole, width) => {
      const start = fittingStart(whole, width)
      expect(whole.startsWith(start)).toBe(true)
      expect(displayWidth(start)).toBeLessThanOrEqual(width)
      const next = String.fromCodePoint(whole.slice(start.length).codePointAt(0) ?? 0x20)
      if (start !== whole) expect(displayWidth(start + next)).toBeGreaterThan(width)
    }),
  )
})
