/**
 * Gateways and audited hosts through the whole core as `replay` drives it: items of all sources in order of arrival, on the event
 * clock. Times are microseconds.
 */
import { defaultHostOptions } from '../../../src/config.ts'
import type { IntakeHost, Item, SourceName } from '../../../src/correlate/intake.ts'
import { type Event, flatten } from '../../../src/event.ts'
import { createEventClock } from '../../../src/event-clock.ts'
import type { Fields } from '../../../src/fields.ts'
import { parseInventory } from '../../../src/identity/inventory.ts'
import { createPipeline, type Pipeline } from '../../../src/pipeline.ts'
import type { ConntrackRecord, Tuple } from '../../../src/sources/conntrack/record.ts'
import { emptyPacket } from '../../../src/sources/nftables/packet.ts'
import type { PacketRecord } from '../../../src/sources/nftables/record.ts'
import { createRulesetHistory } from '../../../src/sources/nftables/ruleset-history.ts'
import type { SnapshotRecord } from '../../../src/sources/wireguard/record.ts'
import { type Micros, SECOND } from '../../../src/time.ts'

/** 2026-11-22T15:09:00Z. */
export const T0: Micros = 1_795_360_140 * SECOND

export type Source = { readonly host: string; readonly name: SourceName; readonly items: readonly Item[] }

export type RunOptions = {
  readonly inventory: string
  readonly sources: readonly Source[]
  readonly audit?: 'sessions' | 'all'
  /** How often each step of the watermark is told. */
  readonly repeats?: number
}

export type Run = { readonly events: readonly Event[]; readonly pipeline: Pipeline }

export function runPipeline(options: RunOptions): Run {
  const { inventory, sources, repeats = 1 } = options
  const events: Event[] = []
  const hosts = hostsOf(options).map(
    (host): IntakeHost => ({
      ...host,
      sources: sources.filter((each) => each.host === host.name).map(({ name }) => name),
    }),
  )
  const pipeline = createPipeline(
    { hosts, inventory: parseInventory(inventory, 'inventory.yaml'), ledger: null },
    (event) => events.push(event),
  )
  drive(pipeline, sources, repeats)
  return { events, pipeline }
}

/** The machines that the sources are of. */
export function hostsOf({ sources, audit = 'sessions' }: RunOptions): Omit<IntakeHost, 'sources'>[] {
  return [...new Set(sources.map(({ host }) => host))].map((name) => ({
    name,
    options: {
      ...defaultHostOptions(),
      audit,
      prefixes: [{ match: 'wg-allow ', verdict: 'accepted' }],
    },
    rulesets: createRulesetHistory(),
    conntrackRuns: [],
  }))
}

function drive(pipeline: Pipeline, sources: readonly Source[], repeats: number): void {
  const heads = sources.map(() => 0)
  const again = (tell: () => void): void => {
    for (let i = 0; i < repeats; i++) tell()
  }
  const clock = createEventClock(
    sources.map(({ host, name }) => ({ host, entry: { name, lateness: name === 'wireguard' ? 0 : SECOND } })),
    {
      tick: (watermark, at) => again(() => pipeline.tick(watermark, at)),
      tickHost: (host, watermark, at) => again(() => pipeline.tickHost(host, watermark, at)),
    },
  )
  const finishEmpty = (index: number): void => {
    const source = sources[index]
    if (source !== undefined && (heads[index] ?? 0) >= source.items.length) pipeline.finish(source.host, source.name)
  }
  for (const index of sources.keys()) finishEmpty(index)
  for (;;) {
    const index = earliest(sources, heads)
    const source = sources[index]
    const item = source?.items[heads[index] ?? 0]
    if (source === undefined || item === undefined) break
    clock.advance(item.arrival, index)
    pipeline.take(source.host, source.name, item)
    heads[index] = (heads[index] ?? 0) + 1
    finishEmpty(index)
  }
  pipeline.end()
}

function earliest(sources: readonly Source[], heads: readonly number[]): number {
  let found = -1
  let lowest = Number.POSITIVE_INFINITY
  for (const [i, { items }] of sources.entries()) {
    const arrival = items[heads[i] ?? 0]?.arrival
    if (arrival === undefined || arrival >= lowest) continue
    found = i
    lowest = arrival
  }
  return found
}

