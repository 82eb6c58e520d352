import { describe, expect, test } from 'vitest'
import { emptyPacket, parsePacket } from '../../../src/sources/nftables/packet.ts'
import type { Packet } from '../../../src/sources/nftables/record.ts'
import { fixture, messagesOf, packetCases } from './packet-lines.ts'

const MAC = 'MAC=7e:02:76:e2:4c:f5:52:1f:cc:7c:69:00:08:00 '
const IP = 'SRC=10.77.1.2 DST=10.77.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=4660 '
const IP6 =
  'SRC=fd77:0001:0000:0000:0000:0000:0000:0002 DST=fd77:0002:0000:0000:0000:0000:0000:0002 LEN=56 TC=40 HOPLIMIT=64 FLOWLBL=74565 '
const TCP = 'PROTO=TCP SPT=51000 DPT=443 WINDOW=64240 RES=0x00 SYN URGP=0 '

function parsed(text: string, prefixes: readonly string[] = []): Packet {
  const packet = parsePacket(text, 0, prefixes)
  if (packet === null || packet === 'malformed') throw new Error(`${packet}: ${text}`)
  return packet
}

/** What the line said, without what it did not say. */
function said(packet: Packet): object {
  const empty = new Map<string, unknown>(Object.entries(emptyPacket()))
  return Object.fromEntries(Object.entries(packet).filter(([name, value]) => empty.get(name) !== value))
}

describe('captured packet log lines', () => {
  test.each(packetCases)('%s', async (name) => {
    const rows = messagesOf(name).map((text) => {
      const packet = parsePacket(text, 0)
      return JSON.stringify(packet === null || packet === 'malformed' ? packet : said(packet))
    })
    await expect(`${rows.join('\n')}\n`).toMatchFileSnapshot(fixture(name, 'expected.ndjson'))
  })

  test('each is a whole packet, but for the two that overran the buffer', () => {
    const results = ['protocols', 'contexts', 'wireguard'].flatMap(messagesOf).filter((text) => text.includes(' OUT='))
    const packets = results.map((text) => parsed(text))
    expect(packets).toHaveLength(248)
    expect(packets.filter((packet) => packet.isTruncated)).toHaveLength(2)
  })
})

