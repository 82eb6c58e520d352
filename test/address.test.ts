import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { addressBits, canonicalAddress, canonicalPrefix, parseIpv4 } from '../src/address.ts'

const v4 = fc.ipV4()
const v6 = fc.ipV6()

describe('addresses', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['FD00:0000:0000:0000:0000:0000:0000:0001', 'fd00::1'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:0a01:0203', '10.1.2.3'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3'],
    ['::', '::'],
    ['::1', '::1'],
    // Compatible, not mapped (RFC 4291 2.5.5.1): inet_ntop still writes it so, and it is another address than 10.1.2.3.
    ['::10.1.2.3', '::a01:203'],
    // RFC 5952 4.2.2 and 4.2.3: a single zero group stays, of two equal runs the first is shortened.
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ])('%s is written %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical)
  })

  test.each([
    '',
    '10',
    '10.1',
    '1.2.3.4.5',
    '1.2.3.256',
    '010.0.0.1',
    '0x7f.0.0.1',
    '10.0.0.1 ',
    '10.0.0.1/32',
    'fe80::1%eth0',
    '[::1]',
    '::1::',
    '12345::',
    ':',
    '1:2:3:4:5:6:7:8:9',
    '__proto__',
    '1.2.3.4\n',
    `${'0'.repeat(50)}::1`,
  ])('%j is no address', (text) => {
    expect(canonicalAddress(text)).toBeNull()
    expect(parseIpv4(text)).toBe(-1)
  })

  test('the canonical text is the one a browser shows, unless it is mapped', () => {
    fc.assert(
      fc.property(fc.oneof(v4, v6), (text) => {
        const host = new URL(`http://${text.includes(':') ? `[${text}]` : text}/`).hostname.replace(/[[\]]/g, '')
        const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(host)
        const word = (i: number) => Number.parseInt(mapped?.[i] ?? '', 16)
        const expected = mapped === null ? host : [word(1) >> 8, word(1) & 255, word(2) >> 8, word(2) & 255].join('.')
        expect(canonicalAddress(text)).toBe(expected)
        expect(canonicalAddress(expected)).toBe(expected)
      }),
      { numRuns: 1000 },
    )
  })

  test('any text is an address or refused, never an exception', () => {
    const shaped = fc.string({ unit: fc.constantFrom(...'0123456789abcdefF:./% '.split('')), maxLength: 50 })
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), shaped), (text) => {
        const canonical = canonicalAddress(text)
        expect(addressBits(text) === null || canonical !== null).toBe(true)
        if (canonical !== null) expect(canonicalAddress(canonical)).toBe(canonical)
        const prefix = canonicalPrefix(text)
        if (prefix !== null) expect(canonicalPrefix(prefix)).toBe(prefix)
      }),
      { numRuns: 2000 },
    )
  })

  test('bits are those of ipaddr.js', () => {
    fc.assert(
      fc.property(fc.oneof(v4, v6), (text) => {
        const canonical = canonicalAddress(text) ?? ''
        const bits = addressBits(canonical)
        if (bits === null) throw new Error(`no bits of ${canonical}`)
        const bytes = ipaddr.parse(canonical).toByteArray()
        const words = bits.family === 4 ? [bits.d] : [bits.a, bits.b, bits.c, bits.d]
        expect(words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255])).toEqual(
          bytes,
        )
        if (bits.family === 4) expect(parseIpv4(canonical)).toBe(bits.d)
      }),
      { numRuns: 500 },
    )
  })
})

describe('prefixes', () => {
  test.each([
    ['10.0.0.1/24', '10.0.0.0/24'],
    ['10.0.0.1', '10.0.0.1/32'],
    ['10.0.0.1/0', '0.0.0.0/0'],
    ['255.255.255.255/1', '128.0.0.0/1'],
    ['fd00::1', 'fd00::1/128'],
    ['fd00:0:0:0:ffff::1/65', 'fd00::8000:0:0:0/65'],
    ['FD00::1/16', 'fd00::/16'],
    ['::/0', '::/0'],
    ['::ffff:10.1.2.3/120', '10.1.2.0/24'],
    ['::ffff:10.1.2.3', '10.1.2.3/32'],
    ['::ffff:10.1.2.3/96', '0.0.0.0/0'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalPrefix(text)).toBe(canonical)
  })

  test.each([
    '',
    '/',
    '/24',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/ 8',
    '10.0.0.0/8/8',
    '::/129',
    '::/1000',
    '10.0.0.0/1e1',
    '10.0/8',
    '::ffff:10.1.2.3/24',
  ])('%j is no prefix', (text) => {
    expect(canonicalPrefix(text)).toBeNull()
  })

  test('the network of any address and length is that of ipaddr.js', () => {
    const cidr = fc.oneof(fc.tuple(v4, fc.nat(32)), fc.tuple(v6, fc.nat(128)))
    fc.assert(
      fc.property(cidr, ([text, length]) => {
        const address = ipaddr.parse(text)
        // Lengths of mapped addresses count from the IPv6 address; the table above has them.
        if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) return
        const network =
          address instanceof ipaddr.IPv6
            ? ipaddr.IPv6.networkAddressFromCIDR(`${text}/${length}`)
            : ipaddr.IPv4.networkAddressFromCIDR(`${text}/${length}`)
        const [canonical = '', bits] = (canonicalPrefix(`${text}/${length}`) ?? '').split('/')
        expect(bits).toBe(String(length))
        expect(ipaddr.parse(canonical).toByteArray()).toEqual(network.toByteArray())
        expect(canonicalPrefix(`${canonical}/${bits}`)).toBe(`${canonical}/${bits}`)
      }),
      { numRuns: 500 },
    )
  })
})
