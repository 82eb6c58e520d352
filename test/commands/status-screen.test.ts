/** Goal: one look tells an admin how the daemon is: the screen itself, at 80 columns and wider, whatever the daemon says. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { displayWidth } from '../../src/commands/display-width.ts'
import { fittedTable } from '../../src/commands/fitted-table.ts'
import { statusScreen } from '../../src/commands/status-screen.ts'
import { sourceRows } from '../../src/commands/status-sources.ts'
import { agoText, countText, rateText } from '../../src/commands/status-text.ts'
import type { DaemonStatus } from '../../src/live/status.ts'
import { DAY, MINUTE, SECOND } from '../../src/time.ts'
import {
  catchingUp,
  failing,
  madeAlarm,
  madeCollector,
  madeSink,
  madeSource,
  madeStatus,
  madeTier,
  manyHosts,
  NOW,
} from '../live/status/made-status.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

type View = { width?: number; isAll?: boolean; rowsMax?: number; color?: boolean }

function screen(
  status: DaemonStatus,
  { width = 80, isAll = false, rowsMax = Infinity, color = false }: View = {},
): string {
  return statusScreen(createMemoryTerminal(color), status, { width, isAll, rowsMax })
}

const lengths = (text: string) => text.split('\n').map(displayWidth)

describe('the screen of a tier', () => {
  const status = madeStatus({ tier: madeTier(), sources: [], sinks: [], documents: {}, collectors: [] })

  test('shows each partition, what it has not read, and whom it waits for', () => {
    expect(screen(status)).toMatchInlineSnapshot(`
      "running  since 2026-11-19 13:13:11 UTC (3.1 d), told up to 1.4 s ago
      peertrail 0.1.0, pid 812, /etc/peertrail/pipeline.yaml

      No alarms

      Correlating  3 partitions of peertrail.correlate at kafka-1:9092, kafka-2:9092
      partition  flows unread  hosts unread   told up to  in memory  waits for
              0            12             0    4.1 s ago         34
              3        48,210             ?    2 min ago      9,120  gw7
              6             0             0  nothing yet          0
      2 machines heard, 1,204,332 produced, 41 repeated, 2 dead letters

      inventory 3f2a91c07d55, read 2 h ago · memory 212 MB
      "
    `)
  })

  test('of a process that has no partition says so', () => {
    expect(screen({ ...status, tier: madeTier({ partitions: [] }) })).toContain('none assigned yet')
  })

  test('of hundreds of partitions shows those furthest behind, and no line is too long', () => {
    const partitions = Array.from({ length: 300 }, (_, partition) => ({
      partition,
      lag: { flows: partition * 7, hosts: 1 },
      reached: NOW,
      waiting: partition,
      waitingFor: partition % 2 === 0 ? 'a-machine-with-a-long-name-that-says-nothing, and 1,204 more' : '',
    }))
    const text = screen({ ...status, tier: madeTier({ partitions }) })
    expect(text).toContain('the furthest behind; 236 more')
    expect(text).toContain('2,093')
    expect(Math.max(...lengths(text))).toBeLessThanOrEqual(80)
  })
})

describe('the screen', () => {
  test('of a quiet machine', () => {
    expect(screen(madeStatus())).toMatchInlineSnapshot(`
      "running  since 2026-11-19 13:13:11 UTC (3.1 d), told up to 1.4 s ago
      peertrail 0.1.0, pid 812, /etc/peertrail/pipeline.yaml

      No alarms

      Sources  75 lines/s, nothing unread
      host  source     lines/s    records  unparsed  waiting  behind     newest
      gw1   nftables        41  1,204,332         0        3     0 B  1.2 s ago
      gw1   conntrack       22    802,113         0        3     0 B  1.2 s ago
      gw1   wireguard       12    266,400         0        3     0 B  1.2 s ago
      gw1   ruleset        0.1     26,640         0        3     0 B  1.2 s ago

      Sinks
      sink    accepted  last  waiting  spool
      store  1,530,118   now        0    0 B

      Documents  38/s
      peertrail.coverage       95    wireguard.flow      801,990
      wireguard.firewall  590,233    wireguard.peer      137,800

      checkpoint 4.1 s ago (1.2 MB) · inventory 3f2a91c07d55, read 2 h ago
      1,204 open flows · 2 commands run · memory 212 MB
      "
    `)
  })

  test('of a machine in trouble: the alarms first', () => {
    expect(screen(failing())).toMatchInlineSnapshot(`
      "blocked  since 2026-11-19 13:13:11 UTC (3.1 d), told up to 11 min ago
      peertrail 0.1.0, pid 812, /etc/peertrail/pipeline.yaml

      4 alarms
      sink-failing       12 min  sink elasticsearch takes nothing (52104 wait):
                                 connect ECONNREFUSED 10.20.0.30:9200
      spool-full           90 s  a spool is full: nothing is read until a sink takes
                                 something
      source-unreadable    26 h  gw1 auditd: /var/log/audit/audit.log cannot be read:
                                 permission denied
      collector-down       26 h  gw1 conntrack: conntrack does not run: conntrack: no
                                 such program

      Sources  41 lines/s, 48 MB unread
      host  source    lines/s    records  unparsed    lost  behind      newest
      gw1   nftables       41  1,204,332         3  4.1 kB   48 MB  11 min ago
      gw1   auditd          0          0         0       0     0 B  unreadable

      Commands  1 of 2 in trouble
      command        state    restarts  last output  trouble
      gw1 conntrack  waiting        14        never  conntrack: no such program

      Sinks
      sink            accepted        last  waiting   spool  trouble
      store          1,530,118         now        0     0 B
      elasticsearch  1,530,118  12 min ago   52,104  1.1 GB  connect ECONNREFUSED 10.…

      Documents  38/s
      peertrail.coverage       95    wireguard.flow      801,990
      wireguard.firewall  590,233    wireguard.peer      137,800

      checkpoint 12 min ago (1.2 MB) · inventory 3f2a91c07d55, read 2 h ago
      1,204 open flows · 1 command runs · memory 212 MB
      "
    `)
  })

  test('of a daemon that catches up, on a wide terminal', () => {
    expect(screen(catchingUp(), { width: 120 })).toMatchInlineSnapshot(`
      "catching-up  since 2026-11-22 15:12:31 UTC (40 s), told up to 9 h ago
      peertrail 0.1.0, pid 812, /etc/peertrail/pipeline.yaml

      No alarms

      Sources  69,214 lines/s, 3.2 GB unread
      host  source     lines/s      lines    records  unparsed  waiting  behind     newest  file
      gw1   nftables    48,210  1,204,512  1,204,332         0   20,000  2.4 GB    9 h ago  /var/log/kern.log
      gw1   conntrack   21,004  1,204,512  1,204,332         0        3  810 MB  8.9 h ago  /var/log/conntrack.log

      Sinks
      sink    accepted  last  waiting  spool
      store  1,530,118   now        0    0 B

      Documents  31,020/s
      peertrail.coverage       95    wireguard.firewall  590,233    wireguard.flow      801,990    wireguard.peer      137,800

      no checkpoint yet · inventory 3f2a91c07d55, read 2 h ago · 1,204 open flows · memory 212 MB
      "
    `)
  })

  test('of a daemon that has only started', () => {
    const status = madeStatus({
      state: 'starting',
      startedAt: NOW - SECOND,
      watermark: null,
      sources: [],
      collectors: [],
      sinks: [madeSink({ accepted: 0, acceptedAt: 0 })],
      documents: {},
      documentRate: 0,
      checkpoint: { at: null, bytes: 0, error: 'ENOSPC: no space left on device' },
      inventory: { hash: '', loadedAt: NOW - SECOND },
      openFlows: 1,
    })
    expect(screen(status)).toMatchInlineSnapshot(`
      "starting  since 2026-11-22 15:13:10 UTC (1 s), no record yet
      peertrail 0.1.0, pid 812, /etc/peertrail/pipeline.yaml

      No alarms

      Sinks
      sink   accepted   last  waiting  spool
      store         0  never        0    0 B

      Documents  0/s

      no checkpoint is written: ENOSPC: no space left on device
      no checkpoint yet · inventory none · 1 open flow · memory 212 MB
      "
    `)
  })

  test('tells many machines by machine, and each source where asked', () => {
    const lines = screen(manyHosts()).split('\n')
    expect(lines).toContain('Sources  160 on 40 machines (--all has each), 702 lines/s, nothing unread')
    expect(lines.filter((line) => line.startsWith('gateway-'))).toHaveLength(40)
    expect(lines.find((line) => line.startsWith('gateway-17'))).toMatch(/3 h ago {2}auditd$/)
    expect(screen(manyHosts(), { isAll: true }).match(/^gateway-/gm)).toHaveLength(160)
    expect(sourceRows(manyHosts(), false)).toBe(40)
    expect(sourceRows(manyHosts(), true)).toBe(160)
  })

  test('where rows are few shows the sources that need somebody', () => {
    const lines = screen(manyHosts(), { rowsMax: 4 }).split('\n')
    const rows = lines.filter((line) => line.startsWith('gateway-'))
    expect(rows).toHaveLength(3)
    expect(rows[0]).toMatch(/^gateway-17 .* 3 h ago {2}auditd$/)
    expect(lines).toContain('the stalest; 37 more have no room')
  })

  test('tells two files of one source apart', () => {
    const sources = [madeSource(), madeSource({ path: '/var/log/ulog/ulogd.json' }), madeSource({ name: 'auditd' })]
    const rows = screen(madeStatus({ sources })).match(/^gw1 .*/gm) ?? []
    expect(rows.map((row) => row.slice(6, 25).trimEnd())).toEqual([
      'nftables kern.log',
      'nftables ulogd.json',
      expect.stringMatching(/^auditd/),
    ])
  })

  test('ends long lists of alarms and long alarms', () => {
    const alarms = Array.from({ length: 300 }, (_, i) =>
      madeAlarm({ about: `${i}`, text: `alarm ${i}: ${'word '.repeat(200)}` }),
    )
    const lines = screen(madeStatus({ alarms })).split('\n')
    expect(lines).toContain('and 288 more: --json has all')
    expect(lines.length).toBeLessThan(70)
  })

  test('is red where somebody is needed, and has no colours without a terminal', () => {
    const coloured = screen(failing(), { color: true })
    for (const text of ['blocked', 'sink-failing', 'unreadable', '4.1 kB'])
      expect(coloured, text).toContain(`\u001b[31m${text}\u001b[39m`)
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(screen(failing()))
    expect(screen(madeStatus(), { color: true })).not.toContain('\u001b[31m')
  })

  test('a stale source is red in its row', () => {
    const sources = [madeSource({ name: 'wireguard', newestAt: NOW - 3 * MINUTE })]
    const alarms = [madeAlarm({ kind: 'ledger-stale', about: 'gw1 wireguard' })]
    expect(screen(madeStatus({ sources, alarms }), { color: true })).toContain('\u001b[31m3 min ago\u001b[39m')
    expect(screen(madeStatus({ sources }), { color: true })).not.toContain('\u001b[31m')
  })

  test('fits its width and holds no control characters, whatever is in it', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constant('\u001b[2J\n\u202e'),
    )
    const count = fc.oneof(fc.nat(), fc.constant(0), fc.constant(1e15))
    const at = fc.oneof(
      fc.integer({ min: NOW - 900 * DAY, max: NOW + DAY }),
      fc.constant(0),
      fc.constant(-1e18),
      fc.constant(9e18),
    )
    const source = fc
      .record({
        host: text,
        path: text,
        problem: text,
        lines: count,
        behind: count,
        lostBytes: count,
        newestAt: at,
        rate: count,
      })
      .map((parts) => madeSource(parts))
    const status = fc
      .record({
        version: text,
        pipeline: text,
        startedAt: at,
        watermark: fc.option(at),
        sources: fc.array(source, { maxLength: 30 }),
        collectors: fc.array(
          fc.record({ label: text, lastError: text, lastOutputAt: at, restarts: count }).map(madeCollector),
          { maxLength: 3 },
        ),
        sinks: fc.array(
          fc.record({ name: text, error: text, waiting: count, accepted: count, acceptedAt: at }).map(madeSink),
          { maxLength: 3 },
        ),
        documents: fc.dictionary(text, count, { maxKeys: 5 }),
        alarms: fc.array(
          fc
            .record({ kind: fc.constantFrom('a', 'source-unreadable', 'ledger-stale'), text, since: at })
            .map(madeAlarm),
          { maxLength: 20 },
        ),
      })
      .map(madeStatus)
    fc.assert(
      fc.property(status, fc.integer({ min: 80, max: 200 }), fc.boolean(), (made, width, isAll) => {
        const printed = screen(made, { width, isAll })
        expect(printed).toMatch(/^(?:[^\p{Cc}\p{Cf}\p{Cs}]|\n)*$/u)
        expect(Math.max(...lengths(printed))).toBeLessThanOrEqual(width)
      }),
      { numRuns: 60 },
    )
  })
})

