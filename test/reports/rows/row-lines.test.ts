/** Rows as lines of files: whatever stands in them, a line is a line, and a terminal may show it. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rowLines } from '../../../src/reports/rows/row-lines.ts'

test('lines of both forms are of printable characters, and NDJSON gives back what went in', () => {
  const texts = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(texts, texts, (one, other) => {
      const row = { one, list: [one, other], absent: null }
      const json = rowLines('ndjson', ['one', 'list', 'absent'], [row], false)
      expect(json).toMatch(/^[\x20-\x7e]+\n$/)
      expect(JSON.parse(json)).toEqual({ one, list: [one, other] })
      const csv = rowLines('csv', ['one', 'list', 'absent'], [row], false)
      expect(csv.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
    }),
  )
})
