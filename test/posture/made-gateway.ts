/** Gateways made up for posture: one with everything in order, and ways to change it. */
import { type Inventory, parseInventory } from '../../src/identity/inventory.ts'
import type { MachineView, PeerCourse, PostureCheck, PostureResult } from '../../src/posture/check.ts'
import { createPostureView, unknownMachine } from '../../src/posture/posture-view.ts'
import { parseInstant } from '../../src/quantities.ts'
import { parseConf } from '../../src/sources/wireguard/conf.ts'
import type { PeerRow, SnapshotRecord } from '../../src/sources/wireguard/record.ts'
import { DAY, HOUR, MINUTE, type Micros } from '../../src/time.ts'

export const AT = instant('2026-11-22T15:00:00Z')

/** Forty-four characters that could be keys. */
export const [IVY, OAK, ELM, NEW] = ['I', 'O', 'E', 'N'].map((letter) => `${letter.repeat(42)}A=`) as [
  string,
  string,
  string,
  string,
]

/** ivy and oak are devices, elm is a site; what they hold is what runs. */
export const INVENTORY = `
version: 1
people:
  - { email: ivy@example.com, name: Ivy Example, groups: [staff] }
  - { email: oak@example.com, name: Oak Example }
gateways:
  - { name: gw1, interfaces: [wg0] }
hosts:
  - { name: db1, addresses: [172.16.0.5] }
peers:
  - { name: ivy, kind: device, owner: ivy@example.com, device: ThinkPad, gateway: gw1, interface: wg0, keys: [{ public_key: "${IVY}" }], allowed_ips: [10.8.0.2/32], requirement: REQ-1 }
  - { name: oak, kind: device, owner: oak@example.com, gateway: gw1, interface: wg0, keys: [{ public_key: "${OAK}" }], allowed_ips: [10.8.0.3/32, "fd08::3/128"], requirement: REQ-2 }
  - { name: elm, kind: site, owner: oak@example.com, gateway: gw1, interface: wg0, keys: [{ public_key: "${ELM}" }], allowed_ips: [10.8.0.4/32, 192.168.50.0/24], requirement: REQ-3 }
resources:
  - { name: books, addresses: [172.16.0.0/24], ports: [tcp/443] }
`

export function instant(text: string): Micros {
  const at = parseInstant(text)
  if (at === null) throw new Error(`no time: ${text}`)
  return at
}

export function madeInventory(text = INVENTORY): Inventory {
  return parseInventory(text, 'inventory.yaml')
}

/** The made inventory with one part of its text replaced. */
export function changedInventory(from: string, to: string): Inventory {
  if (!INVENTORY.includes(from)) throw new Error(`not in the inventory: ${from}`)
  return madeInventory(INVENTORY.replace(from, to))
}

export function row(publicKey: string, allowedIps: readonly string[], change: Partial<PeerRow> = {}): PeerRow {
  return {
    interface: 'wg0',
    publicKey,
    hasPresharedKey: false,
    endpointIp: '203.0.113.9',
    endpointPort: 51820,
    allowedIps,
    latestHandshakeAt: AT - MINUTE,
    received: 1_000,
    sent: 2_000,
    keepalive: 0,
    ...change,
  }
}

export function rows(): PeerRow[] {
  return [
    row(IVY, ['10.8.0.2/32']),
    row(OAK, ['10.8.0.3/32', 'fd08::3/128']),
    row(ELM, ['10.8.0.4/32', '192.168.50.0/24']),
  ]
}

/** A poll of gw1 a second before AT. */
export function snapshot(peers: readonly PeerRow[] = rows(), change: Partial<SnapshotRecord> = {}): SnapshotRecord {
  return {
    kind: 'snapshot',
    arrival: AT,
    at: AT,
    interfaces: [{ interface: 'wg0', publicKey: 'GATEWAY', listenPort: 51820, fwmark: '' }],
    peers,
    isComplete: true,
    file: { name: 'wg.snapshots', identity: '' },
    offset: 0,
    ...change,
  }
}

/** wg0.conf with a [Peer] for each. */
export function conf(peers: readonly { readonly publicKey: string; readonly allowedIps: readonly string[] }[]) {
  const text = [
    '[Interface]',
    'ListenPort = 51820',
    ...peers.flatMap(({ publicKey, allowedIps }) => [
      '[Peer]',
      `PublicKey = ${publicKey}`,
      `AllowedIPs = ${allowedIps.join(', ')}`,
    ]),
  ].join('\n')
  return new Map([['wg0', { file: 'wg0.conf', conf: parseConf(text) }]])
}

/** A key that was looked at for a day, with a handshake now and then. */
export function course(publicKey: string, change: Partial<PeerCourse> = {}): PeerCourse {
  return {
    interface: 'wg0',
    publicKey,
    firstAt: AT - DAY,
    lastAt: AT,
    received: 1_000,
    sent: 2_000,
    receivedStale: 0,
    sentStale: 0,
    staleFrom: null,
    grewStaleFrom: null,
    grewStaleUntil: null,
    lastHandshake: AT - HOUR,
    ...change,
  }
}

/** gw1 as documented and as stored. */
export function gateway(change: Partial<MachineView> = {}): MachineView {
  return {
    ...unknownMachine('gw1', AT),
    wireguard: snapshot(),
    peers: [course(IVY), course(OAK), course(ELM)],
    stored: conf(rows()),
    ...change,
  }
}

/** What the check says of gw1. */
export function look(
  check: PostureCheck,
  change: Partial<MachineView> = {},
  inventory: Inventory | null = madeInventory(),
  others: readonly MachineView[] = [],
): readonly PostureResult[] {
  const machine = gateway(change)
  return check.look(machine, createPostureView([machine, ...others], inventory))
}

/** One line a result: severity and text, `passed`, or `not checked: …`. */
export function told(check: PostureCheck, results: readonly PostureResult[]): string[] {
  return results.map((result) => {
    if (result.kind === 'passed') return 'passed'
    if (result.kind === 'not-checked') return `not checked: ${result.reason}`
    return `${result.severity ?? check.severity} ${result.text}`
  })
}
