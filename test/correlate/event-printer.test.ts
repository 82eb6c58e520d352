import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEventWriter } from '../../src/correlate/event-printer.ts'
import { createPacketIds, createRuleFacet, FirewallEvent } from '../../src/correlate/firewall-events.ts'
import type { Flow } from '../../src/correlate/flow.ts'
import { createFlowEvents } from '../../src/correlate/flow-events.ts'
import { createSharedFacets } from '../../src/correlate/shared-facets.ts'
import { createFacet, type Event, flatten } from '../../src/event.ts'
import { parseEvent, printEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import { createAddressBook } from '../../src/identity/address-book.ts'
import { emptyInventory } from '../../src/identity/inventory.ts'
import { emptyPacket } from '../../src/sources/nftables/packet.ts'
import type { Packet, PacketRecord } from '../../src/sources/nftables/record.ts'
import { expectLegal } from '../event-rules.ts'

const HOSTILE = [
  '',
  'x',
  '"quoted" \\ ',
  '\u001b[31mred',
  '\0\n\t',
  '<script>',
  "'; DROP TABLE--",
  '__proto__',
  'caf\u00c3\u00a9',
  '\u00ff\u00fe',
]
const text = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 20 }),
)
const number = (max: number) => fc.oneof(fc.constant(-1), fc.integer({ min: 0, max }))
const address = fc.constantFrom('10.8.0.2', '192.0.2.9', 'fd08::2', '2001:db8::1', '8.8.8.8')
const optional = (arbitrary: fc.Arbitrary<string>) => fc.oneof(fc.constant(''), arbitrary)

const packet: fc.Arbitrary<Packet> = fc.record({
  prefix: text,
  in: optional(text),
  out: optional(text),
  physIn: optional(text),
  physOut: optional(text),
  macSource: optional(fc.constant('52-1F-CC-7C-69-00')),
  macDestination: optional(fc.constant('7E-02-76-E2-4C-F5')),
  etherType: optional(fc.constant('0800')),
  vlanId: number(4095),
  family: fc.constantFrom(0 as const, 4 as const, 6 as const),
  src: optional(address),
  dst: optional(address),
  length: number(65535),
  dscp: number(63),
  ttl: number(255),
  ipId: number(65535),
  dontFragment: fc.boolean(),
  moreFragments: fc.boolean(),
  fragmentOffset: number(65528),
  fragmentId: optional(fc.constant('deadbeef')),
  flowLabel: number(0xfffff),
  protocol: fc.constantFrom(-1, 1, 6, 17, 47, 58, 132, 253),
  sport: number(65535),
  dport: number(65535),
  udpLength: number(65535),
  tcpSeq: number(0xffffffff),
  tcpAck: number(0xffffffff),
  tcpWindow: number(65535),
  tcpFlags: fc.constantFrom('', 'SYN', 'ACK SYN', 'AE CWR ECE URG ACK PSH RST SYN FIN'),
  icmpType: number(255),
  icmpCode: number(255),
  icmpId: number(65535),
  icmpSeq: number(65535),
  quoted: optional(text),
  spi: optional(fc.constant('0x12345678')),
  uid: number(0xfffffffe),
  gid: number(0xfffffffe),
  mark: optional(fc.constant('0x2a')),
  isTruncated: fc.boolean(),
})

const addresses = createAddressBook()
const shared = createSharedFacets('gw"1', emptyInventory())
const identity = createFacet({
  'wireguard.interface.name': 'wg0',
  'wireguard.peer.public_key': 'e3WudW7mWm/WxncV7j4EVjh3b+UPlxjJA8tX2+OSbVc=',
  'wireguard.peer.name': 'ivy "the" \u0000',
  'wireguard.attribution.status': 'exact',
  'wireguard.attribution.since': 1_795_360_169_123_456,
  'related.hosts': ['gw1'],
})

/** What the writer wrote, read back; in the middle of a block, so that a wrong offset shows. */
function written(event: Event): Fields {
  const block = Buffer.alloc(65_536)
  const end = createEventWriter().write(event, block, 100)
  expect(block.subarray(0, 100).every((byte) => byte === 0)).toBe(true)
  expect(block.subarray(end).every((byte) => byte === 0)).toBe(true)
  const text = block.subarray(100, end).toString('ascii')
  expect(text.at(-1)).toBe('\n')
  return parseEvent(text)
}

