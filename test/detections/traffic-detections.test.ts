/** Detections of traffic: what they say of their scenarios, word by word, and that they say it whatever comes first. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDetections, LAG } from '../../src/detections/catalogue/catalogue.ts'
import type { DetectionKind } from '../../src/detections/catalogue/detection.ts'
import { TRAFFIC_DETECTIONS } from '../../src/detections/catalogue/traffic-detections.ts'
import { lateralMovement } from '../../src/detections/lateral-movement.ts'
import { undocumentedAccess } from '../../src/detections/undocumented-access.ts'
import { type Event, flatten } from '../../src/event.ts'
import { printEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import { parseQuery } from '../../src/kql/parse.ts'
import { createEventPredicate } from '../../src/kql/predicate.ts'
import { HOUR } from '../../src/time.ts'
import { restored } from '../restored.ts'
import { findingsOf } from './made-detections.ts'
import { type Scenario, scenariosOf } from './scenarios.ts'

const SAID: Readonly<Record<string, readonly string[]>> = {
  'denied-burst fires-beside-a-scan': [
    '1 The firewall refused 320 packets of rowan in 45 s, to 21 services of 2 addresses; at most 160 of them belong to a scan or sweep',
  ],
  'denied-burst fires-one-service': [
    '1 The firewall refused 130 packets of rowan in 52 s, all to udp/53 of 10.20.0.53',
  ],
  'first-access fires-after-a-week': [
    '2 maple reached db1-sql for the first time in the 7.1 d that its key was watched',
  ],
  'first-access fires-again-after-months': ['1 maple reached web1 for the first time in more than 90 days'],
  'host-sweep fires-echo-requests': [
    '3 rowan tried 40 addresses (10.20.0.1 to 10.20.0.40) with echo requests in 3.9 s: 40 denied',
  ],
  'host-sweep fires-half-of-it-answered': [
    '3 maple tried 22 addresses (10.20.0.1 to 10.20.1.10) with tcp/22 in 11 s: 10 unanswered, 12 answered, and closed without data',
  ],
  'host-sweep fires-internet': [
    '3 rowan tried 200 addresses (203.0.113.1 to 203.0.113.200) with tcp/445 in 40 s: 200 denied',
  ],
  'host-sweep fires-unanswered': [
    '3 maple tried 20 addresses (10.20.0.1 to 10.20.1.10) with tcp/22 in 27 s: 10 refused, 10 unanswered',
  ],
  'large-transfer fires-received-progress': [
    '2 maple received 2.4 GB within an hour so far, from app1; its highest hour of 5 days with traffic was 300 MB',
  ],
  'large-transfer fires-sent': [
    '2 maple sent 600 MB within an hour so far, to app1; its highest hour of 5 days with traffic was 40 MB',
  ],
  'lateral-movement fires-other-port-of-a-device': [
    '1 maple reached the peer tablet with tcp/8080: 1 connection within a minute',
  ],
  'lateral-movement fires-server-against-the-policy': [
    '3 maple reached the peer build-server with SMB, against the documented policy: 1 connection within a minute',
  ],
  'lateral-movement fires-ssh-to-a-device': ['3 maple reached the peer tablet with SSH: 1 connection within a minute'],
  'long-connection fires-alive-since-the-night': [
    '1 A connection of maple to tcp/22 of 10.20.0.9 has been alive for 10 hours; no other was alive for 3 hours in the time it was watched',
  ],
  'long-connection fires-at-its-end': [
    '1 A connection of maple to tcp/22 of 10.20.0.9 has been alive for 16 hours; its longest of 28 days was 5 hours',
  ],
  'off-hours fires-at-night': [
    '1 maple opened 4 connections at 03:14 UTC; on 6 other workdays it never was active between 01:00 and 06:00',
  ],
  'off-hours fires-on-the-third-weekend': [
    '1 maple opened 1 connection at 14:00 UTC; on 4 other days of a weekend it never was active between 12:00 and 17:00',
  ],
  // The scan itself was 40 ports in 0.6 s. What the same peer tried beside it within half a minute is part of it.
  'port-scan fires-denied': ['3 dogwood tried 43 ports of 172.30.51.68 (22 to 6614) in 28 s: 43 denied'],
  // Passive FTP that is refused looks like it.
  'port-scan fires-ports-that-a-server-chose': [
    '2 dogwood tried 18 ports of 172.30.51.138 (50002 to 50019) in 34 s: 18 denied',
  ],
  'port-scan fires-refused-unanswered-empty': [
    '3 maple tried 21 ports of 10.20.0.10 (22 to 2007) in 32 s: 10 refused, 8 unanswered, 3 answered, and closed without data',
  ],
  'undocumented-access fires-accepted-without-a-flow': [
    '3 rowan was let through to db1-sql (restricted), which no documented policy lets it: 1 connection within a minute',
  ],
  'undocumented-access fires-connected': [
    '3 rowan reached db1-sql (restricted), which no documented policy lets it: 6 connections within a minute',
  ],
}

type Case = { readonly name: string; readonly kind: DetectionKind; readonly scenario: Scenario }

const CASES: readonly Case[] = TRAFFIC_DETECTIONS.filter(({ about }) => about.id !== 'holder-changed').flatMap((kind) =>
  scenariosOf(kind.about.id).map((scenario) => ({ name: `${kind.about.id} ${scenario.name}`, kind, scenario })),
)

function scenario(kind: DetectionKind, name: string): Scenario {
  const found = scenariosOf(kind.about.id).find((each) => each.name === name)
  if (found === undefined) throw new Error(`there is no scenario ${name}`)
  return found
}

test.each(CASES.filter((each) => each.scenario.fires))(
  '$name says who, what and how much',
  ({ name, kind, scenario }) => {
    const found = findingsOf(kind, scenario.events, scenario)
    expect(found.map((finding) => `${finding['event.severity']} ${finding['wireguard.finding.summary']}`)).toEqual(
      SAID[name],
    )
  },
)

describe('findings follow from documents alone', () => {
  /** Neighbours change places, time is told up to the oldest that is missing, and the state is written and read now and then. */
  function mixed({ kind, scenario: { events, inventory } }: Case, luck: readonly number[]): string[] {
    const found: Event[] = []
    const options = { emit: (event: Event) => found.push(event), inventory }
    let detections = createDetections(options, undefined, [kind])
    const sorted = events.toSorted((a, b) => timeOf(a) - timeOf(b))
    const step = Math.max(1, Math.ceil(sorted.length / 60))
    for (let from = 0, n = 0; from < sorted.length; from += step, n++) {
      const size = 1 + ((luck[n % luck.length] ?? 0) % step)
      const part = sorted.slice(from, from + step)
      for (const event of [...part.slice(size).toReversed(), ...part.slice(0, size)]) detections.observe(event)
      if (n % 3 === 0) detections = createDetections(options, restored(detections.save()), [kind])
      const next = sorted[from + step]
      if (next !== undefined) detections.tick(timeOf(next) + LAG)
    }
    detections.tick(Number.POSITIVE_INFINITY)
    return found.map(printEvent).sort()
  }

  test.each(CASES)('$name', (each) => {
    const whole = mixed(each, [0])
    expect(whole.length > 0).toBe(each.scenario.fires)
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 60 }), (luck) => {
        expect(mixed(each, luck)).toEqual(whole)
      }),
      { numRuns: 3 },
    )
  })
})

