/** What a run that has no end says: marks of our own collector, bytes of followed files that were lost, who is silent. */
import { describe, expect, test } from 'vitest'
import { defaultHostOptions } from '../../src/config.ts'
import { createCoverage } from '../../src/correlate/coverage.ts'
import type { SourceName } from '../../src/correlate/intake.ts'
import { type Event, flatten } from '../../src/event.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import type { FileGap } from '../../src/sources/line-source.ts'
import type { Notice } from '../../src/sources/source.ts'
import { HOUR, MINUTE, SECOND } from '../../src/time.ts'
import { expectLegal, expectUniqueIds } from '../event-rules.ts'
import { conntrack, createCoverageRun, fileOf, GATEWAY, hostOf, notice, packet, snapshot, T0 } from './coverage-run.ts'

function mark(seconds: number, what: Notice['what'], words: string = what): Notice {
  const reason = what === 'loss' ? 'ENOBUFS' : 'conntrack'
  return { ...notice(seconds, what, reason, 0, 'conntrack.log'), text: `# 2026-11-22T15:09:00.000+00:00 gw1 ${words}` }
}

describe('marks of the collector', () => {
  test('between a stop and the next start nobody listened', () => {
    const run = createCoverageRun()
    run.feed(conntrack(1), mark(3, 'stopped', 'stopped exit status 1'), mark(3.5, 'started'), conntrack(9))
    expect(run.said('source-gap')).toEqual(['collector-stopped 3 3.5'])
    expect(run.said('source-stopped')).toEqual(['conntrack'])
    expect(run.said('source-started')).toEqual(['conntrack'])
    expect(run.documents('source-stopped')[0]?.['event.original']).toContain('exit status 1')
    run.coverage.end()
    expect(run.said('source-gap')).toHaveLength(1)
    for (const event of run.events) expectLegal(event)
    expectUniqueIds(run.events)
  })

  test('a collector that was killed was there until its last sign of life', () => {
    const run = createCoverageRun()
    run.feed(mark(0, 'started'), conntrack(1), mark(11, 'running'), mark(40, 'started'), conntrack(41))
    run.feed(mark(41.9, 'started'), conntrack(60), mark(90, 'started'))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual([
      'collector-stopped 11 40',
      'collector-stopped 41 41.9',
      'collector-stopped 60 90',
    ])
    expect(run.coverage.report().sources[1]?.completeness.atMost).toBe(100)
  })

  test('the first start is the beginning, a stop at the end the end', () => {
    const run = createCoverageRun()
    run.feed(packet(0), mark(20, 'started'), conntrack(21), mark(60, 'stopped'), packet(120))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual([])
    expect(run.coverage.report().sources[1]?.completeness.atMost).toBe(50)
  })

  test('a line after a stop ends it, though the start was not written', () => {
    const run = createCoverageRun()
    run.feed(conntrack(1), mark(3, 'stopped'), mark(4, 'stopped'), conntrack(8), mark(9, 'running'))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['collector-stopped 3 8'])
  })

  test('a loss lies between the last sign of life and the mark', () => {
    const run = createCoverageRun()
    run.feed(conntrack(1), mark(11, 'running'), mark(14, 'loss', 'lost ENOBUFS'), mark(15, 'loss', 'lost ENOBUFS'))
    run.feed(conntrack(20), mark(22, 'loss', 'lost disk full'))
    run.coverage.end()
    expect(run.said('source-lost')).toEqual(['enobufs 11 14', 'enobufs 14 15', 'collector-lost 20 22'])
    expect(run.coverage.report().sources[1]?.uncountedLosses).toBe(3)
    for (const event of run.events) expectLegal(event)
    expectUniqueIds(run.events)
  })

  test('a loss as the first of all has only its own time', () => {
    const run = createCoverageRun()
    run.feed(mark(14, 'loss', 'lost ENOBUFS'))
    expect(run.said('source-lost')).toEqual(['enobufs 14 14'])
  })

  test('running is a sign of life and no document', () => {
    const run = createCoverageRun()
    run.feed(conntrack(1), mark(11, 'running'), mark(21, 'running'))
    expect(run.events).toEqual([])
    expect(run.coverage.freshness()[1]?.newestAt).toBe(T0 + 21 * SECOND)
    run.coverage.end()
    const beats = run.documents('source-heartbeat').filter((each) => each['wireguard.coverage.source'] === 'conntrack')
    expect(beats.map((each) => each['wireguard.coverage.seen'])).toEqual([1])
  })

  test('what conntrack.stderr says is not said twice', () => {
    const conntrackRuns = [2, 4].map((afterLine) => ({ afterLine, enobufs: true }))
    const lines = [conntrack(1), conntrack(2), conntrack(8), conntrack(9)]
    const without = createCoverageRun({ conntrackRuns })
    without.feed(...lines)
    without.coverage.end()
    expect(without.said('source-gap')).toEqual(['collector-stopped 2 8'])
    const run = createCoverageRun({ conntrackRuns })
    run.feed(...lines.slice(0, 2), mark(3, 'stopped'), mark(7, 'started'), ...lines.slice(2))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['collector-stopped 3 7'])
    expect(run.said('source-lost')).toEqual([])
  })
})

