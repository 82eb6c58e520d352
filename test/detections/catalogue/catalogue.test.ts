/** What runs detections: documents in order, tallies that are shared, limits that are counted. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDetections, LAG } from '../../../src/detections/catalogue/catalogue.ts'
import type { DetectionAbout, DetectionKind, TallyKind } from '../../../src/detections/catalogue/detection.ts'
import { TALLIES_MAX } from '../../../src/detections/catalogue/tallies.ts'
import type { Event } from '../../../src/event.ts'
import { createFindingDocuments } from '../../../src/finding-document.ts'
import { emptyInventory } from '../../../src/identity/inventory.ts'
import { SECOND } from '../../../src/time.ts'
import { restored } from '../../restored.ts'
import { findingsOf, inOrder, shuffledFindingsOf } from '../made-detections.ts'
import { toEvent } from '../scenarios.ts'

const T0 = 1_795_345_200 * SECOND

const TALLY: TallyKind = {
  reads: ['wireguard.flow'],
  span: 10 * SECOND,
  keyOf: (event) => event.own['wireguard.peer.public_key'] ?? null,
}

function about(id: string): DetectionAbout {
  return {
    id,
    title: id,
    description: '',
    severity: 1,
    origin: 'detection',
    runbook: [],
    attack: [],
    limits: {},
    suppression: 0,
    baseline: 0,
    query: '',
    knownGaps: [],
  }
}

/** Remembers the newest state it read of the host; finds, at each tally, what it says: only the order of all of them explains that. */
function lastBefore(id: string, tallies: readonly TallyKind[] = [TALLY]): DetectionKind {
  const toDocument = createFindingDocuments(about(id))
  return {
    about: about(id),
    reads: ['wireguard.session'],
    wants: (event) => event.own['event.action'] !== undefined,
    tallies,
    open({ emit, saved }) {
      // What `save` below gave.
      let last = (saved as string | undefined) ?? 'nothing'
      return {
        observe({ fields }) {
          last = `${last.slice(-60)} ${fields['event.action'] ?? ''}`
        },
        tally({ key, start, count, evidence }, kind) {
          const subject = `${key} ${start} ${kind}`
          emit(
            toDocument({
              at: start,
              subject,
              summary: `${count} after ${last}`,
              evidence: evidence.map((each) => each.id),
              about: {},
            }),
          )
        },
        tick() {},
        save: () => last,
      }
    },
  }
}

function flow(at: number, key: string): Event {
  return toEvent({
    '@timestamp': T0 + at * SECOND,
    'event.id': `flow${at}${key}`,
    'event.dataset': 'wireguard.flow',
    'wireguard.peer.public_key': key,
  })
}

function session(at: number, action: string): Event {
  return toEvent({
    '@timestamp': T0 + at * SECOND,
    'event.id': `session${at}${action}`,
    'event.dataset': 'wireguard.session',
    'event.action': action,
  })
}

const summaries = (kind: DetectionKind, events: readonly Event[]) =>
  findingsOf(kind, events).map((finding) => finding['wireguard.finding.summary'])

