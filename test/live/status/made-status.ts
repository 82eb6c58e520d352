/** Statuses of made-up daemons: what a test does not name is a machine on which all is well. */
import type { CollectorStatus } from '../../../src/live/collectors/collector.ts'
import type { DeliveryStatus } from '../../../src/live/delivery.ts'
import type { Alarm, DaemonStatus, SourceStatus } from '../../../src/live/status.ts'
import type { TierStatus } from '../../../src/live/tiers/tier.ts'
import { DAY, HOUR, MINUTE, type Micros, SECOND } from '../../../src/time.ts'

/** 2026-11-22T15:13:11Z. */
export const NOW: Micros = 1_795_360_391 * SECOND

export function madeSource(parts: Partial<SourceStatus> = {}): SourceStatus {
  const { host = 'gw1', name = 'nftables', path = '/var/log/kern.log' } = parts
  return {
    label: `${host}/${name} ${path}`,
    host,
    name,
    path,
    problem: '',
    lines: 1_204_512,
    records: 1_204_332,
    unparsed: 0,
    suspect: 0,
    bytes: 240_902_400,
    behind: 0,
    lostBytes: 0,
    newestAt: NOW - 1.2 * SECOND,
    waiting: 3,
    rate: 41.25,
    ...parts,
  }
}

export function madeCollector(parts: Partial<CollectorStatus> = {}): CollectorStatus {
  return {
    label: 'gw1 conntrack',
    command: ['conntrack', '-E'],
    state: 'running',
    startedAt: NOW - 3 * DAY,
    restarts: 0,
    lastError: '',
    lastOutputAt: NOW - 2 * SECOND,
    bytes: 50_000_000,
    ...parts,
  }
}

export function madeSink(parts: Partial<DeliveryStatus> = {}): DeliveryStatus {
  return {
    name: 'store',
    error: '',
    failures: 0,
    waiting: 0,
    spoolBytes: 0,
    accepted: 1_530_118,
    acceptedAt: NOW - 0.4 * SECOND,
    trouble: '',
    counts: {},
    ...parts,
  }
}

export function madeAlarm(parts: Partial<Alarm> = {}): Alarm {
  return {
    kind: 'sink-failing',
    about: 'elasticsearch',
    text: 'sink elasticsearch takes nothing (52104 wait): connect ECONNREFUSED 10.20.0.30:9200',
    since: NOW - 12 * MINUTE,
    ...parts,
  }
}

export function madeStatus(parts: Partial<DaemonStatus> = {}): DaemonStatus {
  return {
    version: '0.1.0',
    pid: 812,
    pipeline: '/etc/peertrail/pipeline.yaml',
    state: 'running',
    startedAt: NOW - 3 * DAY - 2 * HOUR,
    now: NOW,
    watermark: NOW - 1.4 * SECOND,
    tier: null,
    sources: [
      madeSource(),
      madeSource({
        name: 'conntrack',
        path: '/var/lib/peertrail-state/journals/gw1/conntrack.log',
        records: 802_113,
        rate: 22,
      }),
      madeSource({
        name: 'wireguard',
        path: '/var/lib/peertrail-state/journals/gw1/wg.snapshots',
        records: 266_400,
        rate: 12,
      }),
      madeSource({
        name: 'ruleset',
        path: '/var/lib/peertrail-state/journals/gw1/ruleset.snapshots',
        records: 26_640,
        rate: 0.1,
      }),
    ],
    collectors: [madeCollector(), madeCollector({ label: 'gw1 wireguard', command: ['wg', 'show', 'all', 'dump'] })],
    sinks: [madeSink()],
    documents: {
      'wireguard.flow': 801_990,
      'wireguard.firewall': 590_233,
      'wireguard.peer': 137_800,
      'peertrail.coverage': 95,
    },
    documentRate: 38.2,
    checkpoint: { at: NOW - 4.1 * SECOND, bytes: 1_204_224, error: '' },
    inventory: { hash: '3f2a91c07d55', loadedAt: NOW - 2 * HOUR },
    openFlows: 1_204,
    lateRecords: 0,
    lateRate: 0,
    memoryBytes: 212_400_000,
    alarms: [],
    ...parts,
  }
}

