/** Whom a correlator waits for, and what becomes of messages that come too early, too late, again, or after the end. */
import { describe, expect, test } from 'vitest'
import { SOURCES } from '../../src/catalog.ts'
import type { Event } from '../../src/event.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { createCorrelator, type SavedCorrelator } from '../../src/relay/correlator.ts'
import type { HostsMessage, MachineProgress } from '../../src/relay/messages.ts'
import type { Patience } from '../../src/relay/partition-core.ts'
import { AUDIT_LATENESS } from '../../src/sources/auditd/record.ts'
import { HOUR, MINUTE, type Micros, SECOND } from '../../src/time.ts'
import { createAuditLog } from '../correlate/hosts/audit-log.ts'
import { restored } from '../restored.ts'

const INVENTORY = `version: 1
gateways: [{ name: gw9, interfaces: [wg0], sources: [nftables, wireguard] }]
hosts: [{ name: db1, addresses: [10.0.0.1], sources: [auditd] }, { name: app1, addresses: [10.0.0.2] }]
`
const T0: Micros = 1_795_360_140 * SECOND
const EVERYBODY: Patience = { expected: new Set(), givenUp: new Set() }

function open({ partitions = 1, isLive = false, saved }: Opening = {}) {
  const told: Event[] = []
  const sent: HostsMessage[] = []
  const core = createCorrelator(
    {
      partition: 0,
      partitions,
      partitionOf: (machine) => (machine === 'app1' ? 1 : 0),
      inventory: parseInventory(INVENTORY, 'inventory.yaml'),
      isLive,
    },
    { emit: (event) => told.push(event), send: (_, message) => sent.push(message) },
    saved,
  )
  return {
    core,
    /** Kinds of messages to others, and where they stand. */
    sent: () => sent.map(({ kind, at }) => [kind, (at - T0) / SECOND]),
    /** A process of db1 connects to that address. */
    connect: (seconds: number, ip: string): void => {
      const log = createAuditLog()
      log.call(T0 + seconds * SECOND, { pid: 9, comm: 'backup', exe: '/usr/bin/backup' }, 'connect', {
        socket: { ip, port: 22 },
      })
      for (const item of log.items())
        if (item.kind === 'audit')
          core.takeHost({ kind: 'audit', machine: 'db1', at: item.arrival, n: 0, scope: 'sessions', event: item })
    },
    /** Names of the flows that came out, in order. */
    flows: () => told.filter(({ dataset }) => dataset === 'wireguard.flow').map(({ own }) => own['event.id']),
    gaps: () =>
      told
        .filter(({ dataset }) => dataset === 'wireguard.coverage')
        .map(({ own, facets }) => [
          facets[0]?.fields['host.name'],
          own['wireguard.coverage.source'],
          ((own['event.start'] ?? 0) - T0) / SECOND,
          ((own['event.end'] ?? 0) - T0) / SECOND,
        ]),
    flow: (machine: string, seconds: number, n = 0): void => {
      const at = T0 + seconds * SECOND
      const id = `${machine} ${seconds} ${n}`
      const own = { '@timestamp': at, 'event.id': id, 'wireguard.flow.id': id, 'destination.ip': '10.0.0.1' }
      core.takeFlow({ kind: 'flow', machine, at, n, own, facets: [] }, { dataset: 'wireguard.flow', own, facets: [] })
    },
    machine: (machine: string, seconds: number, more: Partial<MachineProgress> = {}) =>
      core.progress({
        kind: 'machine',
        machine,
        reached: T0 + seconds * SECOND,
        settled: T0 + seconds * SECOND,
        isFinished: false,
        sources: { conntrack: T0 },
        masks: [],
        ownAddresses: [],
        ...more,
      }),
    partition: (partition: number, seconds: number) =>
      core.progress({ kind: 'partition', partition, reached: T0 + seconds * SECOND }),
    work: (patience = EVERYBODY): void => {
      while (core.advance(3, patience));
    },
    reached: () => (core.reached - T0) / SECOND,
  }
}

