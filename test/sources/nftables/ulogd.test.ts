import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalAddress } from '../../../src/address.ts'
import { emptyPacket } from '../../../src/sources/nftables/packet.ts'
import { parseUlogdJson, type UlogdPacket } from '../../../src/sources/nftables/ulogd.ts'
import { parseUlogdStamp } from '../../../src/sources/nftables/ulogd-stamp.ts'
import { toIso } from '../../../src/time.ts'

const folder = new URL('../../fixtures/nftables-ulogd/nflog/', import.meta.url)
const lines = readFileSync(new URL('input.txt', folder), 'latin1')
  .split('\n')
  .filter((line) => line.startsWith('{'))

const udp = {
  'oob.prefix': 'fx ',
  'oob.time.sec': 1795344583,
  'oob.time.usec': 32890,
  'oob.in': 'wg0',
  'oob.out': '',
  'ip.protocol': 17,
  'ip.tos': 184,
  'ip.totlen': 33,
  'ip.fragoff': 0,
  src_port: 5353,
  dest_port: 53,
  src_ip: '10.77.1.2',
  dest_ip: '10.77.2.2',
}

function parsed(fields: object): UlogdPacket {
  const result = parseUlogdJson(JSON.stringify(fields))
  if (result === null || result === 'malformed') throw new Error(String(result))
  return result
}

describe('captured ulogd2 JSON', () => {
  test('gives the expected packets', async () => {
    const empty = new Map<string, unknown>(Object.entries(emptyPacket()))
    const rows = lines.map((line) => {
      const result = parseUlogdJson(line)
      if (result === null || result === 'malformed') return JSON.stringify(result)
      const said = Object.entries(result.packet).filter(([name, value]) => empty.get(name) !== value)
      return JSON.stringify({
        at: result.at === null ? null : toIso(result.at),
        isLocalTime: result.isLocalTime,
        ...Object.fromEntries(said),
      })
    })
    await expect(`${rows.join('\n')}\n`).toMatchFileSnapshot(new URL('expected.ndjson', folder).pathname)
  })

  test('is packets, but for one conntrack flow', () => {
    const results = lines.map((line) => parseUlogdJson(line))
    expect(results.filter((result) => result === null)).toHaveLength(1)
    expect(results).not.toContain('malformed')
  })
})

describe('a ulogd2 JSON line', () => {
  test('has the kernel time of the packet before that of ulogd', () => {
    expect(parsed({ ...udp, timestamp: '2026-11-22T11:51:15.662541+0100' })).toMatchObject({
      at: 1795344583032890,
      isLocalTime: false,
    })
  })

  test('falls back to the stamp, with or without zone', () => {
    const { 'oob.time.sec': _, ...rest } = udp
    expect(parsed({ ...rest, timestamp: '2026-11-22T11:51:15.662541+0100' })).toMatchObject({
      at: 1795344675662541,
      isLocalTime: false,
    })
    expect(parsed({ ...rest, '@timestamp': '2026-11-22T10:51:15.662541' })).toMatchObject({
      at: 1795344675662541,
      isLocalTime: true,
    })
    expect(parsed(rest)).toMatchObject({ at: null, isLocalTime: false })
    expect(parsed({ ...udp, 'oob.time.sec': 0, timestamp: 'yesterday' })).toMatchObject({ at: null })
  })

  test('lacks its prefix when that was not UTF-8', () => {
    const { 'oob.prefix': _, ...rest } = udp
    expect(parsed(rest).packet).toMatchObject({ prefix: '', in: 'wg0', dport: 53 })
  })

  test('gives the bytes of its texts, escaped or not', () => {
    const raw = Buffer.from(JSON.stringify({ ...udp, 'oob.prefix': 'ü€' }), 'utf8').toString('latin1')
    const escaped = JSON.stringify({ ...udp, 'oob.prefix': '@' }).replace('@', '\\u00fc\\u20ac')
    for (const text of [raw, escaped]) {
      expect(parseUlogdJson(text)).toMatchObject({ packet: { prefix: Buffer.from('ü€', 'utf8').toString('latin1') } })
    }
  })

  test('has no verdict to offer', () => {
    expect(parsed({ ...udp, action: 'blocked' })).toEqual(parsed(udp))
  })

  test('of a later fragment has no ports, though ulogd prints some', () => {
    const fragment = { ...udp, 'ip.fragoff': 0x2000 + 185 }
    expect(parsed(fragment).packet).toMatchObject({
      fragmentOffset: 1480,
      moreFragments: true,
      sport: -1,
      dport: -1,
      protocol: 17,
    })
    expect(parsed({ ...udp, 'ip.fragoff': 0x2000 }).packet).toMatchObject({ fragmentOffset: 0, dport: 53 })
    expect(parsed({ ...udp, 'ip.fragoff': 0x4000 }).packet).toMatchObject({
      fragmentOffset: -1,
      dontFragment: true,
      dport: 53,
    })
  })

  test('of an IPv6 fragment is numbered like the kernel text', () => {
    const v6 = {
      'oob.hook': 2,
      'ip6.hoplimit': 64,
      'ip6.payloadlen': 16,
      'ip6.nexthdr': 17,
      src_ip: 'fd77:1::2',
      dest_ip: '::ffff:10.0.0.1',
    }
    expect(parsed({ ...v6, 'ip6.fragoff': 24, 'ip6.fragid': 0xdeadbee }).packet).toMatchObject({
      family: 6,
      dst: '10.0.0.1',
      length: 56,
      protocol: 17,
      fragmentOffset: 24,
      fragmentId: '0deadbee',
    })
  })

  test('may hold keys that are names of object internals', () => {
    const text = JSON.stringify(udp).replace(
      '{',
      '{"__proto__": {"src_port": 1, "polluted": true}, "constructor": 1, "toString": 2, ',
    )
    expect(parseUlogdJson(text)).toEqual(parsed(udp))
    expect(Reflect.has({}, 'polluted')).toBe(false)
  })

  test('without addresses is a packet without IP part', () => {
    expect(parsed({ 'oob.prefix': 'arp ', 'oob.in': 'br0', 'oob.family': 7 }).packet).toMatchObject({
      family: 0,
      src: '',
    })
  })

  test.each([
    ['no JSON', 'fx IN=wg0'],
    ['half a line', JSON.stringify(udp).slice(0, -1)],
    ['an address that is none', JSON.stringify({ ...udp, src_ip: '10.77.1.256' })],
    ['one address only', JSON.stringify({ ...udp, dest_ip: undefined })],
    ['an address that is a number', JSON.stringify({ ...udp, src_ip: 167772161 })],
    [
      'addresses that IP2STR has not turned into text',
      JSON.stringify({ ...udp, src_ip: undefined, dest_ip: undefined }),
    ],
    ['an IPv6 address in an IPv4 packet', JSON.stringify({ ...udp, src_ip: 'fd77::1' })],
    ['a port out of range', JSON.stringify({ ...udp, dest_port: 65536 })],
    ['a port as text', JSON.stringify({ ...udp, dest_port: '53' })],
    ['half a port', JSON.stringify({ ...udp, dest_port: 53.5 })],
    ['a negative mark', JSON.stringify({ ...udp, 'oob.mark': -1 })],
  ])('with %s is malformed', (_, text) => {
    expect(parseUlogdJson(text)).toBe('malformed')
  })

  test.each([
    '[]',
    '1',
    'null',
    '"oob.hook"',
    '{}',
    '{"orig.ip.protocol": 17, "ct.id": 1, "oob.family": 2, "src_ip": "10.0.0.1"}',
  ])('of another kind is no packet: %s', (text) => {
    expect(parseUlogdJson(text)).toBeNull()
  })
})

