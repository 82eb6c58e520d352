/** Times on the command line and in print. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseTimeArgument, parseWithin, printDay, printSecond, printTime } from '../../src/commands/time-argument.ts'
import { AppError } from '../../src/errors.ts'
import { parseInstant } from '../../src/quantities.ts'
import { DAY, HOUR, INSTANT_MAX, INSTANT_MIN, MINUTE, MS, SECOND } from '../../src/time.ts'

const NOW = parseInstant('2026-11-22T15:09:29.604391Z') ?? 0
const instants = fc.integer({ min: INSTANT_MIN, max: INSTANT_MAX })

describe('a time', () => {
  test.each([
    ['now', NOW],
    ['-2h', NOW - 2 * HOUR],
    ['-7d', NOW - 7 * DAY],
    ['+30m', NOW + 30 * MINUTE],
    ['-250ms', NOW - 250 * MS],
    ['-0s', NOW],
    ['2026-11-22', parseInstant('2026-11-22T00:00:00Z')],
    ['2026-11-22T15:09', parseInstant('2026-11-22T15:09:00Z')],
    ['2026-11-22 15:09:29.604', parseInstant('2026-11-22T15:09:29.604Z')],
    ['2026-11-22T15:09:29.604391Z', NOW],
    ['2026-11-22 15:09:29.604391 UTC', NOW],
    ['2026-11-22T20:39:29.604391+05:30', NOW],
    ['15:09', parseInstant('2026-11-22T15:09:00Z')],
    ['15:09:29.5', parseInstant('2026-11-22T15:09:29.5Z')],
    ['23:59:59Z', parseInstant('2026-11-22T23:59:59Z')],
    ['00:00 UTC', parseInstant('2026-11-22T00:00:00Z')],
  ])('%s', (text, at) => {
    expect(parseTimeArgument(text, NOW)).toBe(at)
  })

  test.each([
    '',
    ' ',
    'yesterday',
    'NOW',
    '2h',
    '-2',
    '-2w',
    '--2h',
    '- 2h',
    '-1h30m',
    '1795360169',
    '2026-02-30',
    '2026-11-22T24:00',
    '25:00',
    '15:60',
    '15:09+01:00',
    '9:05',
    '22.11.2026',
    '2026-11-22Z',
    '2026-11-22T15:09:29+99:00',
    '-999999999d',
    '+999999999d',
    `now${' '.repeat(100)}`,
  ])('not "%s"', (text) => {
    expect(refusal(() => parseTimeArgument(text, NOW, '--since'))).toMatch(/^--since: expected a time.*, found "/)
  })

  test('what is refused is shown harmless, with examples', () => {
    const run = () => parseTimeArgument('\u001b]0;x\u0007', NOW)
    expect(refusal(run)).toBe('--at: expected a time, found "\\x1b]0;x\\x07"')
    expect(run).toThrow(expect.objectContaining({ advice: expect.stringContaining('-2h') }))
  })

  test('never anything but an instant in range, or a complaint', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+]?[\d:T .Zsmhd-]{0,30}$/)), instants, (text, now) => {
        try {
          const at = parseTimeArgument(text, now)
          expect(at >= INSTANT_MIN && at <= INSTANT_MAX).toBe(true)
        } catch (error) {
          expect(error).toMatchObject({ code: 'usage' })
        }
      }),
    )
  })
})

describe('a span', () => {
  test('is a duration', () => {
    expect(parseWithin('5m')).toBe(5 * MINUTE)
    expect(parseWithin('0s')).toBe(0)
    expect(refusal(() => parseWithin('-5m'))).toMatch(/^--within: expected a duration such as .*, found "-5m"$/)
    expect(refusal(() => parseWithin('24', '--last'))).toMatch(/^--last: expected a duration/)
    expect(refusal(() => parseWithin('999999999d'))).toMatch(/^--within: expected at most 9999 years/)
  })
})

describe('print', () => {
  test('as many digits as there are', () => {
    expect(printTime(NOW)).toBe('2026-11-22 15:09:29.604391 UTC')
    expect(printTime(NOW - 391)).toBe('2026-11-22 15:09:29.604 UTC')
    expect(printTime(NOW - 604_391)).toBe('2026-11-22 15:09:29 UTC')
    expect(printSecond(NOW)).toBe('2026-11-22 15:09:29 UTC')
    expect(printSecond(-1)).toBe('1969-12-31 23:59:59 UTC')
    expect(printDay(NOW)).toBe('2026-11-22 15:09:29.604391 UTC')
    expect(printDay(20_000 * DAY)).toBe('2024-10-04')
    expect(printDay(20_000 * DAY + SECOND)).toBe('2024-10-04 00:00:01 UTC')
  })

  test('what is no time is said to be none', () => {
    for (const at of [Number.NaN, Number.POSITIVE_INFINITY, INSTANT_MAX + SECOND, INSTANT_MIN - SECOND]) {
      expect(printTime(at)).toBe('unknown time')
    }
  })

  test('is read back as the same instant', () => {
    fc.assert(
      fc.property(instants, (at) => {
        expect(parseTimeArgument(printTime(at), NOW)).toBe(at)
        expect(parseTimeArgument(printDay(at), NOW)).toBe(at)
      }),
    )
  })
})

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof AppError && error.code === 'usage') return error.message
    throw error
  }
  return 'accepted'
}
