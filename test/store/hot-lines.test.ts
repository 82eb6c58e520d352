import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressDigits } from '../../src/address-digits.ts'
import { createPacketIds, createRuleFacet, FirewallEvent } from '../../src/correlate/firewall-events.ts'
import { createSharedFacets } from '../../src/correlate/shared-facets.ts'
import { createFacet, type Event, type Facet } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import { createAddressBook } from '../../src/identity/address-book.ts'
import { emptyInventory } from '../../src/identity/inventory.ts'
import { emptyPacket } from '../../src/sources/nftables/packet.ts'
import type { Packet } from '../../src/sources/nftables/record.ts'
import { createHotLines, HOT_LINE_BYTES_MAX } from '../../src/store/hot-lines.ts'

const AT = 1_795_360_169_604_391
const ids = createPacketIds('gw1')
const addresses = createAddressBook()
const shared = createSharedFacets('gw1', emptyInventory())
const peer = createFacet({ 'wireguard.peer.name': 'ivy', 'wireguard.peer.endpoint.ip': '192.0.2.9' })

type Line = { readonly packet: Partial<Packet>; readonly text: string; readonly flowId: string }

function firewallEvent({ packet, text, flowId }: Line, facets?: FirewallEvent['line']['shape']['facets']) {
  const whole = { ...emptyPacket(), ...packet }
  const [source, destination] = [whole.src, whole.dst].map((each) => (each === '' ? null : addresses.of(each)))
  const verdict = flowId === '' ? 'dropped' : 'accepted'
  const file = { name: 'kern.log', identity: 'a'.repeat(14) }
  const record = {
    kind: 'packet',
    arrival: AT,
    at: AT,
    resolution: 0,
    trust: 'syslog',
    packet: whole,
    ownIdentity: '',
    file,
    offset: 4711,
    text,
  } as const
  return new FirewallEvent(
    {
      record,
      source: source ?? null,
      destination: destination ?? null,
      shape: {
        facets: facets ?? [
          shared.observer('wg0', 'lan0'),
          createRuleFacet(null, verdict, 'wg-allow', 'syslog'),
          shared.protocol(whole.family, whole.protocol, source ?? null, destination ?? null),
          peer,
          shared.resource(whole.dst, whole.protocol, whole.dport),
        ],
        policy: flowId === '' ? '' : 'allowed',
        segments: null,
      },
      flowId,
      verdict,
    },
    ids,
  )
}

function sessionEvent(own: Fields, facets: readonly Facet[] = [peer]): Event {
  return { dataset: 'wireguard.session', own: { '@timestamp': AT, 'event.id': 'id', ...own }, facets }
}

/** What the lines hold, in their order; that each is printable ASCII ended by LF is checked on the way. */
function read(lines: string): unknown[] {
  expect(lines).toMatch(/^(?:[ -~]+\n)+$/)
  return lines
    .split('\n')
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line))
}

const port = fc.integer({ min: 0, max: 65_535 })
const text = fc.oneof(
  fc.constantFrom('', '"quoted" \\ ', '\u001b[31m\0\n', 'caf\u00c3\u00a9', '\u00ff\u00fe', '{"_define":1}'),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 20 }),
)
const address = fc.constantFrom('', '10.8.0.2', '192.0.2.9', 'fd08::2', '::10.1.2.3')
/** Nearly every packet has some of these. */
const usual = {
  src: address,
  dst: address,
  family: fc.constantFrom(4 as const, 6 as const),
  protocol: fc.constantFrom(1, 6, 17, 47, 58),
  sport: port,
  dport: port,
  length: port,
  ttl: fc.nat(255),
  dscp: fc.nat(63),
  ipId: port,
  flowLabel: fc.nat(0xfffff),
  dontFragment: fc.boolean(),
  tcpFlags: fc.constantFrom('SYN', 'ACK SYN', 'AE CWR ECE URG ACK PSH RST SYN FIN'),
  tcpWindow: port,
  udpLength: port,
  icmpType: fc.nat(255),
  icmpCode: fc.nat(255),
  icmpId: port,
  icmpSeq: port,
}
/** Nearly none has one of these. */
const rare = {
  moreFragments: fc.boolean(),
  fragmentOffset: port,
  fragmentId: fc.constant('deadbeef'),
  isTruncated: fc.boolean(),
  vlanId: fc.nat(4095),
  uid: fc.nat(0xfffffffe),
  gid: fc.nat(0xfffffffe),
  tcpSeq: fc.nat(0xffffffff),
  tcpAck: fc.nat(0xffffffff),
  quoted: text,
  etherType: fc.constant('0800'),
  spi: fc.constant('0x12345678'),
  mark: fc.constant('0x2a'),
  physIn: text,
  physOut: text,
  macSource: fc.constant('52-1F-CC-7C-69-00'),
  macDestination: fc.constant('7E-02-76-E2-4C-F5'),
}
const flowId = fc.constantFrom('', 'f'.repeat(24))
const someUsual = fc.record(usual, { requiredKeys: [] })
const line: fc.Arbitrary<Line> = fc.oneof(
  fc.record({ packet: someUsual, text, flowId }),
  fc.record({ packet: fc.record({ ...usual, ...rare }, { requiredKeys: ['src', 'dst'] }), text, flowId }),
)

