/** Documents are counted by key and stretch, each once, in any order; what is counted is bounded. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TallyKind } from '../../../src/detections/catalogue/detection.ts'
import {
  createTallies,
  TALLY_DISTINCT_MAX,
  TALLY_IDS_MAX,
  type Tallies,
} from '../../../src/detections/catalogue/tallies.ts'
import { createFacet, type Event } from '../../../src/event.ts'
import { EVIDENCE_MAX } from '../../../src/finding-document.ts'
import { SECOND } from '../../../src/time.ts'
import { restored } from '../../restored.ts'
import { toEvent } from '../scenarios.ts'

const SPAN = 10 * SECOND
const KIND: TallyKind = {
  reads: ['wireguard.flow'],
  span: SPAN,
  keyOf: (event) => event.own['host.name'] ?? null,
  distinctOf: (event) => event.own['destination.ip'],
  amountOf: (event) => event.own['source.bytes'] ?? 0,
}

type Made = {
  readonly at: number
  readonly id: string
  readonly key?: string
  readonly to?: string
  readonly bytes?: number
}

function document({ at, id, key = 'a', to = '10.0.0.1', bytes = 1 }: Made): Event {
  return toEvent({
    '@timestamp': at,
    'event.id': id,
    'event.dataset': 'wireguard.flow',
    'host.name': key,
    'destination.ip': to,
    'source.bytes': bytes,
    'related.ip': [to, '10.9.9.9'],
    'related.hosts': [key],
  })
}

function takeAll(tallies: Tallies) {
  const all = []
  for (let end = tallies.nextEnd; end !== null; end = tallies.nextEnd) all.push(...tallies.take(end))
  // As a saved state has it: getters are values then.
  return restored(all)
}

test('a tally says how many there were, how much, how many different ones, and who is named', () => {
  const tallies = createTallies(KIND)
  for (const each of [
    { at: 9 * SECOND, id: 'c', to: '10.0.0.2', bytes: 5 },
    { at: 2 * SECOND, id: 'b', bytes: 7 },
    { at: 2 * SECOND, id: 'a' },
    { at: 2 * SECOND, id: 'b', bytes: 7 },
    { at: 11 * SECOND, id: 'd' },
    { at: 1, id: 'other', key: 'b' },
  ])
    tallies.add(document(each))
  expect(tallies.nextEnd).toBe(SPAN)
  const found = takeAll(tallies)
  expect(found.map(({ start, key, count }) => [start, key, count])).toEqual([
    [0, 'a', 3],
    [0, 'b', 1],
    [SPAN, 'a', 1],
  ])
  expect(found[0]).toEqual({
    key: 'a',
    start: 0,
    end: SPAN,
    count: 3,
    sum: 13,
    distinct: ['10.0.0.1', '10.0.0.2'],
    evidence: [
      { id: 'a', at: 2 * SECOND },
      { id: 'b', at: 2 * SECOND },
      { id: 'c', at: 9 * SECOND },
    ],
    first: document({ at: 2 * SECOND, id: 'a' }).own,
    firstAt: 2 * SECOND,
    lastAt: 9 * SECOND,
    related: { ip: ['10.0.0.1', '10.0.0.2', '10.9.9.9'], hosts: ['a'], user: [] },
  })
})

test('any order, repeats, and cuts give the same', () => {
  const made = fc.uniqueArray(
    fc.record({
      at: fc.integer({ min: 0, max: 3 * SPAN }),
      id: fc.integer({ min: 0, max: 400 }).map(String),
      key: fc.constantFrom('a', 'b'),
      to: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3'),
      bytes: fc.nat(9),
    }),
    { selector: ({ id }) => id, maxLength: 60 },
  )
  fc.assert(
    fc.property(
      made.chain((all) =>
        fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length })),
      ),
      fc.nat(20),
      ([all, shuffled], cutAt) => {
        const whole = createTallies(KIND)
        for (const each of all) whole.add(document(each))
        let other = createTallies(KIND)
        for (const [i, each] of shuffled.entries()) {
          if (i === cutAt) other = createTallies(KIND, restored(other.save()))
          other.add(document(each))
        }
        expect(takeAll(other)).toEqual(takeAll(whole))
      },
    ),
  )
})

test('what comes late makes one more tally of its time', () => {
  const tallies = createTallies(KIND)
  tallies.add(document({ at: 1, id: 'a' }))
  tallies.take(SPAN)
  tallies.add(document({ at: 2, id: 'b' }))
  expect(takeAll(tallies).map(({ start, count }) => [start, count])).toEqual([[0, 1]])
})

test('a document that changes nothing makes no tally', () => {
  const tallies = createTallies(KIND, undefined, { isSettled: (key, at) => key === 'a' && at > 5 })
  tallies.add(document({ at: 6, id: 'a' }))
  expect(tallies.nextEnd).toBeNull()
  tallies.add(document({ at: 5, id: 'b' }))
  expect(tallies.nextEnd).toBe(SPAN)
})

test('where only the different values are kept, nothing else is', () => {
  const tallies = createTallies({ ...KIND, keeps: 'distinct' })
  tallies.add(document({ at: 1, id: 'a', to: '10.0.0.2' }))
  tallies.add(document({ at: 3, id: 'b' }))
  const [tally] = takeAll(tallies)
  expect(tally).toMatchObject({
    count: 0,
    sum: 0,
    evidence: [],
    first: {},
    distinct: ['10.0.0.1', '10.0.0.2'],
    firstAt: 1,
    lastAt: 3,
  })
})

test('where only sums are kept, each document counts once, and nothing is kept of it', () => {
  const tallies = createTallies({ ...KIND, keeps: 'sums' })
  const many = Array.from({ length: 50 }, (_, i) => document({ at: i * 1000, id: `id${i}`, bytes: 3 }))
  for (const each of [...many, ...many.toReversed()]) tallies.add(each)
  expect(takeAll(tallies)).toMatchObject([
    { count: 50, sum: 150, distinct: ['10.0.0.1'], first: {}, related: { ip: [], hosts: [], user: [] } },
  ])
})

test('fields of facets are among those of the first document, its original text is not', () => {
  const tallies = createTallies(KIND)
  const facet = createFacet({ 'wireguard.peer.name': 'alder' })
  const event = document({ at: 1, id: 'a' })
  tallies.add({ dataset: 'wireguard.firewall', own: { ...event.own, 'event.original': 'line' }, facets: [facet] })
  const [tally] = takeAll(tallies)
  expect(tally?.first['wireguard.peer.name']).toBe('alder')
  expect(tally?.first).not.toHaveProperty('event.original')
})

describe('limits', () => {
  test('of different values the smallest are kept, and evidence is of the first documents', () => {
    const forward = createTallies(KIND)
    const backward = createTallies(KIND)
    const all = Array.from({ length: TALLY_DISTINCT_MAX + 5 }, (_, i) => ({
      at: i,
      id: `id${i}`,
      to: `to${100_000 + i}`,
    }))
    for (const each of all) forward.add(document(each))
    for (const each of all.toReversed()) backward.add(document(each))
    const [a] = takeAll(forward)
    const [b] = takeAll(backward)
    expect(a).toEqual(b)
    expect([a?.count, a?.distinct.length, a?.evidence.length]).toEqual([all.length, TALLY_DISTINCT_MAX, EVIDENCE_MAX])
    expect([a?.distinct.at(-1), a?.related.ip.length]).toEqual([`to${100_000 + TALLY_DISTINCT_MAX - 1}`, EVIDENCE_MAX])
  })

  test('ids are known up to a number', () => {
    const tallies = createTallies(KIND)
    const all = Array.from({ length: TALLY_IDS_MAX }, (_, i) => ({ at: i, id: `id${i}` }))
    for (const each of [...all, ...all]) tallies.add(document(each))
    tallies.add(document({ at: 1, id: 'one more' }))
    tallies.add(document({ at: 1, id: 'one more' }))
    expect(takeAll(tallies)[0]?.count).toBe(TALLY_IDS_MAX + 2)
  })

  test('too many open ones: the oldest stretch is closed before its time, and counted', () => {
    const tallies = createTallies(KIND, undefined, { openMax: 3 })
    for (const i of [0, 1, 2, 3]) tallies.add(document({ at: i * SPAN, id: `id${i}` }))
    expect([tallies.nextEnd, tallies.forced]).toEqual([Number.NEGATIVE_INFINITY, 0])
    expect(tallies.take(Number.NEGATIVE_INFINITY).map(({ start }) => start)).toEqual([0])
    expect([tallies.nextEnd, tallies.forced]).toEqual([2 * SPAN, 1])
    expect(createTallies(KIND, restored(tallies.save())).forced).toBe(1)
  })
})
