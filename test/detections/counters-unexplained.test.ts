import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countersUnexplained } from '../../src/detections/counters-unexplained.ts'
import type { Event } from '../../src/event.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { HOUR } from '../../src/time.ts'
import { findingsOf, KEY, made, summariesOf, T0 } from './made-documents.ts'

const MIB = 1024 * 1024
const OTHER = 'Zm9yIGFub3RoZXIgcGVlciwgMzIgYnl0ZXMgaW4gYWxsIQ='

/** The first poll of an hour after T0, which is itself the beginning of one. */
function point(hour: number, received: number, key = KEY): Event {
  return made(hour * 3600 + 1, 'wireguard.peer', {
    'wireguard.peer.public_key': key,
    'wireguard.peer.name': 'tablet',
    'wireguard.peer.rx.bytes': received,
    'wireguard.peer.tx.bytes': 0,
  })
}

function flow(action: 'flow-started' | 'flow-progress' | 'flow-ended', at: number, bytes: number, key = KEY): Event {
  return made(at, 'wireguard.flow', {
    'event.action': action,
    'event.provider': 'conntrack',
    'wireguard.peer.public_key': key,
    'wireguard.flow.id': `flow ${at}`,
    ...(action === 'flow-started'
      ? {}
      : { 'wireguard.flow.delta.source.bytes': bytes, 'wireguard.flow.delta.destination.bytes': 0 }),
  })
}

/** Polls of every minute from then on for an hour. */
function watched(hour: number, received: number): Event[] {
  return Array.from({ length: 60 }, (_, minute) => point(hour + minute / 60, received))
}

const HOURS = [...watched(0, 0), ...watched(1, 0), ...watched(2, 100 * MIB), ...watched(3, 100 * MIB)]
const BEGUN = flow('flow-started', 3700, 0)
const ENDED = flow('flow-ended', 3710, MIB)
const SMALL = [BEGUN, flow('flow-progress', 3705, 1000), ENDED]

describe('what a connection explains', () => {
  test('nothing but a small one: found, for the hour in which the counters grew', () => {
    const [finding, ...others] = findingsOf(countersUnexplained, [...HOURS, ...SMALL])
    expect(others).toEqual([])
    expect(finding).toMatchObject({
      '@timestamp': T0 + HOUR,
      'wireguard.finding.summary':
        'tablet moved 105 MB through gw1 in an hour, and connections and refused packets explain at most 1.3 MB of it',
      'wireguard.peer.public_key': KEY,
      'event.severity': 2,
    })
  })

  test('all of it, told in any pieces from the hour before to the hour after', () => {
    const pieces = fc.array(fc.integer({ min: 0, max: 3 * 3600 - 1 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(pieces, (times) => {
        const at = [...new Set(times)]
        const told = at.flatMap((each) => [
          flow('flow-started', each, 0),
          flow('flow-ended', each, Math.ceil((100 * MIB) / at.length)),
        ])
        expect(findingsOf(countersUnexplained, [...HOURS, ...told])).toEqual([])
      }),
    )
  })

  test('one that nobody saw begin may hold the rest, unless progress is told', () => {
    expect(findingsOf(countersUnexplained, [...HOURS, BEGUN, ENDED])).toEqual([])
    expect(findingsOf(countersUnexplained, [...HOURS, BEGUN, ENDED, flow('flow-progress', 3750, 1000)])).toHaveLength(1)
    expect(findingsOf(countersUnexplained, [...HOURS, BEGUN, ENDED, flow('flow-progress', 7300, 1000)])).toEqual([])
  })

  test('one of another peer to this one counts for both', () => {
    const between = made(4000, 'wireguard.flow', {
      ...flow('flow-ended', 4000, 100 * MIB, OTHER).own,
      'wireguard.target_peer.public_key': KEY,
    })
    expect(findingsOf(countersUnexplained, [...HOURS, ...SMALL, between])).toEqual([])
  })

  test('refused packets that were logged count, those that were accepted do not twice', () => {
    const packets = (type: 'firewall-drop' | 'firewall-accept') =>
      Array.from({ length: 1800 }, (_, i) =>
        made(3700 + i, 'wireguard.firewall', {
          'event.action': type,
          'wireguard.peer.public_key': KEY,
          'netfilter.length': 60_000,
        }),
      )
    expect(findingsOf(countersUnexplained, [...HOURS, ...SMALL, ...packets('firewall-drop')])).toEqual([])
    expect(findingsOf(countersUnexplained, [...HOURS, ...SMALL, ...packets('firewall-accept')])).toHaveLength(1)
  })
})

describe('what is not judged', () => {
  test('a key of which no connection had bytes', () => {
    expect(findingsOf(countersUnexplained, HOURS)).toEqual([])
  })

  test('counters that began anew, and an hour without its first polls', () => {
    const anew = [...watched(0, 900 * MIB), ...watched(1, 900 * MIB), ...watched(2, 0), ...watched(3, 0)]
    expect(findingsOf(countersUnexplained, [...anew, ...SMALL])).toEqual([])
    const late = HOURS.filter(({ own }) => ((own['@timestamp'] ?? 0) - T0) % HOUR >= HOUR / 10)
    expect(findingsOf(countersUnexplained, [...late, ...SMALL])).toEqual([])
  })

  test('an hour in which the collector was down for minutes: connections of that time were told by nobody', () => {
    const isDown = (event: Event) => Math.abs((event.own['@timestamp'] ?? 0) - T0 - 1.5 * HOUR) < HOUR / 15
    expect(findingsOf(countersUnexplained, [...HOURS.filter((event) => !isDown(event)), ...SMALL])).toEqual([])
  })

  test('growth of less than 10 MiB beyond twice what is explained', () => {
    const hours = [...watched(0, 0), ...watched(1, 0), ...watched(2, 12 * MIB), ...watched(3, 12 * MIB)]
    expect(findingsOf(countersUnexplained, [...hours, ...SMALL])).toEqual([])
  })
})

test('once a day a peer, live and at once', () => {
  const hours = Array.from({ length: 30 }, (_, hour) => watched(hour, hour * 100 * MIB)).flat()
  const flows = Array.from({ length: 30 }, (_, hour) => flow('flow-progress', hour * 3600 + 30, 1000))
  const events = [...hours, ...flows].sort((a, b) => (a.own['@timestamp'] ?? 0) - (b.own['@timestamp'] ?? 0))
  const found = findingsOf(countersUnexplained, events)
  expect(found.map((finding) => ((finding['@timestamp'] ?? 0) - T0) / HOUR)).toEqual([0, 24])
  expect(findingsOf(countersUnexplained, events, { isLive: true })).toEqual(found)
})

test('an exception of the inventory excuses it, and it is told as low', () => {
  const inventory = parseInventory(
    `version: 1
people: [{ email: anna@example.com, name: Anna }]
gateways: [{ name: gw1, interfaces: [wg0], sources: [wireguard] }]
peers:
  - { name: tablet, kind: device, owner: anna@example.com, gateway: gw1, interface: wg0, keys: [{ public_key: "${KEY}", since: 2026-01-01 }], allowed_ips: [10.8.0.2/32] }
exceptions:
  - { check: counters-unexplained, peer: tablet, reason: backup past conntrack, approved_by: anna@example.com, until: 2027-01-01 }
`,
    'inventory.yaml',
  )
  const [finding] = findingsOf(countersUnexplained, [...HOURS, ...SMALL], { inventory })
  expect(finding).toMatchObject({ 'event.severity': 1, 'wireguard.finding.exception': 'backup past conntrack' })
  expect(summariesOf(finding === undefined ? [] : [finding])).toHaveLength(1)
})