describe('a packet log line', () => {
  test('gives every field of a TCP packet', () => {
    const line = `fx-pre: IN=fxg0 OUT=fxg1 PHYSIN=a PHYSOUT=b ${MAC}${IP}DF PROTO=TCP SPT=51003 DPT=443 SEQ=4294967295 ACK=4294967294 WINDOW=64240 RES=0x00 ACK FIN URGP=0 OPT (0101) UID=1000 GID=4294967294 MARK=0x2a `
    expect(said(parsed(line))).toEqual({
      prefix: 'fx-pre: ',
      in: 'fxg0',
      out: 'fxg1',
      physIn: 'a',
      physOut: 'b',
      macDestination: '7E-02-76-E2-4C-F5',
      macSource: '52-1F-CC-7C-69-00',
      etherType: '0800',
      family: 4,
      src: '10.77.1.2',
      dst: '10.77.2.2',
      length: 60,
      dscp: 0,
      ttl: 64,
      ipId: 4660,
      dontFragment: true,
      protocol: 6,
      sport: 51003,
      dport: 443,
      tcpSeq: 4294967295,
      tcpAck: 4294967294,
      tcpWindow: 64240,
      tcpFlags: 'ACK FIN',
      uid: 1000,
      gid: 4294967294,
      mark: '0x2a',
    })
  })

  test('starts where the caller says', () => {
    const header = 'Nov 22 15:12:45 IN=evil OUT=evil kernel: [    1.000000] '
    const packet = parsePacket(`${header}p IN=wg0 OUT= MAC= ${IP}${TCP}`, header.length)
    expect(packet).toMatchObject({ prefix: 'p ', in: 'wg0', sport: 51000 })
  })

  test('may hold a prefix that looks like a header', () => {
    const line = `x IN=evil0 OUT=evil1 MAC= SRC=6.6.6.6 DST=6.6.6.6 IN=fxg0 OUT=fxg1 ${MAC}${IP}${TCP}`
    expect(parsed(line)).toMatchObject({
      prefix: 'x IN=evil0 OUT=evil1 MAC= SRC=6.6.6.6 DST=6.6.6.6 ',
      in: 'fxg0',
      out: 'fxg1',
      src: '10.77.1.2',
    })
  })

  test.each(['SRC=6.6.6.6', 'OUT=', 'a]b[c', '__proto__', 'DPT=22', 'x"y\\z', '[', 'u\xc2\x85v'])(
    'may come from an interface called %s',
    (name) => {
      const line = `fx-ifn IN=${name} OUT=${name} MAC= ${IP}PROTO=UDP SPT=1111 DPT=2222 LEN=13 `
      expect(parsed(line)).toMatchObject({ prefix: 'fx-ifn ', in: name, out: name, src: '10.77.1.2', dport: 2222 })
    },
  )

  test('is read right for an interface called IN=x when its prefix is known', () => {
    const line = `fx IN=IN=x OUT=IN=y MAC= ${IP}${TCP}`
    expect(parsed(line, ['fx longer ', 'fx '])).toMatchObject({ prefix: 'fx ', in: 'IN=x', out: 'IN=y' })
    expect(parsed(line, ['other '])).toMatchObject({ prefix: 'fx IN=', in: 'x' })
    expect(parsed(`IN=IN=x OUT= MAC= ${IP}${TCP}`, ['fx ', ''])).toMatchObject({ prefix: '', in: 'IN=x' })
  })

  test('decodes only an Ethernet header', () => {
    expect(parsed(`IN=wg0 OUT= MAC= ${IP}${TCP}`)).toMatchObject({ macSource: '', macDestination: '', etherType: '' })
    const sit = parsed(`IN=sit0 OUT= MAC=45:00:00:64 TUNNEL=192.0.2.1->192.0.2.2 ${IP}${TCP}`)
    expect(sit).toMatchObject({ macSource: '', src: '10.77.1.2' })
    expect(parsed(`IN=wg0 OUT= ${MAC.replace('7e:02', '7e:0g')}${IP}${TCP}`)).toMatchObject({ macDestination: '' })
  })

  test('has a 12-bit VLAN id, whatever VID= says', () => {
    const link = 'MACSRC=3a:22:85:4f:11:31 MACDST=f6:53:31:8e:d5:cd VPROTO=8100 VID=41002 MACPROTO=0800 '
    expect(parsed(`IN=a OUT=b ${link}${IP}${TCP}`)).toMatchObject({
      vlanId: 42,
      etherType: '0800',
      macSource: '3A-22-85-4F-11-31',
    })
  })

  test('counts fragments in bytes, IPv4 in units of eight', () => {
    expect(parsed(`IN=a OUT= MAC= ${IP}FRAG:185 PROTO=UDP `)).toMatchObject({
      fragmentOffset: 1480,
      protocol: 17,
      sport: -1,
    })
    expect(parsed(`IN=a OUT= MAC= ${IP}MF PROTO=UDP SPT=1 DPT=2 LEN=32 `)).toMatchObject({
      fragmentOffset: 0,
      moreFragments: true,
      dport: 2,
    })
    expect(parsed(`IN=a OUT= MAC= ${IP6}FRAG:24 ID:deadbeef PROTO=UDP `)).toMatchObject({
      fragmentOffset: 24,
      fragmentId: 'deadbeef',
      moreFragments: false,
    })
    expect(parsed(`IN=a OUT= MAC= ${IP6}FRAG:0 INCOMPLETE ID:deadbeef PROTO=UDP SPT=1 DPT=2 LEN=9 `)).toMatchObject({
      fragmentOffset: 0,
      moreFragments: true,
      isTruncated: false,
    })
  })

  test('keeps what an ICMP error quotes apart', () => {
    const quoted = 'SRC=6.6.6.6 DST=7.7.7.7 LEN=30 TOS=0x00 PREC=0x00 TTL=1 ID=1 PROTO=TCP INCOMPLETE [10 bytes] '
    const packet = parsed(`IN=a OUT= MAC= ${IP}PROTO=ICMP TYPE=3 CODE=4 [${quoted}] MTU=1400 MARK=0x7 `)
    expect(packet).toMatchObject({ src: '10.77.1.2', sport: -1, quoted, mark: '0x7', isTruncated: false })
    const cut = parsed(`IN=a OUT= MAC= ${IP}PROTO=ICMP TYPE=11 CODE=0 [SRC=6.6.6.6 DST=7.7`)
    expect(cut).toMatchObject({ src: '10.77.1.2', icmpType: 11, quoted: 'SRC=6.6.6.6 DST=7.7', isTruncated: true })
  })

  test('of a NULL scan has no flags', () => {
    const packet = parsed(`IN=a OUT= MAC= ${IP}PROTO=TCP SPT=1 DPT=2 WINDOW=3 RES=0x00 URGP=0 `)
    expect(packet).toMatchObject({ tcpFlags: '', tcpWindow: 3, isTruncated: false })
  })

  test('may name no protocol', () => {
    expect(parsed(`IN=a OUT= MAC= ${IP6}`)).toMatchObject({ family: 6, protocol: -1, dscp: 10, isTruncated: false })
    expect(parsed(`IN=a OUT= MAC= ${IP6}OPT ( ESP SPI=0xcafebabe )`)).toMatchObject({
      protocol: 50,
      spi: '0xcafebabe',
      isTruncated: false,
    })
    expect(parsed(`IN=a OUT= MAC= ${IP}FRAG:10 MARK=0x1 `)).toMatchObject({
      protocol: -1,
      mark: '0x1',
      isTruncated: false,
    })
    expect(parsed(`IN=a OUT= MAC= ${IP6}Unknown Ext Hdr 135`)).toMatchObject({ protocol: -1, isTruncated: false })
  })

  test('takes an IPv4-mapped address as IPv4, in an IPv6 packet', () => {
    const line = `IN=a OUT= MAC= ${IP6.replace(/SRC=\S+/, 'SRC=0000:0000:0000:0000:0000:ffff:0a00:0001')}${TCP}`
    expect(parsed(line)).toMatchObject({ family: 6, src: '10.0.0.1', dst: 'fd77:2::2' })
  })

  test('may hold what only a later kernel prints', () => {
    expect(parsed(`IN=a OUT= MAC= ${IP}${TCP}MARK=0x1 NEW=1 `)).toMatchObject({
      dport: 443,
      mark: '0x1',
      isTruncated: false,
    })
    expect(parsed(`IN=a OUT= MAC= ${IP}${TCP.replace('SYN', 'SYN XE')}`)).toMatchObject({ tcpFlags: 'SYN XE' })
  })
})

