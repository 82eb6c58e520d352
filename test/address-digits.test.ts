import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { canonicalAddress } from '../src/address.ts'
import { addressDigits, addressText, networkDigits } from '../src/address-digits.ts'

const v4 = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }).map((bytes) => bytes.join('.'))
/** Many zero groups, so that every way of shortening comes up. */
const v6 = fc
  .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((words) => words.map((word) => word.toString(16)).join(':'))
const address = fc.oneof(v4, v6)

/** The 16 bytes, by the library that the IPv4 path does without. */
function bytesOf(text: string): number[] {
  const parsed = ipaddr.parse(text)
  return (parsed instanceof ipaddr.IPv4 ? parsed.toIPv4MappedAddress() : parsed).toByteArray()
}

describe('digits of an address', () => {
  test.each([
    ['10.8.0.2', '00000000000000000000ffff0a080002'],
    ['::ffff:10.8.0.2', '00000000000000000000ffff0a080002'],
    ['::FFFF:a08:2', '00000000000000000000ffff0a080002'],
    ['::10.8.0.2', '0000000000000000000000000a080002'],
    ['fd08::2', 'fd080000000000000000000000000002'],
    ['FD08:0:0:0::2', 'fd080000000000000000000000000002'],
    ['::', '00000000000000000000000000000000'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'],
    ['2001:db8:0:0:1:0:0:1', '20010db8000000000001000000000001'],
    ['255.255.255.255', '00000000000000000000ffffffffffff'],
  ])('%s', (text, digits) => {
    expect(addressDigits(text)).toBe(digits)
  })

  test.each([
    '',
    '10.8.0',
    '10.8.0.256',
    '010.8.0.2',
    'fd08::2%eth0',
    'fd08:::2',
    '10.8.0.2/32',
    'peer',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8:',
    ':1:2:3:4:5:6:7:8',
    '1::2::3',
    ':::',
    '12345::',
    'fd08::g',
    '1:2:3:4:5:6:7',
  ])('none of %j', (text) => {
    expect(addressDigits(text)).toBeNull()
  })

  test('are the 16 bytes, and sort as they do', () => {
    fc.assert(
      fc.property(address, address, (a, b) => {
        const [x, y] = [addressDigits(a) ?? '', addressDigits(b) ?? '']
        expect(x).toBe(Buffer.from(bytesOf(a)).toString('hex'))
        expect(Math.sign(Buffer.compare(Buffer.from(bytesOf(a)), Buffer.from(bytesOf(b))))).toBe(
          x < y ? -1 : x > y ? 1 : 0,
        )
      }),
    )
  })

  test('exist for the texts that are addresses, however odd', () => {
    const odd = fc.array(fc.constantFrom('0', '1', 'ab', 'FFFF', '12345', ':', ':', '::', '.', '10.8.0.2', '%1', ' '), {
      maxLength: 17,
    })
    fc.assert(
      fc.property(odd, (parts) => {
        const canonical = canonicalAddress(parts.join(''))
        const digits = addressDigits(parts.join(''))
        expect(digits === null ? null : addressText(digits)).toBe(canonical)
      }),
      { numRuns: 5000 },
    )
  })

  test('come back as the canonical text', () => {
    fc.assert(
      fc.property(address, (text) => {
        expect(addressText(addressDigits(text) ?? '')).toBe(canonicalAddress(text))
      }),
    )
  })

  test.each(['', '0'.repeat(31), `${'0'.repeat(31)}G`, '10.8.0.2'])(
    'text of %j is a mistake of the caller',
    (digits) => {
      expect(() => addressText(digits)).toThrow(TypeError)
    },
  )
})

describe('digits of a network', () => {
  test.each([
    ['10.8.0.0/24', '10.8.0.0', '10.8.0.255', '10.8.0.0/24'],
    ['10.8.0.77/24', '10.8.0.0', '10.8.0.255', '10.8.0.0/24'],
    ['10.8.0.2/32', '10.8.0.2', '10.8.0.2', '10.8.0.2/32'],
    ['0.0.0.0/0', '0.0.0.0', '255.255.255.255', '0.0.0.0/0'],
    ['::ffff:10.8.0.0/104', '10.0.0.0', '10.255.255.255', '10.0.0.0/8'],
    ['::/0', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::/0'],
    ['::/64', '::', '::ffff:ffff:ffff:ffff', '::/64'],
    ['fd08::5/127', 'fd08::4', 'fd08::5', 'fd08::4/127'],
    ['fd08::5/128', 'fd08::5', 'fd08::5', 'fd08::5/128'],
    ['FD08:0::/16', 'fd08::', 'fd08:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fd08::/16'],
  ])('%s', (text, first, last, canonical) => {
    const network = networkDigits(text)
    expect([addressText(network?.first ?? ''), addressText(network?.last ?? ''), network?.text]).toEqual([
      first,
      last,
      canonical,
    ])
  })

  test.each([
    '10.8.0.0',
    '10.8.0.0/33',
    '10.8.0.0/',
    '10.8.0.0/-1',
    '10.8.0.0/2a',
    'fd08::/129',
    '::ffff:10.8.0.0/24',
    '/24',
    '10.8.0.0/24/8',
  ])('none of %j', (text) => {
    expect(networkDigits(text)).toBeNull()
  })

  test('hold the addresses that share their first bits, and no other', () => {
    fc.assert(
      fc.property(address, address, fc.nat(128), fc.boolean(), (inside, other, bits, isNear) => {
        const isV4 = !inside.includes(':')
        const length = isV4 ? bits % 33 : bits
        const network = networkDigits(`${inside}/${length}`)
        const asked = isNear ? inside : other
        const digits = addressDigits(asked) ?? ''
        const shared = isV4 ? length + 96 : length
        const bitsOf = (text: string) =>
          bytesOf(text)
            .map((byte) => byte.toString(2).padStart(8, '0'))
            .join('')
            .slice(0, shared)
        if (network === null) expect(bitsOf(inside).length).toBeLessThan(96)
        else expect(digits >= network.first && digits <= network.last).toBe(bitsOf(asked) === bitsOf(inside))
      }),
    )
  })
})
