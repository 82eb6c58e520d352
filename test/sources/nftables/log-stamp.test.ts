import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import { createStampReader } from '../../../src/sources/nftables/stamp.ts'
import { createZone } from '../../../src/sources/nftables/zone.ts'
import { DAY, HOUR, type Micros, SECOND } from '../../../src/time.ts'

const ZONES = [
  'UTC',
  '+05:30',
  '-0330',
  'Asia/Kolkata',
  'Europe/Berlin',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Pacific/Apia',
]

function utc(year: number, month: number, day: number, hour = 0, minute = 0, second = 0): Micros {
  return Date.UTC(year, month - 1, day, hour, minute, second) * 1000
}

/** The wall clock of a zone, by a formatter made for the purpose: not the code under test. */
function wallClock(zone: string, at: Micros): Date {
  const fixed = /^([+-])(\d\d):?(\d\d)$/.exec(zone)
  if (fixed !== null) {
    const minutes = (Number(fixed[2]) * 60 + Number(fixed[3])) * (fixed[1] === '-' ? -1 : 1)
    return new Date(at / 1000 + minutes * 60_000)
  }
  const text = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(
    at / 1000,
  )
  return new Date(`${text.replace(' ', 'T')}Z`)
}

function traditional(wall: Date): string {
  const month = wall.toLocaleString('en-US', { month: 'short', timeZone: 'UTC' })
  return `${month} ${String(wall.getUTCDate()).padStart(2)} ${wall.toISOString().slice(11, 19)}`
}

describe('a stamp without year', () => {
  function readAll(stamps: readonly string[], referenceAt: Micros | null): string[] {
    const reader = createStampReader(createZone('UTC'), referenceAt)
    return stamps.map((text) =>
      reader.readTraditional(text, 0) ? new Date(reader.at / 1000).getUTCFullYear().toString() : 'none',
    )
  }

  test('gets the year closest to the reference, and then to the line before', () => {
    expect(readAll(['Dec 31 23:59:59', 'Jan  1 00:00:00', 'Jan  2 00:00:00'], utc(2026, 12, 31))).toEqual([
      '2026',
      '2027',
      '2027',
    ])
    expect(readAll(['Dec 31 23:59:59', 'Jan  1 00:00:00'], utc(2027, 1, 1))).toEqual(['2026', '2027'])
  })

  test('Feb 29 is only in leap years', () => {
    expect(readAll(['Feb 29 10:00:00', 'Feb 30 10:00:00'], utc(2027, 3, 1))).toEqual(['2028', 'none'])
    expect(readAll(['Feb 28 23:59:59', 'Feb 29 00:00:00', 'Mar  1 00:00:00'], utc(2028, 2, 28))).toEqual([
      '2028',
      '2028',
      '2028',
    ])
  })

  test('a single mangled month does not move the year of the lines behind it', () => {
    const stamps = ['Nov 22 10:00:00', 'May 22 10:00:01', 'Nov 22 10:00:02', 'Jun 22 10:00:03', 'Nov 22 10:00:04']
    expect(readAll(stamps, utc(2026, 11, 22)).filter((_, i) => i % 2 === 0)).toEqual(['2026', '2026', '2026'])
  })

  test('has no time when nothing tells the year', () => {
    const reader = createStampReader(createZone('UTC'), null)
    expect(reader.readTraditional('Nov 22 10:00:00', 0)).toBe(true)
    expect(reader.at).toBeNaN()
    expect(reader.readIso('2024-11-22T10:00:01Z', 0)).toBe(true)
    expect(reader.readTraditional('Nov 22 10:00:02', 0)).toBe(true)
    expect(reader.at).toBe(utc(2024, 11, 22, 10, 0, 2))
  })
})

describe('a stamp without zone', () => {
  test('the hour repeated in autumn is told apart by the order of lines', () => {
    const reader = createStampReader(createZone('Europe/Berlin'), utc(2026, 10, 25))
    const times = ['01:59:59', '02:10:00', '02:59:59', '02:00:00', '02:30:00', '03:00:00'].map((clock) => {
      reader.readTraditional(`Oct 25 ${clock}`, 0)
      return (reader.at - utc(2026, 10, 25)) / SECOND
    })
    expect(times).toEqual([-1, 600, 3599, 3600, 5400, 7200])
  })

  test('the hour skipped in spring is read as if the clock had not been moved', () => {
    const reader = createStampReader(createZone('Europe/Berlin'), utc(2026, 3, 29))
    reader.readTraditional('Mar 29 02:30:00', 0)
    expect(reader.at).toBe(utc(2026, 3, 29, 1, 30))
  })

  test('a zone nobody knows is the operator\u2019s mistake', () => {
    expect(() => createZone('Europe/Atlantis')).toThrow(AppError)
    expect(() => createZone('CEST+2')).toThrow(/unknown time zone/)
  })
})

