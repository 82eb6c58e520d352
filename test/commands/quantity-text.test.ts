import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesText, dayOf, periodText, spanText, timeOfDay } from '../../src/quantity-text.ts'
import { DAY, HOUR, MINUTE, MS, SECOND } from '../../src/time.ts'
import { micros } from './made-store.ts'

test('bytes have three digits at most, and the unit that makes them so', () => {
  expect([0, 1, 812, 999, 1000, 1234, 9949, 9950, 999_499, 999_500, 34e6, 2e9, 5e15].map(bytesText)).toEqual([
    '0 B',
    '1 B',
    '812 B',
    '999 B',
    '1 kB',
    '1.2 kB',
    '9.9 kB',
    '10 kB',
    '999 kB',
    '1 MB',
    '34 MB',
    '2 GB',
    '5 PB',
  ])
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (bytes) => {
      expect(bytesText(bytes)).toMatch(/^(?:\d\.\d|\d{1,3}) [kMGTP]?B$/)
    }),
  )
})

test('spans are said in the largest unit that tells something', () => {
  const spans = [0, 40 * MS, 999 * MS, SECOND, 8.9 * SECOND, 42 * SECOND, 3 * MINUTE, 45 * HOUR, 90 * DAY]
  expect(spans.map(spanText)).toEqual(['0 ms', '40 ms', '999 ms', '1 s', '8.9 s', '42 s', '3 min', '45 h', '90 d'])
})

test('times are cut off at the millisecond, in UTC', () => {
  const at = micros('2026-11-22T15:09:29.604Z') + 999
  expect([timeOfDay(at), dayOf(at)]).toEqual(['15:09:29.604', '2026-11-22'])
  expect(timeOfDay(micros('1969-12-31T23:59:59Z') - 1)).toBe('23:59:58.999')
})

test('a period names the day of its end only where it is another', () => {
  const [from, to] = [micros('2026-11-22T15:09:26.9Z'), micros('2026-11-22T15:13:11Z')]
  expect(periodText(from, to)).toBe('2026-11-22 15:09:26 to 15:13:11 UTC')
  expect(periodText(from, to + DAY)).toBe('2026-11-22 15:09:26 to 2026-11-23 15:13:11 UTC')
})

test('a number that is no instant stops nothing', () => {
  for (const at of [Number.NaN, Infinity, -Infinity, 1e300]) {
    expect(timeOfDay(at)).toBe('??:??:??.???')
    expect(dayOf(at)).toBe('????-??-??')
  }
})