/** A log host that takes the logs of 40 machines; one of them fell silent, another sends what nobody can read. */
export function manyHosts(): DaemonStatus {
  const sources = Array.from({ length: 40 }, (_, i) => {
    const host = `gateway-${String(i + 1).padStart(2, '0')}`
    const newestAt = i === 16 ? NOW - 3 * HOUR : NOW - (1 + (i % 7)) * SECOND
    return (['nftables', 'conntrack', 'wireguard', 'auditd'] as const).map((name, j) =>
      madeSource({
        host,
        name,
        path: `/var/log/remote/${host}/${name}.log`,
        records: 1_000 * (i + 1) + j,
        rate: i === 16 ? 0 : 3 + j,
        unparsed: i === 4 && j === 0 ? 117 : 0,
        newestAt: newestAt - j * SECOND,
      }),
    )
  }).flat()
  const text = 'gateway-17: no wg poll for 3 h; attribution waits or is ambiguous'
  return madeStatus({
    sources,
    collectors: [],
    alarms: [madeAlarm({ kind: 'ledger-stale', about: 'gateway-17 wireguard', text, since: NOW - 3 * HOUR })],
  })
}

/** Nothing leaves for Elasticsearch, a command is not installed, a log may not be read. */
export function failing(): DaemonStatus {
  const error = 'connect ECONNREFUSED 10.20.0.30:9200'
  return madeStatus({
    state: 'blocked',
    watermark: NOW - 11 * MINUTE,
    sources: [
      madeSource({ unparsed: 3, behind: 48_230_112, newestAt: NOW - 11 * MINUTE, lostBytes: 4_096 }),
      madeSource({
        name: 'auditd',
        path: '/var/log/audit/audit.log',
        problem: 'permission denied',
        newestAt: null,
        records: 0,
        rate: 0,
      }),
    ],
    collectors: [
      madeCollector({
        state: 'waiting',
        lastError: 'conntrack: no such program',
        restarts: 14,
        lastOutputAt: 0,
        startedAt: 0,
      }),
      madeCollector({ label: 'gw1 wireguard' }),
    ],
    sinks: [
      madeSink(),
      madeSink({
        name: 'elasticsearch',
        error,
        failures: 31,
        waiting: 52_104,
        spoolBytes: 1_073_741_824,
        acceptedAt: NOW - 12 * MINUTE,
      }),
    ],
    checkpoint: { at: NOW - 12 * MINUTE, bytes: 1_204_224, error: '' },
    alarms: [
      madeAlarm(),
      madeAlarm({
        kind: 'spool-full',
        about: 'spool',
        text: 'a spool is full: nothing is read until a sink takes something',
        since: NOW - 90 * SECOND,
      }),
      madeAlarm({
        kind: 'source-unreadable',
        about: 'gw1 auditd',
        text: 'gw1 auditd: /var/log/audit/audit.log cannot be read: permission denied',
        since: NOW - 26 * HOUR,
      }),
      madeAlarm({
        kind: 'collector-down',
        about: 'gw1 conntrack',
        text: 'gw1 conntrack: conntrack does not run: conntrack: no such program',
        since: NOW - 26 * HOUR,
      }),
    ],
  })
}

/** Started after a night: everything is hours behind. */
export function catchingUp(): DaemonStatus {
  return madeStatus({
    state: 'catching-up',
    startedAt: NOW - 40 * SECOND,
    watermark: NOW - 9 * HOUR,
    sources: [
      madeSource({ behind: 2_400_000_000, newestAt: NOW - 9 * HOUR, rate: 48_210, waiting: 20_000 }),
      madeSource({
        name: 'conntrack',
        path: '/var/log/conntrack.log',
        behind: 810_000_000,
        newestAt: NOW - 8.9 * HOUR,
        rate: 21_004,
      }),
    ],
    collectors: [],
    checkpoint: { at: null, bytes: 0, error: '' },
    documentRate: 31_020,
  })
}

export function madeTier(parts: Partial<TierStatus> = {}): TierStatus {
  return {
    tier: 'correlate',
    brokers: ['kafka-1:9092', 'kafka-2:9092'],
    group: 'peertrail.correlate',
    partitions: [
      { partition: 0, lag: { flows: 12, hosts: 0 }, reached: NOW - 4.1 * SECOND, waiting: 34, waitingFor: '' },
      {
        partition: 3,
        lag: { flows: 48_210, hosts: null },
        reached: NOW - 2 * MINUTE,
        waiting: 9_120,
        waitingFor: 'gw7',
      },
      { partition: 6, lag: { flows: 0, hosts: 0 }, reached: 0, waiting: 0, waitingFor: '' },
    ],
    counts: { produced: 1_204_332, repeated: 41, late: 0, 'dead letters': 2 },
    machines: [
      { machine: 'db1', reached: NOW - 2 * SECOND, isGivenUp: false },
      { machine: 'gw7', reached: NOW - 2 * MINUTE, isGivenUp: true },
    ],
    trouble: '',
    ...parts,
  }
}
