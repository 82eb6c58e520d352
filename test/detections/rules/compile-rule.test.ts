/** Rules over documents: what they find, how they say it, and that it depends on nothing but the documents. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDetections, LAG } from '../../../src/detections/catalogue/catalogue.ts'
import { compileRule } from '../../../src/detections/rules/compile-rule.ts'
import type { Rule } from '../../../src/detections/rules/rule.ts'
import { datasetsOf } from '../../../src/detections/rules/rule-datasets.ts'
import { createFacet, type Event, flatten } from '../../../src/event.ts'
import { printEvent } from '../../../src/event-json.ts'
import type { Fields } from '../../../src/fields.ts'
import { emptyInventory, type Inventory, parseInventory } from '../../../src/identity/inventory.ts'
import { parseQuery } from '../../../src/kql/parse.ts'
import { createPredicate } from '../../../src/kql/predicate.ts'
import { SECOND } from '../../../src/time.ts'
import { expectLegal, expectUniqueIds } from '../../event-rules.ts'
import { restored } from '../../restored.ts'
import { flow, madeRule, T0 } from './made-rule.ts'

function run(rule: Rule, events: readonly Event[], inventory: Inventory = emptyInventory()): Event[] {
  const found: Event[] = []
  const emit = (event: Event) => void found.push(event)
  const detections = createDetections({ emit, inventory, rules: [compileRule(rule)] }, undefined, [])
  for (const event of events) detections.observe(event)
  detections.tick(Number.POSITIVE_INFINITY)
  for (const event of found) expectLegal(event)
  expectUniqueIds(found)
  return found
}

const summaries = (found: readonly Event[]) => found.map((event) => flatten(event)['wireguard.finding.summary'])

const SINGLE = madeRule('query: "destination.port : 22"', 'group_by: [wireguard.peer.public_key]')
const FIVE = madeRule(
  'query: "destination.port : 22"',
  'group_by: [source.ip]',
  'threshold: 5',
  'window: 60s',
  'suppress: 10m',
)

const BRIEF = madeRule('query: "destination.port : 22"', 'group_by: [source.ip]', 'suppress: 20s')
const LONG = madeRule('query: "destination.port : 22"', 'threshold: 3', 'window: 100s', 'suppress: 30s')

describe('a rule of single documents', () => {
  test('finds one, says who, and how to find it again', () => {
    const [found] = run(SINGLE, [flow(3, 'a'), flow(4, 'b', { 'destination.port': 80 })]).map((event) => flatten(event))
    expect(found).toMatchObject({
      '@timestamp': T0 + 3 * SECOND,
      'event.severity': 3,
      'rule.id': 'made',
      'wireguard.finding.origin': 'rule',
      'wireguard.finding.summary': 'Made: fir, 1 document',
      'wireguard.finding.evidence_ids': ['a'],
      'wireguard.peer.public_key': 'keyA',
      'wireguard.peer.name': 'fir',
    })
    const again = createPredicate(parseQuery(found?.['wireguard.finding.query'] ?? '', { now: 0 }))
    expect(again(flow(3, 'a').own)).toBe(true)
    expect(again(flow(4, 'b').own)).toBe(false)
    expect(again(flow(3, 'a', { 'wireguard.peer.public_key': 'keyB' }).own)).toBe(false)
  })

  test('is suppressed for its group alone, and no longer than it says', () => {
    const other = { 'wireguard.peer.public_key': 'keyB', 'wireguard.peer.name': 'oak' }
    const found = run(SINGLE, [flow(0, 'a'), flow(100, 'b'), flow(101, 'c', other), flow(3500, 'd'), flow(3700, 'e')])
    expect(summaries(found)).toEqual(['Made: fir, 1 document', 'Made: oak, 1 document', 'Made: fir, 1 document'])
  })

  test('leaves out what has nothing to be grouped by: an ambiguous document accuses nobody', () => {
    const nobody = { 'wireguard.peer.public_key': undefined, 'wireguard.peer.name': undefined }
    expect(run(SINGLE, [flow(0, 'a', nobody)])).toEqual([])
  })

  test('without group_by names no peer where several documents are behind it', () => {
    const all = madeRule('query: "destination.port : 22"')
    const found = run(all, [flow(0, 'a'), flow(1, 'b', { 'wireguard.peer.public_key': 'keyB' })]).map((event) =>
      flatten(event),
    )
    expect(found).toHaveLength(1)
    expect(found[0]).not.toHaveProperty('wireguard.peer.public_key')
    expect(found[0]?.['wireguard.finding.summary']).toBe('Made: 2 documents in 1 s')
  })

  test('is suppressed the same whenever the time is told', () => {
    const rule = madeRule('query: "destination.port : 22"', 'group_by: [source.ip]', 'suppress: 15s')
    const found: Event[] = []
    const emit = (event: Event) => void found.push(event)
    const detections = createDetections(
      { emit, inventory: emptyInventory(), rules: [compileRule(rule)] },
      undefined,
      [],
    )
    // The second one lies within the suppression; its stretch of time ends behind it.
    detections.observe(flow(0, 'a'))
    detections.observe(flow(12, 'b'))
    for (let at = 0; at <= 60; at++) detections.tick(T0 + at * SECOND + LAG)
    expect(summaries(found)).toEqual(['Made: source.ip 10.8.0.2, 1 document'])
  })

  test('reads fields wherever they stand in an event', () => {
    const { own } = flow(0, 'a')
    const { 'destination.port': port, 'wireguard.peer.public_key': key, 'wireguard.peer.name': name, ...rest } = own
    const facets = [
      createFacet({ 'destination.port': port }),
      createFacet({ 'wireguard.peer.public_key': key, 'wireguard.peer.name': name }),
    ]
    expect(run(SINGLE, [{ dataset: 'wireguard.flow', own: rest, facets }]).map(printEvent)).toEqual(
      run(SINGLE, [flow(0, 'a')]).map(printEvent),
    )
  })

  test('is excused by an exception of the inventory, until it ends', () => {
    const inventory = parseInventory(
      [
        'version: 1',
        'gateways: [{ name: gw1, interfaces: [wg0] }]',
        'peers: [{ name: fir, kind: device, gateway: gw1, interface: wg0, owner: null, keys: [] }]',
        'exceptions: [{ check: made, peer: fir, reason: moves the databases, approved_by: Ann, until: 2026-01-01T02:00:00Z }]',
      ].join('\n'),
      'inventory.yaml',
    )
    const [first, second] = run(SINGLE, [flow(0, 'a'), flow(7300, 'b')], inventory).map((event) => flatten(event))
    expect(first).toMatchObject({ 'event.severity': 1, 'wireguard.finding.exception': 'moves the databases' })
    expect(second).toMatchObject({ 'event.severity': 3 })
    expect(second).not.toHaveProperty('wireguard.finding.exception')
  })
})

describe('a rule with a window', () => {
  const at = (...seconds: number[]) => seconds.map((second, i) => flow(second, `d${i}`))

  test('needs its threshold within it', () => {
    expect(run(FIVE, at(0, 10, 20, 30))).toEqual([])
    expect(run(FIVE, at(0, 30, 60, 90, 120, 150))).toEqual([])
    expect(summaries(run(FIVE, at(0, 10, 20, 30, 40)))).toEqual(['Made: source.ip 10.8.0.2, 5 documents in 40 s'])
  })

  test('counts each group by itself', () => {
    const of = (ip: string, n: number) => Array.from({ length: n }, (_, i) => flow(i, `${ip}${i}`, { 'source.ip': ip }))
    expect(run(FIVE, [...of('10.8.0.3', 4), ...of('10.8.0.4', 4)])).toEqual([])
    expect(run(FIVE, [...of('10.8.0.3', 4), ...of('10.8.0.4', 5)])).toHaveLength(1)
  })

  test('counts a document that comes again once', () => {
    const four = at(0, 1, 2, 3)
    expect(run(FIVE, [...four, ...four])).toEqual([])
  })

  test('counts different values where it says so', () => {
    const rule = madeRule(
      'query: "source.ip : 10.8.0.2"',
      'group_by: [wireguard.peer.public_key]',
      'distinct: { field: destination.port, at_least: 4 }',
      'window: 60s',
    )
    const ports = (...list: number[]) => list.map((port, i) => flow(i, `p${i}`, { 'destination.port': port }))
    expect(run(rule, ports(1, 2, 3, 3, 3, 3))).toEqual([])
    expect(summaries(run(rule, ports(1, 2, 3, 3, 4)))).toEqual([
      'Made: fir, 4 different destination.port in 5 documents in 4 s',
    ])
  })

  test.each([
    ['with a window', FIVE],
    ['of single documents', BRIEF],
    ['with a long window', LONG],
  ])('finds the same in any order, in steps, repeated, cut and restored: a rule %s', (_, rule) => {
    const document = fc.record({
      at: fc.nat(900),
      ip: fc.constantFrom('10.8.0.2', '10.8.0.3'),
      port: fc.constantFrom(22, 22, 22, 23),
    })
    fc.assert(
      fc.property(
        fc.array(document, { maxLength: 60 }),
        fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
        (drawn, luck) => {
          const events = drawn.map(({ at: second, ip, port }, i) =>
            flow(second, `d${i}`, { 'source.ip': ip, 'destination.port': port }),
          )
          let step = 0
          const next = (below: number) => (luck[step++ % luck.length] ?? 0) % below
          const printed = (found: readonly Event[]) => found.map(printEvent).sort()
          expect(printed(shuffled(rule, events, next))).toEqual(printed(run(rule, events)))
        },
      ),
    )
  })

  /** In any order, some twice, with ticks as far as all is there, saved and read back at times. */
  function shuffled(rule: Rule, events: readonly Event[], next: (below: number) => number): Event[] {
    const found: Event[] = []
    const options = {
      emit: (event: Event) => void found.push(event),
      inventory: emptyInventory(),
      rules: [compileRule(rule)],
    }
    let detections = createDetections(options, undefined, [])
    const left = events.flatMap((event) => (next(4) === 0 ? [event, event] : [event]))
    while (left.length > 0) {
      const [event] = left.splice(next(left.length), 1)
      if (event !== undefined) detections.observe(event)
      if (next(3) === 0) detections.tick(LAG + Math.min(...left.map(({ own }) => own['@timestamp'] ?? 0)))
      if (next(5) === 0) detections = createDetections(options, restored(detections.save()), [])
    }
    detections.tick(Number.POSITIVE_INFINITY)
    return found
  }
})

