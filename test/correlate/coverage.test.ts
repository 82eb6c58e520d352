/** Heartbeats, limits, what never spoke, and the report. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Item } from '../../src/correlate/intake.ts'
import { LINE_DOCUMENTS_MAX } from '../../src/correlate/line-quota.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { createRulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import { DAY, SECOND } from '../../src/time.ts'
import { expectLegal, expectUniqueIds } from '../event-rules.ts'
import {
  conntrack,
  createCoverageRun,
  demoRuleset,
  GATEWAY,
  notice,
  packet,
  snapshot,
  suspect,
  T0,
  UNTIMED,
  unparsed,
} from './coverage-run.ts'

const sumOf = (
  run: ReturnType<typeof createCoverageRun>,
  field: 'seen' | 'unparsed' | 'suspect' | 'lost' | 'out_of_scope' | 'events',
) => run.documents('source-heartbeat').reduce((sum, fields) => sum + (fields[`wireguard.coverage.${field}`] ?? 0), 0)

describe('heartbeats', () => {
  test('one a minute, with what came in it', () => {
    const run = createCoverageRun({ sources: ['nftables'] })
    run.feed(packet(1), packet(2), unparsed(3), packet(61), suspect(62), notice(63, 'loss', 'rsyslogd', 7))
    run.coverage.end()
    expect(run.said('source-heartbeat')).toEqual(['0 60', '60 120'])
    const [first, second] = run.documents('source-heartbeat')
    expect(first).toMatchObject({
      'wireguard.coverage.seen': 2,
      'wireguard.coverage.unparsed': 1,
      'wireguard.coverage.lag': 57,
    })
    expect(second).toMatchObject({
      'wireguard.coverage.seen': 1,
      'wireguard.coverage.suspect': 1,
      'wireguard.coverage.lost': 7,
    })
    expect(first?.['wireguard.coverage.suspect']).toBeUndefined()
  })

  test('a silent source beats in steps that double', () => {
    const run = createCoverageRun({ sources: ['nftables', 'conntrack'] })
    run.feed(packet(1))
    for (let minute = 1; minute <= 20; minute++) {
      run.feed(conntrack(minute * 60 + 1, minute))
      run.tick(minute * 60)
    }
    run.feed(packet(21 * 60))
    run.coverage.end()
    const own = run.documents('source-heartbeat').filter((fields) => fields['wireguard.coverage.source'] === 'nftables')
    const minutes = own.map((fields) =>
      [fields['event.start'], fields['event.end']].map((time) => ((time ?? 0) - T0) / SECOND / 60),
    )
    expect(minutes).toEqual([
      [0, 1],
      [1, 2],
      [2, 4],
      [4, 8],
      [8, 16],
      [16, 21],
      [21, 22],
    ])
    expect(own.map((fields) => fields['wireguard.coverage.seen'])).toEqual([1, 0, 0, 0, 0, 0, 1])
  })

  test('do not depend on how often the watermark is told', () => {
    const play = (ticks: readonly number[]) => {
      const run = createCoverageRun({ sources: ['nftables', 'conntrack'] })
      run.feed(packet(1))
      for (let minute = 1; minute <= 30; minute++) {
        run.feed(conntrack(minute * 60 + 1, minute))
        if (ticks.includes(minute)) run.tick(minute * 60)
      }
      run.feed(packet(31 * 60))
      run.coverage.end()
      return run.said('source-heartbeat').toSorted()
    }
    expect(play([])).toEqual(play(Array.from({ length: 30 }, (_, i) => i + 1)))
  })

  test('a century of silence is a handful of documents', () => {
    const run = createCoverageRun({ sources: ['nftables', 'conntrack'] })
    const century = (36_525 * DAY) / SECOND
    run.feed(packet(1), conntrack(century))
    run.tick(century)
    run.coverage.end()
    expect(run.events.length).toBeLessThan(60)
  })

  test('count documents, and records out of scope, where they were decided', () => {
    const run = createCoverageRun()
    const scope = { packetsOut: 0, conntrackOut: 0 }
    run.coverage.inspect(GATEWAY, { scope, auditOut: 0, limits: () => [] })
    run.feed(packet(1), conntrack(1))
    scope.packetsOut = 3
    scope.conntrackOut = 4
    run.tick(1)
    const event = { own: { 'host.name': GATEWAY }, facets: [] }
    run.coverage.emitted(GATEWAY, { dataset: 'wireguard.firewall', ...event })
    run.coverage.emitted(GATEWAY, { dataset: 'wireguard.flow', ...event })
    run.coverage.emitted(GATEWAY, { dataset: 'wireguard.finding', ...event })
    run.coverage.end()
    expect(sumOf(run, 'out_of_scope')).toBe(7)
    expect(sumOf(run, 'events')).toBe(2)
    expect(run.coverage.report().sources.map(({ source, events, outOfScope }) => [source, events, outOfScope])).toEqual(
      [
        ['nftables', 1, 3],
        ['conntrack', 1, 4],
        ['wireguard', 0, 0],
      ],
    )
  })

  const step = fc.record({
    pause: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 4000 }), fc.constant(DAY / SECOND)),
    what: fc.constantFrom(
      'packet',
      'conntrack',
      'snapshot',
      'broken',
      'unparsed',
      'suspect',
      'stopped',
      'started',
      'loss',
      'tick',
      'damage',
      'finish',
    ),
    isUntimed: fc.boolean(),
  })

  test('any order-preserving input: whole documents, ids of their own, sums that equal what was fed', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(fc.nat(20), { maxLength: 4 }), (steps, runs) => {
        const afterLines = runs.toSorted((a, b) => a - b)
        const run = createCoverageRun({
          conntrackRuns: afterLines.map((afterLine) => ({ afterLine, enobufs: afterLine % 3 === 0 })),
        })
        const fed = { records: 0, unparsed: 0, suspect: 0 }
        let seconds = 0
        for (const [i, { pause, what, isUntimed }] of steps.entries()) {
          seconds += pause
          if (what === 'tick') run.tick(seconds)
          else if (what === 'damage') run.coverage.damage(GATEWAY, 'nftables', 'kern.log', 'read error', i)
          else if (what === 'finish') run.coverage.finish(GATEWAY, 'wireguard')
          else {
            run.feed(itemOf(what, isUntimed && i === 0 ? UNTIMED : seconds, i))
            if (what === 'unparsed' || what === 'suspect') fed[what]++
            else if (what === 'packet' || what === 'conntrack' || what === 'snapshot' || what === 'broken')
              fed.records++
          }
        }
        run.coverage.end()
        expect([sumOf(run, 'seen'), sumOf(run, 'unparsed'), sumOf(run, 'suspect')]).toEqual([
          fed.records,
          fed.unparsed,
          fed.suspect,
        ])
        for (const event of run.events) expectLegal(event)
        expectUniqueIds(run.events)
        for (const { completeness, besidesSampled } of run.coverage.report().sources) {
          for (const { atLeast, atMost } of [completeness, besidesSampled])
            expect([atLeast <= atMost, atLeast >= 0, atMost <= 100]).toEqual([true, true, true])
        }
      }),
      { numRuns: 150, seed: 7 },
    )
  })
})

function itemOf(what: string, seconds: number, i: number): Item {
  const place = { offset: i }
  if (what === 'packet') return packet(seconds)
  if (what === 'conntrack') return conntrack(seconds, i)
  if (what === 'snapshot' || what === 'broken') return snapshot(seconds, what === 'snapshot')
  if (what === 'unparsed') return unparsed(seconds, i)
  if (what === 'suspect') return suspect(seconds, i)
  if (what === 'stopped' || what === 'started')
    return { ...notice(0, what, 'rsyslogd'), arrival: packet(seconds).arrival, ...place }
  return { ...notice(0, 'loss', 'rsyslogd', i % 3), arrival: packet(seconds).arrival, ...place }
}

describe('limits', () => {
  test('of unreadable lines only the first of a minute are documents, the rest are a number', () => {
    const run = createCoverageRun()
    for (let i = 0; i < LINE_DOCUMENTS_MAX + 500; i++) run.feed(unparsed(1, i), suspect(1, 100_000 + i))
    run.feed(unparsed(61, 900_000))
    run.coverage.end()
    for (const [action, more] of [
      ['parse-failed', 1],
      ['suspect-line', 0],
    ] as const) {
      const documents = run.documents(action)
      expect(documents).toHaveLength(LINE_DOCUMENTS_MAX + 1 + more)
      expect(documents.filter((fields) => fields['wireguard.coverage.limit'] === 'line-documents')).toMatchObject([
        { 'wireguard.coverage.count': 500 },
      ])
    }
    expect(sumOf(run, 'unparsed')).toBe(LINE_DOCUMENTS_MAX + 501)
    expectUniqueIds(run.events)
  })

  test('of the core are said when they are hit, at most once a minute, and sum up', () => {
    const run = createCoverageRun()
    let count = 0
    run.coverage.inspect(GATEWAY, {
      scope: { packetsOut: 0, conntrackOut: 0 },
      auditOut: 0,
      limits: () => [
        { name: 'flows', count },
        { name: 'lines-pending', count: 0 },
      ],
    })
    for (let second = 0; second < 150; second++) {
      run.feed(packet(second))
      if (second >= 30) count += 2
      run.tick(second)
    }
    run.coverage.end()
    const hits = run.documents('source-lost')
    expect(hits.map((fields) => [fields['wireguard.coverage.source'], fields['wireguard.coverage.limit']])).toEqual(
      Array.from({ length: hits.length }, () => ['peertrail', 'flows']),
    )
    expect(hits.length).toBeLessThanOrEqual(4)
    expect(hits.reduce((sum, fields) => sum + (fields['wireguard.coverage.count'] ?? 0), 0)).toBe(240)
  })
})

const INVENTORY = parseInventory(
  'version: 1\ngateways:\n- {name: gw1, interfaces: [wg0, wg9], sources: [nftables, conntrack, wireguard]}\n- {name: gw9, interfaces: [wg0], sources: [conntrack, auditd]}\n- {name: gw8, interfaces: [wg0]}\n',
  'inventory.yaml',
)

describe('what the inventory promises', () => {
  test('and never spoke is a gap from the first to the last moment, once a source', () => {
    const run = createCoverageRun({ sources: ['nftables', 'conntrack'] }, INVENTORY)
    run.feed(packet(0), packet(600))
    run.coverage.end()
    expect(
      run
        .documents('source-gap')
        .map((fields) => [fields['host.name'], fields['wireguard.coverage.source'], fields['event.reason']]),
    ).toEqual([
      ['gw1', 'conntrack', 'never-spoke'],
      ['gw1', 'wireguard', 'never-spoke'],
      ['gw9', 'conntrack', 'never-spoke'],
      ['gw9', 'auditd', 'never-spoke'],
    ])
    expect(run.said('source-gap')).toEqual(Array.from({ length: 4 }, () => 'never-spoke 0 600'))
    expect(run.coverage.report().sources[1]?.completeness).toEqual({ atLeast: 0, atMost: 0 })
  })

  test('and was polled late is a gap until the first poll', () => {
    const run = createCoverageRun({}, INVENTORY)
    run.feed(packet(0), conntrack(0))
    for (let second = 100; second < 150; second++) run.feed(snapshot(second))
    run.coverage.end()
    expect(run.said('source-gap').filter((text) => !text.startsWith('never'))).toEqual(['polls-missing 0 100'])
  })

  test('in an empty capture has no interval to be missing from', () => {
    const run = createCoverageRun({}, INVENTORY)
    run.coverage.end()
    expect(run.events).toEqual([])
    expect(run.coverage.report().neverSpoke).toHaveLength(5)
    expect(run.coverage.report().period).toBeNull()
  })
})

describe('completeness', () => {
  const rangeAfter = (...items: readonly Item[]) => {
    const run = createCoverageRun({ sources: ['nftables'] })
    const steady = Array.from({ length: 601 }, (_, second) => packet(second))
    run.feed(...[...steady, ...items].toSorted((a, b) => a.arrival - b.arrival))
    run.coverage.end()
    return run.coverage.report().sources[0]?.completeness
  }

  test('is whole without gaps and losses', () => {
    expect(rangeAfter()).toEqual({ atLeast: 100, atMost: 100 })
  })

  test('a loss without a number takes its minute from the least, not from the most', () => {
    expect(rangeAfter(notice(90, 'loss', 'journald-missed'))).toEqual({ atLeast: 90, atMost: 100 })
  })

  test('a counted loss takes its share of the minute', () => {
    expect(rangeAfter(notice(90, 'loss', 'journald-missed', 60))).toEqual({ atLeast: 95, atMost: 95 })
  })

  test('a gap takes its minutes from the least and its seconds from the most', () => {
    const run = createCoverageRun({ sources: ['nftables'] })
    for (let second = 0; second <= 90; second++) run.feed(packet(second))
    run.feed(notice(91, 'stopped', 'rsyslogd'), notice(121, 'started', 'rsyslogd'))
    for (let second = 122; second <= 600; second++) run.feed(packet(second))
    run.coverage.end()
    expect(run.coverage.report().sources[0]?.completeness).toEqual({ atLeast: 80, atMost: 95 })
  })

  test('a sampled rule leaves nothing certain but what other prefixes show', () => {
    const rulesets = createRulesetHistory()
    rulesets.add(null, demoRuleset('gw1'))
    const run = createCoverageRun({ sources: ['nftables'], rulesets })
    for (let second = 0; second <= 600; second++) run.feed(packet(second))
    run.coverage.end()
    const [report] = run.coverage.report().sources
    expect(report?.completeness).toEqual({ atLeast: 0, atMost: 100 })
    expect(report?.besidesSampled).toEqual({ atLeast: 100, atMost: 100 })
  })

  test('printk about other programs is said and changes nothing', () => {
    expect(rangeAfter(notice(90, 'loss', 'printk', 31))).toEqual({ atLeast: 100, atMost: 100 })
  })
})

describe('blind spots', () => {
  test('are interfaces without a log rule or never seen, sampled prefixes and absent sources', () => {
    const rulesets = createRulesetHistory()
    rulesets.add(null, demoRuleset('gw1'))
    const run = createCoverageRun({ rulesets }, INVENTORY)
    run.feed(packet(0), snapshot(1), packet(2))
    run.coverage.end()
    expect(run.coverage.report().blindSpots).toEqual([
      {
        host: GATEWAY,
        spots: [
          { what: 'no-source', name: 'conntrack' },
          { what: 'unlogged-interface', name: 'wg9' },
          { what: 'unseen-interface', name: 'wg9' },
          { what: 'sampled-prefix', name: '[edge] wg-sample tls: ' },
        ],
      },
    ])
  })

  test('without a ruleset it is unknown what is logged', () => {
    const run = createCoverageRun({ sources: ['nftables'] })
    run.feed(packet(0))
    run.coverage.end()
    expect(run.coverage.report().blindSpots[0]?.spots.map(({ what }) => what)).toEqual([
      'no-source',
      'no-source',
      'no-ruleset',
    ])
  })
})