describe('lost bytes of a followed file', () => {
  const lost = (bytes: number, from = -1, reason = 'truncated-before-read'): FileGap => ({
    file: 'kern.log',
    reason,
    bytes,
    from,
    to: from < 0 ? -1 : from + bytes,
  })

  test('lie between the last record before and the first after', () => {
    const run = createCoverageRun()
    run.feed(packet(1), packet(2))
    run.coverage.fileGap(GATEWAY, 'nftables', lost(500, 100))
    expect(run.events).toEqual([])
    run.feed(packet(9), packet(10))
    expect(run.said('source-gap')).toEqual(['truncated-before-read 2 9'])
    expect(run.documents('source-gap')[0]).toMatchObject({
      'wireguard.coverage.source': 'nftables',
      'wireguard.coverage.bytes': 500,
      'wireguard.coverage.offset': 100,
      'wireguard.coverage.file': 'kern.log',
    })
    run.coverage.end()
    expect(run.coverage.report().sources[0]?.completeness).toEqual({ atLeast: 0, atMost: 100 })
    for (const event of run.events) expectLegal(event)
  })

  test('when records before it are still on their way, it waits for the first that is not', () => {
    const run = createCoverageRun()
    run.feed(packet(1))
    run.coverage.fileGap(GATEWAY, 'nftables', lost(-1), T0 + 4 * SECOND)
    run.feed(packet(2), packet(4), packet(7))
    expect(run.said('source-gap')).toEqual(['truncated-before-read 4 7'])
    expect(run.documents('source-gap')[0]?.['wireguard.coverage.bytes']).toBeUndefined()
  })

  test('several at one place are several', () => {
    const run = createCoverageRun()
    run.feed(packet(1))
    for (const gap of [lost(5), lost(5), lost(5, 3, 'unreadable')]) run.coverage.fileGap(GATEWAY, 'nftables', gap)
    run.feed(packet(7))
    expect(run.said('source-gap')).toEqual(['truncated-before-read 1 7', 'truncated-before-read 1 7', 'unreadable 1 7'])
    expectUniqueIds(run.events)
  })

  test('before the first record, after the last, and within one moment the time is a point', () => {
    const run = createCoverageRun()
    run.coverage.fileGap(GATEWAY, 'nftables', lost(1, 0))
    run.feed(packet(1))
    run.coverage.fileGap(GATEWAY, 'nftables', lost(2, 0))
    run.feed(packet(1))
    run.coverage.fileGap(GATEWAY, 'nftables', lost(3, 0))
    run.coverage.end()
    const gaps = run.documents('source-gap')
    expect(gaps.map((each) => [each['@timestamp'], each['event.end'], each['wireguard.coverage.bytes']])).toEqual([
      [T0 + SECOND, undefined, 1],
      [T0 + SECOND, undefined, 2],
      [T0 + SECOND, undefined, 3],
    ])
    expect(run.coverage.report().sources[0]?.uncountedLosses).toBe(3)
    expectUniqueIds(run.events)
  })

  test('a flood of them is one after the first thousand, and no byte is left out', () => {
    const run = createCoverageRun()
    run.feed(packet(1))
    for (let i = 0; i < 5000; i++) run.coverage.fileGap(GATEWAY, 'nftables', lost(2, i * 10))
    run.feed(packet(7))
    const gaps = run.documents('source-gap')
    expect(gaps).toHaveLength(1000)
    expect(gaps.reduce((sum, each) => sum + (each['wireguard.coverage.bytes'] ?? 0), 0)).toBe(10_000)
  })
})

