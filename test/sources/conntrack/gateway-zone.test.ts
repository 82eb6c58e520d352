import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CTIME_LENGTH, parseCtime } from '../../../src/sources/conntrack/ctime.ts'
import { createGatewayZone, zoneErrorOf } from '../../../src/sources/conntrack/gateway-zone.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/time.ts'

const utc = (...parts: Parameters<typeof Date.UTC>) => Date.UTC(...parts) * 1000

describe('a wall clock reading', () => {
  it('is read as printed by ctime, at any place of a line', () => {
    expect(parseCtime('Sun Nov 22 10:46:47 2026', 0)).toBe(utc(2026, 10, 22, 10, 46, 47))
    expect(parseCtime('[stop=Thu Feb 29 00:00:00 2024]', 6)).toBe(utc(2024, 1, 29))
    expect(parseCtime('Tue Dec  1 23:59:59 2026', 0)).toBe(utc(2026, 11, 1, 23, 59, 59))
  })

  it.each([
    'Sun Feb 29 10:46:47 2026',
    'Sun Nov  0 10:46:47 2026',
    'Sun nov 22 10:46:47 2026',
    'Sun Nov 22 10-46-47 2026',
    'Sun Nov 22 10:60:47 2026',
    'Sun Nov 22 10:46:47 2255',
    'Sun Nov 22',
    '',
  ])('is refused when it is none: "%s"', (text) => {
    expect(parseCtime(text, 0)).toBe(-1)
  })

  it('never makes the reader throw', () => {
    const real = 'Sun Nov 22 10:46:47 2026'
    fc.assert(
      fc.property(fc.nat(CTIME_LENGTH), fc.string({ maxLength: 3 }), (at, junk) => {
        const text = real.slice(0, at) + junk + real.slice(at + junk.length)
        expect(Number.isSafeInteger(parseCtime(text, 0))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

describe('a zone', () => {
  it('undoes what the zone did to an instant, except in the hour that occurs twice', () => {
    const zones = ['UTC', 'Asia/Kolkata', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', '-03:30']
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 1.6e9, max: 2e9 }), (name, seconds) => {
        const at = seconds * SECOND
        const text = new Date(seconds * 1000).toLocaleString('sv-SE', { timeZone: name })
        const local = Date.parse(`${text.replace(' ', 'T')}Z`) * 1000
        const zone = createGatewayZone(name)
        // With the right idea of when it was, the reading is always undone.
        expect(zone(local, at)).toBe(at)
        const without = zone(local, Number.NaN)
        expect([0, 30 * MINUTE, HOUR]).toContain(at - without)
      }),
      { numRuns: 60 },
    )
  })

  it('gives the skipped hour the offset before the step', () => {
    // 29 March 2026 in Berlin: 02:00 to 03:00 does not exist.
    expect(createGatewayZone('Europe/Berlin')(utc(2026, 2, 29, 2, 30), Number.NaN)).toBe(utc(2026, 2, 29, 1, 30))
  })
})

describe('a zone error', () => {
  it('is a whole number of quarter hours and more than ten minutes', () => {
    const stamp = utc(2026, 10, 22, 12)
    for (const minutes of [-720, -330, -60, -15, 15, 60, 345, 840]) {
      for (const late of [-4, 0, 60, 299]) {
        const observed = stamp - minutes * MINUTE - late * SECOND
        const isSmall = Math.abs(stamp - observed) <= 10 * MINUTE
        expect(zoneErrorOf(stamp, observed)).toBe(isSmall ? 0 : minutes * MINUTE)
      }
    }
    for (const difference of [0, 599, -599, 605, 1400, -1100, 27 * 3600]) {
      expect(zoneErrorOf(stamp, stamp - difference * SECOND)).toBe(0)
    }
  })
})
