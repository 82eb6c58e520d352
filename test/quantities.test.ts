import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nearest } from '../src/nearest.ts'
import { parseDuration, parseInstant, parseSize } from '../src/quantities.ts'
import { toIso } from '../src/time.ts'

describe('instants', () => {
  test.each([
    ['2026-01-10', '2026-01-10T00:00:00.000Z'],
    ['2026-11-22T10:47:00Z', '2026-11-22T10:47:00.000Z'],
    ['2026-11-22T10:47Z', '2026-11-22T10:47:00.000Z'],
    ['2026-11-22 10:47:00.25+05:30', '2026-11-22T05:17:00.250Z'],
    ['2026-11-22T10:47:00.1234567-08:00', '2026-11-22T18:47:00.123456Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z'],
  ])('%s', (text, iso) => {
    expect(toIso(parseInstant(text) ?? Number.NaN)).toBe(iso)
  })

  test.each(
    '2026-02-29 2026-13-01 2026-00-10 2026-01-00 0000-01-01 2026-1-1 26-01-10 2026-01-10T10:00:00 2026-01-10T24:00Z 2026-01-10T10:60Z 2026-01-10T10:00:60Z 2026-01-10T10:00+24:00 2026-01-10Z tomorrow'.split(
      ' ',
    ),
  )('%s is none', (text) => {
    expect(parseInstant(text)).toBeNull()
  })

  test('any millisecond is read back', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          expect(parseInstant(date.toISOString())).toBe(date.getTime() * 1000)
        },
      ),
    )
  })
})

test('durations are microseconds', () => {
  const all = ['250ms', '60s', '5m', '1h', '90d', '0s'].map(parseDuration)
  expect(all).toEqual([250_000, 60e6, 300e6, 3600e6, 90 * 86400e6, 0])
  for (const text of ['', '5', 's', '-5s', '1.5h', '1h30m', '5 s', '5S', '9999999999s'])
    expect(parseDuration(text)).toBeNull()
})

test('sizes are bytes', () => {
  expect(['7B', '1kB', '1KiB', '20GiB', '2TB'].map(parseSize)).toEqual([7, 1000, 1024, 20 * 2 ** 30, 2e12])
  for (const text of ['', '20', 'GiB', '-1B', '1.5GiB', '1 GiB', '1gib', '999999999TiB'])
    expect(parseSize(text)).toBeNull()
})

test('a suggestion is near, or not made', () => {
  const known = ['allowed_ips', 'owner', 'owners', 'bob@example.com', 'wg0']
  expect(nearest('alowed_ips', known)).toBe('allowed_ips')
  expect(nearest('onwer', known)).toBe('owner')
  expect(nearest('Owners', known)).toBe('owners')
  expect(nearest('bbo@example.com', known)).toBe('bob@example.com')
  expect(nearest('zoe@example.com', known)).toBeNull()
  expect(nearest('x', ['y'])).toBeNull()
  expect(nearest('', known)).toBeNull()
  expect(nearest('x'.repeat(100_000), ['x'.repeat(100_000)])).toBeNull()
})
