/**
 * AllowedIPs that nobody says the reason for, running or documented, each with the line that removes it and leaves the rest. `wg set`
 * replaces the whole list of a peer, so one command removes all of its prefixes that have none: two commands would undo each other.
 */

import type { Inventory } from '../../identity/inventory.ts'
import { removePeer, setAllowedIps } from '../../identity/inventory-diff-mend.ts'
import type { InventoryPeer } from '../../identity/inventory-entries.ts'
import { compareText } from '../../kql/text-match.ts'
import { hasEndedByInventory } from '../../posture/revoked-by-inventory.ts'
import { safeText } from '../../safe-text.ts'
import type { Micros } from '../../time.ts'
import { documentedHolder } from '../standing/documented-holder.ts'
import type { KeySigns } from '../standing/key-signs.ts'
import { mendNow, type Standing } from '../standing/standing-gateways.ts'
import type { PrefixUse } from '../standing/used-places.ts'
import type { PeerUses, RunningPrefixes } from './running-prefixes.ts'

export type BarePrefix = {
  readonly gateway: string
  readonly interface: string
  /** '' = documented, and not known to run. */
  readonly publicKey: string
  /** '' = the key is documented nowhere, or not there. */
  readonly peer: string
  readonly ownerName: string
  readonly ownerEmail: string
  /** '' = a key that holds no AllowedIPs at all. */
  readonly prefix: string
  readonly isDocumented: boolean
  /** Null = no poll of its gateway is recorded. */
  readonly isRunning: boolean | null
  readonly lastHandshake: Micros | null
  readonly mend: readonly string[]
} & PrefixUse

/** Prefixes of one report. */
export const BARE_MAX = 50_000
/** Prefixes of one line for a file; of a longer list nobody can see what it changes. */
const LINE_PREFIXES_MAX = 64

/** By gateway, interface, peer, key and prefix; at most BARE_MAX of `count`. */
export function withoutRequirement(
  standing: Standing & { readonly inventory: Inventory },
  signs: KeySigns,
  running: RunningPrefixes,
  uses: PeerUses,
): { readonly bare: readonly BarePrefix[]; readonly count: number } {
  const { gateways, inventory, at } = standing
  const ofRunning = gateways.flatMap(({ gateway, poll, running: tunnels }) =>
    tunnels.flatMap(({ interface: name, peers }) =>
      peers.flatMap((row): BarePrefix[] => {
        const place = { gateway, interface: name, publicKey: row.publicKey }
        const peer = peerHere(inventory, place)
        const reasons = new Map(peer?.allowedIps.map((each) => [each.prefix, each.requirement || peer.requirement]))
        const without = row.allowedIps.filter((prefix) => (reasons.get(prefix) ?? '') === '')
        if (row.allowedIps.length === 0 && (peer?.requirement ?? '') === '') without.push('')
        const mend = runningMend(place, row.allowedIps, { without, peer, inventory, poll })
        return without.map((prefix) => ({
          ...place,
          ...documentedHolder(peer === null ? null : inventory, place, poll),
          prefix,
          isDocumented: reasons.has(prefix),
          isRunning: true,
          ...uses.ofKey(gateway, row.publicKey, prefix),
          lastHandshake: signs.of(gateway, name, row.publicKey)?.lastHandshake ?? null,
          mend: mendNow(standing, place, [...mend, ...(peer !== null && prefix !== '' ? [nameIt(prefix)] : [])]),
        }))
      }),
    ),
  )
  const ofDocumented = inventory.peers.flatMap((peer) => documentedOnly(peer, inventory, running, uses, at))
  const all = [...ofRunning, ...ofDocumented].sort(
    (a, b) =>
      compareText(a.gateway, b.gateway) ||
      compareText(a.interface, b.interface) ||
      compareText(a.peer, b.peer) ||
      compareText(a.publicKey, b.publicKey) ||
      compareText(a.prefix, b.prefix),
  )
  return { bare: all.slice(0, BARE_MAX), count: all.length }
}

type Place = { readonly gateway: string; readonly interface: string; readonly publicKey: string }

/** AllowedIPs documented for another interface say nothing about this one. */
function peerHere(inventory: Inventory, { gateway, interface: name, publicKey }: Place): InventoryPeer | null {
  const peer = inventory.peerByKey(gateway, name, publicKey)
  return peer?.gateway === gateway && peer.interface === name ? peer : null
}

type Bare = {
  readonly without: readonly string[]
  readonly peer: InventoryPeer | null
  readonly inventory: Inventory
  readonly poll: Micros
}

/** A command for what runs, and the line of the stored configuration, without which it returns with a restart. */
function runningMend(
  { interface: name, publicKey }: Place,
  allowedIps: readonly string[],
  { without, peer, inventory, poll }: Bare,
): string[] {
  const rest = allowedIps.filter((prefix) => !without.includes(prefix))
  // Where the access of the peer is over, the rest may not stay either.
  if (rest.length === 0 || peer === null || hasEndedByInventory(inventory, peer, publicKey, poll) !== '')
    return [
      removePeer(name, publicKey),
      `# and in /etc/wireguard/${name}.conf: delete the [Peer] section with PublicKey = ${publicKey}`,
    ].map(safeText)
  const left = { ...peer, allowedIps: rest.map((prefix) => ({ prefix, requirement: '', expires: null })) }
  const command = setAllowedIps(name, publicKey, left, poll)
  const list = rest.length > LINE_PREFIXES_MAX ? `the list without ${without.join(', ')}` : rest.join(', ')
  const line = `in /etc/wireguard/${name}.conf, under PublicKey = ${publicKey}: AllowedIPs = ${list}`
  return [...(command === '' ? [] : [command]), command === '' ? `# ${line}; then wg syncconf` : `# and ${line}`].map(
    safeText,
  )
}

function nameIt(prefix: string): string {
  return `# or in the inventory: allowed_ips: [{ prefix: ${JSON.stringify(prefix)}, requirement: REQUIREMENT }]`
}

/** Documented without a reason, and no key runs with it as far as anybody looked. */
function documentedOnly(
  peer: InventoryPeer,
  inventory: Inventory,
  running: RunningPrefixes,
  uses: PeerUses,
  at: Micros,
): BarePrefix[] {
  if (peer.requirement !== '') return []
  const owner = inventory.ownerAt(peer, at)
  return peer.allowedIps.flatMap(({ prefix, requirement }): BarePrefix[] => {
    const isRunning = running.isRunning(peer, prefix)
    if (requirement !== '' || isRunning === true) return []
    return [
      {
        gateway: peer.gateway,
        interface: peer.interface,
        publicKey: '',
        peer: peer.name,
        ownerName: owner?.name ?? '',
        ownerEmail: owner?.email ?? '',
        prefix,
        isDocumented: true,
        isRunning,
        ...uses.ofPrefix(peer, prefix),
        lastHandshake: null,
        mend: [`# in the inventory: take ${prefix} out of allowed_ips`, nameIt(prefix)],
      },
    ]
  })
}