test.each(CASES)('$name: what comes again when all was said leads to nothing new', ({ kind, scenario: each }) => {
  let said = 0
  const options = { emit: () => said++, inventory: each.inventory }
  let detections = createDetections(options, undefined, [kind])
  for (const event of each.events) detections.observe(event)
  detections.tick(Number.POSITIVE_INFINITY)
  const before = said
  detections = createDetections(options, restored(detections.save()), [kind])
  for (const event of each.events) detections.observe(event)
  detections.tick(Number.POSITIVE_INFINITY)
  expect(said).toBe(before)
})

function timeOf(event: Event): number {
  return event.own['@timestamp'] ?? 0
}

describe('undocumented access', () => {
  const { events } = scenario(undocumentedAccess, 'fires-connected')
  const hours = (count: number): Event[] =>
    Array.from({ length: count }, (_, hour) =>
      events.map(({ own, ...event }) => ({
        ...event,
        own: { ...own, '@timestamp': (own['@timestamp'] ?? 0) + hour * HOUR, 'event.id': `${own['event.id']}${hour}` },
      })),
    ).flat()

  test('is one finding a peer, resource and hour', () => {
    const found = findingsOf(undocumentedAccess, hours(3))
    const subjects = found.map((finding) => finding['wireguard.finding.subject'] ?? '')
    expect(subjects.map((subject) => subject.split(' ').slice(1).join(' '))).toEqual([
      'db1-sql 2026-11-22T15',
      'db1-sql 2026-11-22T16',
      'db1-sql 2026-11-22T17',
    ])
  })

  test('is of medium severity where nothing sensitive was reached', () => {
    const plain = events.map(
      ({ own, ...event }): Event => ({
        ...event,
        own: { ...own, 'wireguard.resource.classification': 'internal' },
      }),
    )
    expect(findingsOf(undocumentedAccess, plain).map((finding) => finding['event.severity'])).toEqual([2])
  })
})

