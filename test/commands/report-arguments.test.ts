/** Goal: what a report is asked for is understood or refused with what to write instead. */
import { expect, test } from 'vitest'
import { parseFormats, parseNames, withMonth } from '../../src/commands/report-arguments.ts'
import { reportPeriod } from '../../src/commands/report-source.ts'
import { parseTimeArgument } from '../../src/commands/time-argument.ts'
import { AppError } from '../../src/errors.ts'
import { DAY, toIso } from '../../src/time.ts'

const NONE = { since: '', until: '', last: '' }
const at = (text: string) => parseTimeArgument(text, 0)

/** The complaint and the advice. */
function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return `${error.message}\n${error.advice}`
    throw error
  }
  throw new Error('nothing was refused')
}

test('a month is from its first moment to the first of the next, in UTC', () => {
  expect(withMonth(NONE, '2026-10', 0)).toEqual({ since: '2026-10-01', until: '2026-11-01', last: '' })
  expect(withMonth(NONE, '2026-12', 0)).toEqual({ since: '2026-12-01', until: '2027-01-01', last: '' })
  expect(withMonth(NONE, 'last', at('2026-01-31'))).toEqual({ since: '2025-12-01', until: '2026-01-01', last: '' })
  expect(withMonth({ ...NONE, last: '7d' }, '', 0)).toEqual({ ...NONE, last: '7d' })
  expect(refusal(() => withMonth(NONE, '2026-13', 0))).toContain('"2026-13"')
  expect(refusal(() => withMonth({ ...NONE, last: '7d' }, 'last', 0))).toContain('Give one of them')
})

test('a period that nobody named is that of the records, at most thirty days', () => {
  const span = { oldest: at('2026-11-22'), newest: at('2026-11-23') }
  expect(reportPeriod(NONE, at('2027-01-01'), span)).toEqual({ from: span.oldest, to: span.newest + 1 })
  const long = { oldest: at('2025-01-01'), newest: at('2026-11-23') }
  expect(reportPeriod(NONE, 0, long)).toEqual({ from: long.newest + 1 - 30 * DAY, to: long.newest + 1 })
  expect(refusal(() => reportPeriod(NONE, 0, null))).toContain('--since')
})

test('a period that was named is taken, whatever is recorded', () => {
  const asked = { since: '2026-11-01', until: '2026-12-01', last: '' }
  for (const span of [null, { oldest: at('2026-11-22'), newest: at('2026-11-23') }]) {
    const { from, to } = reportPeriod(asked, 0, span)
    expect([toIso(from), toIso(to)]).toEqual(['2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'])
  }
  const week = reportPeriod({ ...NONE, last: '7d' }, at('2026-11-23'), null)
  expect([toIso(week.from), toIso(week.to)]).toEqual(['2026-11-16T00:00:00.000Z', '2026-11-23T00:00:00.000Z'])
  expect(
    refusal(() => reportPeriod({ ...NONE, since: '2026-12-01' }, 0, { oldest: 0, newest: at('2026-11-23') })),
  ).toContain('the records end there')
})

test('a time of which nothing is recorded is a period all the same', () => {
  const span = { oldest: at('2026-11-22'), newest: at('2026-11-23') }
  const before = reportPeriod({ ...NONE, until: '2025-01-31' }, at('2027-01-01'), span)
  expect([toIso(before.from), toIso(before.to)]).toEqual(['2025-01-01T00:00:00.000Z', '2025-01-31T00:00:00.000Z'])
  const after = reportPeriod({ ...NONE, since: '2026-12-01' }, at('2026-12-02'), span)
  expect([toIso(after.from), toIso(after.to)]).toEqual(['2026-12-01T00:00:00.000Z', '2026-12-02T00:00:00.000Z'])
  expect(refusal(() => reportPeriod({ ...NONE, last: '0s' }, at('2026-12-02'), span))).not.toContain('records end')
})

test('formats and names', () => {
  expect(parseFormats({ format: '', out: 'x' })).toEqual(['html', 'json', 'csv'])
  expect(parseFormats({ format: 'ndjson,html', out: 'x' })).toEqual(['html', 'ndjson'])
  expect(parseFormats({ format: 'all', out: 'x' })).toEqual(['html', 'pdf', 'json', 'csv', 'ndjson'])
  expect(refusal(() => parseFormats({ format: 'docx', out: 'x' }))).toContain('"docx"')
  expect(refusal(() => parseFormats({ format: 'csv', out: '' }))).toContain('--out')
  expect(parseNames('')).toBe('as-recorded')
  expect(refusal(() => parseNames('now'))).toContain('as-known-now')
})