describe('documents and tallies', () => {
  test('come in order: a tally after the documents from before its end', () => {
    const events = [
      session(12, 'up'),
      flow(15, 'a'),
      flow(3, 'a'),
      session(2, 'down'),
      session(10, 'on-the-edge'),
      flow(9, 'a'),
    ]
    expect(summaries(lastBefore('made'), events)).toEqual([
      '2 after nothing down',
      '1 after nothing down on-the-edge up',
    ])
  })

  test('lead to the same in any order, with any ticks, repeats and cuts', () => {
    const made = fc.uniqueArray(
      fc.record({ at: fc.integer({ min: 0, max: 60 }), isFlow: fc.boolean(), name: fc.constantFrom('a', 'b') }),
      { selector: ({ at, isFlow, name }) => `${at}${isFlow}${name}`, maxLength: 30 },
    )
    fc.assert(
      fc.property(made, fc.array(fc.nat(), { minLength: 200, maxLength: 200 }), (drawn, luck) => {
        const events = drawn.map(({ at, isFlow, name }) => (isFlow ? flow(at, name) : session(at, name)))
        const kind = lastBefore('made', [TALLY, { ...TALLY, span: 20 * SECOND }])
        expect(inOrder(shuffledFindingsOf(kind, events, luck))).toEqual(inOrder(findingsOf(kind, events)))
      }),
    )
  })

  test('wait for those that may still come', () => {
    const found: Event[] = []
    const detections = createDetections(
      { emit: (event) => found.push(event), inventory: emptyInventory() },
      undefined,
      [lastBefore('made')],
    )
    detections.observe(flow(3, 'a'))
    detections.tick(T0 + 10 * SECOND + LAG - 1)
    expect(found).toEqual([])
    detections.tick(T0 + 10 * SECOND + LAG)
    expect(found).toHaveLength(1)
  })

  test('a tick that may show only a few goes on where it was', () => {
    const found: Event[] = []
    const detections = createDetections(
      { emit: (event) => found.push(event), inventory: emptyInventory() },
      undefined,
      [lastBefore('made')],
    )
    for (const event of [session(1, 'a'), session(2, 'b'), session(3, 'c'), flow(4, 'k')]) detections.observe(event)
    expect(detections.tick(Number.POSITIVE_INFINITY, 2)).toBe(true)
    expect([detections.waiting, found.length]).toEqual([1, 0])
    expect(detections.tick(Number.POSITIVE_INFINITY, 2)).toBe(false)
    expect(found.map(({ own }) => own['wireguard.finding.summary'])).toEqual(['1 after nothing a b c'])
  })
})

describe('a kind of tallies that several detections have', () => {
  test('is counted once, given to each, and saved for each', () => {
    const found: Event[] = []
    const options = { emit: (event: Event) => found.push(event), inventory: emptyInventory() }
    const kinds = [lastBefore('one', [{ ...TALLY }, TALLY]), lastBefore('other', [TALLY])]
    const detections = createDetections(options, undefined, kinds)
    detections.observe(flow(1, 'a'))
    const saved = restored(detections.save())
    expect(saved.tallies.get('one')?.[1]?.stretches).toBe(saved.tallies.get('other')?.[0]?.stretches)
    // A release without the first of them.
    const later = createDetections(options, saved, kinds.slice(1))
    later.observe(flow(2, 'a'))
    later.tick(Number.POSITIVE_INFINITY)
    expect(found.map(({ own }) => own['wireguard.finding.evidence_ids'])).toEqual([['flow1a', 'flow2a']])
    found.length = 0
    detections.tick(Number.POSITIVE_INFINITY)
    expect(found.map(({ own }) => own['wireguard.finding.subject'])).toEqual([`a ${T0} 0`, `a ${T0} 1`, `a ${T0} 0`])
  })

  test('is left out for a document only when it changes nothing for any of them', () => {
    const settled = (id: string, keys: readonly string[]): DetectionKind => {
      const kind = lastBefore(id)
      return { ...kind, open: (context) => ({ ...kind.open(context), isSettled: (key) => keys.includes(key) }) }
    }
    const found: Event[] = []
    const options = { emit: (event: Event) => found.push(event), inventory: emptyInventory() }
    const detections = createDetections(options, undefined, [settled('one', ['a', 'b']), settled('other', ['b'])])
    for (const key of ['a', 'b', 'c']) detections.observe(flow(1, key))
    detections.tick(Number.POSITIVE_INFINITY)
    expect(found.map(({ own }) => own['wireguard.finding.subject'])).toEqual([
      `a ${T0} 0`,
      `a ${T0} 0`,
      `c ${T0} 0`,
      `c ${T0} 0`,
    ])
  })
})

test('too many open tallies are given early, without a tick, and counted', () => {
  let given = 0
  const kind = lastBefore('made')
  const detections = createDetections({ emit: () => given++, inventory: emptyInventory() }, undefined, [kind])
  detections.observe(flow(0, 'first'))
  for (let i = 0; i < TALLIES_MAX; i++) detections.observe(flow(10, `key${i}`))
  expect(given).toBe(1)
  expect(detections.limits()).toContainEqual({ name: 'detection-tallies', count: 1 })
  detections.tick(Number.POSITIVE_INFINITY)
  expect(given).toBe(TALLIES_MAX + 1)
})
