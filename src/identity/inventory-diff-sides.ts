/** Both sides of an inventory diff, indexed: who runs where with what, who is documented for what. */
import type { Micros } from '../time.ts'
import type { Inventory } from './inventory.ts'
import type { Difference, DifferenceKind, RunningInterface, RunningPeer } from './inventory-diff.ts'
import { holdsAt, type InventoryPeer } from './inventory-entries.ts'

export type Sides = {
  readonly inventory: Inventory
  /** The time that decides about dates. */
  readonly at: Micros
  /** Null when the interface does not run. */
  interfaceAt(gateway: string, interfaceName: string): RunningInterface | null
  runningPeer(gateway: string, interfaceName: string, publicKey: string): RunningPeer | null
  /** Where a key runs; of several places the first by name. */
  placeOf(publicKey: string): RunningInterface | null
  /** The key that runs with exactly this prefix. */
  holderOf(gateway: string, interfaceName: string, prefix: string): RunningPeer | null
  /** The peers documented with exactly this prefix, in file order. */
  documentedFor(gateway: string, interfaceName: string, prefix: string): readonly InventoryPeer[]
  /** In file order. */
  peersOf(gateway: string): readonly InventoryPeer[]
  isDocumentedInterface(gateway: string, interfaceName: string): boolean
}

/** All but the time: one index serves gateways that are judged by different times. */
export function createSides(running: readonly RunningInterface[], inventory: Inventory): Omit<Sides, 'at'> {
  const interfaces = new Map<string, RunningInterface>()
  const peers = new Map<string, RunningPeer>()
  const places = new Map<string, RunningInterface>()
  const holders = new Map<string, RunningPeer>()
  for (const each of running) {
    interfaces.set(identity(each.gateway, each.interface), each)
    for (const peer of each.peers) {
      peers.set(identity(each.gateway, each.interface, peer.publicKey), peer)
      const other = places.get(peer.publicKey)
      if (other === undefined || nameOf(each) < nameOf(other)) places.set(peer.publicKey, each)
      for (const prefix of peer.allowedIps) holders.set(identity(each.gateway, each.interface, prefix), peer)
    }
  }
  const documented = new Map<string, InventoryPeer[]>()
  const byGateway = new Map<string, InventoryPeer[]>()
  for (const peer of inventory.peers) {
    add(byGateway, peer.gateway, peer)
    for (const { prefix } of peer.allowedIps) add(documented, identity(peer.gateway, peer.interface, prefix), peer)
  }
  const known = new Set(
    inventory.gateways.flatMap(({ name, interfaces: own }) => own.map((each) => identity(name, each))),
  )
  return {
    inventory,
    interfaceAt: (gateway, name) => interfaces.get(identity(gateway, name)) ?? null,
    runningPeer: (gateway, name, publicKey) => peers.get(identity(gateway, name, publicKey)) ?? null,
    placeOf: (publicKey) => places.get(publicKey) ?? null,
    holderOf: (gateway, name, prefix) => holders.get(identity(gateway, name, prefix)) ?? null,
    documentedFor: (gateway, name, prefix) => documented.get(identity(gateway, name, prefix)) ?? [],
    peersOf: (gateway) => byGateway.get(gateway) ?? [],
    isDocumentedInterface: (gateway, name) => known.has(identity(gateway, name)),
  }
}

/**
 * Whether the documented access of a device by this key is over: the key's dates, the peer's end, or its owner left. No command may
 * bring such a peer back: `wg set … allowed-ips` adds one that was just removed.
 */
export function hasEnded(peer: InventoryPeer, publicKey: string, { inventory, at }: Sides): boolean {
  const key = peer.keys.find((each) => each.publicKey === publicKey)
  const until = inventory.ownerAt(peer, at)?.until ?? null
  const isOver = (end: Micros | null) => end !== null && end <= at
  return (key !== undefined && !holdsAt(key, at)) || isOver(peer.expires) || isOver(until)
}

/** A difference of one kind, with nothing said where `parts` say nothing. */
export function difference(
  kind: DifferenceKind,
  parts: Partial<Omit<Difference, 'kind'>> & Pick<Difference, 'gateway' | 'text' | 'mend'>,
): Difference {
  const { gateway, ...more } = parts
  // The order of the members is that of the JSON.
  const silent = {
    interface: '',
    publicKey: '',
    peer: '',
    prefix: '',
    documented: '',
    running: '',
    lastHandshake: null,
  }
  return { kind, gateway, ...silent, exception: null, ...more }
}

function nameOf(place: RunningInterface): string {
  return identity(place.gateway, place.interface)
}

/** NUL stands in no name, key or prefix. */
function identity(...parts: readonly string[]): string {
  return parts.join('\0')
}

function add<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
