import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createHashedIds, createLineIds, FILE_IDENTITY_DIGITS, fileIdentity, hashDigits } from '../src/event-id.ts'
import { type Micros, MS } from '../src/time.ts'

const DIGITS = '0123456789abcdefghijklmnopqrstuv'
const NOON: Micros = 1_795_348_800_000_000
const at = fc.integer({ min: 0, max: 4e15 })
const FILE = fileIdentity('gw1', 'first line')

/** The deliberately naive version: bits as text, five at a time. */
function base32hexNaively(text: string, digits: number): string {
  const bits = [...createHash('sha256').update(text).digest()].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return Array.from({ length: digits }, (_, i) => DIGITS[Number.parseInt(bits.slice(i * 5, i * 5 + 5), 2)]).join('')
}

describe('event ids', () => {
  test('have 34 characters of base32hex', () => {
    fc.assert(
      fc.property(at, fc.string({ unit: 'binary' }), fc.nat(2 ** 40), (when, text, offset) => {
        expect(createHashedIds()(when, text)).toMatch(/^[0-9a-v]{34}$/)
        expect(createLineIds()(when, FILE, offset)).toMatch(/^[0-9a-v]{34}$/)
      }),
    )
  })

  test('sort by time, to the millisecond', () => {
    const [line, hashed] = [createLineIds(), createHashedIds()]
    fc.assert(
      fc.property(at, at, fc.string(), fc.string(), fc.nat(2 ** 40), (a, b, x, y, offset) => {
        if (Math.floor(a / MS) >= Math.floor(b / MS)) return
        expect(hashed(a, x) < hashed(b, y)).toBe(true)
        expect(line(a, FILE, offset) < hashed(b, y)).toBe(true)
        expect(line(a, FILE, offset) < line(b, FILE, 0)).toBe(true)
      }),
    )
  })

  test('are the same whatever was made before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(at, fc.string())), (parts) => {
        const shared = createHashedIds()
        for (const [when, text] of parts) expect(shared(when, text)).toBe(createHashedIds()(when, text))
      }),
    )
  })

  test('never change from release to release', () => {
    expect(createLineIds()(NOON, 'abcdefghijklmn', 4711)).toBe('01k81i18g0abcdefghijklmn00000004j7')
    expect(createHashedIds()(NOON, 'gw1', 7, 'x')).toBe(`01k81i18g0${base32hexNaively('gw1\x007\0x', 24)}`)
    expect(fileIdentity('gw1', 'a line')).toBe(base32hexNaively('file\0gw1\0a line', FILE_IDENTITY_DIGITS))
  })

  test('of neighbours differ: every byte of a file, every millisecond, every host', () => {
    const line = createLineIds()
    const seen = new Set<string>()
    for (let offset = 0; offset < 20_000; offset++) seen.add(line(NOON, FILE, offset))
    for (let offset = 2 ** 32 - 100; offset < 2 ** 32 + 100; offset++) seen.add(line(NOON, FILE, offset))
    for (let ms = 1; ms <= 1000; ms++) seen.add(line(NOON + ms * MS, FILE, 0))
    for (let host = 2; host < 1000; host++) seen.add(line(NOON, fileIdentity(`gw${host}`, 'first line'), 0))
    expect(seen.size).toBe(20_000 + 200 + 1000 + 998)
  })

  test('keep parts apart', () => {
    const hashed = createHashedIds()
    expect(
      new Set([hashed(NOON, 'ab', 'c'), hashed(NOON, 'a', 'bc'), hashed(NOON, 'abc'), hashed(NOON, 'ab', 'c', '')])
        .size,
    ).toBe(4)
  })

  test('times before 1970 do not break the form', () => {
    expect(createHashedIds()(-5_000_000, 'x')).toMatch(/^0{10}[0-9a-v]{24}$/)
  })
})

test('hash digits are the leading bits of SHA-256', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 51 }), (text, digits) => {
      const wellFormed = text.toWellFormed()
      expect(hashDigits(wellFormed, digits)).toBe(base32hexNaively(wellFormed, digits))
    }),
  )
})