describe('lateral movement', () => {
  const severities = (name: string, inventory?: Scenario['inventory']): (number | undefined)[] =>
    findingsOf(
      lateralMovement,
      scenario(lateralMovement, name).events,
      inventory === undefined ? {} : { inventory },
    ).map((finding: Fields) => finding['event.severity'])

  test('without an inventory only what controls machines is told, for nobody knows who is a server', () => {
    expect(severities('fires-ssh-to-a-device')).toEqual([2])
    expect(severities('fires-other-port-of-a-device')).toEqual([])
  })

  test('what a policy allows is told of devices alone, with low severity', () => {
    const { events, inventory } = scenario(lateralMovement, 'fires-ssh-to-a-device')
    const allowed = events.map(
      ({ own, ...event }): Event => ({ ...event, own: { ...own, 'wireguard.policy.result': 'allowed' } }),
    )
    expect(findingsOf(lateralMovement, allowed, { inventory }).map((finding) => finding['event.severity'])).toEqual([1])
  })
})

test.each(CASES.filter((each) => each.scenario.fires))(
  '$name is excused by an exception, and told all the same',
  ({ kind, scenario: each }) => {
    const names = [...new Set(findingsOf(kind, each.events, each).map((finding) => finding['wireguard.peer.name']))]
    const exceptions = names.map((peer) => ({
      check: kind.about.id,
      peer: peer ?? '',
      reason: 'a test',
      approvedBy: 'ann@example.com',
      until: null,
    }))
    const found = findingsOf(kind, each.events, { inventory: { ...each.inventory, exceptions } })
    expect(found).not.toEqual([])
    for (const finding of found)
      expect([finding['event.severity'], finding['wireguard.finding.exception']]).toEqual([1, 'a test'])
  },
)

describe('queries find the documents behind a finding', () => {
  test.each(CASES.filter((each) => each.scenario.fires))('$name', ({ kind, scenario: each }) => {
    const byId = new Map(each.events.map((event) => [event.own['event.id'], event]))
    const selects = (query: string) => createEventPredicate(parseQuery(query, { now: 0 }))
    for (const finding of findingsOf(kind, each.events, each)) {
      const evidence = (finding['wireguard.finding.evidence_ids'] ?? []).flatMap((id) => byId.get(id) ?? [])
      for (const query of [kind.about.query, finding['wireguard.finding.query'] ?? 'not *'])
        expect(
          evidence.filter((event) => !selects(query)(event)),
          query,
        ).toEqual([])
    }
  })
})

test('no finding leaves out who it is about', () => {
  for (const { kind, scenario: each } of CASES.filter(({ scenario: { fires } }) => fires)) {
    const found: Event[] = []
    const detections = createDetections({ emit: (event) => found.push(event), inventory: each.inventory }, undefined, [
      kind,
    ])
    for (const event of each.events) detections.observe(event)
    detections.tick(Number.POSITIVE_INFINITY)
    for (const event of found) {
      const finding = flatten(event)
      expect(finding['wireguard.peer.public_key'], kind.about.id).toBeDefined()
      expect(finding['host.name'], kind.about.id).toBeDefined()
      expect(finding['wireguard.finding.query'], kind.about.id).toContain(':')
    }
  }
})