/** A connection as a gateway tracks it. */
export type Tracked = {
  readonly id: number
  readonly client: { readonly ip: string; readonly port: number }
  readonly server: { readonly ip: string; readonly port: number }
  /** What the server saw as its client, after source NAT. */
  readonly seen: { readonly ip: string; readonly port: number }
}

export function conntrackRecord(at: Micros, event: 'new' | 'update' | 'destroy', tracked: Tracked): ConntrackRecord {
  const { id, client, server, seen } = tracked
  return {
    kind: 'conntrack',
    arrival: at,
    at,
    event,
    family: 4,
    protocol: 6,
    timeout: 8,
    state: event === 'new' ? 'SYN_SENT' : '',
    original: tuple(client.ip, client.port, server.ip, server.port),
    reply: tuple(server.ip, server.port, seen.ip, seen.port),
    isUnreplied: event === 'new',
    isAssured: event !== 'new',
    isOffloaded: false,
    mark: '',
    secmark: '',
    secctx: '',
    zone: '',
    id: String(id),
    deltaSeconds: -1,
    startAt: -1,
    stopAt: -1,
    helper: '',
    labels: '',
    userspacePortid: '',
    userspaceProgram: '',
    file: { name: 'conntrack.log', identity: 'c'.repeat(14) },
    offset: id * 100 + (event === 'new' ? 0 : 1),
    text: '',
  }
}

function tuple(src: string, sport: number, dst: string, dport: number): Tuple {
  return { src, dst, sport, dport, icmpType: -1, icmpCode: -1, icmpId: -1, packets: -1, bytes: -1, zone: '' }
}

/** The line of a rule that logs and accepts new connections from wg0 to lan0, with the client's own address. */
export function firewallLine(at: Micros, { id, client, server }: Omit<Tracked, 'seen'>): PacketRecord {
  const packet = { ...emptyPacket(), prefix: 'wg-allow ', in: 'wg0', out: 'lan0', tcpFlags: 'SYN' }
  return {
    kind: 'packet',
    arrival: at,
    at,
    resolution: 0,
    trust: 'syslog',
    packet: {
      ...packet,
      family: 4,
      src: client.ip,
      dst: server.ip,
      protocol: 6,
      sport: client.port,
      dport: server.port,
    },
    ownIdentity: '',
    file: { name: 'kern.log', identity: 'k'.repeat(14) },
    offset: id * 300,
    text: '',
  }
}

/** A poll of wg0: public keys and the addresses they hold. */
export function poll(at: Micros, holders: ReadonlyMap<string, string>): SnapshotRecord {
  return {
    kind: 'snapshot',
    arrival: at,
    at,
    interfaces: [{ interface: 'wg0', publicKey: 'wg0-key', listenPort: 51820, fwmark: '' }],
    peers: [...holders].map(([publicKey, address]) => ({
      interface: 'wg0',
      publicKey,
      hasPresharedKey: false,
      endpointIp: '',
      endpointPort: 0,
      allowedIps: [`${address}/32`],
      latestHandshakeAt: 0,
      received: 0,
      sent: 0,
      keepalive: 0,
    })),
    isComplete: true,
    file: { name: 'wg.snapshots', identity: 'w'.repeat(14) },
    offset: at - T0,
  }
}

/** Polls every `period` from before T0 to `until`. */
export function polls(
  until: Micros,
  holders: ReadonlyMap<string, string>,
  period: Micros = 5 * SECOND,
): SnapshotRecord[] {
  const all: SnapshotRecord[] = []
  for (let at = T0 - 2 * period; at < until + 2 * period; at += period) all.push(poll(at, holders))
  return all
}

/** Documents of a dataset, flat; of one action where it is named. */
export function documentsOf(events: readonly Event[], dataset: Event['dataset'], action = ''): Fields[] {
  return events
    .filter((event) => event.dataset === dataset)
    .map(flatten)
    .filter((fields) => action === '' || fields['event.action'] === action)
}