type Opening = { readonly partitions?: number; readonly isLive?: boolean; readonly saved?: SavedCorrelator }

describe('messages', () => {
  test('of several machines come out in the order of their positions, once everybody has told as much', () => {
    const { flow, machine, work, flows, reached } = open()
    for (const seconds of [10, 12, 14]) flow('gw1', seconds)
    machine('gw1', 15)
    flow('gw2', 13)
    work()
    expect(flows()).toEqual([])
    flow('gw2', 11)
    machine('gw2', 12)
    work()
    expect(flows()).toEqual(['gw1 10 0', 'gw2 11 0'])
    expect(reached()).toBe(12)
    machine('gw2', 20)
    work()
    expect(flows()).toEqual(['gw1 10 0', 'gw2 11 0', 'gw1 12 0', 'gw2 13 0', 'gw1 14 0'])
    expect(reached()).toBe(15)
  })

  test('wait for a machine that is expected, and for one that has told nothing but messages', () => {
    const { flow, machine, work, flows } = open()
    flow('gw1', 10)
    machine('gw1', 20)
    work({ expected: new Set(['gw2']), givenUp: new Set() })
    flow('gw3', 30)
    work()
    expect(flows()).toEqual([])
    machine('gw3', 5)
    machine('gw2', 12)
    machine('gw3', 31)
    work({ expected: new Set(['gw2']), givenUp: new Set() })
    expect(flows()).toEqual(['gw1 10 0'])
  })

  test('that come again are dropped, before and after they were worked off', () => {
    const { core, flow, machine, work, flows } = open()
    for (const seconds of [10, 10, 11]) flow('gw1', seconds)
    flow('gw1', 10, 1)
    machine('gw1', 12)
    work()
    flow('gw1', 10)
    flow('gw1', 11)
    flow('gw1', 12)
    machine('gw1', 12)
    machine('gw1', 13)
    work()
    expect(flows()).toEqual(['gw1 10 0', 'gw1 10 1', 'gw1 11 0', 'gw1 12 0'])
    expect(core.counts().get('repeated')).toBe(3)
  })

  test('of a machine that was given up are taken at once, once each', () => {
    const { core, flow, machine, work, flows } = open()
    machine('gw2', 5)
    flow('gw1', 10)
    machine('gw1', 20)
    work({ expected: new Set(), givenUp: new Set(['gw2']) })
    expect(flows()).toEqual(['gw1 10 0'])
    for (const seconds of [8, 9, 8, 9, 25]) flow('gw2', seconds)
    work({ expected: new Set(), givenUp: new Set(['gw2']) })
    expect(flows()).toEqual(['gw1 10 0', 'gw2 8 0', 'gw2 9 0'])
    machine('gw2', 26)
    machine('gw1', 26)
    flow('gw2', 9)
    work()
    expect(flows()).toEqual(['gw1 10 0', 'gw2 8 0', 'gw2 9 0', 'gw2 25 0'])
    expect([core.counts().get('late'), core.counts().get('repeated')]).toEqual([2, 3])
  })

  test('that come after the end are worked off all the same', () => {
    const { core, flow, machine, work, flows } = open()
    flow('gw1', 10)
    machine('gw1', 10, { isFinished: true })
    work()
    flow('gw1', 10)
    flow('gw1', 30)
    machine('gw1', 31)
    work()
    machine('gw1', 40, { isFinished: true })
    work()
    expect(flows()).toEqual(['gw1 10 0', 'gw1 30 0'])
    expect([core.counts().get('late'), core.counts().get('repeated')]).toEqual([0, 1])
  })
})

