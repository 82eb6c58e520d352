/** How complete a source is, out of documents: what counts as recorded, what as doubt, what as missing for certain. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createIntervalSet } from '../../../src/correlate/interval-set.ts'
import type { Fields } from '../../../src/fields.ts'
import { readPageOne } from '../../../src/reports/page-one/page-one.ts'
import { MINUTE, SECOND } from '../../../src/time.ts'
import { micros } from '../../commands/made-store.ts'
import { FIRST, FROM, pollsFrom, RUNNING, TO } from '../made-review.ts'
import { beat, beats, gap, loss, minute, pageOneOf, questionOf, sourceOf, withReader } from './made-coverage.ts'

async function rangeOf(documents: readonly Fields[], from: number, to: number) {
  const { atLeast, atMost } = sourceOf(await pageOneOf(documents, minute(from), minute(to)))
  return [atLeast, atMost]
}

describe('what is recorded', () => {
  test('every minute brought something', async () => {
    expect(await rangeOf(beats(0, 100, 5), 0, 100)).toEqual([100, 100])
  })

  test('silence over a whole period is one between records only where somebody looked all the time', async () => {
    const silent = [...beats(0, 5, 3), ...beats(5, 10, 0), beat(10, 40, 0), ...beats(40, 45, 2)]
    expect(await rangeOf(silent, 20, 30)).toEqual([100, 100])
    expect(await rangeOf(silent, 6, 42)).toEqual([100, 100])
    // Nobody looked from minute 5 to 10, or from 38 to 40.
    const before = silent.filter((each) => each['@timestamp'] !== minute(7))
    expect(await rangeOf(before, 20, 30)).toEqual([0, 100])
    expect(await rangeOf(before, 20, 44)).toEqual([16.66, 100])
    const after = [...beats(0, 5, 3), beat(5, 38, 0), ...beats(40, 45, 2)]
    expect(await rangeOf(after, 20, 30)).toEqual([0, 100])
    expect(await rangeOf(after, 2, 30)).toEqual([10.71, 100])
  })

  test('silence between records is no gap, at the ends it is doubt', async () => {
    const documents = [
      beat(0, 10, 0),
      ...beats(10, 30, 1),
      beat(30, 31, 0),
      beat(31, 33, 0),
      ...beats(33, 80, 1),
      beat(80, 100, 0),
    ]
    expect(await rangeOf(documents, 0, 100)).toEqual([70, 100])
  })

  test('a period amid silence is recorded where the source spoke before and after it', async () => {
    const documents = [...beats(0, 10, 1), beat(10, 138, 0), ...beats(138, 140, 1)]
    expect(await rangeOf(documents, 20, 120)).toEqual([100, 100])
    expect(await rangeOf(documents.slice(0, -2), 20, 120)).toEqual([0, 100])
  })

  test('time without a heartbeat is doubt inside the records, and missing outside of them', async () => {
    expect(await rangeOf([...beats(0, 50, 1), ...beats(60, 100, 1)], 0, 100)).toEqual([90, 100])
    // The minute after the last document is left open.
    expect(await rangeOf(beats(0, 50, 1), 0, 100)).toEqual([50, 51])
    expect(await rangeOf(beats(50, 100, 1), 0, 100)).toEqual([50, 50])
  })

  test('numbers are of whole minutes of the period', async () => {
    const documents = beats(0, 100, 3, { 'wireguard.coverage.unparsed': 1, 'wireguard.coverage.lag': 7 })
    const { received, events, unparsed, lagMax, heartbeats, quiet } = sourceOf(
      await pageOneOf([...documents, beat(100, 104, 0)], minute(10), minute(102)),
    )
    expect([received, events, unparsed, lagMax, heartbeats, quiet]).toEqual([270, 270, 90, 7, 100, 2 * MINUTE])
  })

  test('host facts and peertrail’s own words are no sources', async () => {
    const own = ['hostfacts', 'peertrail'].map((source) => beat(0, 1, 1, { 'wireguard.coverage.source': source }))
    expect((await pageOneOf(own, minute(0), minute(1))).sources).toEqual([])
  })
})

describe('gaps', () => {
  test('one that says that all is missing lowers both ends, one that does not only the lower', async () => {
    expect(await rangeOf([...beats(0, 100, 1), gap(20, 30, 'daemon-stopped')], 0, 100)).toEqual([90, 90])
    expect(await rangeOf([...beats(0, 100, 1), gap(20, 30, 'collector-stopped')], 0, 100)).toEqual([90, 100])
  })

  test('minutes that a gap touches are doubt as a whole', async () => {
    expect(await rangeOf([...beats(0, 100, 1), gap(20.5, 20.6, 'collector-stopped')], 0, 100)).toEqual([99, 100])
  })

  test('one that began long before the period counts in it', async () => {
    const documents = [...beats(0, 10, 1), ...beats(5000, 5200, 1), gap(10, 5050, 'daemon-stopped')]
    const source = sourceOf(await pageOneOf(documents, minute(5000), minute(5100)))
    expect([source.atLeast, source.atMost]).toEqual([50, 50])
    expect(source.gaps).toEqual([{ from: minute(10), to: minute(5050), reason: 'daemon-stopped' }])
  })

  test('those of another time, machine or source do not count', async () => {
    const others = [
      gap(200, 210, 'daemon-stopped'),
      gap(20, 30, 'daemon-stopped', { 'host.name': 'gw2' }),
      gap(20, 30, 'daemon-stopped', { 'wireguard.coverage.source': 'nftables' }),
    ]
    const pageOne = await pageOneOf([...beats(0, 300, 1), ...others], minute(0), minute(100))
    expect(sourceOf(pageOne).atLeast).toBe(100)
    expect(sourceOf(pageOne, 'conntrack', 'gw2').hasSpoken).toBe(false)
  })

  test('of many the first are told and all are counted', async () => {
    const many = Array.from({ length: 150 }, (_, i) => gap(2 * i, 2 * i + 1, 'collector-stopped'))
    const source = sourceOf(await pageOneOf([...beats(0, 300, 1), ...many], minute(0), minute(300)))
    expect([source.gaps.length, source.gapCount, source.atLeast]).toEqual([100, 150, 50])
  })
})

describe('losses', () => {
  test('a counted one takes its share of its minute', async () => {
    const documents = [...beats(0, 9, 1), beat(9, 10, 30, { 'wireguard.coverage.lost': 10 })]
    const source = sourceOf(await pageOneOf([...documents, ...beats(10, 20, 1)], minute(0), minute(20)))
    // A quarter of one of twenty minutes.
    expect([source.atLeast, source.atMost, source.lost]).toEqual([98.75, 98.75, 10])
  })

  test('one without a number may have begun after the last record before it', async () => {
    const documents = [...beats(0, 50, 1), beat(50, 60, 0), ...beats(60, 100, 1), loss(60.5, 'enobufs')]
    const source = sourceOf(await pageOneOf(documents, minute(0), minute(100)))
    // Minutes 49 to 60.
    expect([source.atLeast, source.atMost, source.uncountedLosses]).toEqual([88, 100, 1])
  })

  test('what is said of other programs is no reason to doubt', async () => {
    const documents = [
      ...beats(0, 100, 1, { 'wireguard.coverage.source': 'nftables' }),
      ...['printk', 'journald-suppressed', 'nf-log-buffer', 'limit', 'audit-backlog'].map((reason, i) =>
        loss(10 + i, reason, { 'wireguard.coverage.source': 'nftables' }),
      ),
    ]
    expect(sourceOf(await pageOneOf(documents, minute(0), minute(100)), 'nftables').atLeast).toBe(100)
  })

  test('a sampled prefix leaves nothing certain but the other prefixes, from its first line on', async () => {
    const nftables = { 'wireguard.coverage.source': 'nftables' }
    const sampled = loss(10, 'sampled-rule', { ...nftables, 'netfilter.log.prefix': 'wg-sample ' })
    const documents = [...beats(0, 200, 1, nftables), sampled]
    const during = sourceOf(await pageOneOf(documents, minute(0), minute(100)), 'nftables')
    expect([during.atLeast, during.besidesSampled, during.sampled]).toEqual([0, 100, ['wg-sample ']])
    const later = sourceOf(await pageOneOf(documents, minute(100), minute(200)), 'nftables')
    expect([later.atLeast, later.besidesSampled]).toEqual([0, 100])
    const before = sourceOf(await pageOneOf(documents, minute(0), minute(10)), 'nftables')
    expect([before.atLeast, before.sampled]).toEqual([100, []])
  })
})

test('nothing at all: no source, no record, no error', async () => {
  const pageOne = await pageOneOf([], minute(0), minute(100))
  expect([pageOne.sources, pageOne.clocks, pageOne.oldest, pageOne.newest]).toEqual([[], [], null, null])
})

test('documents without coverage: still no claim', async () => {
  const flow: Fields = {
    '@timestamp': minute(5),
    'event.id': 'a',
    'event.dataset': 'wireguard.flow',
    'host.name': 'gw1',
  }
  expect((await pageOneOf([flow], minute(0), minute(100))).sources).toEqual([])
})

test('heartbeats of any shape: the stretches are their union', async () => {
  const one = fc.record({ from: fc.nat(200), length: fc.constantFrom(1, 1, 1, 1, 2, 4, 8, 64), seen: fc.nat(1) })
  const many = fc.uniqueArray(one, { maxLength: 120, selector: ({ from, length }) => `${from} ${length}` })
  await fc.assert(
    fc.asyncProperty(many, fc.nat(150), fc.integer({ min: 1, max: 100 }), async (made, from, length) => {
      const to = from + length
      const pageOne = await pageOneOf(
        made.map((each) => beat(each.from, each.from + each.length, each.seen)),
        minute(from),
        minute(to),
      )
      const all = createIntervalSet('grow')
      for (const each of made) all.add(minute(each.from), minute(each.from + each.length))
      const expected = Math.floor((all.within(minute(from), minute(to)) / (length * MINUTE)) * 10_000) / 100
      const found = pageOne.sources[0]
      expect(found?.heartbeats ?? 0).toBe(expected)
      expect(found?.atLeast ?? 0).toBeLessThanOrEqual(expected)
      if (made.length > 0 && made.every(({ seen }) => seen > 0) && found !== undefined)
        expect(found.atLeast).toBe(expected)
      expect(found?.atLeast ?? 0).toBeLessThanOrEqual(found?.atMost ?? 100)
    }),
    { numRuns: 10 },
  )
})

test('the strip: spans in order, without overlaps, over the whole period', async () => {
  const documents = [
    beat(0, 10, 0),
    ...beats(10, 100, 1),
    gap(20, 30, 'collector-stopped'),
    gap(25, 26, 'never-mind'),
    loss(40.5, 'enobufs', { 'event.end': minute(41) }),
  ]
  const { spans = [] } = sourceOf(await pageOneOf(documents, minute(0), minute(100)))
  expect(spans.map(({ from, to, state }) => [(from - minute(0)) / MINUTE, (to - minute(0)) / MINUTE, state])).toEqual([
    [0, 10, 'silent'],
    [10, 20, 'covered'],
    [20, 25, 'gap'],
    [25, 26, 'gap'],
    [26, 30, 'gap'],
    [30, 39, 'covered'],
    [39, 41, 'partly'],
    [41, 100, 'covered'],
  ])
  expect(spans[2]?.note).toBe('collector-stopped, 5 min')
})

test('a strip of very many gaps keeps within its bounds, and no gap becomes coverage', async () => {
  const many = Array.from({ length: 900 }, (_, i) => gap(3 * i, 3 * i + 1, 'collector-stopped'))
  const { spans = [], gapCount } = sourceOf(await pageOneOf([...beats(0, 2700, 1), ...many], minute(0), minute(2700)))
  expect([spans.length <= 400, spans[0]?.from, spans.at(-1)?.to, gapCount]).toEqual([
    true,
    minute(0),
    minute(2700),
    900,
  ])
  for (const [i, span] of spans.entries()) if (i > 0) expect(span.from).toBe(spans[i - 1]?.to)
  const covered = createIntervalSet('grow')
  for (const { from, to, state } of spans) if (state === 'covered') covered.add(from, to)
  for (const { '@timestamp': from = 0 } of many) expect(covered.within(from, from + SECOND)).toBe(0)
})

test('a source that was declared for part of the period is missing, whatever the inventory says later', async () => {
  const before = FIRST.replace('sources: [conntrack, wireguard]', 'sources: [nftables], identity_enforced_by: portal')
  const { sources, enforcement } = await withReader(
    [...pollsFrom('2026-11-01T00:00:00Z', RUNNING, before), ...pollsFrom('2026-11-20T00:00:00Z', RUNNING, FIRST)],
    (reader) => readPageOne(reader, questionOf(FROM, TO)),
  )
  expect(sources.filter(({ isDeclared }) => isDeclared).map(({ source }) => source)).toContain('nftables')
  expect(enforcement).toEqual([{ gateway: 'gw1', text: '', isChanged: true }])
  const later = await withReader(
    [...pollsFrom('2026-10-01T00:00:00Z', RUNNING, before), ...pollsFrom('2026-10-20T00:00:00Z', RUNNING, FIRST)],
    (reader) => readPageOne(reader, questionOf(micros('2026-10-20T00:00:02Z'), TO)),
  )
  expect(later.sources.map(({ source }) => source)).not.toContain('nftables')
})