describe('stamps of all transports', () => {
  test.each([
    ['readIso', '2026-11-22T10:43:44.740970+00:00 vm', utc(2026, 11, 22, 10, 43, 44) + 740_970, 0, 32],
    ['readIso', '2026-11-22T10:43:44.740970+0530', utc(2026, 11, 22, 5, 13, 44) + 740_970, 0, 31],
    ['readIso', '2026-11-22T10:00:00.5Z gw', utc(2026, 11, 22, 10) + 500_000, 100_000, 22],
    ['readIso', '2026-11-22T10:00:00.123-01:00', utc(2026, 11, 22, 11) + 123_000, 1000, 29],
    ['readIso', '2026-11-22T10:38:27,844502+00:00', utc(2026, 11, 22, 10, 38, 27) + 844_502, 0, 32],
    ['readIso', '2026-11-22 10:00:00 gw', utc(2026, 11, 22, 10), SECOND, 19],
    ['readIso', '2026-12-31T23:59:60Z', utc(2027, 1, 1), SECOND, 20],
    ['readFull', 'Sun 2026-11-22 10:42:18 UTC vm', utc(2026, 11, 22, 10, 42, 18), SECOND, 27],
    ['readUnix', '1795344138.275972 vm', 1_795_344_138_275_972, 0, 17],
    ['readCtime', 'Sun Nov 22 10:38:27 2026]', utc(2026, 11, 22, 10, 38, 27), SECOND, 24],
    ['readTraditional', 'Nov  2 10:42:18.275972 vm', utc(2026, 11, 2, 10, 42, 18) + 275_972, 0, 22],
  ] as const)('%s %s', (read, text, at, resolution, end) => {
    const reader = createStampReader(createZone('UTC'), utc(2026, 11, 22))
    expect(reader[read](text, 0)).toBe(true)
    expect([reader.at, reader.resolution, reader.end]).toEqual([at, resolution, end])
  })

  test.each([
    '',
    'Nov',
    'Nov 22 24:00:00',
    'Nov 31 10:00:00',
    'Nov  0 10:00:00',
    'nov 22 10:00:00',
    'ovD 22 10:00:00',
    'Nov 2x 10:00:00',
  ])('no traditional stamp: %s', (text) => {
    expect(createStampReader(createZone('UTC'), 0).readTraditional(text, 0)).toBe(false)
  })

  test('what a log daemon prints is read back, across years, leap days, zones and clock changes', () => {
    const start = fc.integer({ min: utc(1990, 1, 1) / SECOND, max: utc(2060, 1, 1) / SECOND })
    const steps = fc.array(fc.integer({ min: 1, max: (20 * DAY) / SECOND }), { maxLength: 40 })
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), start, steps, (name, first, gaps) => {
        const reader = createStampReader(createZone(name), first * SECOND + 60 * DAY)
        let at = first * SECOND
        for (const gap of [0, ...gaps]) {
          at += gap * SECOND
          const wall = wallClock(name, at)
          expect(reader.readTraditional(traditional(wall), 0)).toBe(true)
          // Within the repeated hour a long pause leaves two readings; order excludes neither.
          const isRepeated = [-HOUR, HOUR, -HOUR / 2, HOUR / 2].some(
            (by) => wallClock(name, at + by).getTime() === wall.getTime(),
          )
          if (isRepeated) expect(wallClock(name, reader.at)).toEqual(wall)
          else expect(new Date(reader.at / 1000)).toEqual(new Date(at / 1000))
        }
      }),
      { numRuns: 150 },
    )
  })

  test('second after second through a repeated and a skipped hour', () => {
    for (const [name, middle] of [
      ['Europe/Berlin', utc(2026, 10, 25, 1)],
      ['Europe/Berlin', utc(2026, 3, 29, 1)],
      ['Australia/Lord_Howe', utc(2026, 4, 4, 15)],
      ['America/St_Johns', utc(2026, 11, 1, 4, 30)],
    ] as const) {
      const reader = createStampReader(createZone(name), middle)
      for (let at = middle - 2 * HOUR; at < middle + 2 * HOUR; at += 97 * SECOND) {
        expect(reader.readTraditional(traditional(wallClock(name, at)), 0)).toBe(true)
        expect(reader.at).toBe(at)
      }
    }
  })
})
