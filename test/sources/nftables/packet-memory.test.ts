import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parsePacket } from '../../../src/sources/nftables/packet.ts'
import { createPacketMemory } from '../../../src/sources/nftables/packet-memory.ts'
import { messagesOf } from './packet-lines.ts'

const lines = ['protocols', 'contexts', 'wireguard'].flatMap(messagesOf).filter((text) => text.includes(' OUT='))

test('what was met before changes no packet', () => {
  const change = fc.record({
    at: fc.nat(400),
    remove: fc.nat(6),
    insert: fc.constantFrom(
      '',
      ' ',
      '0',
      '1',
      '.',
      'IN=',
      ' OUT=',
      ' OUT=e ',
      'MAC= ',
      'fx-pre: ',
      '\xa0',
      'PHYSOUT=x ',
    ),
  })
  const edited = fc
    .tuple(fc.constantFrom(...lines), fc.array(change, { maxLength: 3 }))
    .map(([line, changes]) =>
      changes.reduce((text, { at, remove, insert }) => text.slice(0, at) + insert + text.slice(at + remove), line),
    )
  fc.assert(
    fc.property(
      fc.constantFrom([], ['fx-pre: '], ['fx-pre: IN=wg0 OUT=x', 'fx-pre: ']),
      fc.array(edited),
      (prefixes, texts) => {
        const memory = createPacketMemory(prefixes)
        // Twice, because some things are kept only when they are met again.
        for (const text of [...texts, ...texts, ...texts])
          expect(parsePacket(text, 0, prefixes, memory)).toEqual(parsePacket(text, 0, prefixes))
      },
    ),
    { numRuns: 300 },
  )
})

test('a head is not taken for that of a line whose prefix goes on behind it', () => {
  const prefixes = ['a IN=x OUT=y MAC= b ', 'a ']
  const memory = createPacketMemory(prefixes)
  const rest =
    'SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=1 DPT=2 WINDOW=3 RES=0x00 SYN URGP=0 '
  for (const line of ['a IN=x OUT=y MAC= ', 'a IN=x OUT=y MAC= b IN=x OUT=y MAC= '])
    for (let i = 0; i < 3; i++)
      expect(parsePacket(line + rest, 0, prefixes, memory)).toEqual(parsePacket(line + rest, 0, prefixes))
})

test('heads and addresses that were met are found again, and no others', () => {
  const memory = createPacketMemory([])
  const line = 'web: IN=wg0 OUT=lan0 MAC= SRC=10.0.0.7 DST=10.0.0.8 '
  parsePacket(line, 0, [], memory)
  expect(memory.findHead(line, 0)).toMatchObject({ prefix: 'web: ', in: 'wg0', out: 'lan0' })
  expect(memory.findHead(`${line}OUT=`, 0)).toBeNull()
  expect(memory.findHead(line.replace('lan0', 'lan1'), 0)).toBeNull()
  for (const wrong of ['10.0.0', '10.0.0.256', '10.0.0.01', '10..0.1', '1.2.3.4.5', '', '.1.2.3', '1.2.3.'])
    expect(memory.ipv4(wrong, 0, wrong.length)).toBeNull()
})
