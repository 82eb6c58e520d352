import fc from 'fast-check'
import { emptyPacket } from '../../../src/sources/nftables/packet.ts'
import type { Packet } from '../../../src/sources/nftables/record.ts'

/** A packet and the line the kernel would print for it, written after formats.md 1.2 and not after the parser. */
export type Printed = { packet: Packet; line: string }

type Part = { fields: Partial<Packet>; text: string }

const HOSTILE_NAMES = ['SRC=6.6.6.6', 'OUT=', 'a]b[c', 'DPT=22', '__proto__', '[', 'x"y\\z', '\x1b[2J', 'PROTO=TCP']

const u8 = fc.nat(0xff)
const u16 = fc.nat(0xffff)
const u32 = fc.oneof(fc.nat(0xffff), fc.integer({ min: 0, max: 0xffff_ffff }))
const hex = (value: number, digits = 0) => value.toString(16).padStart(digits, '0')
const interfaceName = fc.oneof(fc.constantFrom('wg0', 'eth0', 'exactly15chars1'), fc.constantFrom(...HOSTILE_NAMES))
const prefix = fc.oneof(
  fc.constantFrom('', 'fx-pre: ', 'IN=evil0 OUT=evil1 MAC= ', '[UFW BLOCK] ', 'IN=', 'x OUT='),
  fc.string({ unit: fc.nat(0xfe).map((code) => String.fromCharCode(code + 1)), maxLength: 127 }),
)

const v4 = fc.tuple(u8, u8, u8, u8).map((parts) => parts.join('.'))
/** Canonical and in full; the cases are chosen so that both spellings can be written down without an IPv6 library. */
const v6 = fc.constantFrom(
  ['fd77:1::2', 'fd77:0001:0000:0000:0000:0000:0000:0002'],
  ['::', '0000:0000:0000:0000:0000:0000:0000:0000'],
  ['2001:db8:0:1:1:1:1:1', '2001:0db8:0000:0001:0001:0001:0001:0001'],
  ['fe80::3822:85ff:fe4f:1131', 'fe80:0000:0000:0000:3822:85ff:fe4f:1131'],
  ['10.0.0.1', '0000:0000:0000:0000:0000:ffff:0a00:0001'],
  ['1:2:3:4:5:6:7:8', '0001:0002:0003:0004:0005:0006:0007:0008'],
)

const mac = fc.tuple(u8, u8, u8, u8, u8, u8).map((bytes) => bytes.map((byte) => hex(byte, 2)).join(':'))
const upper = (text: string) => text.toUpperCase().replaceAll(':', '-')

const link = (etherType: string): fc.Arbitrary<Part> =>
  fc.tuple(mac, mac, u16, fc.nat(3)).map(([source, destination, tag, kind]) => {
    const fields = { macSource: upper(source), macDestination: upper(destination), etherType }
    if (kind === 0) return { fields: {}, text: 'MAC= ' }
    const type = `${etherType.slice(0, 2)}:${etherType.slice(2)}`
    if (kind === 1) return { fields, text: `MAC=${destination}:${source}:${type} ` }
    const vlan = kind === 2 ? '' : `VPROTO=8100 VID=${tag} `
    const text = `MACSRC=${source} MACDST=${destination} ${vlan}MACPROTO=${etherType} `
    return { fields: kind === 2 ? fields : { ...fields, vlanId: tag % 4096 }, text }
  })

const ipv4: fc.Arbitrary<Part> = fc
  .tuple(v4, v4, u16, fc.nat(63), u8, u16, fc.boolean(), fc.boolean(), fc.nat(0x1fff), fc.boolean())
  .map(([src, dst, length, dscp, ttl, ipId, dontFragment, moreFragments, units, isWhole]) => {
    const offset = isWhole ? 0 : units
    const tos = dscp * 4
    const two = (value: number) => hex(value, 2).toUpperCase()
    const text = `SRC=${src} DST=${dst} LEN=${length} TOS=0x${two(tos % 32)} PREC=0x${two(tos - (tos % 32))} TTL=${ttl} ID=${ipId} ${dontFragment ? 'DF ' : ''}${moreFragments ? 'MF ' : ''}${offset > 0 ? `FRAG:${offset} ` : ''}${dscp === 1 ? 'OPT (94040000) ' : ''}`
    const fragmentOffset = offset > 0 || moreFragments ? offset * 8 : -1
    return {
      fields: { family: 4, src, dst, length, dscp, ttl, ipId, dontFragment, moreFragments, fragmentOffset },
      text,
    }
  })

const ipv6: fc.Arbitrary<Part> = fc
  .tuple(
    v6,
    v6,
    fc.nat(65575),
    fc.nat(63),
    u8,
    fc.nat(0xfffff),
    fc.nat(0x1fff),
    fc.boolean(),
    u32,
    fc.boolean(),
    fc.boolean(),
  )
  .map(([src, dst, length, dscp, ttl, flowLabel, units, moreFragments, id, isFragment, hasOptions]) => {
    const [source = '', sourceInFull = ''] = src
    const [destination = '', destinationInFull = ''] = dst
    const fragment = `FRAG:${units * 8} ${moreFragments ? 'INCOMPLETE ' : ''}ID:${hex(id, 8)} `
    const extension = isFragment ? (hasOptions ? `OPT ( ${fragment}) ` : fragment) : hasOptions ? 'OPT ( ) ' : ''
    const fragmentFields = isFragment ? { fragmentOffset: units * 8, fragmentId: hex(id, 8), moreFragments } : {}
    return {
      fields: { family: 6, src: source, dst: destination, length, dscp, ttl, flowLabel, ...fragmentFields },
      text: `SRC=${sourceInFull} DST=${destinationInFull} LEN=${length} TC=${dscp * 4 + 1} HOPLIMIT=${ttl} FLOWLBL=${flowLabel} ${extension}`,
    }
  })

