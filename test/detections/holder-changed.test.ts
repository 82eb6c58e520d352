import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDetections, LAG } from '../../src/detections/catalogue/catalogue.ts'
import {
  EVIDENCE_MAX,
  FLOWS_PENDING_MAX,
  HOLDER_CHANGED,
  SUPPRESSED_MAX,
  SUPPRESSION,
  WINDOW,
} from '../../src/detections/holder-changed.ts'
import { type Event, flatten } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import { SECOND } from '../../src/time.ts'
import { expectLegal, expectUniqueIds } from '../event-rules.ts'
import { restored } from '../restored.ts'
import { scenariosOf, toEvent } from './scenarios.ts'

const T0 = 1_795_345_200 * SECOND
const KEY = 'bASMbhTQqMzAGeJqHnWdSWkh1J2Q2cdiRnMtWFjeJ3g='

/** A document of a marked flow. */
function marked(at: number, flow: string, more: Fields = {}): Event {
  return toEvent({
    '@timestamp': T0 + at * SECOND,
    'event.id': `${flow}-${at}`,
    'event.dataset': 'wireguard.flow',
    'event.provider': 'conntrack',
    'host.name': 'gw1',
    'observer.name': 'gw1',
    'related.ip': ['10.9.0.2', '10.20.0.10'],
    'related.hosts': ['gw1', 'tablet'],
    'related.user': ['Anna', 'anna@example.com'],
    'wireguard.flow.id': flow,
    'wireguard.interface.name': 'wg0',
    'wireguard.peer.public_key': KEY,
    'wireguard.peer.owner.email': 'anna@example.com',
    'wireguard.target_peer.public_key': KEY,
    'wireguard.attribution.status': 'exact',
    'wireguard.attribution.reason': 'holder-changed',
    'wireguard.attribution.mapping_id': 'first',
    ...more,
  })
}

function findings(events: Iterable<Event>, tickAfterEach = false, isCut = false): Fields[] {
  const found: Event[] = []
  const emit = (event: Event) => found.push(event)
  let detection = createDetections(emit)
  for (const event of events) {
    if (isCut) detection = createDetections(emit, restored(detection.save()))
    detection.observe(event)
    if (tickAfterEach) detection.tick((event.own['@timestamp'] ?? 0) + LAG)
  }
  detection.tick(Number.POSITIVE_INFINITY)
  expectUniqueIds(found)
  return found.map((event) => flatten(event))
}

describe.each(scenariosOf(HOLDER_CHANGED.id))('$name', ({ fires, events }) => {
  test(fires ? 'raises one finding with the documents behind it' : 'raises none', () => {
    const found = findings(events)
    expect(found.map((finding) => finding['rule.id'])).toEqual(fires ? [HOLDER_CHANGED.id] : [])
    const evidence = found.flatMap((finding) => finding['wireguard.finding.evidence_ids'] ?? [])
    const expected = events
      .filter((event) => event.own['wireguard.attribution.reason'] === 'holder-changed')
      .toSorted(byTimeAndId)
      .map((event) => event.own['event.id'])
    expect(evidence).toEqual(expected)
    const flows = new Set(events.map((event) => event.own['wireguard.flow.id']))
    if (fires) expect(found[0]?.['wireguard.finding.count']).toBe(flows.size)
  })
})