describe('the datasets a rule reads', () => {
  test.each([
    ['event.dataset : "wireguard.flow" and source.port : 1', ['wireguard.flow']],
    ['event.dataset : ("wireguard.flow" or "wireguard.audit")', ['wireguard.audit', 'wireguard.flow']],
    ['event.dataset : wireguard.f*', ['wireguard.firewall', 'wireguard.flow']],
    [
      '(event.dataset : "wireguard.flow" and source.port : 1) or (event.dataset : "wireguard.peer" and tags : a)',
      ['wireguard.flow', 'wireguard.peer'],
    ],
    [
      'not event.dataset : ("wireguard.audit" or "wireguard.coverage" or "wireguard.peer")',
      ['wireguard.firewall', 'wireguard.flow', 'wireguard.session'],
    ],
    [
      'not (event.dataset : "wireguard.flow" and source.port : 1)',
      [
        'wireguard.audit',
        'wireguard.coverage',
        'wireguard.firewall',
        'wireguard.flow',
        'wireguard.peer',
        'wireguard.session',
      ],
    ],
    ['event.dataset : "wireguard.finding"', []],
  ])('%s', (text, datasets) => {
    expect(datasetsOf(parseQuery(text, { now: 0 }))).toEqual(datasets)
  })
})

describe('a rule that is changed while it runs and keeps its id', () => {
  /** The first rule sees the first documents, then the other one the rest. */
  function changed(first: Rule, before: readonly Event[], second: Rule, after: readonly Event[]): Event[] {
    const found: Event[] = []
    const emit = (event: Event) => void found.push(event)
    const options = { emit, inventory: emptyInventory() }
    const old = createDetections({ ...options, rules: [compileRule(first)] }, undefined, [])
    for (const event of before) old.observe(event)
    old.tick((before.at(-1)?.own['@timestamp'] ?? 0) + 90 * SECOND)
    const saved = restored(old.save())
    const next = createDetections({ ...options, rules: [compileRule(second)] }, saved, [])
    for (const event of after) next.observe(event)
    next.tick(Number.POSITIVE_INFINITY)
    return found
  }
  const times = (from: number, count: number, more: Fields = {}) =>
    Array.from({ length: count }, (_, n) => flow(from + n, `${from}-${n}`, more))

  test('counts nothing that only the one before it saw', () => {
    const lines = ['group_by: [source.ip]', 'threshold: 5', 'window: 1h']
    const ssh = madeRule('query: "destination.port : 22"', ...lines)
    const web = madeRule('query: "destination.port : 443"', ...lines)
    const https = { 'destination.port': 443 }
    expect(changed(ssh, times(0, 4), ssh, times(200, 1))).toHaveLength(1)
    expect(changed(ssh, times(0, 4), web, times(200, 1, https))).toEqual([])
    expect(summaries(changed(ssh, times(0, 4), web, times(200, 5, https)))).toEqual([
      'Made: source.ip 10.8.0.2, 5 documents in 4 s',
    ])
  })

  test('stays quiet about what was found a moment ago, for as long as it says now', () => {
    const rule = (suppress: string, query = 'destination.port : 22') =>
      madeRule(`query: "${query}"`, 'group_by: [source.ip]', `suppress: ${suppress}`)
    const other = 'destination.port : (22 or 23)'
    const twice = (first: Rule, second: Rule) => changed(first, times(0, 1), second, times(600, 1)).length
    expect(twice(rule('1h'), rule('1h'))).toBe(1)
    expect(twice(rule('1h'), rule('1h', other))).toBe(1)
    expect(twice(rule('30d'), rule('5m'))).toBe(2)
    expect(twice(rule('30d'), rule('5m', other))).toBe(2)
    expect(twice(rule('5m'), rule('1h'))).toBe(1)
  })
})
