import { serialize } from 'node:v8'
import { expect, test } from 'vitest'
import { createRecentLines, RECENT_LINES_MAX } from '../../../src/sources/nftables/recent-lines.ts'
import { restored } from '../../restored.ts'

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
  for (let i = count - 10_000; i < count; i++) expect(recent.isRepeated(i * 237, text(i), 0)).toBe(true)
  expect(recent.isRepeated(0, text(0), 0)).toBe(false)
})

test('what was saved and read again is known by its digest, also after more was written and saved', () => {
  const uncut = createRecentLines()
  let cut = createRecentLines()
  // Some 5 MB: the ring of texts begins anew in between, and what it overwrites is forgotten at the same moment.
  const text = (i: number) => `line ${i} ${'x'.repeat(30 + Math.abs(i % 97))} \xe4`
  const count = 60_000
  for (let i = 0; i < count; i++) {
    if (i === 1 || i % 20_000 === 9_999) cut = createRecentLines(restored(cut.save()))
    // Every third line comes again after a while, and every seventh with another text.
    const again = i % 3 === 0 ? i - 4000 : i % 7 === 0 ? i - 1 : i
    const body = i % 7 === 0 ? `other ${again}` : text(again)
    expect(cut.isRepeated(again * 237, body, 3)).toBe(uncut.isRepeated(again * 237, body, 3))
  }
  cut = createRecentLines(restored(cut.save()))
  const known = Array.from({ length: count }, (_, i) => uncut.isRepeated(i * 237, text(i), 3))
  expect(known).toContain(true)
  expect(known).toContain(false)
  expect(Array.from({ length: count }, (_, i) => cut.isRepeated(i * 237, text(i), 3))).toEqual(known)
})

test('a saved state grows with what is in it, and stays far below the texts', () => {
  const recent = createRecentLines()
  expect(serialize(recent.save()).length).toBeLessThan(20_000)
  for (let i = 0; i < RECENT_LINES_MAX; i++) recent.isRepeated(i * 237, `line ${i} ${'x'.repeat(200)}`, 0)
  expect(serialize(recent.save()).length).toBeLessThan(2_000_000)
})
