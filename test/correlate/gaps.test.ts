/** What counts as a gap and what does not, source by source. */
import { describe, expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../src/time.ts'
import {
  conntrack,
  createCoverageRun,
  fileOf,
  hostOf,
  notice,
  packet,
  snapshot,
  T0,
  UNTIMED,
  unparsed,
} from './coverage-run.ts'

const polls = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => snapshot(from + i * step))

describe('polls', () => {
  test('neighbours further apart than three periods leave a gap, with the number that should have come', () => {
    const run = createCoverageRun()
    run.feed(...polls(0, 20), ...polls(30, 40))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['polls-missing 20 30'])
    expect(run.documents('source-gap')[0]).toMatchObject({
      'wireguard.coverage.source': 'wireguard',
      'wireguard.coverage.expected': 9,
      'wireguard.coverage.seen': 0,
      'wireguard.coverage.lost': 9,
    })
  })

  test('a late poll is no gap, a lost one is', () => {
    const run = createCoverageRun()
    run.feed(...polls(0, 20), ...polls(21.7, 30), ...polls(31.7, 40))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['polls-missing 29.7 31.7'])
  })

  test('incomplete polls count as missing', () => {
    const run = createCoverageRun()
    run.feed(...polls(0, 20), ...[21, 22, 23, 24].map((seconds) => snapshot(seconds, false)), ...polls(25, 40))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['polls-missing 20 25'])
  })

  test('a hole among the first polls is judged by the period the later ones show', () => {
    const run = createCoverageRun()
    run.feed(snapshot(0), snapshot(10), ...polls(11, 30))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['polls-missing 0 10'])
  })

  test('a configured period is used from the first poll on', () => {
    const { options } = hostOf()
    const run = createCoverageRun({ options: { ...options, poll: 5 * SECOND } })
    run.feed(snapshot(0), snapshot(16))
    expect(run.said('source-gap')).toEqual(['polls-missing 0 16'])
  })

  test('polls that never come back are missing until the end of the capture', () => {
    const run = createCoverageRun()
    run.feed(...polls(0, 20), packet(80))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['polls-missing 20 80'])
  })

  test('collectors are not stopped all at once: a few seconds at the end are no gap', () => {
    const run = createCoverageRun()
    run.feed(...polls(0, 20), packet(32))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual([])
  })
})

describe('log daemon', () => {
  test('a stop and a start more than a second apart', () => {
    const run = createCoverageRun()
    run.feed(packet(1), notice(3, 'stopped', 'rsyslogd'), notice(10, 'started', 'rsyslogd'), packet(11))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['daemon-stopped 3 10'])
    expect(run.said('source-stopped')).toEqual(['rsyslogd'])
    expect(run.said('source-started')).toEqual(['rsyslogd'])
  })

  test('a restart within a second is none', () => {
    const run = createCoverageRun()
    run.feed(packet(1), notice(3, 'stopped', 'rsyslogd'), notice(3.9, 'started', 'rsyslogd'), packet(11))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual([])
  })

  test('a stop that a line follows at once was no stop', () => {
    const run = createCoverageRun()
    run.feed(notice(3, 'stopped', 'rsyslogd'), packet(3.4), packet(50))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual([])
  })

  test('a stop that a line follows later is a gap until that line', () => {
    const run = createCoverageRun()
    run.feed(notice(3, 'stopped', 'rsyslogd'), packet(9), packet(50))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['daemon-stopped 3 9'])
  })

  test('a stop at the end is the end of the capture', () => {
    const run = createCoverageRun({ sources: ['nftables', 'conntrack'] })
    run.feed(packet(1), notice(3, 'stopped', 'rsyslogd'), conntrack(40))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual([])
    expect(run.said('source-stopped')).toEqual(['rsyslogd'])
  })

  test('a start without a stop is a gap from the last line before', () => {
    const run = createCoverageRun()
    run.feed(packet(1), packet(4), notice(10, 'started', 'rsyslogd'), packet(11))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['daemon-restarted 4 10'])
  })

  test('a start before any line is the beginning', () => {
    const run = createCoverageRun()
    run.feed(notice(0, 'started', 'rsyslogd'), packet(20))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual([])
  })

  test('journald and a wrong zone stop nothing', () => {
    const run = createCoverageRun()
    run.feed(
      packet(1),
      notice(3, 'stopped', 'journald'),
      notice(10, 'started', 'journald'),
      notice(12, 'started', 'wrong-zone'),
      packet(30),
    )
    run.feed(notice(31, 'stopped', 'rsyslogd', 0, 'journal.json'), notice(40, 'started', 'rsyslogd', 0, 'journal.json'))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual([])
  })

  test("conntrack's own words have no time: the gap ends with the next event", () => {
    const run = createCoverageRun()
    run.feed(conntrack(1), notice(1, 'stopped', 'conntrack', 0, 'conntrack.log'), unparsed(1, 9, 'conntrack.log'))
    run.feed(notice(1, 'started', 'conntrack', 0, 'conntrack.log'), conntrack(8))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['daemon-stopped 1 8'])
  })
})