describe('hand-ordered printing', () => {
  test('firewall documents are what the general printer prints, whatever the packet holds', () => {
    const ids = createPacketIds('gw1')
    fc.assert(
      fc.property(
        packet,
        text,
        fc.constantFrom('', 'abc'),
        fc.constantFrom('accepted' as const, 'dropped' as const, 'unknown' as const),
        (made, line, flowId, verdict) => {
          const record: PacketRecord = {
            kind: 'packet',
            arrival: 1_795_360_169_604_391,
            at: 1_795_360_169_604_391,
            resolution: 0,
            trust: 'syslog',
            packet: { ...emptyPacket(), ...made },
            ownIdentity: '',
            file: { name: 'kern.log', identity: 'a'.repeat(14) },
            offset: 4711,
            text: line,
          }
          const source = made.src === '' ? null : addresses.of(made.src)
          const destination = made.dst === '' ? null : addresses.of(made.dst)
          const event = new FirewallEvent(
            {
              record,
              source,
              destination,
              shape: {
                facets: [
                  shared.observer(made.in, made.out),
                  createRuleFacet(null, verdict, made.prefix, record.trust),
                  shared.protocol(made.family, made.protocol, source, destination),
                  identity,
                  shared.resource(made.dst, made.protocol, made.dport),
                ],
                policy: flowId === '' ? '' : 'violation',
                segments: null,
              },
              flowId,
              verdict,
            },
            ids,
          )
          expect(written(event)).toEqual(flatten(event))
          expect(parseEvent(printEvent(event))).toEqual(flatten(event))
          expectLegal(event)
        },
      ),
      { numRuns: 400 },
    )
  })

  test('flow documents are what the general printer prints, in every state a flow can have', () => {
    const toEvent = createFlowEvents(addresses)
    const counters = fc.record({
      sourcePackets: number(9),
      sourceBytes: number(1e12),
      destinationPackets: number(9),
      destinationBytes: number(1e12),
    })
    const flow = fc.record({
      protocol: fc.constantFrom(1, 6, 17, 47),
      src: address,
      sport: number(65535),
      dst: address,
      dport: number(65535),
      seenSrc: address,
      seenSport: number(65535),
      seenDst: address,
      seenDport: number(65535),
      icmpType: number(255),
      icmpCode: fc.nat(255),
      icmpId: fc.nat(65535),
      zone: optional(fc.constant('7')),
      conntrackId: optional(fc.constant('2074352578')),
      endAt: fc.constantFrom(Number.NaN, 1_795_360_170_000_000),
      endReason: fc.constantFrom('' as const, 'reused-id' as const, 'userspace' as const),
      hasReply: fc.boolean(),
      isAssured: fc.boolean(),
      state: fc.constantFrom('', 'TIME_WAIT', 'CLOSE'),
      mark: optional(fc.constant('42')),
      helper: optional(text),
      labels: optional(text),
      counters,
      reported: counters,
      userspacePortid: optional(fc.constant('19942')),
      userspaceProgram: optional(text),
    })
    fc.assert(
      fc.property(
        flow,
        fc.constantFrom('flow-started' as const, 'flow-progress' as const, 'flow-ended' as const),
        (made, action) => {
          const whole: Flow = {
            ...made,
            id: 'f'.repeat(24),
            row: 0,
            family: 4,
            startAt: 1_795_360_169_604_391,
            startFrom: 1_795_360_169_604_391,
            startBasis: 'new',
            endAt: action === 'flow-ended' ? 1_795_360_170_000_000 : made.endAt,
            seenAt: 0,
            witness: null,
            verdict: null,
            decision: null,
            isHolderChanged: false,
            linesUndecided: 0,
            stepsWaiting: 0,
          }
          const event = toEvent(action, whole, 1_795_360_169_604_391, action === 'flow-ended' ? whole.endReason : '', {
            observer: shared.observer('', ''),
            protocol: shared.protocol(4, made.protocol, null, null),
            identity,
            resource: shared.resource(made.dst, made.protocol, made.dport),
            policy: '',
          })
          expect(written(event)).toEqual(flatten(event))
          expectLegal(event)
        },
      ),
      { numRuns: 300 },
    )
  })
})
