/** From tallies to findings: enough within a window is one finding, which gathers what follows, and is not repeated. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LAG } from '../../../src/detections/catalogue/catalogue.ts'
import type { DetectionAbout, DetectionKind, Tally } from '../../../src/detections/catalogue/detection.ts'
import {
  createThreshold,
  SUBJECTS_LET_GO,
  SUBJECTS_MAX,
  type ThresholdOptions,
} from '../../../src/detections/catalogue/thresholds.ts'
import { type Event, flatten } from '../../../src/event.ts'
import type { Fields } from '../../../src/fields.ts'
import { EVIDENCE_MAX } from '../../../src/finding-document.ts'
import { parseInventory } from '../../../src/identity/inventory.ts'
import { MINUTE, SECOND } from '../../../src/time.ts'
import { restored } from '../../restored.ts'
import { findingsOf, inOrder, shuffledFindingsOf } from '../made-detections.ts'
import { toEvent } from '../scenarios.ts'

/** A full minute, so that stretches begin with it. */
const T0 = 29_922_420 * MINUTE
const ABOUT: DetectionAbout = {
  id: 'made',
  title: 'Made',
  description: 'Made for a test.',
  severity: 2,
  origin: 'detection',
  runbook: [],
  attack: [],
  limits: {},
  suppression: 10 * MINUTE,
  baseline: 0,
  query: '',
  knownGaps: [],
}
const OPTIONS: ThresholdOptions = {
  about: ABOUT,
  measure: 'count',
  threshold: 3,
  window: MINUTE,
  describe: ({ subject, count, distinct }) => ({ summary: `${subject} ${count} ${distinct.join()}` }),
}

function kindOf(options: Partial<ThresholdOptions> = {}): DetectionKind {
  return {
    about: ABOUT,
    reads: [],
    wants: () => false,
    tallies: [
      {
        reads: ['wireguard.flow'],
        span: 10 * SECOND,
        keyOf: (event) => event.own['wireguard.peer.public_key'] ?? null,
        distinctOf: (event) => event.own['destination.ip'],
        amountOf: (event) => event.own['source.bytes'] ?? 0,
      },
    ],
    open: ({ emit, inventory, saved }) => createThreshold({ ...OPTIONS, inventory, ...options }, emit, saved),
  }
}

/** Seconds after T0. */
function at(seconds: number, key = 'k', to = '10.0.0.1'): Event {
  return toEvent({
    '@timestamp': T0 + seconds * SECOND,
    'event.id': `${key}${seconds}${to}`,
    'event.dataset': 'wireguard.flow',
    'destination.ip': to,
    'source.bytes': 10,
    'wireguard.peer.public_key': key,
    'wireguard.peer.name': 'alder',
  })
}

const summaries = (
  kind: DetectionKind,
  seconds: readonly (number | Event)[],
  isStepped = false,
): (string | undefined)[] =>
  findingsOf(
    kind,
    seconds.map((each) => (typeof each === 'number' ? at(each) : each)),
    { isStepped },
  ).map((finding) => finding['wireguard.finding.summary'])

