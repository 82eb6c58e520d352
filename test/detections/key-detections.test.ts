/** Detections about keys: what they find follows from the documents alone, and what they say is what happened. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDetections, LAG } from '../../src/detections/catalogue/catalogue.ts'
import { KEY_DETECTIONS } from '../../src/detections/catalogue/key-detections.ts'
import { type Event, flatten } from '../../src/event.ts'
import { printEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import type { Location } from '../../src/identity/geo.ts'
import { emptyInventory, type Inventory, parseInventory } from '../../src/identity/inventory.ts'
import { DAY, HOUR, MINUTE, type Micros, SECOND } from '../../src/time.ts'
import { restored } from '../restored.ts'
import { KEYS, madeChange, madeLostFlow, madePoint } from './made-peer-documents.ts'

const T0: Micros = Date.UTC(2026, 10, 22, 9) * 1000
const LOCATIONS: Readonly<Record<string, Location>> = {
  '203.0.113.7': { latitude: 52.5, longitude: 13.4, country: 'DE', accuracyKm: 10 },
  '198.51.100.9': { latitude: 35.7, longitude: 139.7, country: 'JP', accuracyKm: 10 },
}
const TEXT = `version: 1
people:
  - { email: alice@example.com, name: Alice, until: 2026-11-22T12:00:00Z }
  - { email: bob@example.com, name: Bob }
gateways: [{ name: gw1, interfaces: [wg0] }, { name: gw2, interfaces: [wg0] }]
peers:
  - name: alice-laptop
    kind: device
    owner: alice@example.com
    gateway: gw1
    interface: wg0
    keys: [{ public_key: ${KEYS.alice}, until: 2026-11-22T16:00:00Z }]
    allowed_ips: [10.8.0.2/32]
    expires: 2026-11-22T14:00:00Z
  - name: bob-laptop
    kind: device
    owner: bob@example.com
    gateway: gw1
    interface: wg0
    keys: [{ public_key: ${KEYS.bob}, since: 2026-01-01 }]
    allowed_ips: [10.8.0.3/32]
    rotate_every: 90d
`
const INVENTORY = parseInventory(TEXT, 'inventory.yaml')

function options(found: Event[], inventory: Inventory) {
  return {
    emit: (event: Event) => found.push(event),
    inventory,
    locate: (address: string) => LOCATIONS[address] ?? null,
  }
}

function findings(events: readonly Event[], inventory = INVENTORY): Fields[] {
  const found: Event[] = []
  const detections = createDetections(options(found, inventory), undefined, KEY_DETECTIONS)
  for (const event of events) detections.observe(event)
  detections.tick(Number.POSITIVE_INFINITY)
  return found.map(flatten)
}

function named(found: readonly Fields[], id: string): Fields[] {
  return found.filter((finding) => finding['rule.id'] === id)
}

const prefixes = fc.constantFrom('10.8.0.2/32', '10.8.0.3/32', '10.9.0.0/16', '0.0.0.0/0', 'fd08::2/128')
const lists = fc.uniqueArray(prefixes, { maxLength: 3 })
const keys = fc.constantFrom(...Object.values(KEYS))
const gateways = fc.constantFrom('gw1', 'gw2')
/** Minutes and seconds around each other, and around the ends of stretches, days and documented dates. */
const times = fc
  .record({
    hour: fc.constantFrom(0, 0, 0, 3, 5, 7, 24, 25, 24 * 31),
    second: fc.integer({ min: 0, max: 900 }),
  })
  .map(({ hour, second }) => T0 + hour * HOUR + second * SECOND)