describe('a finding', () => {
  test('is a legal document about the first holder, with every name and address of its flows', () => {
    const found: Event[] = []
    const detection = createDetections((event) => found.push(event))
    detection.observe(marked(10, 'a'))
    detection.observe(marked(12, 'b', { 'related.ip': ['10.9.0.2', '10.20.0.9'] }))
    detection.observe(marked(30, 'a'))
    detection.tick(Number.POSITIVE_INFINITY)
    for (const event of found) expectLegal(event)
    const [finding] = found.map((event) => flatten(event))
    expect(finding).toMatchObject({
      '@timestamp': T0 + 10 * SECOND,
      'event.kind': 'alert',
      'event.severity': 2,
      'event.start': T0 + 10 * SECOND,
      'event.end': T0 + 30 * SECOND,
      'rule.id': 'holder-changed',
      'rule.name': HOLDER_CHANGED.title,
      'wireguard.finding.count': 2,
      'wireguard.finding.evidence_ids': ['a-10', 'b-12', 'a-30'],
      'wireguard.peer.public_key': KEY,
      'wireguard.peer.owner.email': 'anna@example.com',
      'wireguard.attribution.mapping_id': 'first',
      'related.ip': ['10.20.0.10', '10.20.0.9', '10.9.0.2'],
      'related.user': ['Anna', 'anna@example.com'],
    })
    expect(finding).not.toHaveProperty('wireguard.target_peer.public_key')
  })

  test('waits for the watermark to pass its window', () => {
    const found: Event[] = []
    const detection = createDetections((event) => found.push(event))
    detection.observe(marked(0, 'a'))
    detection.tick(T0 + WINDOW + LAG)
    expect(found).toEqual([])
    detection.tick(T0 + WINDOW + LAG + 1)
    expect(found).toHaveLength(1)
    detection.tick(Number.POSITIVE_INFINITY)
    expect(found).toHaveLength(1)
  })

  test('is one for each ledger entry', () => {
    const other = { 'wireguard.attribution.mapping_id': 'second' }
    const found = findings([marked(0, 'a'), marked(0, 'b', other), marked(1, 'c')])
    expect(found.map((finding) => finding['wireguard.finding.count'])).toEqual([2, 1])
  })

  test('is not repeated while documents of its entry go on, and may be after a quiet time', () => {
    const day = SUPPRESSION / SECOND
    const on = [0, 100, day, 2 * day, 3 * day].map((at) => marked(at, 'a'))
    expect(findings(on)).toHaveLength(1)
    expect(findings(on, true)).toHaveLength(1)
    expect(findings([...on, marked(4 * day + 1, 'b')], true)).toHaveLength(2)
  })

  test('is not made of other documents, whatever they say', () => {
    expect(
      findings([
        marked(0, 'a', { 'event.dataset': 'wireguard.firewall' }),
        marked(0, 'b', { 'wireguard.attribution.reason': 'holder-changing' }),
        // What an audited host tells of such a flow.
        marked(0, 'c', { 'event.provider': 'auditd' }),
        toEvent({ 'event.dataset': 'wireguard.flow', 'wireguard.attribution.reason': 'holder-changed' }),
      ]),
    ).toEqual([])
  })
})

describe('memory', () => {
  test('evidence is bounded, the count goes on', () => {
    const many = Array.from({ length: EVIDENCE_MAX + 50 }, (_, i) =>
      marked(1, `flow${i}`, { 'related.ip': [`10.0.0.${i}`] }),
    )
    const [finding] = findings(many)
    expect(finding?.['wireguard.finding.count']).toBe(EVIDENCE_MAX + 50)
    expect(finding?.['wireguard.finding.evidence_ids']).toHaveLength(EVIDENCE_MAX)
    expect(finding?.['related.ip']).toHaveLength(EVIDENCE_MAX)
  })

  test('flows beyond the limit send the oldest finding out early, and none is lost', () => {
    function* flood(): Generator<Event> {
      for (let i = 0; i <= FLOWS_PENDING_MAX; i++) {
        yield marked(1, `flow${i}`, { 'wireguard.attribution.mapping_id': i < 2 ? 'oldest' : 'newest' })
      }
    }
    expect(findings(flood()).map((finding) => finding['wireguard.finding.count'])).toEqual([2, FLOWS_PENDING_MAX - 1])
  })

  test('the entry longest quiet is forgotten first', () => {
    const of = (i: number, at = 1) => marked(at, `flow${i}`, { 'wireguard.attribution.mapping_id': `entry${i}` })
    const found: Event[] = []
    const detection = createDetections((event) => found.push(event))
    for (let i = 0; i <= SUPPRESSED_MAX; i++) detection.observe(of(i))
    detection.tick(Number.POSITIVE_INFINITY)
    expect(found).toHaveLength(SUPPRESSED_MAX + 1)
    detection.observe(of(SUPPRESSED_MAX, 2))
    detection.observe(of(0, 2))
    detection.tick(Number.POSITIVE_INFINITY)
    expect(found).toHaveLength(SUPPRESSED_MAX + 2)
  })
})

