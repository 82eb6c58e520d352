/** What is traffic of a proven peer, and what is an attempt that went nowhere. */
import { describe, expect, test } from 'vitest'
import { FirewallEvent } from '../../../src/correlate/firewall-events.ts'
import {
  attemptOf,
  isAcceptedAlone,
  isAgainstPolicy,
  isConnected,
  isDenied,
  isMulticast,
  provenKeyOf,
  senderOf,
  serviceOf,
  targetOf,
} from '../../../src/detections/catalogue/peer-traffic.ts'
import { TRAFFIC_DETECTIONS } from '../../../src/detections/catalogue/traffic-detections.ts'
import { createFacet, type Event } from '../../../src/event.ts'
import type { Fields } from '../../../src/fields.ts'
import { toEvent } from '../scenarios.ts'

const IDENTITY: Fields = {
  'wireguard.attribution.status': 'exact',
  'wireguard.peer.public_key': 'KEY',
  'wireguard.peer.role': 'source',
}

const line = (fields: Fields): Event => toEvent({ 'event.dataset': 'wireguard.firewall', ...IDENTITY, ...fields })
const denied = (fields: Fields): Event =>
  line({ 'event.action': 'firewall-drop', 'network.transport': 'tcp', ...fields })
const flow = (fields: Fields): Event =>
  toEvent({ 'event.dataset': 'wireguard.flow', 'network.transport': 'tcp', ...IDENTITY, ...fields })

describe('whose traffic it is', () => {
  test('only what is certain counts', () => {
    expect([senderOf(line({})), provenKeyOf(line({}))]).toEqual(['KEY', 'KEY'])
    for (const status of ['ambiguous', 'unknown'])
      expect([
        senderOf(line({ 'wireguard.attribution.status': status })),
        provenKeyOf(line({ 'wireguard.attribution.status': status })),
      ]).toEqual([null, null])
    expect([
      senderOf(line({ 'wireguard.peer.role': 'destination' })),
      provenKeyOf(line({ 'wireguard.peer.role': 'destination' })),
    ]).toEqual([null, 'KEY'])
  })
})

describe('an attempt', () => {
  test.each([
    ['a dropped packet', denied({ 'destination.port': 22 }), 'denied'],
    ['a rejected packet', denied({ 'event.action': 'firewall-reject' }), 'denied'],
    ['an accepted packet', line({ 'event.action': 'firewall-accept' }), null],
    ['a refused connection', flow({ 'wireguard.flow.outcome': 'refused' }), 'refused'],
    ['no answer', flow({ 'wireguard.flow.outcome': 'no-answer' }), 'unanswered'],
    ['no answer yet, TCP', flow({ 'wireguard.flow.outcome': 'unknown' }), null],
    ['no answer yet, UDP', flow({ 'wireguard.flow.outcome': 'unknown', 'network.transport': 'udp' }), null],
    ['a connection', flow({ 'wireguard.flow.outcome': 'connected', 'network.bytes': 5000 }), null],
    ['an empty connection', flow({ 'wireguard.flow.outcome': 'connected', 'network.bytes': 272 }), 'empty'],
    ['an open connection', flow({ 'wireguard.flow.outcome': 'connected' }), null],
    [
      'an answered name query',
      flow({ 'wireguard.flow.outcome': 'connected', 'network.bytes': 200, 'network.transport': 'udp' }),
      null,
    ],
    ['an echo request', denied({ 'network.transport': 'icmp', 'netfilter.icmp.type': 8 }), 'denied'],
    ['an IPv6 echo request', denied({ 'network.transport': 'ipv6-icmp', 'netfilter.icmp.type': 128 }), 'denied'],
    [
      'an unanswered echo request',
      flow({ 'wireguard.flow.outcome': 'no-answer', 'network.transport': 'icmp', 'conntrack.icmp.type': 8 }),
      'unanswered',
    ],
    ['an ICMP error', denied({ 'network.transport': 'icmp', 'netfilter.icmp.type': 3 }), null],
    ['a late answer to a client', denied({ 'destination.port': 45_000, 'netfilter.tcp.flags': ['ACK'] }), null],
    ['a first packet to a high port', denied({ 'destination.port': 45_000, 'netfilter.tcp.flags': ['SYN'] }), 'denied'],
    ['an ACK to a service', denied({ 'destination.port': 443, 'netfilter.tcp.flags': ['ACK'] }), 'denied'],
    [
      'a late answer to a name query',
      denied({ 'destination.port': 45_000, 'source.port': 53, 'network.transport': 'udp' }),
      null,
    ],
  ] as const)('%s', (_name, event, expected) => {
    expect(attemptOf(event)).toBe(expected)
  })
})

describe('a packet that a rule accepted', () => {
  test('speaks for itself only where no flow does', () => {
    expect(isAcceptedAlone(line({ 'event.action': 'firewall-accept' }))).toBe(true)
    expect(isAcceptedAlone(line({ 'event.action': 'firewall-accept', 'wireguard.flow.id': 'f' }))).toBe(false)
    expect(isAcceptedAlone(denied({}))).toBe(false)
  })
})

test('targets are those after destination NAT', () => {
  const event = flow({
    'destination.ip': '10.0.0.1',
    'destination.port': 80,
    'destination.nat.ip': '10.20.0.1',
    'destination.nat.port': 8080,
  })
  expect([targetOf(event), serviceOf(event)]).toEqual(['10.20.0.1', 'tcp/8080'])
  expect(serviceOf(flow({ 'network.transport': 'icmp' }))).toBe('icmp')
})

test('multicast', () => {
  const addresses = [
    '224.0.0.251',
    '239.255.255.250',
    'ff02::fb',
    '255.255.255.255',
    '10.20.0.1',
    '22.4.0.1',
    'fd00::ff',
    '203.0.113.1',
  ]
  expect(addresses.filter(isMulticast)).toEqual(addresses.slice(0, 4))
})

/** Putting a line's own fields together costs more than all detections: most lines are accepted, and never need it. */
test('a line of an accepted connection is never put together', () => {
  const shape = {
    facets: [
      createFacet({ 'host.name': 'gw1' }),
      createFacet({ 'event.action': 'firewall-accept' }),
      createFacet({ 'network.transport': 'tcp' }),
      createFacet(IDENTITY),
      createFacet({ 'wireguard.resource.name': 'web' }),
    ],
    policy: 'violation',
    segments: null,
  } as const
  const refuse = () => {
    throw new Error('it was put together')
  }
  const made = (flowId: string): FirewallEvent =>
    // Nothing else of the line may be looked at: `ids` is what its own fields begin with.
    new FirewallEvent({ shape, flowId } as unknown as FirewallEvent['line'], refuse)
  const ofFlow = made('flow')
  expect([isDenied(ofFlow), isConnected(ofFlow), isAcceptedAlone(ofFlow), attemptOf(ofFlow)]).toEqual([
    false,
    false,
    false,
    null,
  ])
  for (const { tallies = [] } of TRAFFIC_DETECTIONS)
    for (const kind of tallies) if (kind.reads.includes('wireguard.firewall')) expect(kind.keyOf(ofFlow)).toBeNull()
  expect([isAcceptedAlone(made('')), isAgainstPolicy(made('')), senderOf(made(''))]).toEqual([true, true, 'KEY'])
})
