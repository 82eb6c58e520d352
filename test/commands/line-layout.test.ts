import { expect, test } from 'vitest'
import type { DocumentLine } from '../../src/commands/document-line.ts'
import { createLinePrinter } from '../../src/commands/line-layout.ts'
import { DAY, SECOND } from '../../src/time.ts'
import { micros } from './made-store.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

const AT = micros('2026-11-22T15:09:29.604Z')

function line(part: Partial<DocumentLine> = {}): DocumentLine {
  return {
    at: AT,
    what: { text: 'flow', style: null },
    who: { text: 'ivy', style: null },
    owner: 'ivy@example.com',
    story: ['long story', 'short'],
    extras: [],
    end: { text: '', style: null },
    ...part,
  }
}

function print(lines: readonly DocumentLine[], width = 100): string[] {
  return createLinePrinter(createMemoryTerminal(), width).print(lines).trimEnd().split('\n')
}

test('the day is said once, and again when it changes', () => {
  const printer = createLinePrinter(createMemoryTerminal(), 100)
  expect(printer.print([line(), line({ at: AT + SECOND })])).toBe(
    '2026-11-22, times in UTC\n15:09:29.604  flow  ivy  long story\n15:09:30.604  flow  ivy  long story\n',
  )
  expect(printer.print([line(), line({ at: AT + DAY })])).toBe(
    '15:09:29.604  flow  ivy  long story\n2026-11-23\n15:09:29.604  flow  ivy  long story\n',
  )
  expect(printer.print([])).toBe('')
})

test('columns are as wide as the first page needs, and a longer cell pushes its own line', () => {
  const printer = createLinePrinter(createMemoryTerminal(), 100)
  printer.print([line({ who: { text: 'laptop-7', style: null } })])
  const later = [line(), line({ who: { text: 'laptop-1234', style: null } })]
  expect(printer.print(later)).toBe(
    '15:09:29.604  flow  ivy       long story\n15:09:29.604  flow  laptop-1234  long story\n',
  )
})

test('a column that few lines fill is none', () => {
  const nobody = { who: { text: '', style: null } }
  expect(print([line(nobody), line(nobody), line()]).slice(1)).toEqual([
    '15:09:29.604  flow  long story',
    '15:09:29.604  flow  long story',
    '15:09:29.604  flow  ivy  long story',
  ])
})

test('the owner stands where there is room', () => {
  expect(print([line()], 131)[1]).not.toContain('ivy@example.com')
  expect(print([line()], 132)[1]).toBe('15:09:29.604  flow  ivy  ivy@example.com  long story')
})

test('the fullest story that fits beside the end; extras as far as they go', () => {
  const room = 100 - '15:09:29.604  flow  ivy  '.length
  const [long, short] = ['l'.repeat(room - 10), 's'.repeat(20)]
  expect(print([line({ story: [long, short], end: { text: 'refused', style: null } })])[1]).toMatch(/l {2}refused$/)
  expect(print([line({ story: [long, short], end: { text: 'refused, 12 kB', style: null } })])[1]).toMatch(
    /s {2}refused, 12 kB$/,
  )
  const extras = ['web1', 'e'.repeat(80), 'never']
  const shown = print([line({ extras, end: { text: 'end', style: null } })])[1] ?? ''
  expect(shown).toMatch(/long story web1 e+… {2}end$/)
  expect(shown).toHaveLength(100)
})

test('a story and an end that are both too long share the room', () => {
  const shown = print([line({ story: ['s'.repeat(200)], end: { text: 'e'.repeat(200), style: null } })])[1] ?? ''
  expect(shown).toHaveLength(100)
  expect(shown).toMatch(/ s{44}… {2}e+…$/)
})

test('colours stand around words and take no room', () => {
  const printer = createLinePrinter(createMemoryTerminal(true), 100)
  const text = printer.print([line({ what: { text: 'firewall-drop', style: 'red' } })])
  expect(text).toContain('\u001b[31mfirewall-drop\u001b[39m  ivy')
  expect(text).toContain('\u001b[1m2026-11-22, times in UTC\u001b[22m\n')
})

test('cells from data are made fit for a terminal', () => {
  const hostile = { text: '\u001b[2Jx\u202e', style: null }
  expect(
    print([line({ what: hostile, who: hostile, story: [hostile.text], extras: [hostile.text], end: hostile })])[1],
  ).toBe(`15:09:29.604${'  \\x1b[2Jx\\u202e'.repeat(3)} \\x1b[2Jx\\u202e  \\x1b[2Jx\\u202e`)
})
