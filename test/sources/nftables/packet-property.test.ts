import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalAddress } from '../../../src/address.ts'
import { canonicalFullIpv6 } from '../../../src/sources/nftables/full-ipv6.ts'
import { emptyPacket, parsePacket } from '../../../src/sources/nftables/packet.ts'
import type { Packet } from '../../../src/sources/nftables/record.ts'
import { messagesOf } from './packet-lines.ts'
import { printedPacket } from './packet-printer.ts'

const lines = ['protocols', 'contexts', 'wireguard'].flatMap(messagesOf).filter((text) => text.includes(' OUT='))
const latin1 = fc.string({ unit: fc.nat(0xff).map((code) => String.fromCharCode(code)), maxLength: 300 })
const tokens = fc
  .array(
    fc.constantFrom('IN=', 'OUT=', 'SRC=', 'DST=', 'MAC=', 'PROTO=TCP', 'SPT=', 'OPT ( ', 'FRAG:', '[', ']', '1', ' '),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''))

/** What a packet may never be, whatever the line was. */
function expectSound(result: Packet | 'malformed' | null): void {
  if (result === null || result === 'malformed') return
  expect(Object.keys(result)).toEqual(Object.keys(emptyPacket()))
  const addresses = [result.src, result.dst].filter((address) => address !== '')
  for (const address of addresses) expect(canonicalAddress(address)).toBe(address)
  expect(result.family !== 0).toBe(addresses.length === 2)
  for (const port of [result.sport, result.dport]) expect(port >= -1 && port <= 0xffff).toBe(true)
  expect(result.protocol >= -1 && result.protocol <= 0xff).toBe(true)
  if (result.fragmentOffset > 0) expect([result.sport, result.dport]).toEqual([-1, -1])
}

/** Tokens behind which the grammar lets a line end, so that a cut within them cannot be seen. */
const LAST_FIELDS: ReadonlySet<string> = new Set([
  'protocol',
  'udpLength',
  'icmpCode',
  'icmpSeq',
  'flowLabel',
  'spi',
  'gid',
  'mark',
  'quoted',
])

describe('the packet parser', () => {
  test('reads back what the kernel prints', () => {
    fc.assert(
      fc.property(printedPacket, ({ packet, line }) => {
        expect(parsePacket(line, 0)).toEqual(packet)
        expect(parsePacket(line, 0, ['zz', packet.prefix])).toEqual(packet)
        const padded = `Nov 22 kernel: ${line}`
        expect(parsePacket(padded, padded.length - line.length)).toEqual(packet)
      }),
      { numRuns: 2000 },
    )
  })

  test('never throws and never makes an unsound packet, for any bytes', () => {
    const rest = fc.constantFrom('', 'IN=wg0 OUT= MAC= ', 'x IN= OUT=e SRC=10.0.0.1 DST=10.0.0.2 ')
    fc.assert(
      fc.property(rest, fc.oneof(latin1, tokens), fc.nat(40), (start, text, from) => {
        expectSound(parsePacket(start + text, 0))
        expectSound(parsePacket(start + text, from, ['x ', '']))
      }),
      { numRuns: 3000 },
    )
  })

  test('never throws and never makes an unsound packet, for captured lines with bytes changed', () => {
    const change = fc.record({ at: fc.nat(1100), remove: fc.nat(4), insert: fc.oneof(latin1, tokens, fc.constant('')) })
    fc.assert(
      fc.property(fc.constantFrom(...lines), fc.array(change, { minLength: 1, maxLength: 3 }), (line, changes) => {
        let text = line
        for (const { at, remove, insert } of changes)
          text = text.slice(0, at) + insert.slice(0, 8) + text.slice(at + remove)
        expectSound(parsePacket(text, 0))
        expectSound(parsePacket(text, 0, ['fx-pre: ']))
      }),
      { numRuns: 3000 },
    )
  })

  test('never takes half a token for a whole one, wherever a captured line is cut', () => {
    const missing = new Map<string, unknown>(Object.entries(emptyPacket()))
    const wrong: string[] = []
    for (const line of new Set(lines)) {
      const whole = new Map<string, unknown>(Object.entries(parsePacket(line, 0) ?? {}))
      // Before that a prefix which looks like a header is all there is to see.
      const header = line.indexOf(' ', line.lastIndexOf(' OUT=') + 1)
      for (let end = header + 1; end < line.length; end++) {
        const text = line.slice(0, end)
        const cut = parsePacket(text, 0)
        if (cut === 'malformed') wrong.push(`malformed: ${text}`)
        if (cut === null || cut === 'malformed') continue
        // An IPv6 line may end behind FLOWLBL=, as it does for ESP, and an outgoing one behind OUT=; there a cut cannot
        // be seen.
        const lostPorts = whole.get('dport') !== -1 && cut.dport === -1 && (cut.in !== '' || cut.src !== '')
        if (lostPorts && !cut.isTruncated && !line.includes('FLOWLBL=')) wrong.push(`not truncated: ${text}`)
        for (const [name, value] of Object.entries(cut)) {
          if (name === 'isTruncated' || value === missing.get(name) || value === whole.get(name)) continue
          const isHalf = !text.endsWith(' ') && String(whole.get(name)).startsWith(String(value))
          if (!(LAST_FIELDS.has(name) && (isHalf || name === 'quoted'))) wrong.push(`${name}=${value}: ${text}`)
        }
      }
    }
    expect(wrong).toEqual([])
  })

  test('takes time that grows with the line, not with its square', () => {
    // 200 kB of tokens that look like a header's second half: a search that starts over at each takes minutes.
    for (const token of [' OUT=', 'IN=', ' OUT= ', '[', 'OPT ( ) ', 'x OUT=y ']) {
      expectSound(parsePacket(token.repeat(40_000), 0))
      expectSound(parsePacket(`IN=a OUT=b ${token.repeat(40_000)}`, 0))
    }
  })
})

describe('an IPv6 address in full', () => {
  const group = fc.oneof(fc.constantFrom(0, 0, 0, 1, 0xffff), fc.nat(0xffff))
  const inFull = fc
    .array(group, { minLength: 8, maxLength: 8 })
    .map((groups) => groups.map((value) => value.toString(16).padStart(4, '0')).join(':'))

  test('has the canonical text that any other spelling has', () => {
    fc.assert(
      fc.property(inFull, fc.boolean(), (text, isUpper) => {
        const spelled = isUpper ? text.toUpperCase() : text
        expect(canonicalFullIpv6(`x${spelled} `, 1)).toBe(canonicalAddress(spelled))
      }),
      { numRuns: 2000 },
    )
  })

  test('is refused when a character is wrong', () => {
    fc.assert(
      fc.property(inFull, fc.nat(38), fc.constantFrom('g', ' ', '.', ':', '0'), (text, at, character) => {
        const changed = text.slice(0, at) + character + text.slice(at + 1)
        expect(canonicalFullIpv6(changed, 0)).toBe(
          changed.split(':').every((part) => /^[\da-f]{4}$/.test(part)) ? canonicalAddress(changed) : null,
        )
      }),
    )
  })
})
