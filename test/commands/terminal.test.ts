import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTerminal, paint, table } from '../../src/commands/terminal.ts'
import { quoted, safeText } from '../../src/safe-text.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

test('colours are for people: not for pipes, dumb terminals, or who asked for none', () => {
  const streams = (isTTY: boolean) => ({ out: { write: () => true, isTTY }, err: { write: () => true } })
  expect(createTerminal(streams(true), {}).color).toBe(true)
  expect(createTerminal(streams(false), {}).color).toBe(false)
  expect(createTerminal(streams(true), { NO_COLOR: '1' }).color).toBe(false)
  expect(createTerminal(streams(true), { NO_COLOR: '' }).color).toBe(true)
  expect(createTerminal(streams(true), { TERM: 'dumb' }).color).toBe(false)
  expect(paint(createMemoryTerminal(true), 'red', 'x')).toBe('\u001b[31mx\u001b[39m')
  expect(paint(createMemoryTerminal(false), 'red', 'x')).toBe('x')
})

test('terminal escapes and what is invisible become visible', () => {
  expect(
    safeText('\u001b]0;x\u0007 \u009b1m a\nb\tc\r \u202e\u200b\u2028\ufeff \ud800 \u{e0041} é 日本 👍 DOMAIN\\user'),
  ).toBe(
    '\\x1b]0;x\\x07 \\x9b1m a\\x0ab\\x09c\\x0d \\u202e\\u200b\\u2028\\ufeff \\ud800 \\u{e0041} é 日本 👍 DOMAIN\\user',
  )
  expect(quoted('a'.repeat(100), 5)).toBe('"aaaaa…"')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(safeText(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      expect(stripVTControlCharacters(safeText(text))).toBe(safeText(text))
    }),
  )
})

test('a table lines up, also with hostile cells and missing ones', () => {
  const columns = [{ title: 'peer' }, { title: 'bytes', align: 'right' as const }, { title: 'note' }]
  const rows = [['alice', '1'], ['b\u001b[2J', '123456', 'x'], ['日本']]
  expect(table(createMemoryTerminal(), columns, rows)).toBe(
    ['peer       bytes  note', 'alice          1', 'b\\x1b[2J  123456  x', '日本', ''].join('\n'),
  )
  expect(table(createMemoryTerminal(), [], [])).toBe('')
})
