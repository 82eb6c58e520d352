/** Flows whose tunnel address changed hands, grouped by the ledger entry that held it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { holderChanged } from '../../src/detections/holder-changed.ts'
import type { Event } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import { EVIDENCE_MAX } from '../../src/finding-document.ts'
import { DAY, SECOND } from '../../src/time.ts'
import { findingsOf, inOrder, shuffledFindingsOf } from './made-detections.ts'
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

const findings = (events: readonly Event[], isStepped = false): Fields[] =>
  findingsOf(holderChanged, events, { isStepped })

describe.each(scenariosOf('holder-changed'))('$name', ({ fires, events }) => {
  test(fires ? 'raises one finding with the documents behind it' : 'raises none', () => {
    const found = findings(events)
    expect(found.map((finding) => finding['rule.id'])).toEqual(fires ? ['holder-changed'] : [])
    const evidence = found.flatMap((finding) => finding['wireguard.finding.evidence_ids'] ?? [])
    const behind = events
      .filter(({ own }) => own['wireguard.attribution.reason'] === 'holder-changed')
      .toSorted((a, b) => (orderOf(a.own) < orderOf(b.own) ? -1 : 1))
    expect(evidence).toEqual(behind.map(({ own }) => own['event.id']))
    const flows = new Set(events.map((event) => event.own['wireguard.flow.id']))
    if (fires) expect(found[0]).toMatchObject({ 'wireguard.finding.distinct': flows.size })
  })
})

function orderOf(fields: Fields): string {
  return `${fields['@timestamp']} ${fields['event.id']}`
}

describe('a finding', () => {
  test('is a legal document about the first holder, with every name and address of its flows', () => {
    const [finding] = findings([
      marked(10, 'a'),
      marked(12, 'b', { 'related.ip': ['10.9.0.2', '10.20.0.9'] }),
      marked(30, 'a'),
    ])
    expect(finding).toMatchObject({
      '@timestamp': T0 + 10 * SECOND,
      'event.kind': 'alert',
      'event.severity': 2,
      'event.start': T0 + 10 * SECOND,
      'event.end': T0 + 30 * SECOND,
      'rule.id': 'holder-changed',
      'rule.name': holderChanged.about.title,
      'wireguard.finding.count': 3,
      'wireguard.finding.distinct': 2,
      'wireguard.finding.evidence_ids': ['a-10', 'b-12', 'a-30'],
      'wireguard.peer.public_key': KEY,
      'wireguard.peer.owner.email': 'anna@example.com',
      'wireguard.attribution.mapping_id': 'first',
      'related.ip': ['10.20.0.10', '10.20.0.9', '10.9.0.2'],
      'related.user': ['Anna', 'anna@example.com'],
    })
    expect(finding).not.toHaveProperty('wireguard.target_peer.public_key')
  })

  test('is one for each ledger entry', () => {
    const other = { 'wireguard.attribution.mapping_id': 'second' }
    const found = findings([marked(0, 'a'), marked(0, 'b', other), marked(1, 'c')])
    expect(found.map((finding) => finding['wireguard.finding.distinct'])).toEqual([2, 1])
  })

  test('is not repeated while documents of its entry go on, and may be after a quiet time', () => {
    const day = DAY / SECOND
    const on = [0, 100, day, 2 * day - 1, 3 * day - 2].map((at) => marked(at, 'a'))
    expect(findings(on)).toHaveLength(1)
    expect(findings(on, true)).toHaveLength(1)
    expect(findings([...on, marked(4 * day - 2, 'b')], true)).toHaveLength(2)
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

test('evidence is bounded, the count goes on', () => {
  const many = Array.from({ length: EVIDENCE_MAX + 50 }, (_, i) =>
    marked(1, `flow${i}`, { 'related.ip': [`10.0.0.${i}`] }),
  )
  const [finding] = findings(many)
  expect(finding?.['wireguard.finding.count']).toBe(EVIDENCE_MAX + 50)
  expect(finding?.['wireguard.finding.evidence_ids']).toHaveLength(EVIDENCE_MAX)
  expect(finding?.['related.ip']).toHaveLength(EVIDENCE_MAX)
})

test('any order, ticks, repeats and cuts lead to the same findings', () => {
  const document = fc.record({
    at: fc.constantFrom(
      0,
      1,
      2,
      30,
      59,
      60,
      61,
      62,
      120,
      121,
      200,
      DAY / SECOND,
      DAY / SECOND + 62,
      3 * (DAY / SECOND),
    ),
    flow: fc.constantFrom('a', 'b', 'c', 'd'),
    mapping: fc.constantFrom('first', 'second'),
  })
  const made = fc.uniqueArray(document, {
    maxLength: 30,
    selector: ({ at, flow, mapping }) => `${flow}-${at}-${mapping}`,
  })
  fc.assert(
    fc.property(made, fc.array(fc.nat(), { minLength: 200, maxLength: 200 }), (drawn, luck) => {
      const events = drawn.map(({ at, flow, mapping }) =>
        marked(at, flow, { 'event.id': `${flow}${at}${mapping}`, 'wireguard.attribution.mapping_id': mapping }),
      )
      expect(inOrder(shuffledFindingsOf(holderChanged, events, luck))).toEqual(inOrder(findings(events)))
    }),
  )
})
