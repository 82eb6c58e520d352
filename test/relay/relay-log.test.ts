/** What a relay does with an audit log: everything goes on, and a gateway's own changes of keys are still dated by it. */
import { describe, expect, test } from 'vitest'
import { createHostDesks, type HostDesksOptions } from '../../src/correlate/hosts/host-desks.ts'
import { emptyInventory, parseInventory } from '../../src/identity/inventory.ts'
import { type Envelope, readEnvelope } from '../../src/relay/envelope.ts'
import { createMessageReader, readProgress } from '../../src/relay/read-message.ts'
import { createRelay, type Relay } from '../../src/relay/relay.ts'
import type { AuditEvent } from '../../src/sources/auditd/record.ts'
import { SECOND } from '../../src/time.ts'
import { createAuditLog, type Task } from '../correlate/hosts/audit-log.ts'
import { madeEvent } from '../correlate/hosts/made-audit.ts'
import { ALICE, at, BOB } from '../correlate/hosts/small-lab.ts'
import { run } from '../correlate/hosts/sshd.ts'

const ROOT: Task = { pid: 4000, ppid: 3999, auid: 1001, ses: 8, uid: 0 }

type Made = { readonly relay: Relay; readonly told: Envelope[]; readonly changes: unknown[][] }

function made(inventory = emptyInventory()): Made {
  const told: Envelope[] = []
  const changes: unknown[][] = []
  const relay = createRelay(optionsOf(changes, inventory), {
    machines: ['gw1'],
    emit(event) {
      const envelope = readEnvelope(event)
      if (envelope !== null) told.push(envelope)
    },
  })
  return { relay, told, changes }
}

function optionsOf(changes: unknown[][], inventory = emptyInventory()): HostDesksOptions {
  return {
    hosts: new Map([['gw1', 'sessions']]),
    inventory,
    hasFlows: true,
    isOwnAddress: () => false,
    changed: (...change) => changes.push(change),
  }
}

function commands(): AuditEvent[] {
  const log = createAuditLog()
  run(log, at(1), ROOT, 4010, 'wg', 'set', 'wg0', 'peer', ALICE, 'remove')
  run(log, at(2), ROOT, 4011, 'wg', 'show', 'all', 'dump')
  log.netfilter(at(3), ROOT, 'filter')
  run(log, at(4), ROOT, 4012, 'wg', 'set', 'wg0', 'peer', BOB, 'allowed-ips', '10.8.0.2/32')
  run(log, at(5), ROOT, 4013, 'nft', '-f', '/etc/nftables.conf')
  return log.items().filter((item) => item.kind === 'audit')
}

describe('an audited gateway', () => {
  test('dates changes of keys by the programs that made them, as desks do', () => {
    const { relay, changes } = made()
    const desksSaid: unknown[][] = []
    const desks = createHostDesks(optionsOf(desksSaid), () => {})
    for (const event of commands()) {
      relay.take('gw1', event)
      desks.take('gw1', event)
    }
    expect(changes).toHaveLength(2)
    expect(changes).toEqual(desksSaid)
  })

  test('tells every event, with the id its document will have, where it stands in its log', () => {
    const { relay, told } = made()
    const reader = createMessageReader()
    const events = commands()
    for (const event of events) relay.take('gw1', event)
    const messages = told.map(({ text }) => reader.hosts(Buffer.from(text)))
    expect(messages.map((message) => message.kind === 'audit' && message.event)).toEqual(events)
    expect(messages.map((message) => message.at)).toEqual(events.map(({ arrival }) => arrival))
    expect(new Set(told.map(({ id }) => id)).size).toBe(events.length)
    expect(told.every(({ key, topic }) => key === 'gw1' && topic === 'hosts')).toBe(true)
  })

  test('has nothing to say of a log nobody asked for', () => {
    const { relay, told } = made()
    relay.take('another', madeEvent())
    expect(told).toEqual([])
  })
})

test('events that name another machine of the inventory go to its partition, and stand in the order of their log', () => {
  const inventory = parseInventory(
    'version: 1\nhosts:\n  - { name: db1, addresses: [10.20.0.10], sources: [auditd] }\n',
    'inventory.yaml',
  )
  const { relay, told } = made(inventory)
  const arrival = 100 * SECOND
  for (const [node, later] of [
    ['db1', 0],
    ['', 0],
    ['elsewhere', -5],
    ['db1', 1],
  ] as const)
    relay.take('gw1', madeEvent({ node, arrival: arrival + later, serial: told.length }))
  const reader = createMessageReader()
  const places = told.map(({ key, text }) => {
    const message = reader.hosts(Buffer.from(text))
    return [key, message.at - arrival, message.n]
  })
  expect(places).toEqual([
    ['db1', 0, 0],
    ['gw1', 0, 1],
    ['gw1', 0, 2],
    ['db1', 1, 0],
  ])
})

test('what other desks saved is left alone, and the end of all time is told by a last word alone', () => {
  const { relay, told } = made()
  expect(() => createRelay(optionsOf([]), { machines: [], emit: () => {} }, { undecided: [] })).not.toThrow()
  relay.tick(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
  expect(told).toEqual([])
  relay.tick(1, 1, 1.2 * SECOND)
  relay.tick(1, 1, 1.9 * SECOND)
  relay.tick(1, 1, 2 * SECOND)
  relay.end()
  const progress = told.map(({ text }) => readProgress(Buffer.from(text)))
  expect(progress.map(({ reached }) => reached)).toEqual([1.2 * SECOND, 2 * SECOND, 2 * SECOND])
  expect(progress.at(-1)).toMatchObject({ isFinished: true })
})