describe("runs of conntrack's collector", () => {
  const run = (afterLines: readonly number[], lines: number, enobufs: readonly number[] = []) => {
    const conntrackRuns = afterLines.map((afterLine, i) => ({ afterLine, enobufs: enobufs.includes(i) }))
    const made = createCoverageRun({ conntrackRuns })
    for (let i = 1; i <= lines; i++)
      made.feed(i % 7 === 0 ? unparsed(i * 10, i, 'conntrack.log') : conntrack(i * 10, 40000 + i))
    made.coverage.end()
    return made
  }

  test('a run that ended after line N leaves a gap to line N + 1', () => {
    expect(run([3, 10], 10).said('source-gap')).toEqual(['collector-stopped 30 40'])
    expect(run([3, 7, 10], 10).said('source-gap')).toEqual(['collector-stopped 30 40', 'collector-stopped 70 80'])
  })

  test('one run, and a run without a line, leave none of their own', () => {
    expect(run([10], 10).said('source-gap')).toEqual([])
    expect(run([0, 10], 10).said('source-gap')).toEqual([])
    expect(run([4, 4, 10], 10).said('source-gap')).toEqual(['collector-stopped 40 50'])
  })

  test('a run that did not say how much it wrote cannot be placed, those before it can', () => {
    expect(run([3, -1], 10).said('source-gap')).toEqual(['collector-stopped 30 40'])
    expect(run([-1, -1], 10).said('source-gap')).toEqual([])
  })

  test('rows of table dumps are not lines of the log', () => {
    const made = createCoverageRun({
      conntrackRuns: [
        { afterLine: 2, enobufs: false },
        { afterLine: 3, enobufs: false },
      ],
    })
    const row = conntrack(15, 1, { event: 'list', file: fileOf('conntrack.snapshots') })
    made.feed(conntrack(10), row, unparsed(16, 1, 'conntrack.snapshots'), conntrack(20), conntrack(30))
    made.coverage.end()
    expect(made.said('source-gap')).toEqual(['collector-stopped 20 30'])
  })

  test('a log shorter than its runs is not laid along them', () => {
    const made = run([3, 12], 10)
    expect(made.said('source-gap')).toEqual([])
    expect(made.said('source-lost')).toEqual(['lines-missing 10 100'])
    expect(made.documents('source-lost')[0]).toMatchObject({ 'wireguard.coverage.lost': 2 })
  })

  test('ENOBUFS is a loss without a number, somewhere in its run', () => {
    expect(run([3, 10], 10, [1]).said('source-lost')).toEqual(['enobufs 40 100'])
    expect(run([3, 10], 10, [0]).said('source-lost')).toEqual(['enobufs 10 30'])
    expect(run([3, -1], 10, [1]).said('source-lost')).toEqual(['enobufs 40 100'])
  })
})

describe('loss', () => {
  test('is said with its number where there is one', () => {
    const run = createCoverageRun()
    run.feed(packet(1), notice(5, 'loss', 'rsyslogd', 516), notice(6, 'loss', 'journald-missed'))
    run.coverage.end()
    expect(
      run.documents('source-lost').map((fields) => [fields['event.reason'], fields['wireguard.coverage.lost']]),
    ).toEqual([
      ['rsyslogd', 516],
      ['journald-missed', undefined],
    ])
    expect(run.coverage.report().sources[0]).toMatchObject({ lost: 516, uncountedLosses: 1 })
  })
})

describe('damaged files', () => {
  const inFile = (seconds: number, name: string) => ({ ...packet(seconds), file: fileOf(name) })

  test('the rest of the file is missing until the next one begins, also when told early', () => {
    const run = createCoverageRun()
    run.feed(inFile(1, 'kern.log.2.gz'))
    run.coverage.damage('gw1', 'nftables', 'kern.log.1.gz', 'unexpected end of file', 4096)
    run.feed(
      inFile(5, 'kern.log.2.gz'),
      inFile(10, 'kern.log.1.gz'),
      inFile(20, 'kern.log.1.gz'),
      inFile(90, 'kern.log'),
    )
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['damaged-file 20 90'])
    expect(run.documents('source-gap')[0]).toMatchObject({
      'wireguard.coverage.file': 'kern.log.1.gz',
      'wireguard.coverage.offset': 4096,
      'error.message': 'unexpected end of file',
    })
  })

  test('without a next file the gap has no end', () => {
    const run = createCoverageRun()
    run.coverage.damage('gw1', 'nftables', 'kern.log', 'read error', 0)
    run.feed(packet(1), packet(5))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual(['damaged-file'])
    expect(run.documents('source-gap')[0]?.['@timestamp']).toBe(T0 + 5 * SECOND)
  })
})

describe('silence', () => {
  test('of a healthy source makes no gap', () => {
    const run = createCoverageRun()
    for (let second = 0; second < 1800; second++) {
      run.feed(snapshot(second))
      if (second % 600 === 0) run.feed(conntrack(second + 0.1, 40000 + second), packet(second + 0.1))
      run.tick(second)
    }
    run.coverage.end()
    expect(run.said('source-gap')).toEqual([])
    expect(run.said('source-lost')).toEqual([])
  })

  test('before any time is known breaks nothing', () => {
    const run = createCoverageRun()
    run.feed(unparsed(UNTIMED), notice(0, 'started', 'rsyslogd'), packet(MINUTE / SECOND))
    run.coverage.end()
    expect(run.said('source-gap')).toEqual([])
  })
})