const documents = fc.oneof(
  fc
    .record({
      at: times,
      key: keys,
      gateway: gateways,
      age: fc.option(fc.constantFrom(1, 30, 100, 190, 300, 4_000, 40 * 86_400)),
      rx: fc.nat({ max: 5 }).map((n) => n * 500),
      tx: fc.nat({ max: 5 }).map((n) => n * 50_000),
      endpoint: fc.constantFrom('', '203.0.113.7', '198.51.100.9', '192.0.2.1'),
      allowedIps: lists,
    })
    .map(({ age, ...point }) => madePoint({ ...point, handshake: age === null ? null : point.at - age * SECOND })),
  fc
    .record({
      at: times,
      key: keys,
      gateway: gateways,
      action: fc.constantFrom('peer-added' as const, 'peer-removed' as const, 'allowed-ips-changed' as const),
      before: lists,
      after: lists,
    })
    .map(madeChange),
  fc
    .record({
      at: times,
      key: keys,
      flow: fc.constantFrom('f1', 'f2'),
      state: fc.constantFrom('ESTABLISHED', 'TIME_WAIT'),
      fromPeer: fc.option(fc.constantFrom(0, 100), { nil: undefined }),
      isEnd: fc.boolean(),
    })
    .map(({ fromPeer, ...flow }) => madeLostFlow({ ...flow, ...(fromPeer === undefined ? {} : { fromPeer }) })),
)
const made = fc.uniqueArray(documents, { minLength: 20, maxLength: 80, selector: ({ own }) => own['event.id'] })

test('the same documents give the same findings, in any order, whenever time is told, saved and restored', () => {
  let told = 0
  fc.assert(
    fc.property(made, fc.array(fc.nat(), { minLength: 300, maxLength: 300 }), (events, luck) => {
      let drawn = 0
      const next = (below: number): number => (luck[drawn++ % luck.length] ?? 0) % below
      const whole = printed(findings(events))
      told += whole.length
      expect(printed(shuffledFindings(events, next))).toEqual(whole)
    }),
    { numRuns: 60 },
  )
  // Else it would say nothing.
  expect(told).toBeGreaterThan(300)
})

/** Repeated documents, ticks up to the oldest that has not come, cuts and restarts. */
function shuffledFindings(events: readonly Event[], next: (below: number) => number): Fields[] {
  const found: Event[] = []
  let detections = createDetections(options(found, INVENTORY), undefined, KEY_DETECTIONS)
  const left = events.flatMap((event) => (next(6) === 0 ? [event, event] : [event]))
  // Mostly in order, so that time can be told on the way.
  left.sort((a, b) => (a.own['@timestamp'] ?? 0) - (b.own['@timestamp'] ?? 0))
  while (left.length > 0) {
    const [event] = left.splice(next(Math.min(left.length, 4)), 1)
    if (event !== undefined) detections.observe(event)
    if (next(2) === 0) detections.tick(LAG + Math.min(...left.map(({ own }) => own['@timestamp'] ?? 0), T0 + 60 * DAY))
    if (next(6) === 0)
      detections = createDetections(options(found, INVENTORY), restored(detections.save()), KEY_DETECTIONS)
  }
  detections.tick(Number.POSITIVE_INFINITY)
  return found.map(flatten)
}

function printed(found: readonly Fields[]): string[] {
  return found.map((own) => printEvent({ dataset: 'wireguard.finding', own, facets: [] })).sort()
}

test('nothing is held against documentation that is not there', () => {
  const documented = [
    'allowed-ips-moved',
    'allowed-ips-widened',
    'key-expired',
    'key-overdue',
    'key-rotated-undocumented',
    'leaver-key',
    'peer-added-undocumented',
    'unknown-peer',
  ]
  fc.assert(
    fc.property(made, (events) => {
      const ids = findings(events, emptyInventory()).map((finding) => finding['rule.id'] ?? '')
      expect(ids.filter((id) => documented.includes(id))).toEqual([])
    }),
    { numRuns: 50 },
  )
})

