import { expect, test } from 'vitest'
import { createRecentLines, RECENT_LINES_MAX } from '../../../src/sources/nftables/recent-lines.ts'

test('the same uptime and text are one line, whatever stands before the text', () => {
  const recent = createRecentLines()
  expect(recent.isRepeated(3_600_000_000, 'a: text \xff', 3)).toBe(false)
  expect(recent.isRepeated(3_600_000_000, 'bcd: text \xff', 5)).toBe(true)
  expect(recent.isRepeated(3_600_000_000, 'text \xfe', 0)).toBe(false)
  expect(recent.isRepeated(3_600_000_001, 'text \xff', 0)).toBe(false)
})

test('of more lines than are kept the last are known, and none is taken for another', () => {
  const recent = createRecentLines()
  const padding = 'x'.repeat(300)
  const text = (i: number) => `line ${i} ${padding}`
  const count = RECENT_LINES_MAX * 2
  for (let i = 0; i < count; i++) expect(recent.isRepeated(i * 237, text(i), 0)).toBe(false)
  for (let i = count - 20_000; i < count; i++) expect(recent.isRepeated(i * 237, text(i), 0)).toBe(true)
  expect(recent.isRepeated(0, text(0), 0)).toBe(false)
})
