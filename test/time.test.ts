import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createIsoPrinter, DAY, HOUR, INSTANT_MAX, INSTANT_MIN, MINUTE, MS, SECOND, toIso } from '../src/time.ts'

const instant = fc.oneof(fc.integer({ min: INSTANT_MIN, max: INSTANT_MAX }), fc.integer({ min: 0, max: 2 ** 51 }))

describe('instants', () => {
  test.each([
    [0, '1970-01-01T00:00:00.000Z'],
    [1, '1970-01-01T00:00:00.000001Z'],
    [-1, '1969-12-31T23:59:59.999999Z'],
    [-MS, '1969-12-31T23:59:59.999Z'],
    [1_795_360_169_604_391, '2026-11-22T15:09:29.604391Z'],
    [1_795_360_169_604_000, '2026-11-22T15:09:29.604Z'],
    [INSTANT_MIN, '0001-01-01T00:00:00.000Z'],
    [INSTANT_MAX, '9999-12-31T23:59:59.000Z'],
  ])('%i is %s', (at, text) => {
    expect(toIso(at)).toBe(text)
  })

  test('the units are microseconds', () => {
    expect([MS, SECOND, MINUTE, HOUR, DAY]).toEqual([1e3, 1e6, 60e6, 3600e6, 86_400e6])
  })

  test('the text stands for the same instant, to the microsecond', () => {
    fc.assert(
      fc.property(instant, (at) => {
        const text = toIso(at)
        expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(\d{3}|\d{6})Z$/)
        const digits = text.slice(20, -1).padEnd(6, '0')
        expect(Date.parse(`${text.slice(0, 19)}Z`) * MS + Number(digits)).toBe(at)
      }),
    )
  })

  test('a printer that remembers its last second prints what a new one prints', () => {
    const near = fc.tuple(instant, fc.array(fc.integer({ min: -3 * SECOND, max: 3 * SECOND })))
    fc.assert(
      fc.property(near, ([first, steps]) => {
        const iso = createIsoPrinter()
        let at = first
        for (const step of steps) {
          at = Math.min(INSTANT_MAX, Math.max(INSTANT_MIN, at + step))
          expect(iso(at)).toBe(toIso(at))
        }
      }),
    )
  })

  test('texts of equal length sort like their instants', () => {
    fc.assert(
      fc.property(instant, instant, (a, b) => {
        const [x, y] = [toIso(a), toIso(b)]
        if (x.length === y.length) expect(Math.sign(a - b)).toBe(x < y ? -1 : x > y ? 1 : 0)
      }),
    )
  })
})
