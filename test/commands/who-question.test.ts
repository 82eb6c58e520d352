/** What `who` is asked: how addresses and times are read. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressText } from '../../src/address-digits.ts'
import { addressPortText, parseAddressPort, parseMoment } from '../../src/commands/who-question.ts'
import { MINUTE, SECOND, toIso } from '../../src/time.ts'
import { micros } from './made-store.ts'

const NOW = micros('2026-11-22T16:00:00Z')

describe('an address, perhaps with a port', () => {
  test.each([
    ['10.8.0.2', '10.8.0.2', -1],
    ['10.8.0.2:443', '10.8.0.2', 443],
    ['fd08::2', 'fd08::2', -1],
    ['FD08:0::2', 'fd08::2', -1],
    ['[fd08::2]', 'fd08::2', -1],
    ['[fd08::2]:443', 'fd08::2', 443],
    ['::ffff:10.8.0.2', '10.8.0.2', -1],
    // Without brackets this is an address of eight groups, three of them zero.
    ['fd08::2:443', 'fd08::2:443', -1],
  ])('%s', (text, address, port) => {
    const parsed = parseAddressPort(text)
    expect([parsed.address.text, parsed.port]).toEqual([address, port])
  })

  test('what is printed is read back', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
        fc.integer({ min: 1, max: 65_535 }),
        fc.boolean(),
        (bits, port, isV4) => {
          const digits = isV4
            ? `${'0'.repeat(20)}ffff${bits.toString(16).padStart(32, '0').slice(24)}`
            : bits.toString(16).padStart(32, '0')
          const address = addressText(digits)
          const parsed = parseAddressPort(addressPortText(address, port))
          expect([parsed.address.text, parsed.port]).toEqual([address, port])
        },
      ),
    )
  })
})

describe('a time is as precise as it is written', () => {
  test.each([
    ['2026-11-22T15:09', MINUTE],
    ['15:09', MINUTE],
    ['2026-11-22 15:09+05:30', MINUTE],
    ['2026-11-22T15:09:29', SECOND],
    ['2026-11-22T15:09:29Z', SECOND],
    ['2026-11-22 15:09:29 UTC', SECOND],
    ['2026-11-22T15:09:29.6', SECOND / 10],
    ['2026-11-22T15:09:29.604+05:30', SECOND / 1000],
    ['2026-11-22T15:09:29.604391Z', 1],
    ['2026-11-22T15:09:29.604391123Z', 1],
    ['2026-11-22', 1],
    ['now', 1],
    ['-2h', 1],
  ])('%s', (text, width) => {
    const { from, to } = parseMoment(text, NOW)
    expect(to - from + 1).toBe(width)
  })

  test('any instant as ISO text is that instant', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000_000 }), (at) => {
        const { from, to } = parseMoment(toIso(at), NOW)
        expect(from).toBe(at)
        expect(to - from).toBeLessThan(1_000)
      }),
    )
  })
})
