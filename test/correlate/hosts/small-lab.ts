/** One gateway with two peers, two audited hosts behind it: what tests of single joins are put together from. */
import { flatten } from '../../../src/event.ts'
import type { Fields } from '../../../src/fields.ts'
import { parseInventory } from '../../../src/identity/inventory.ts'
import { MINUTE, type Micros, SECOND } from '../../../src/time.ts'
import { expectLegal, expectUniqueIds } from '../../event-rules.ts'
import type { AuditLog, Written } from './audit-log.ts'
import { expectSame, play, recordTape } from './desk-tape.ts'
import { peerKey } from './host-simulator.ts'
import {
  conntrackRecord,
  hostsOf,
  polls,
  type Run,
  runPipeline,
  type Source,
  T0,
  type Tracked,
} from './pipeline-run.ts'
import type { Client } from './sshd.ts'

export const ALICE = peerKey(0, 0)
export const BOB = peerKey(0, 1)
export const ALICE_IP = '10.8.0.2'
export const BOB_IP = '10.8.0.3'
/** What the gateway puts in place of its peers' addresses where it masquerades. */
export const MASK = '172.16.0.1'
export const DB1: Client = { ip: '172.16.0.10', port: 22 }
export const APP1: Client = { ip: '172.16.0.11', port: 22 }
export const WEB1: Client = { ip: '172.16.0.12', port: 22 }

export const INVENTORY = `version: 1
people: [{ email: alice@example.com, name: Alice }, { email: bob@example.com, name: Bob }]
gateways: [{ name: gw1, interfaces: [wg0] }]
hosts:
  - { name: db1, addresses: [${DB1.ip}], sources: [auditd] }
  - { name: app1, addresses: [${APP1.ip}], sources: [auditd] }
  - { name: web1, addresses: [${WEB1.ip}], sources: [auditd] }
peers:
  - { name: alice-laptop, kind: device, owner: alice@example.com, gateway: gw1, interface: wg0,
      keys: [{ public_key: "${ALICE}" }], allowed_ips: [${ALICE_IP}/32] }
  - { name: bob-laptop, kind: device, owner: bob@example.com, gateway: gw1, interface: wg0,
      keys: [{ public_key: "${BOB}" }], allowed_ips: [${BOB_IP}/32] }
`

/** Seconds after T0. */
export function at(seconds: number): Micros {
  return T0 + Math.round(seconds * SECOND)
}

/** A connection through gw1; `seen` where the gateway masquerades. */
export function flow(client: Client, server: Client, seen: Client = client): Tracked {
  return { id: client.port * 10 + (server.port % 10), client, server, seen }
}

export type Lab = {
  /** Connections: when they began and, where they did, ended. */
  readonly flows?: readonly (readonly [Tracked, number, number?])[]
  readonly lines?: Source['items']
  readonly logs: { readonly [host: string]: AuditLog }
  readonly inventory?: string
  readonly holders?: ReadonlyMap<string, string>
  /** Until when polls come, in seconds. */
  readonly until?: number
  /** Saved desks are made anew before each record and before one of so many ticks. */
  readonly cutEvery?: number
}

/** Runs it, and holds every document of hosts to the rules of documents, and saved desks to theirs. */
export function runLab({
  flows = [],
  lines = [],
  logs,
  inventory = INVENTORY,
  holders = HOLDERS,
  until = 120,
  cutEvery = 50,
}: Lab): Run {
  const records = flows.flatMap(([tracked, from, to]) => [
    conntrackRecord(at(from), 'new', tracked),
    ...(to === undefined ? [] : [conntrackRecord(at(to), 'destroy', tracked)]),
  ])
  const sources: Source[] = [
    { host: 'gw1', name: 'conntrack', items: records.sort((a, b) => a.arrival - b.arrival) },
    { host: 'gw1', name: 'wireguard', items: polls(at(until) + 5 * MINUTE, holders) },
    ...(lines.length > 0 ? [{ host: 'gw1', name: 'nftables' as const, items: lines }] : []),
    ...Object.entries(logs).map(([host, log]): Source => ({ host, name: 'auditd', items: log.items() })),
  ]
  const run = runPipeline({ inventory, sources })
  for (const event of run.events) expectLegal(event)
  expectUniqueIds(run.events)
  const tape = recordTape(parseInventory(inventory, 'inventory.yaml'), hostsOf({ inventory, sources }), sources)
  const whole = play(tape, () => false)
  // Ticks are every 100 ms; most of them change nothing.
  expectSame(
    play(tape, ({ what }, i) => what !== 'tick' || i % cutEvery === 0),
    whole,
  )
  return run
}

export const HOLDERS: ReadonlyMap<string, string> = new Map([
  [ALICE, ALICE_IP],
  [BOB, BOB_IP],
])

/** The document of an event of a log, flat; undefined where there is none. */
export function documentOf({ events }: Run, host: string, { at: stamp, serial }: Written): Fields | undefined {
  return events
    .map(flatten)
    .find(
      (fields) =>
        fields['event.dataset'] === 'wireguard.audit' &&
        fields['host.name'] === host &&
        fields['@timestamp'] === stamp &&
        fields['event.sequence'] === serial,
    )
}

/** How sure, by what, why not, whose: in one line. */
export function answerOf(fields: Fields | undefined): string {
  if (fields === undefined) return 'no document'
  const key = fields['wireguard.peer.public_key']
  const names = new Map([
    [ALICE, 'alice'],
    [BOB, 'bob'],
  ])
  const candidates = fields['wireguard.attribution.candidates']?.map((each) => names.get(each) ?? each).join('|')
  return [
    fields['wireguard.attribution.status'],
    fields['wireguard.attribution.method'],
    fields['wireguard.attribution.reason'],
    key === undefined ? candidates : (names.get(key) ?? key),
  ]
    .filter((part) => part !== undefined)
    .join(' ')
}