describe('a detection that is saved and read back', () => {
  test('finds the same', () => {
    const steps = fc.array(
      fc.record({
        wait: fc.constantFrom(0, 1, 59, 61, SUPPRESSION / SECOND - 1, SUPPRESSION / SECOND + 1),
        flow: fc.constantFrom('a', 'b', 'c'),
        mapping: fc.constantFrom('first', 'second'),
      }),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(steps, fc.boolean(), (drawn, tickAfterEach) => {
        let at = 0
        const events = drawn.map(({ wait, flow, mapping }) => {
          at += wait
          return marked(at, flow, { 'wireguard.attribution.mapping_id': mapping })
        })
        expect(findings(new Set(events), tickAfterEach, true)).toEqual(findings(new Set(events), tickAfterEach))
      }),
    )
  })
})

describe('documents of several producers', () => {
  const document = fc.record({
    at: fc.constantFrom(0, 1, 2, 30, 59, 60, 61, 62, 120, 121, 200),
    flow: fc.constantFrom('a', 'b', 'c', 'd'),
    mapping: fc.constantFrom('first', 'second'),
  })
  const made = fc.uniqueArray(document, {
    maxLength: 30,
    selector: ({ at, flow, mapping }) => `${flow}-${at}-${mapping}`,
  })

  test('lead to the same findings in any order, repeated or not, whenever it ticks and is saved', () => {
    fc.assert(
      fc.property(made, fc.array(fc.nat(), { minLength: 200, maxLength: 200 }), (drawn, luck) => {
        const events = drawn.map(({ at, flow, mapping }) =>
          marked(at, flow, {
            'event.id': `${flow}${at}${mapping}`,
            'wireguard.attribution.mapping_id': mapping,
          }),
        )
        let at = 0
        const next = (below: number): number => (luck[at++ % luck.length] ?? 0) % below
        expect(shuffledFindings(events, next).toSorted(byTimeAndIdOf)).toEqual(
          findings(events.toSorted(byTimeAndId)).toSorted(byTimeAndIdOf),
        )
      }),
    )
  })

  /** In any order, with ticks up to the oldest that has not come yet, some of them twice, saved and read back at times. */
  function shuffledFindings(events: readonly Event[], next: (below: number) => number): Fields[] {
    const found: Event[] = []
    const emit = (event: Event) => found.push(event)
    let detection = createDetections(emit)
    const left = events.flatMap((event) => (next(4) === 0 ? [event, event] : [event]))
    while (left.length > 0) {
      const [event] = left.splice(next(left.length), 1)
      if (event !== undefined) detection.observe(event)
      if (next(3) === 0) detection.tick(LAG + Math.min(...left.map(({ own }) => own['@timestamp'] ?? 0)))
      if (next(5) === 0) detection = createDetections(emit, restored(detection.save()))
    }
    detection.tick(Number.POSITIVE_INFINITY)
    return found.map((event) => flatten(event))
  }
})

function byTimeAndId(a: Event, b: Event): number {
  return byTimeAndIdOf(a.own, b.own)
}

function byTimeAndIdOf(a: Fields, b: Fields): number {
  const [one, other] = [a, b].map((each) => `${each['@timestamp']} ${each['event.id']}`)
  return (one ?? '') < (other ?? '') ? -1 : 1
}