describe('the stamp', () => {
  test.each([
    ['2026-11-22T11:51:15.662541+0100', '2026-11-22T10:51:15.662541Z', false],
    ['2026-11-22T11:51:15.5-05:30', '2026-11-22T17:21:15.500Z', false],
    ['2026-11-22T11:51:15Z', '2026-11-22T11:51:15.000Z', false],
    ['2028-02-29T00:00:00', '2028-02-29T00:00:00.000Z', true],
    ['2026-06-30T23:59:60', '2026-07-01T00:00:00.000Z', true],
  ])('%s', (text, iso, isLocalTime) => {
    const stamp = parseUlogdStamp(text)
    expect(stamp.at === null ? null : toIso(stamp.at)).toBe(iso)
    expect(stamp.isLocalTime).toBe(isLocalTime)
  })

  test.each([
    '',
    '2026-02-29T00:00:00',
    '2026-13-01T00:00:00',
    '2026-00-01T00:00:00',
    '2026-01-00T00:00:00',
    '0026-01-01T00:00:00',
    '2026-01-01T24:00:00',
    '2026-01-01T00:60:00',
    '2026-01-01T00:00:61',
    '2026-01-01T00:00:00+2400',
    '2026-01-01T00:00:00.1234567',
    '2026-01-01T00:00:00 ',
  ])('is no time: %j', (text) => {
    expect(parseUlogdStamp(text)).toEqual({ at: null, isLocalTime: false })
  })
})

describe('any JSON and any bytes', () => {
  const key = fc.constantFrom(
    ...Object.keys(udp),
    'ip6.hoplimit',
    'ip6.fragoff',
    'mac.str',
    'oob.mark',
    'timestamp',
    '__proto__',
    'tcp.res1',
    'icmp.type',
  )
  const value = fc.oneof(
    fc.jsonValue(),
    fc.integer(),
    fc.double(),
    fc.constantFrom('10.0.0.1', 'fd77::1', 17, 65535, 65536, -1),
  )
  const bytes = fc.string({ unit: fc.nat(0xff).map((code) => String.fromCharCode(code)), maxLength: 200 })

  test('never throw, and never give an unsound packet', () => {
    const object = fc
      .array(fc.tuple(key, value), { maxLength: 12 })
      .map((pairs) => JSON.stringify({ ...udp, ...Object.fromEntries(pairs) }))
    const changed = fc
      .tuple(fc.constantFrom(...lines), fc.nat(900), fc.nat(5), bytes)
      .map(([line, at, remove, insert]) => line.slice(0, at) + insert.slice(0, 6) + line.slice(at + remove))
    fc.assert(
      fc.property(fc.oneof(object, changed, bytes), (text) => {
        const result = parseUlogdJson(text)
        if (result === null || result === 'malformed') return
        const { packet, at } = result
        expect(Object.keys(packet)).toEqual(Object.keys(emptyPacket()))
        expect(packet.family === 0).toBe(packet.src === '')
        for (const address of [packet.src, packet.dst])
          if (address !== '') expect(canonicalAddress(address)).toBe(address)
        for (const number of Object.values(packet))
          if (typeof number === 'number') expect(Number.isInteger(number) && number >= -1).toBe(true)
        expect(packet.dport <= 0xffff && packet.sport <= 0xffff).toBe(true)
        if (packet.fragmentOffset > 0) expect(packet.dport).toBe(-1)
        if (at !== null) expect(Number.isInteger(at)).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })
})