describe('words', () => {
  test.each([
    [0, '0'],
    [9_999_999, '9,999,999'],
    [12_345_678, '12.3 M'],
    [999_900_000, '1.00 G'],
    [4_567_000_000, '4.57 G'],
  ])('count %d is %s', (count, text) => {
    expect(countText(count)).toBe(text)
  })

  test.each([
    [0, '0'],
    [0.017, '0.1'],
    [9.94, '9.9'],
    [9.96, '10'],
    [48_210.4, '48,210'],
  ])('rate %d is %s', (rate, text) => {
    expect(rateText(rate)).toBe(text)
  })

  test.each([
    [NOW, 'now'],
    [NOW + SECOND, 'now'],
    [NOW + 3 * SECOND, 'in 3 s'],
    [NOW - 1.24 * SECOND, '1.2 s ago'],
    [NOW - 3 * DAY, '3 d ago'],
  ])('%d is %s', (at, text) => {
    expect(agoText(at, NOW)).toBe(text)
  })
})

describe('a fitted table', () => {
  const cells = (...texts: string[]) => texts.map((text) => ({ text, style: null }))
  const columns = [
    { title: 'a', least: 4 },
    { title: 'b', align: 'right' as const },
    { title: 'c', rank: 1 },
    { title: 'd', rank: 2, least: 4 },
  ]
  const rows = [cells('aaaaaaaaaa', '1', 'cccccc', 'dddddddddd'), cells('a', '22', 'c', 'd')]
  const at = (width: number) => fittedTable(createMemoryTerminal(), width, columns, rows)

  test('has every column where there is room', () => {
    expect(at(40)).toMatchInlineSnapshot(`
      "a            b  c       d
      aaaaaaaaaa   1  cccccc  dddddddddd
      a           22  c       d
      "
    `)
  })

  test('shortens, then leaves out, then shortens what must stay', () => {
    expect(at(30)).toMatchInlineSnapshot(`
      "a          b  c       d
      aaaaaaa…   1  cccccc  ddddddd…
      a         22  c       d
      "
    `)
    expect(at(26)).toMatchInlineSnapshot(`
      "a            b  c
      aaaaaaaaaa   1  cccccc
      a           22  c
      "
    `)
    expect(at(18)).toMatchInlineSnapshot(`
      "a            b
      aaaaaaaaaa   1
      a           22
      "
    `)
    expect(at(12)).toMatchInlineSnapshot(`
      "a          b
      aaaaaaa…   1
      a         22
      "
    `)
    expect(at(8)).toMatchInlineSnapshot(`
      "a      b
      aaa…   1
      a     22
      "
    `)
  })
})