describe('a line that ends early', () => {
  test.each([
    ['stripped blank', `${IP}${TCP}`.trimEnd(), { dport: 443, tcpFlags: 'SYN', isTruncated: false }],
    [
      'within the flags',
      `${IP}PROTO=TCP SPT=1 DPT=2 WINDOW=3 RES=0x00 ACK SY`,
      { dport: 2, tcpFlags: '', isTruncated: true },
    ],
    ['within a port', `${IP}PROTO=TCP SPT=51000 DPT=44`, { sport: 51000, dport: -1, isTruncated: true }],
    ['behind a port', `${IP}PROTO=TCP SPT=51000 DPT=443 `, { dport: 443, isTruncated: true }],
    ['within a protocol', `${IP}PROTO=UD`, { src: '10.77.1.2', protocol: -1, isTruncated: true }],
    ['within an address', 'SRC=10.77.1.2 DST=10.77.2.2', { family: 0, src: '10.77.1.2', dst: '', isTruncated: true }],
    ['before the addresses', '', { family: 0, src: '', isTruncated: true }],
    ['among extension headers', `${IP6}OPT ( ) OPT ( ) `, { family: 6, protocol: -1, isTruncated: true }],
    ['with TCP options missing', `${IP}${TCP}OPT (TRUNCATED)`, { dport: 443, isTruncated: false }],
    ['with IP options missing', `${IP}TRUNCATED`, { dst: '10.77.2.2', isTruncated: false }],
    ['within TCP options', `${IP}${TCP}OPT (0204`, { dport: 443, isTruncated: true }],
  ])('%s', (_, rest, expected) => {
    expect(parsed(`fx IN=wg0 OUT= MAC= ${rest}`)).toMatchObject(expected)
  })

  test('at the size of the kernel buffer is cut even where the grammar could end', () => {
    const rest = `IN=wg0 OUT= MAC= ${IP6}${'OPT ( ) '.repeat(90)}PROTO=UDP SPT=1 DPT=2 LEN=9 MARK=0xff`
    const whole = `${'p'.repeat(1015 - rest.length)}${rest}`
    expect(parsed(whole)).toMatchObject({ dport: 2, mark: '0xff', isTruncated: false })
    expect(parsed(`${whole}f`)).toMatchObject({ dport: 2, udpLength: 9, mark: '', isTruncated: true })
  })

  test('is a whole line when nothing was to follow', () => {
    expect(
      parsed('fx IN=a OUT=b MACSRC=3a:22:85:4f:11:31 MACDST=f6:53:31:8e:d5:cd VPROTO=88a8 VID=100 MACPROTO=8100 '),
    ).toMatchObject({
      vlanId: 100,
      etherType: '8100',
      isTruncated: false,
    })
  })
})

