/** A login that goes on over three hosts, each in a partition of its own; also where the capture ends in the middle of it. */
import { describe, expect, test } from 'vitest'
import { type Event, flatten } from '../../src/event.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { createAuditLog, type Task } from '../correlate/hosts/audit-log.ts'
import { conntrackRecord, polls } from '../correlate/hosts/pipeline-run.ts'
import {
  ALICE,
  ALICE_IP,
  APP1,
  answerOf,
  at,
  DB1,
  flow,
  HOLDERS,
  INVENTORY,
  WEB1,
} from '../correlate/hosts/small-lab.ts'
import { accept, openSession, run } from '../correlate/hosts/sshd.ts'
import { compare } from './compared.ts'
import { runDivided } from './divided-run.ts'
import { runEach, runWhole } from './made-machines.ts'
import { randomFrom } from './relay-feed.ts'

/** Alice logs in to db1, from there to app1, from there to web1. `until`: when the gateway was heard of last. */
function chain(until: number) {
  const logs = { db1: createAuditLog(), app1: createAuditLog(), web1: createAuditLog() }
  accept(logs.db1, at(10), { ip: ALICE_IP, port: 40_001 })
  const first = openSession(logs.db1, at(10.3), ALICE_IP, { pid: 950, ses: 3 })
  const ssh: Task = { ...first.task, pid: 970, ppid: 950, uid: 1001, comm: 'ssh', exe: '/usr/bin/ssh' }
  logs.db1.call(at(20), ssh, 'connect', { exit: -115, socket: APP1 })
  accept(logs.app1, at(20.05), { ip: DB1.ip, port: 50_000 })
  const second = openSession(logs.app1, at(20.5), DB1.ip, { pid: 500, ses: 7 })
  logs.app1.call(at(30), { ...ssh, pid: 520, ppid: 500, ses: 7 }, 'connect', { socket: WEB1 })
  accept(logs.web1, at(30.02), { ip: APP1.ip, port: 51_000 })
  const third = openSession(logs.web1, at(30.3), APP1.ip, { pid: 300, ses: 2 })
  run(logs.web1, at(31), third.task, 320, 'id')
  run(logs.app1, at(32), second.task, 540, 'uptime')
  run(logs.db1, at(33), first.task, 990, 'date')
  const tracked = flow({ ip: ALICE_IP, port: 40_001 }, DB1)
  return {
    inventory: parseInventory(INVENTORY, 'inventory.yaml'),
    sources: [
      { host: 'gw1', name: 'conntrack' as const, items: [conntrackRecord(at(10), 'new', tracked)] },
      { host: 'gw1', name: 'wireguard' as const, items: polls(at(until), HOLDERS) },
      ...Object.entries(logs).map(([host, log]) => ({ host, name: 'auditd' as const, items: log.items() })),
    ],
  }
}

function answersOn(host: string, events: Iterable<Event>): readonly string[] {
  const documents = [...events].map(flatten).filter((fields) => fields['host.name'] === host)
  const audit = documents.filter((fields) => fields['event.dataset'] === 'wireguard.audit')
  return [...new Set(audit.map((fields) => [answerOf(fields), fields['wireguard.attribution.hops']].join(' ')))]
}

describe('a chain of two hops over three partitions', () => {
  test.each([
    ['long before the end', 700, 0],
    ['at the end, when nothing moves any clock', 34, 0],
    ['at the end, with repetitions and kills', 34, 0.4],
  ])('%s', (_, until, faults) => {
    const machines = chain(until)
    const runs = runEach(machines)
    const { documents, hops, contradictions } = runDivided({
      inventory: machines.inventory,
      partitions: 3,
      machines: runs.map(({ messages }) => messages),
      random: randomFrom(until),
      faults,
    })
    expect(hops).toBeGreaterThan(4)
    expect(contradictions).toEqual([])
    expect(answersOn('app1', documents.values())).toEqual(['exact via-host alice db1/3'])
    expect(answersOn('web1', documents.values())).toEqual(['exact via-host alice db1/3,app1/7'])
    const own = runs.flatMap((each) => each.documents)
    const compared = compare(runWhole(machines), [...own, ...documents.values()])
    expect([compared.missing, compared.extra, compared.different]).toEqual([[], [], []])
    // The flow ends on db1: whoever hops on took none of it.
    const takers = [...documents.values()].map(flatten).filter((fields) => fields['event.dataset'] === 'wireguard.flow')
    expect(takers.map((fields) => fields['wireguard.host.name'] ?? 'db1')).toEqual(takers.map(() => 'db1'))
    expect(takers.every((fields) => fields['wireguard.peer.public_key'] === ALICE)).toBe(true)
  })
})