describe('lines of the packet log', () => {
  test('hold what the general printer prints, whatever the packet holds', () => {
    fc.assert(
      fc.property(line, (made) => {
        const event = firewallEvent(made)
        const [fast, general] = [createHotLines(), createHotLines()]
        const { dataset, own, facets } = event
        expect(read(fast.print(event))).toEqual(read(general.print({ dataset, own, facets })))
        expect(fast.ownColumns()).toEqual(general.ownColumns())
        expect(fast.sharedColumns()).toEqual(general.sharedColumns())
      }),
      { numRuns: 500 },
    )
  })

  test('each rare field alone is there too', () => {
    for (const name of Object.keys(rare)) {
      fc.assert(
        fc.property(fc.record({ [name]: rare[name as keyof typeof rare] }), (packet) => {
          const event = firewallEvent({
            packet: { src: '10.8.0.2', dst: '192.0.2.9', ...packet },
            text: '',
            flowId: '',
          })
          const { dataset, own, facets } = event
          expect(read(createHotLines().print(event))).toEqual(read(createHotLines().print({ dataset, own, facets })))
        }),
        { numRuns: 20 },
      )
    }
  })

  test('refer to one definition while their facets are the same, in one list or another', () => {
    const lines = createHotLines()
    const made: Line = { packet: { src: '10.8.0.2', dst: '192.0.2.9' }, text: 'x', flowId: '' }
    const first = firewallEvent(made)
    const facets = first.line.shape.facets
    const [definition, row] = read(lines.print(first))
    expect(definition).toMatchObject({ _define: 0, 'wireguard.peer.name': 'ivy', 'host.name': 'gw1' })
    expect(row).toMatchObject({ _shape: 0, '@timestamp': AT, 'event.original': 'x' })
    const [a, b, c, d, e] = facets
    for (const list of [facets, [a, b, c, d, e] as const, facets]) {
      const again = read(lines.print(firewallEvent(made, list)))
      expect(again).toHaveLength(1)
      expect(again[0]).toMatchObject({ _shape: 0 })
    }
    const other = createFacet({ 'wireguard.peer.name': 'oak' })
    expect(read(lines.print(firewallEvent(made, [a, b, c, other, e])))).toMatchObject([
      { _define: 1, 'wireguard.peer.name': 'oak' },
      { _shape: 1 },
    ])
    expect(lines.shapes).toBe(2)
  })

  test('of a time that is none are refused, as all events are', () => {
    const event = firewallEvent({ packet: { src: '10.8.0.2', dst: '192.0.2.9' }, text: 'x', flowId: '' })
    const record = { ...event.line.record, at: Number.NaN }
    expect(() => createHotLines().print(new FirewallEvent({ ...event.line, record }, ids))).toThrow(TypeError)
  })
})

describe('lines of other events', () => {
  test('hold addresses as digits, times as microseconds, absent fields not at all', () => {
    const [, row] = read(
      createHotLines().print(
        sessionEvent({
          'source.ip': '10.8.0.2',
          'related.ip': ['10.8.0.2', 'fd08::2'],
          'event.start': AT,
          'source.port': undefined,
        }),
      ),
    )
    expect(row).toEqual({
      _shape: 0,
      '@timestamp': AT,
      'event.id': 'id',
      'source.ip': addressDigits('10.8.0.2'),
      'related.ip': [addressDigits('10.8.0.2'), addressDigits('fd08::2')],
      'event.start': AT,
    })
  })

  test('leave out what a column cannot hold', () => {
    const own = { 'source.port': Number.NaN, 'source.bytes': 2 ** 63, 'event.start': 1e300, 'destination.port': -0 }
    const [, row] = read(createHotLines().print(sessionEvent(own)))
    expect(row).toMatchObject({ 'source.port': null, 'source.bytes': null, 'event.start': null, 'destination.port': 0 })
  })

  test('name the columns of events and of definitions apart', () => {
    const lines = createHotLines()
    lines.print(sessionEvent({ 'event.reason': 'x', 'event.outcome': undefined }))
    expect(lines.ownColumns()).toEqual(['@timestamp', 'event.id', 'event.reason'])
    expect(lines.sharedColumns()).toEqual(['wireguard.peer.endpoint.ip', 'wireguard.peer.name'])
  })

  test('an event that could not be found again is refused, and leaves nothing behind', () => {
    const lines = createHotLines()
    const refused = [
      sessionEvent({ '@timestamp': undefined }),
      sessionEvent({ '@timestamp': 0.5 }),
      sessionEvent({ 'event.id': undefined }),
      sessionEvent({ 'event.reason': 'x'.repeat(HOT_LINE_BYTES_MAX) }),
    ]
    for (const event of refused) expect(() => lines.print(event)).toThrow(TypeError)
    expect(lines.shapes).toBe(0)
    expect(read(lines.print(sessionEvent({})))).toMatchObject([{ _define: 0 }, { _shape: 0 }])
  })
})