describe('no packet', () => {
  test.each([
    'IPv4: martian source 10.77.1.1 from 8.8.8.8, on dev fxg0',
    'x IN=wg0 OUT',
    'x IN=wg0 OUT=',
    'x IN=wg0  OUT=eth0 SRC=10.0.0.1 ',
    'x OUT=eth0 IN=wg0 SRC=10.0.0.1 ',
    'PHYSOUT=a IN=b',
    'OUT= ',
    '',
  ])('%j', (line) => {
    expect(parsePacket(line, 0)).toBeNull()
    expect(parsePacket(line, 0, ['x ', ''])).toBeNull()
  })

  test.each([
    ['an address out of range', `SRC=10.77.1.256 ${IP.slice(14)}${TCP}`],
    ['an IPv6 address in short', 'SRC=fd77::1 DST=fd77::2 LEN=56 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=59 '],
    ['two families', `SRC=10.77.1.2 ${IP6.slice(IP6.indexOf('DST='))}${TCP}`],
    ['SRC twice', `SRC=6.6.6.6 ${IP}${TCP}`],
    ['SRC twice, at the end', `${IP}${TCP}SRC=6.6.6.6 `],
    ['two lines in one', `${IP}${TCP}<4>Nov 22 15:00:00 gw kernel: SPT=1 DPT=2 `],
    ['a port out of range', `${IP}PROTO=UDP SPT=65536 DPT=53 LEN=13 `],
    ['a port with a leading zero', `${IP}PROTO=UDP SPT=0053 DPT=53 LEN=13 `],
    ['a negative port', `${IP}PROTO=UDP SPT=-1 DPT=53 LEN=13 `],
    ['a number of many digits', `${IP}PROTO=UDP SPT=00000000000000000000053 DPT=53 LEN=13 `],
    ['ports the wrong way round', `${IP}PROTO=UDP DPT=53 SPT=5353 LEN=13 `],
    ['a length out of range', `${IP.replace('LEN=60', 'LEN=65536')}${TCP}`],
    ['a protocol out of range', `${IP}PROTO=256 `],
    ['an unknown protocol name', `${IP}PROTO=QUIC SPT=1 DPT=2 `],
    ['a bad MACSRC', `MACSRC=3a:22:85:4f:11:3x MACDST=f6:53:31:8e:d5:cd MACPROTO=0800 ${IP}${TCP}`],
    ['LOGEMU text', `${IP.replace('TOS=0x00', 'TOS=00')}${TCP}`],
  ])('%s is malformed', (_, rest) => {
    expect(parsePacket(`fx IN=wg0 OUT= ${rest.startsWith('MACSRC') ? '' : 'MAC= '}${rest}`, 0)).toBe('malformed')
  })

  test('two lines that a writer put into one are malformed', () => {
    const line = `fx IN=wg0 OUT= MAC= ${IP}${TCP}`
    expect(parsePacket(`${line}<4>Nov 22 15:00:00 gw kernel: ${line}`, 0)).toBe('malformed')
  })
})
