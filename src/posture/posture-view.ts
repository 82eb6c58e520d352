/** Puts machines and inventory together for the checks, with the comparison of both that many of them read. */
import type { Inventory } from '../identity/inventory.ts'
import { type Difference, diffInventory, type RunningInterface } from '../identity/inventory-diff.ts'
import { factOf, isKnown } from '../sources/hostfacts/facts.ts'
import type { PeerRow, SnapshotRecord } from '../sources/wireguard/record.ts'
import type { MachineView, PostureView } from './check.ts'

/** `machines` in any order, each name once. */
export function createPostureView(machines: readonly MachineView[], inventory: Inventory | null): PostureView {
  const sorted = machines.toSorted((a, b) => (a.host < b.host ? -1 : 1))
  const known = new Map<string, readonly Difference[]>()
  const rows = new Map<string, ReadonlyMap<string, PeerRow>>()
  return {
    machines: sorted,
    inventory,
    differences: (host) => {
      const found = known.get(host) ?? compared(sorted, inventory, host)
      known.set(host, found)
      return found
    },
    rowOf: (host, interfaceName, publicKey) => {
      const own = rows.get(host) ?? indexRows(sorted.find((each) => each.host === host)?.wireguard?.peers ?? [])
      rows.set(host, own)
      return own.get(identityOf(interfaceName, publicKey)) ?? null
    },
  }
}

function indexRows(peers: readonly PeerRow[]): ReadonlyMap<string, PeerRow> {
  return new Map(peers.map((row) => [identityOf(row.interface, row.publicKey), row]))
}

/** NUL stands in no name or key. */
function identityOf(interfaceName: string, publicKey: string): string {
  return `${interfaceName}\0${publicKey}`
}

/** A machine that says nothing yet: every check of it is not checked. */
export function unknownMachine(host: string, at: number): MachineView {
  return { host, at, wireguard: null, peers: [], stored: null, ruleset: null, facts: null, kernels: [] }
}

/**
 * Whether the machine is a gateway, as far as it is known: then what cannot be looked at is not checked, and not nothing. One of which
 * nothing is known may be one, unless the inventory says that it is a host behind them.
 */
export function isGateway({ host, wireguard, stored, facts }: MachineView, { inventory }: PostureView): boolean {
  if ((wireguard?.interfaces.length ?? 0) > 0 || (stored?.size ?? 0) > 0) return true
  if (inventory?.gateways.some(({ name }) => name === host) === true) return true
  if (wireguard !== null || inventory?.hosts.some(({ name }) => name === host) === true) return false
  const links = factOf(facts?.links)
  // Interfaces of wireguard-go are tun devices.
  const hasTunnels = !isKnown(links) || links.some(({ kind }) => kind === 'wireguard' || kind === 'tun')
  return hasTunnels || stored === null
}

/** All machines are looked at, whichever is asked for: a key may run elsewhere than documented. */
function compared(machines: readonly MachineView[], inventory: Inventory | null, host: string): readonly Difference[] {
  const machine = machines.find((each) => each.host === host)
  if (inventory === null || machine === undefined) return []
  const observed = machines.flatMap(({ host: name, wireguard }) => (wireguard === null ? [] : [name]))
  const running = machines.flatMap(({ host: name, wireguard }) =>
    wireguard === null ? [] : runningInterfaces(name, wireguard),
  )
  return diffInventory(running, inventory, machine.at, { gateways: [host], observed })
}

function runningInterfaces(gateway: string, { interfaces, peers }: SnapshotRecord): RunningInterface[] {
  const rows = Map.groupBy(peers, (row) => row.interface)
  return interfaces.map(({ interface: name, publicKey }) => ({
    gateway,
    interface: name,
    publicKey,
    peers: (rows.get(name) ?? []).map((row) => ({
      publicKey: row.publicKey,
      allowedIps: row.allowedIps,
      lastHandshake: row.latestHandshakeAt === 0 ? null : row.latestHandshakeAt,
    })),
  }))
}
