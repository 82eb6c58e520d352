/**
 * The documented side of an inventory diff: gateways, interfaces, keys and AllowedIPs that should run and do not. What is above is
 * told once: of a gateway nobody looked at, or an interface that is down, nothing below it is told.
 */
import { quoted, safeText } from '../safe-text.ts'
import type { Difference, RunningPeer } from './inventory-diff.ts'
import { endKey, setAllowedIps, startInterface } from './inventory-diff-mend.ts'
import { createCovering } from './inventory-diff-prefixes.ts'
import { difference, hasEnded, type Sides } from './inventory-diff-sides.ts'
import { dateText, keyText, periodText, placeText } from './inventory-diff-text.ts'
import { holdsAt, type InventoryGateway, type InventoryPeer } from './inventory-entries.ts'

/** `isObserved`: somebody looked at the gateway. In no particular order. */
export function documentedDifferences(gateway: InventoryGateway, isObserved: boolean, sides: Sides): Difference[] {
  if (!isObserved) return [noSnapshot(gateway)]
  const down = new Set(gateway.interfaces.filter((name) => sides.interfaceAt(gateway.name, name) === null))
  const below = sides
    .peersOf(gateway.name)
    .filter((peer) => !down.has(peer.interface))
    .flatMap((peer) => [...missingKeys(peer, sides), ...missingPrefixes(peer, sides)])
  return [...[...down].map((name) => interfaceNotRunning(gateway.name, name)), ...below]
}

function noSnapshot({ name, interfaces }: InventoryGateway): Difference {
  return difference('no-snapshot', {
    gateway: name,
    documented: interfaces.join(', '),
    text: `Gateway ${safeText(name)} is documented, and there is no snapshot of it.`,
    // No command: `wg show all dump` would print the private key on the screen.
    mend: { inventory: '', command: '' },
  })
}

function interfaceNotRunning(gateway: string, name: string): Difference {
  return difference('interface-not-running', {
    gateway,
    interface: name,
    documented: name,
    text: `Interface ${safeText(name)} is documented and does not run.`,
    mend: { inventory: '', command: startInterface(name) },
  })
}

function missingKeys(peer: InventoryPeer, sides: Sides): Difference[] {
  const { inventory, at } = sides
  // Past its end it should not run.
  if (isExpired(peer, sides)) return []
  const isOwned = inventory.ownerAt(peer, at) !== null
  const found: Difference[] = []
  for (const key of peer.keys) {
    if (!holdsAt(key, at) || sides.runningPeer(peer.gateway, peer.interface, key.publicKey) !== null) continue
    const elsewhere = sides.placeOf(key.publicKey)
    const other = runningKeys(peer, sides)[0]
    const instead =
      other !== undefined
        ? `; key ${keyText(other.publicKey)} of it runs instead`
        : elsewhere === null
          ? ''
          : `; it runs on ${placeText(elsewhere.gateway, elsewhere.interface)}`
    found.push(
      difference('key-not-running', {
        gateway: peer.gateway,
        interface: peer.interface,
        publicKey: key.publicKey,
        peer: peer.name,
        documented: periodText(key),
        text: `Key ${keyText(key.publicKey)} of ${quoted(peer.name)} is documented and does not run${instead}.`,
        mend: {
          inventory: endKey(key),
          // Nobody is let in again whose owner left, or who has none.
          command:
            isOwned && !hasEnded(peer, key.publicKey, sides)
              ? setAllowedIps(peer.interface, key.publicKey, peer, at)
              : '',
        },
      }),
    )
  }
  return found
}

/** Prefixes of a peer that runs with one of its keys. Two keys of one device share its prefixes: WireGuard gives each to one of them. */
function missingPrefixes(peer: InventoryPeer, sides: Sides): Difference[] {
  const rows = runningKeys(peer, sides)
  const [holder] = rows
  if (holder === undefined || isExpired(peer, sides)) return []
  const running = new Set(rows.flatMap((row) => row.allowedIps))
  const documented = new Map(peer.allowedIps.map((entry) => [entry.prefix, entry]))
  const missing = [...documented.values()].filter(
    ({ prefix, expires }) => !running.has(prefix) && (expires === null || sides.at < expires),
  )
  const isOver = hasEnded(peer, holder.publicKey, sides)
  const command = isOver ? '' : setAllowedIps(peer.interface, holder.publicKey, peer, sides.at)
  const covering = missing.length === 0 ? () => null : createCovering([...running])
  return missing.map(({ prefix, expires }) => {
    const around = covering(prefix)
    const other = sides.holderOf(peer.gateway, peer.interface, prefix)
    const instead =
      other !== null
        ? `; ${holderText(other, peer, sides)} runs with it`
        : around === null
          ? ''
          : `; ${around}, which runs, covers it`
    return difference('prefix-not-running', {
      gateway: peer.gateway,
      interface: peer.interface,
      publicKey: holder.publicKey,
      peer: peer.name,
      prefix,
      documented: expires === null ? prefix : `${prefix} expires ${dateText(expires)}`,
      running: other === null ? (around ?? '') : '',
      lastHandshake: holder.lastHandshake,
      text: `${prefix} is documented for ${quoted(peer.name)} and does not run${instead}.`,
      mend: { inventory: '', command },
    })
  })
}

function holderText(other: RunningPeer, peer: InventoryPeer, { inventory }: Sides): string {
  const named = inventory.peerByKey(peer.gateway, peer.interface, other.publicKey)
  return named === null ? `key ${keyText(other.publicKey)}` : quoted(named.name)
}

/** Rows of the peer's keys on its interface: those valid now first, then in file order. */
function runningKeys(peer: InventoryPeer, sides: Sides): RunningPeer[] {
  const isValid = (key: InventoryPeer['keys'][number]) => holdsAt(key, sides.at)
  return [...peer.keys.filter(isValid), ...peer.keys.filter((key) => !isValid(key))]
    .map(({ publicKey }) => sides.runningPeer(peer.gateway, peer.interface, publicKey))
    .filter((row) => row !== null)
}

function isExpired(peer: InventoryPeer, { at }: Sides): boolean {
  return peer.expires !== null && at >= peer.expires
}