describe('a finding', () => {
  test('is raised when there is enough within the window, and gathers what follows', () => {
    expect(summaries(kindOf(), [1, 2])).toEqual([])
    expect(summaries(kindOf(), [1, 30, 59])).toEqual(['k 3 10.0.0.1'])
    expect(summaries(kindOf(), [1, 30, 61])).toEqual([])
    expect(summaries(kindOf(), [1, 2, 3, 40, 69, 71])).toEqual(['k 5 10.0.0.1'])
    expect(summaries(kindOf({ settle: 10 * SECOND }), [1, 2, 3, 15, 21])).toEqual(['k 4 10.0.0.1'])
  })

  test('says when, how often, and by which documents', () => {
    const [finding] = findingsOf(kindOf({ measure: 'distinct', threshold: 2 }), [at(1), at(2, 'k', '10.0.0.2'), at(5)])
    expect(finding).toMatchObject({
      '@timestamp': T0 + SECOND,
      'event.start': T0 + SECOND,
      'event.end': T0 + 5 * SECOND,
      'event.severity': 2,
      'wireguard.finding.count': 3,
      'wireguard.finding.distinct': 2,
      'wireguard.finding.evidence_ids': ['k110.0.0.1', 'k210.0.0.2', 'k510.0.0.1'],
      'wireguard.peer.name': 'alder',
    })
  })

  test('measures documents, values, amounts, or what it is told to', () => {
    const two = [at(1), at(2), at(3, 'k', '10.0.0.2')]
    expect(summaries(kindOf({ measure: 'distinct', threshold: 3 }), two)).toEqual([])
    expect(summaries(kindOf({ measure: 'sum', threshold: 30 }), two)).toHaveLength(1)
    expect(summaries(kindOf({ measure: 'sum', threshold: 31 }), two)).toEqual([])
    const [finding] = findingsOf(kindOf({ measure: (values) => values.length * 7, threshold: 14 }), two)
    expect(finding?.['wireguard.finding.distinct']).toBe(14)
  })

  test('may leave out what came before it was tight', () => {
    const seconds = [1, 31, 32, 33, 41]
    expect(summaries(kindOf(), seconds)).toEqual(['k 5 10.0.0.1'])
    expect(summaries(kindOf({ isTight: true }), seconds)).toEqual(['k 4 10.0.0.1'])
  })

  test('that is none after all suppresses nothing', () => {
    const picky = kindOf({ describe: ({ count }) => (count < 4 ? null : { summary: `${count}` }) })
    expect(summaries(picky, [1, 2, 3, 200, 201, 202, 203])).toEqual(['4'])
  })

  test('is excused by an exception of the inventory that has not ended', () => {
    const text = (until: string) => `version: 1
people: [{ email: ann@example.com, name: Ann }]
gateways: [{ name: gw1, interfaces: [wg0] }]
peers: [{ name: alder, kind: device, owner: ann@example.com, gateway: gw1, interface: wg0, keys: [{ public_key: "${'A'.repeat(43)}=" }] }]
exceptions: [{ check: made, peer: alder, reason: a test, approved_by: ann@example.com, until: ${until} }]
`
    const found = (until: string) =>
      findingsOf(kindOf(), [at(1), at(2), at(3)], { inventory: parseInventory(text(until), 'inventory.yaml') })[0]
    expect(found('2099-01-01')).toMatchObject({
      'event.severity': 1,
      'wireguard.finding.exception': 'a test',
      'wireguard.finding.approved_by': 'ann@example.com',
    })
    expect(found('2020-01-01')?.['event.severity']).toBe(2)
    expect(found('2020-01-01')).not.toHaveProperty('wireguard.finding.exception')
  })
})

describe('suppression', () => {
  const burst = (from: number) => [from, from + 1, from + 2]

  test('the same is not found again until it is over', () => {
    expect(summaries(kindOf(), [...burst(0), ...burst(300), ...burst(590)])).toHaveLength(1)
    expect(summaries(kindOf(), [...burst(0), ...burst(603)], true)).toHaveLength(2)
    expect(summaries(kindOf(), [...burst(0), ...[300, 301, 302].map((each) => at(each, 'other'))])).toHaveLength(2)
  })

  test('may be prolonged by what comes', () => {
    const renewed = kindOf({ isRenewed: true })
    expect(summaries(renewed, [...burst(0), 500, 1000, ...burst(1500)], true)).toHaveLength(1)
    expect(summaries(renewed, [...burst(0), 500, ...burst(1101)], true)).toHaveLength(2)
  })

  test('may end at a time of the detection’s own', () => {
    const kind = kindOf({ suppressedUntil: () => T0 + 100 * SECOND })
    expect(summaries(kind, [...burst(0), ...burst(90)])).toHaveLength(1)
    expect(summaries(kind, [...burst(0), ...burst(100)], true)).toHaveLength(2)
  })
})

test('any order, any ticks, repeats and cuts lead to the same findings', () => {
  const made = fc.uniqueArray(
    fc.record({
      seconds: fc.integer({ min: 0, max: 90 }).map((each) => each * 17),
      key: fc.constantFrom('a', 'b'),
      to: fc.constantFrom('10.0.0.1', '10.0.0.2'),
    }),
    { selector: ({ seconds, key, to }) => `${seconds}${key}${to}`, maxLength: 40 },
  )
  const kinds = [kindOf(), kindOf({ isRenewed: true, isTight: true }), kindOf({ measure: 'distinct', threshold: 2 })]
  fc.assert(
    fc.property(
      made,
      fc.constantFrom(...kinds),
      fc.array(fc.nat(), { minLength: 200, maxLength: 200 }),
      (drawn, kind, luck) => {
        const events = drawn.map(({ seconds, key, to }) => at(seconds, key, to))
        expect(inOrder(shuffledFindingsOf(kind, events, luck))).toEqual(inOrder(findingsOf(kind, events)))
      },
    ),
  )
})

