import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lineFeedsOf, socketAddress } from '../../../src/sources/auditd/socket-address.ts'
import { capture } from './lines-to-events.ts'

const S390X = '80000016'

describe('the memory of a socket address', () => {
  it.each([
    ['0200A44C0A4D01020000000000000000', 'inet', '10.77.1.2', 42060],
    ['0200270E0A4D0202DEADBEEF', 'inet', '10.77.2.2', 9998],
    ['0A0001BB00000000FD77000200000000000000000000000200000000', 'inet6', 'fd77:2::2', 443],
    ['0A0001BB0000000000000000000000000000FFFF0A4D020200000000', 'inet6', '10.77.2.2', 443],
    ['0A0000160000000000000000000000000000000000000001', 'inet6', '::1', 22],
    ['0200', 'inet', '', -1],
    ['0200A44C0A4D01', 'inet', '', -1],
    ['0A0001BB00000000FD77', 'inet6', '', -1],
    ['100000000000000000000000', 'netlink', '', -1],
    ['1100', 'packet', '', -1],
    ['28000000090000000200000000000000', 'vsock', '', -1],
    ['0000', 'other', '', -1],
    ['E703', 'other', '', -1],
    ['', 'other', '', -1],
    ['02', 'other', '', -1],
    ['zz00', 'other', '', -1],
    ['0200A44Cxxxxxxxx', 'inet', '', -1],
  ])('%s is %s %s %i', (saddr, family, address, port) => {
    expect(socketAddress(saddr, 'c000003e')).toEqual({ family, address, port, path: '' })
  })

  it.each([
    ['01002F746D702F78002F746D702F68696464656E0000', '/tmp/x'],
    ['01000066780A6162737472616374', '@fx\nabstract'],
    ['010000610062', '@a'],
    ['010000', '@'],
    ['0100', ''],
    ['01002FC3A4', '/ä'],
    ['01002FFF', '/\ufffd'],
  ])('%s is the path %j', (saddr, path) => {
    expect(socketAddress(saddr, '')).toEqual({ family: 'local', address: '', port: -1, path })
  })

  it('has its family in the order of the machine', () => {
    expect(socketAddress('0002A44C0A4D0102', S390X)).toMatchObject({
      family: 'inet',
      address: '10.77.1.2',
      port: 42060,
    })
    expect(socketAddress('00012F78', S390X)).toMatchObject({ family: 'local', path: '/x' })
    expect(socketAddress('0002A44C0A4D0102', 'c00000b7').family).toBe('other')
    expect(socketAddress('0200A44C0A4D0102', 'not hex').family).toBe('inet')
  })

  it('gives back every address and port', () => {
    const quad = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
    fc.assert(
      fc.property(quad, fc.nat(65535), (bytes, port) => {
        const hex = Buffer.from([2, 0, port >> 8, port & 255, ...bytes])
          .toString('hex')
          .toUpperCase()
        expect(socketAddress(hex, '')).toEqual({ family: 'inet', address: bytes.join('.'), port, path: '' })
      }),
    )
  })
})

describe('line feeds that auditd prints of a path (trap 1)', () => {
  it('are as many as lines follow the record in the file', () => {
    const lines = capture('audit-enriched-line-injection.log').split('\n')
    const injected = lines.flatMap((line, i) => {
      const saddr = /^type=SOCKADDR .* saddr=(\w+)\x1d/.exec(line)?.[1]
      return saddr === undefined
        ? []
        : [[lineFeedsOf(saddr), lines.findIndex((each, k) => k >= i && each.endsWith(' }')) - i]]
    })
    expect(injected).toEqual([
      [1, 1],
      [1, 1],
    ])
  })

  it('are none in addresses that are printed whole', () => {
    const lines = capture('audit-enriched-special.log').split('\n')
    const whole = lines.filter((line) => line.startsWith('type=SOCKADDR ') && line.endsWith(' }'))
    expect(whole.length).toBeGreaterThan(10)
    for (const line of whole) expect(lineFeedsOf(/ saddr=(\w+)/.exec(line)?.[1] ?? ''), line).toBe(0)
  })

  it.each([
    ['01002F780A790A', 2],
    ['0100000A0A0A000A', 3],
    ['01000A000A', 1],
    ['0100', 0],
    ['02000A0A0A0A0A0A', 0],
    ['00010A0A', 0],
    ['01000A0', 0],
    ['0100000Ax', 0],
  ])('of %s are %i', (saddr, feeds) => {
    expect(lineFeedsOf(saddr)).toBe(feeds)
  })

  it('count at most what is printed of an abstract name', () => {
    expect(lineFeedsOf(`010000${'0A'.repeat(125)}`)).toBe(108)
    expect(lineFeedsOf(`0100${'0A'.repeat(126)}`)).toBe(126)
  })

  it('count in the other byte order only when the architecture says so', () => {
    expect(lineFeedsOf('00010A0A', S390X)).toBe(2)
    expect(lineFeedsOf('01000A0A', S390X)).toBe(0)
  })
})