describe('severity', () => {
  test('alternating endpoints: high when two devices end each other’s sessions, low for one whose provider changes its address', () => {
    const changing = (every: Micros) =>
      Array.from({ length: 5 }, (_, i) =>
        madePoint({
          at: T0 + i * every,
          key: KEYS.bob,
          handshake: T0 + i * every - SECOND,
          endpoint: i % 2 === 0 ? '203.0.113.7' : '198.51.100.9',
        }),
      )
    const severities = (every: Micros) =>
      named(findings(changing(every)), 'alternating-endpoints').map((each) => each['event.severity'])
    expect(severities(30 * SECOND)).toEqual([3])
    expect(severities(121 * SECOND)).toEqual([1])
  })

  const used = (rx: number) =>
    [0, 1, 2].map((n) => madePoint({ at: T0 + n * MINUTE, key: KEYS.mallory, rx: rx * n, handshake: T0 - SECOND }))

  test('of an unknown key rises with bytes that came from it', () => {
    expect(named(findings(used(0)), 'unknown-peer').map((each) => each['event.severity'])).toEqual([2])
    expect(named(findings(used(10)), 'unknown-peer').map((each) => each['event.severity'])).toEqual([3])
  })

  test('of a leaver’s key rises with its use', () => {
    const after = T0 + 4 * HOUR
    const points = [0, 1, 2].map((n) => madePoint({ at: after + n * MINUTE, key: KEYS.alice, handshake: after - DAY }))
    expect(named(findings(points), 'leaver-key').map((each) => each['event.severity'])).toEqual([2])
    const alive = [...points, madePoint({ at: after + 10 * MINUTE, key: KEYS.alice, handshake: after + 9 * MINUTE })]
    expect(named(findings(alive), 'leaver-key').map((each) => each['event.severity'])).toEqual([2, 3])
  })

  test('of what the inventory excuses is low, and the finding says why', () => {
    const excuse =
      '\nexceptions: [{ check: key-overdue, peer: bob-laptop, reason: old phone, approved_by: carol@example.com, until: 2026-11-30 }]\n'
    const point = madePoint({ at: T0, key: KEYS.bob })
    const [finding] = named(findings([point], parseInventory(TEXT + excuse, 'inventory.yaml')), 'key-overdue')
    expect(finding).toMatchObject({
      'event.severity': 1,
      'wireguard.finding.exception': 'old phone',
      'wireguard.finding.approved_by': 'carol@example.com',
    })
  })
})

describe('what goes on', () => {
  test('is told once a day', () => {
    const points = Array.from({ length: 3 * 24 }, (_, hour) =>
      madePoint({ at: T0 + hour * HOUR, key: KEYS.mallory, rx: 180 + hour, handshake: T0 + hour * HOUR - SECOND }),
    )
    expect(named(findings(points), 'unknown-peer')).toHaveLength(3)
  })

  test('on each gateway is a finding of its own', () => {
    const points = ['gw1', 'gw2'].map((gateway) =>
      madePoint({ at: T0, key: KEYS.mallory, gateway, handshake: T0 - SECOND }),
    )
    const places = named(findings(points), 'unknown-peer').map((each) => each['host.name'])
    expect(new Set(places)).toEqual(new Set(['gw1', 'gw2']))
    expect(places).toHaveLength(2)
  })
})

describe('a removed key', () => {
  const removed = madeChange({ at: T0, key: KEYS.bob, action: 'peer-removed', after: ['10.8.0.3/32'] })

  test('is told once with its connections, and once more when they go on', () => {
    const flow = (at: number, fromPeer?: number) =>
      madeLostFlow({ at: T0 + at * SECOND, key: KEYS.bob, flow: 'f1', ...(fromPeer === undefined ? {} : { fromPeer }) })
    const found = named(findings([removed, flow(0), flow(30, 900), flow(600, 50), flow(1200, 70)]), 'survived-removal')
    expect(found.map((each) => each['event.severity'])).toEqual([2, 4])
    expect(found[1]?.['wireguard.finding.summary']).toContain('50 bytes came from its address')
    expect(found[0]?.['wireguard.finding.mend']).toEqual(['conntrack -D -s 10.8.0.3'])
  })

  test('of a device nobody documented is no critical matter: it may have a new key', () => {
    const gone = madeChange({ at: T0, key: KEYS.mallory, action: 'peer-removed', after: ['10.8.0.9/32'] })
    const flow = (at: number) => madeLostFlow({ at: T0 + at * SECOND, key: KEYS.mallory, flow: 'f1', fromPeer: 50 })
    const found = named(findings([gone, flow(30), flow(60)]), 'survived-removal')
    expect(found.map((each) => each['event.severity'])).toEqual([3])
  })

  test('that comes back at once is none', () => {
    const back = madeChange({ at: T0 + 20 * SECOND, key: KEYS.bob, action: 'peer-added', after: ['10.8.0.3/32'] })
    const flow = madeLostFlow({ at: T0, key: KEYS.bob, flow: 'f1' })
    expect(named(findings([removed, flow, back]), 'survived-removal')).toEqual([])
    expect(named(findings([removed, flow]), 'survived-removal')).toHaveLength(1)
  })
})