describe('other partitions', () => {
  test('are waited for, but for what takes effect later', () => {
    const { flow, machine, partition, work, flows, reached } = open({ partitions: 2 })
    for (const seconds of [10, 11, 12, 13]) flow('gw1', seconds)
    machine('gw1', 20)
    work()
    expect(flows()).toEqual([])
    // No second hop begins here: the other one need not wait.
    expect(reached()).toBe(20)
    partition(1, 10)
    work()
    expect(flows()).toEqual(['gw1 10 0', 'gw1 11 0'])
    partition(1, 18)
    work()
    expect(flows()).toHaveLength(4)
  })

  test('wait for this one until its second hops are told, wherever it has got itself', () => {
    const { connect, machine, partition, work, sent, reached } = open({ partitions: 2 })
    connect(12, '10.0.0.1')
    connect(14, '10.0.0.2')
    machine('db1', 20)
    work()
    expect(sent()).toEqual([])
    expect(reached()).toBe(14)
    partition(1, 13)
    work()
    expect(sent()).toEqual([
      ['hop', 14],
      ['hop-clock', 14],
    ])
    expect(reached()).toBeGreaterThan(14)
  })

  test('are not waited for when they were given up', () => {
    const { flow, machine, work, flows } = open({ partitions: 3 })
    flow('gw1', 10)
    machine('gw1', 20)
    work({ expected: new Set(), givenUp: new Set(['partition:1', 'partition:2']) })
    expect(flows()).toEqual(['gw1 10 0'])
  })

  test('a hop of a partition that is none is refused, and nothing has changed', () => {
    const { core } = open({ partitions: 2 })
    const hop = { kind: 'hop-clock', at: T0, n: 0, host: 'db1', offset: 0, isMeasured: true } as const
    expect(() => core.takeHost({ ...hop, from: 7 })).toThrow('a partition that is none')
    expect(() =>
      core.takeHost({ kind: 'hop-answer', at: T0, n: 0, from: 1, host: 'db1', login: 'x', answer: 3 }),
    ).toThrow('no object')
    expect(core.waiting).toBe(0)
  })
})

describe('machines that never spoke', () => {
  test('are named at the end of a capture, for all of its time', () => {
    const { machine, work, gaps } = open()
    machine('gw1', 50, { isFinished: true })
    work()
    expect(gaps()).toEqual([
      ['gw9', 'nftables', 0, 50],
      ['gw9', 'wireguard', 0, 50],
      ['db1', 'auditd', 0, 50],
    ])
  })

  test('are named after a minute and then hourly while there is no end', () => {
    const { core, machine, flow, work, gaps } = open({ isLive: true })
    const spoken = { conntrack: T0 }
    machine('gw9', 1, { sources: { nftables: T0, wireguard: 0 } })
    for (let seconds = 0; seconds <= (HOUR + 4 * MINUTE) / SECOND; seconds += 30) {
      flow('gw1', seconds)
      machine('gw1', seconds, { sources: spoken })
      machine('gw9', seconds, { sources: { nftables: T0, wireguard: 0 } })
      work()
    }
    // As in one process, the clock begins as far behind the first record as the latest source may come.
    expect(gaps()).toEqual([
      ['db1', 'auditd', -3, 60],
      ['db1', 'auditd', 60, 3660],
    ])
    expect(core.waiting).toBe(1)
  })
})

test('no source may be later than its clock is behind', () => {
  expect(Math.max(...SOURCES.map(({ lateness }) => lateness))).toBe(AUDIT_LATENESS)
})

test('a correlator that was saved goes on with what waits', () => {
  const first = open()
  for (const seconds of [10, 11, 12]) first.flow('gw1', seconds)
  first.machine('gw1', 11)
  first.work()
  // What `save` of a correlator gives is what `createCorrelator` takes.
  const second = open({ saved: restored(first.core.save() as SavedCorrelator) })
  second.flow('gw1', 10)
  second.machine('gw1', 13)
  second.work()
  expect(second.flows()).toEqual(['gw1 11 0', 'gw1 12 0'])
  expect(second.core.counts().get('repeated')).toBe(1)
})