const INVENTORY = parseInventory(
  'version: 1\ngateways:\n- {name: gw1, interfaces: [wg0], sources: [nftables, conntrack]}\nhosts:\n- {name: db1, addresses: [10.0.0.1], sources: [auditd]}\n',
  'inventory.yaml',
)

function live(isLive = true) {
  const events: Event[] = []
  const sources: SourceName[] = ['nftables', 'conntrack']
  const options = { hosts: [hostOf({ sources })], inventory: INVENTORY, isLive }
  const coverage = createCoverage(options, (event) => events.push(event))
  const never = () =>
    events
      .map(flatten)
      .filter((each) => each['event.reason'] === 'never-spoke')
      .map((each) => {
        const [from = 0, to = 0] = [each['event.start'], each['event.end']]
        return `${each['host.name']} ${each['wireguard.coverage.source']} ${(from - T0) / MINUTE} ${(to - T0) / MINUTE}`
      })
  return {
    coverage,
    events,
    never,
    /** Lines of the packet log every 10 s, with the watermark a second behind. */
    minutes(from: number, to: number): void {
      for (let at = from * 60; at < to * 60; at += 10) {
        coverage.take(GATEWAY, 'nftables', packet(at))
        coverage.tick(T0 + (at - 1) * SECOND)
      }
    },
  }
}

describe('promised sources that never spoke, live', () => {
  test('are told after the first minute, then every hour, in pieces that leave nothing out', () => {
    const run = live()
    run.minutes(0, 2.1)
    expect(run.never()).toEqual(['gw1 conntrack 0 1', 'db1 auditd 0 1'])
    run.minutes(2.1, 123)
    expect(run.never().slice(2)).toEqual([
      'gw1 conntrack 1 61',
      'db1 auditd 1 61',
      'gw1 conntrack 61 121',
      'db1 auditd 61 121',
    ])
    run.coverage.end()
    expect(run.never().slice(6)).toHaveLength(2)
    expectUniqueIds(run.events)
  })

  test('and speak at last are told up to then, and no more', () => {
    const run = live()
    run.minutes(0, 30)
    run.coverage.take(GATEWAY, 'conntrack', conntrack(30 * 60))
    run.minutes(30, 200)
    expect(run.never().filter((text) => text.includes('conntrack'))).toEqual([
      'gw1 conntrack 0 1',
      'gw1 conntrack 1 30',
    ])
  })

  test('and speak within the first minute were never missed', () => {
    const run = live()
    run.coverage.take(GATEWAY, 'nftables', packet(0))
    run.coverage.take(GATEWAY, 'conntrack', conntrack(50))
    run.minutes(1, 10)
    expect(run.never().filter((text) => text.includes('conntrack'))).toEqual([])
  })

  test('where nothing speaks at all, the watermark alone tells', () => {
    const run = live()
    for (let second = 0; second <= 150; second++) run.coverage.tick(T0 + second * SECOND)
    expect(run.never()).toEqual(['gw1 nftables 0 1', 'gw1 conntrack 0 1', 'db1 auditd 0 1'])
  })

  test('after a long sleep it is one piece, not one for each hour', () => {
    const run = live()
    run.minutes(0, 3)
    run.coverage.tick(T0 + 48 * HOUR)
    expect(run.never().slice(2)).toEqual(['gw1 conntrack 1 2880', 'db1 auditd 1 2880'])
  })

  test('in a replay are told at the end, once', () => {
    const run = live(false)
    run.minutes(0, 300)
    expect(run.never()).toEqual([])
    run.coverage.end()
    expect(run.never()).toHaveLength(2)
  })

  test('what a newer inventory promises is missed from the restart on', () => {
    const first = createCoverage(
      { hosts: [hostOf({ sources: ['nftables'] })], inventory: parseInventory('version: 1\n', 'i'), isLive: true },
      () => {},
    )
    first.take(GATEWAY, 'nftables', packet(0))
    first.tick(T0 + 5 * HOUR)
    const events: Event[] = []
    const hosts = [hostOf({ sources: ['nftables', 'conntrack'] })]
    const next = createCoverage(
      { hosts, inventory: INVENTORY, isLive: true },
      (event) => events.push(event),
      first.save(),
    )
    next.tick(T0 + 5 * HOUR + 2 * MINUTE)
    const gaps = events.map(flatten).filter((each) => each['event.reason'] === 'never-spoke')
    expect(gaps.map((each) => (each['event.start'] ?? 0) - T0)).toEqual([5 * HOUR, 5 * HOUR])
  })

  test('a source that is new since the restart has heartbeats', () => {
    const inventory = parseInventory('version: 1\n', 'i')
    const first = createCoverage({ hosts: [hostOf({ sources: ['nftables'] })], inventory }, () => {})
    first.take(GATEWAY, 'nftables', packet(0))
    const events: Event[] = []
    const hosts = [hostOf({ sources: ['nftables', 'conntrack'] })]
    const next = createCoverage({ hosts, inventory }, (event) => events.push(event), first.save())
    next.take(GATEWAY, 'nftables', packet(130))
    next.tick(T0 + 130 * SECOND)
    const beats = events.map(flatten).map((each) => each['wireguard.coverage.source'])
    expect(beats).toContain('conntrack')
  })
})