test('so many about one source, the last of which says that there may be more, whenever time is told', () => {
  const kind = kindOf({ threshold: 1, perSource: { sourceOf: (subject) => subject.slice(0, 1), max: 2 } })
  const events = ['a1', 'b1', 'a2', 'a3', 'a4'].map((key, i) => at(i, key))
  const subjects = (each: readonly Fields[]) => each.map((finding) => finding['wireguard.finding.subject'])
  const found = findingsOf(kind, [...events, at(900, 'a5')])
  expect(subjects(found)).toEqual(['a1', 'a2', 'b1', 'a5'])
  expect(found.map((each) => each['wireguard.finding.summary']?.includes('not told within 10 min'))).toEqual([
    false,
    true,
    false,
    false,
  ])
  expect(inOrder(findingsOf(kind, [...events, at(900, 'a5')], { isStepped: true }))).toEqual(inOrder(found))
  const bySource = fc.array(fc.nat(600), { minLength: 3, maxLength: 30 })
  fc.assert(
    fc.property(bySource, fc.array(fc.nat(), { minLength: 1 }), (times, luck) => {
      const made = [...new Set(times)].map((time) => at(time, `${'ab'[time % 2]}${time % 7}`))
      expect(inOrder(shuffledFindingsOf(kind, made, luck))).toEqual(inOrder(findingsOf(kind, made)))
    }),
  )
})

describe('limits', () => {
  const tally = (key: string, n: number): Tally => ({
    key,
    start: T0 + n * 10 * SECOND,
    end: T0 + (n + 1) * 10 * SECOND,
    count: 1,
    sum: 0,
    distinct: [],
    evidence: [{ id: `${key}${n}`, at: T0 + n * 10 * SECOND }],
    first: { 'wireguard.peer.name': key },
    firstAt: T0 + n * 10 * SECOND,
    lastAt: T0 + n * 10 * SECOND,
    related: { ip: [], hosts: [], user: [] },
  })

  test('too many subjects: those longest quiet are let go, counted, and no open finding is lost', () => {
    const found: Event[] = []
    const threshold = createThreshold({ ...OPTIONS, threshold: 2 }, (event) => found.push(event), undefined)
    for (const n of [0, 1]) threshold.tally?.(tally('open', n), 0)
    for (let i = 0; i < SUBJECTS_MAX; i++) threshold.tally?.(tally(`key${i}`, 1), 0)
    expect(found.map((event) => flatten(event)['wireguard.finding.subject'])).toEqual(['open'])
    expect(threshold.forgotten).toBe(SUBJECTS_LET_GO + 1)
    const again = createThreshold(
      { ...OPTIONS, threshold: 2 },
      (event) => found.push(event),
      restored(threshold.save()),
    )
    // The first that stayed, and the last that did not.
    again.tally?.(tally(`key${SUBJECTS_LET_GO}`, 2), 0)
    again.tally?.(tally(`key${SUBJECTS_LET_GO - 1}`, 2), 0)
    again.tick(T0 + 10 * MINUTE)
    expect([found.length, again.forgotten]).toEqual([2, SUBJECTS_LET_GO + 1])
  })

  test('the suppression longest quiet is forgotten first', () => {
    const found: Event[] = []
    const threshold = createThreshold({ ...OPTIONS, threshold: 1 }, (event) => found.push(event), undefined)
    const raise = (key: string, n: number) => {
      threshold.tally?.(tally(key, n), 0)
      threshold.tick(T0 + n * 10 * SECOND + 2 * MINUTE)
    }
    for (let i = 0; i <= SUBJECTS_MAX; i++) raise(`key${i}`, 0)
    found.length = 0
    raise(`key${SUBJECTS_MAX}`, 13)
    raise('key0', 13)
    expect(found.map((event) => flatten(event)['wireguard.finding.subject'])).toEqual(['key0'])
  })

  test('evidence is bounded, the count goes on', () => {
    const many = Array.from({ length: EVIDENCE_MAX + 50 }, (_, i) => at(1, 'k', `10.0.${i >> 8}.${i & 255}`))
    const [finding] = findingsOf(kindOf(), many)
    expect(finding?.['wireguard.finding.count']).toBe(EVIDENCE_MAX + 50)
    expect(finding?.['wireguard.finding.evidence_ids']).toHaveLength(EVIDENCE_MAX)
  })
})

test('a finding goes out when its time is over, not before', () => {
  const found: Event[] = []
  const threshold = createThreshold(OPTIONS, (event) => found.push(event), undefined)
  const given: Tally = {
    key: 'k',
    start: T0,
    end: T0 + 10 * SECOND,
    count: 3,
    sum: 0,
    distinct: [],
    evidence: [],
    first: {},
    firstAt: T0,
    lastAt: T0 + LAG,
    related: { ip: [], hosts: [], user: [] },
  }
  threshold.tally?.(given, 0)
  threshold.tick(T0 + 10 * SECOND + MINUTE - 1)
  expect(found).toEqual([])
  threshold.tick(T0 + 10 * SECOND + MINUTE)
  threshold.tick(T0 + 20 * MINUTE)
  expect(found).toHaveLength(1)
})