const tcp: fc.Arbitrary<Part> = fc
  .tuple(
    u16,
    u16,
    u32,
    u32,
    u16,
    fc.subarray(['AE', 'CWR', 'ECE', 'URG', 'ACK', 'PSH', 'RST', 'SYN', 'FIN']),
    u16,
    fc.nat(3),
  )
  .map(([sport, dport, tcpSeq, tcpAck, tcpWindow, flags, pointer, kind]) => {
    const hasSequence = kind > 1
    const sequence = hasSequence ? `SEQ=${tcpSeq} ACK=${tcpAck} ` : ''
    const options = kind % 2 === 1 ? 'OPT (020405B4) ' : ''
    return {
      fields: {
        protocol: 6,
        sport,
        dport,
        tcpWindow,
        tcpFlags: flags.join(' '),
        ...(hasSequence ? { tcpSeq, tcpAck } : {}),
      },
      text: `PROTO=TCP SPT=${sport} DPT=${dport} ${sequence}WINDOW=${tcpWindow} RES=0x00 ${flags.map((flag) => `${flag} `).join('')}URGP=${pointer} ${options}`,
    }
  })

const udp: fc.Arbitrary<Part> = fc.tuple(u16, u16, u16, fc.boolean()).map(([sport, dport, udpLength, isLite]) => ({
  fields: { protocol: isLite ? 136 : 17, sport, dport, udpLength },
  text: `PROTO=${isLite ? 'UDPLITE' : 'UDP'} SPT=${sport} DPT=${dport} LEN=${udpLength} `,
}))

const numbered: fc.Arbitrary<Part> = u8.map((protocol) => ({ fields: { protocol }, text: `PROTO=${protocol} ` }))

const spi: fc.Arbitrary<Part> = fc.tuple(u32, fc.boolean()).map(([value, isEsp]) => ({
  fields: { protocol: isEsp ? 50 : 51, spi: `0x${hex(value)}` },
  text: `PROTO=${isEsp ? 'ESP' : 'AH'} SPI=0x${hex(value)} `,
}))

const quotedPackets = fc.constantFrom(
  'SRC=6.6.6.6 DST=7.7.7.7 LEN=33 TOS=0x00 PREC=0x00 TTL=64 ID=777 PROTO=UDP SPT=40000 DPT=53 LEN=13 ',
  'SRC=6.6.6.6 DST=7.7.7.7 LEN=20 TOS=0x00 PREC=0x00 TTL=64 ID=777 PROTO=TCP INCOMPLETE [0 bytes] ',
  'TRUNCATED',
)

const icmp = (family: 4 | 6): fc.Arbitrary<Part> =>
  fc.tuple(u8, u8, u16, u16, fc.nat(2), quotedPackets).map(([icmpType, icmpCode, icmpId, icmpSeq, kind, quoted]) => {
    const protocol = family === 4 ? 1 : 58
    const name = family === 4 ? 'ICMP' : 'ICMPv6'
    const echo = family === 4 ? 8 : 128
    if (kind === 0) {
      return {
        fields: { protocol, icmpType: echo, icmpCode: 0, icmpId, icmpSeq },
        text: `PROTO=${name} TYPE=${echo} CODE=0 ID=${icmpId} SEQ=${icmpSeq} `,
      }
    }
    const isEcho = icmpType === echo || icmpType === (family === 4 ? 0 : 129)
    const type = isEcho ? 3 : icmpType
    const error = kind === 1 ? '' : `[${quoted}] MTU=1280 `
    return {
      fields: { protocol, icmpType: type, icmpCode, quoted: kind === 1 ? '' : quoted },
      text: `PROTO=${name} TYPE=${type} CODE=${icmpCode} ${error}`,
    }
  })

const own: fc.Arbitrary<Part> = fc.tuple(u32, u32, u32, fc.boolean()).map(([uid, gid, mark, hasOwner]) => ({
  fields: { ...(hasOwner ? { uid, gid } : {}), mark: mark === 0 ? '' : `0x${hex(mark)}` },
  text: `${hasOwner ? `UID=${uid} GID=${gid} ` : ''}${mark === 0 ? '' : `MARK=0x${hex(mark)} `}`,
}))

const laterFragment: fc.Arbitrary<Part> = fc.constantFrom(
  { fields: { protocol: 6 }, text: 'PROTO=TCP ' },
  { fields: { protocol: 17 }, text: 'PROTO=UDP ' },
  { fields: { protocol: 50 }, text: 'PROTO=ESP ' },
)

const packetOf = (family: 4 | 6): fc.Arbitrary<Printed> =>
  fc
    .tuple(
      fc.tuple(prefix, interfaceName, interfaceName, fc.boolean()),
      link(family === 4 ? '0800' : '86dd'),
      family === 4 ? ipv4 : ipv6,
      fc.oneof(tcp, udp, numbered, spi, icmp(family)),
      laterFragment,
      own,
    )
    .map(([[start, inName, outName, isLocal], linkPart, ip, first, later, ownPart]) => {
      const transport = (ip.fields.fragmentOffset ?? -1) > 0 ? later : first
      const links = isLocal ? { fields: {}, text: '' } : linkPart
      const parts = [links, ip, transport, ownPart]
      const header = { prefix: start, in: isLocal ? '' : inName, out: outName }
      return {
        packet: Object.assign(emptyPacket(), header, ...parts.map((part) => part.fields)) satisfies Packet,
        line: `${start}IN=${header.in} OUT=${outName} ${parts.map((part) => part.text).join('')}`,
      }
    })

export const printedPacket: fc.Arbitrary<Printed> = fc.oneof(packetOf(4), packetOf(6))
