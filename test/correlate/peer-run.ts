/** Runs snapshots through decoder, gateway and peer events as the pipeline does, and collects what comes out. */
import { createGateway } from '../../src/correlate/gateway.ts'
import { createPeerEvents } from '../../src/correlate/peer-events.ts'
import { type Event, flatten } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import { createAddressBook } from '../../src/identity/address-book.ts'
import { emptyInventory, type Inventory } from '../../src/identity/inventory.ts'
import { createRulesetHistory } from '../../src/sources/nftables/ruleset-history.ts'
import type { SnapshotRecord } from '../../src/sources/wireguard/record.ts'
import { type Micros, SECOND } from '../../src/time.ts'
import { decode, snapshotsOf } from '../sources/wireguard/dumps.ts'

export const GATEWAY_KEY = 'n4TKCp2VZejHDqLbbVon4KqRw7qyhD228iZgt03Wn1s='
export const ANNA = 'bASMbhTQqMzAGeJqHnWdSWkh1J2Q2cdiRnMtWFjeJ3g='
export const BEN = '1i31M/wsNG9SZXOv62r7gHkICIEdtJg0Vmqa+o1SODM='

/** 2026-11-22T11:00:00Z: every time below is seconds after it. */
export const T0 = 1_795_345_200

/** One row of a dump; what is not given is as on a peer that never spoke. */
export type Row = {
  readonly key?: string
  readonly interface?: string
  readonly endpoint?: string
  readonly ips?: string
  /** Seconds after T0, 0 = never. */
  readonly handshake?: number
  readonly rx?: number
  readonly tx?: number
}

/** `at` in seconds after T0; null = the interface is down, else the peers of wg0, or of the interfaces they name. */
export function dump(at: number, peers: readonly Row[] | null): string {
  const stamp = new Date((T0 + at) * 1000).toISOString()
  if (peers === null) return `# ${stamp} gw1\n`
  const names = new Set(['wg0', ...peers.map((peer) => peer.interface ?? 'wg0')])
  const rows = [...names].flatMap((name) => [
    `${name}\t(hidden)\t${GATEWAY_KEY}\t51820\toff\n`,
    ...peers.filter((peer) => (peer.interface ?? 'wg0') === name).map((peer) => `${name}\t${rowText(peer)}\n`),
  ])
  return `# ${stamp} gw1\n${rows.join('')}`
}

function rowText(peer: Row): string {
  const handshake = peer.handshake === undefined ? 0 : T0 + peer.handshake
  return [
    peer.key ?? ANNA,
    '(none)',
    peer.endpoint ?? '(none)',
    peer.ips ?? '10.9.0.2/32',
    handshake,
    peer.rx ?? 0,
    peer.tx ?? 0,
    'off',
  ].join('\t')
}

export function snapshots(...dumps: readonly string[]): SnapshotRecord[] {
  return snapshotsOf(decode(dumps.join('')).items)
}

export type RunOptions = {
  readonly inventory?: Inventory
  readonly poll?: Micros
  /** Watermark after each snapshot; by default just behind it. */
  readonly watermark?: (at: Micros) => Micros
}

export function createRun(options: RunOptions = {}) {
  const inventory = options.inventory ?? emptyInventory()
  const events: Event[] = []
  const gateway = createGateway(
    {
      host: 'gw1',
      inventory,
      addresses: createAddressBook(),
      rulesets: createRulesetHistory(),
      prefixes: [],
      marks: new Map(),
      poll: options.poll ?? null,
      hasSnapshots: true,
      hasConntrack: false,
      watch: { line: () => {}, flow: () => {} },
    },
    (event) => events.push(event),
  )
  const peers = createPeerEvents({ gateway, inventory }, (event) => events.push(event))
  return { gateway, peers, events }
}

/** Everything emitted for these snapshots, the end of input included. */
export function run(records: readonly SnapshotRecord[], options: RunOptions = {}): Event[] {
  const { gateway, peers, events } = createRun(options)
  for (const record of records) {
    peers.observe(record, gateway.snapshot(record))
    peers.tick((options.watermark ?? ((at) => at - SECOND))(record.at))
  }
  peers.tick(Number.POSITIVE_INFINITY)
  return events
}

/** Session documents in short: action, seconds after T0, and reason. */
export function story(events: readonly Event[]): string[] {
  return events
    .filter((event) => event.dataset === 'wireguard.session')
    .map((event) => {
      const fields = flatten(event)
      const reason = fields['event.reason'] === undefined ? '' : ` (${fields['event.reason']})`
      return `${seconds(fields['@timestamp'])} ${fields['event.action']}${reason}`
    })
}

export function seconds(at: Micros | undefined): number {
  return ((at ?? Number.NaN) - T0 * SECOND) / SECOND
}

/** The documents of one action, flat. */
export function documentsOf(events: readonly Event[], action: string): Fields[] {
  return events.map((event) => flatten(event)).filter((fields) => fields['event.action'] === action)
}

/** The points of the metrics dataset, flat. */
export function pointsOf(events: readonly Event[]): Fields[] {
  return events.filter((event) => event.dataset === 'wireguard.peer').map((event) => flatten(event))
}