describe('freshness', () => {
  const of = (run: ReturnType<typeof createCoverageRun>, source: SourceName) =>
    run.coverage.freshness().find((each) => each.source === source)

  test('names every source there is or should be', () => {
    const run = live()
    run.coverage.take(GATEWAY, 'nftables', packet(1))
    expect(run.coverage.freshness().map(({ host, source, hasSpoken }) => `${host} ${source} ${hasSpoken}`)).toEqual([
      'gw1 nftables true',
      'gw1 conntrack false',
      'db1 auditd false',
    ])
    expect(run.coverage.freshness()[1]).toMatchObject({ newestAt: 0, usualDistance: 0, staleAfter: 5 * MINUTE })
  })

  test('five minutes of silence are nothing for a source that pauses for ten', () => {
    const run = createCoverageRun()
    // Bursts of three lines, two seconds apart, every ten minutes.
    for (let i = 0; i < 40; i++) run.feed(packet(i * 600), packet(i * 600 + 2), packet(i * 600 + 4))
    expect(of(run, 'nftables')).toMatchObject({ usualDistance: 596 * SECOND, staleAfter: 20 * 596 * SECOND })
  })

  test('one long outage does not make a busy source a quiet one', () => {
    const run = createCoverageRun()
    for (let i = 0; i < 500; i++) run.feed(packet(i), packet(i + 0.5))
    run.feed(packet(20_000))
    for (let i = 1; i < 20; i++) run.feed(packet(20_000 + i))
    expect(of(run, 'nftables')?.staleAfter).toBe(5 * MINUTE)
  })

  test('three periods without a complete poll make a stale ledger', () => {
    const { options } = { options: { ...defaultHostOptions(), poll: 2 * SECOND } }
    const run = createCoverageRun({ options })
    run.feed(snapshot(0), snapshot(2), snapshot(4, false), snapshot(6, false))
    expect(of(run, 'wireguard')).toEqual({
      host: GATEWAY,
      source: 'wireguard',
      newestAt: T0 + 2 * SECOND,
      hasSpoken: true,
      usualDistance: 2 * SECOND,
      staleAfter: 6 * SECOND,
    })
  })

  test('without a configured period it is measured', () => {
    const run = createCoverageRun()
    expect(of(run, 'wireguard')).toMatchObject({ newestAt: 0, usualDistance: 0 })
    for (let i = 0; i < 20; i++) run.feed(snapshot(i * 5))
    expect(of(run, 'wireguard')).toMatchObject({ usualDistance: 5 * SECOND, staleAfter: 15 * SECOND })
  })

  test('rows of table dumps do not hide that nobody listens to events', () => {
    const row = (seconds: number) => conntrack(seconds, 1, { event: 'list', file: fileOf('conntrack.snapshots') })
    const run = createCoverageRun()
    run.feed(row(1))
    expect(of(run, 'conntrack')?.newestAt).toBe(T0 + SECOND)
    run.feed(conntrack(2), row(31), row(61))
    expect(of(run, 'conntrack')?.newestAt).toBe(T0 + 2 * SECOND)
  })
})
