/** AllowedIPs as they ran at the last poll of each gateway, and their use, by documented peer. */
import type { InventoryPeer } from '../../identity/inventory-entries.ts'
import type { PeerOfKey } from '../standing/peers-of-keys.ts'
import type { Standing } from '../standing/standing-gateways.ts'
import { lastOf, type PrefixUse, type UsedPlace } from '../standing/used-places.ts'

export type RunningPrefixes = {
  /** With one of the peer's keys, where it is documented; of '' whether a key runs at all. Null = no poll of its gateway is recorded. */
  isRunning(peer: InventoryPeer, prefix: string): boolean | null
}

export type PeerUses = {
  /** By any key of the peer; of '' whatever it used. */
  ofPrefix(peer: InventoryPeer, prefix: string): PrefixUse
  /** By one key on one gateway, documented or not. */
  ofKey(gateway: string, publicKey: string, prefix: string): PrefixUse
}

/** By the last poll of each gateway. */
export function runningPrefixes({ gateways }: Standing): RunningPrefixes {
  const polled = new Set(gateways.map(({ gateway }) => gateway))
  const running = new Map<string, ReadonlySet<string>>()
  for (const { gateway, running: tunnels } of gateways)
    for (const { interface: name, peers } of tunnels)
      for (const { publicKey, allowedIps } of peers)
        running.set(`${gateway}\0${name}\0${publicKey}`, new Set(allowedIps))
  return {
    isRunning(peer, prefix) {
      if (!polled.has(peer.gateway)) return null
      const rows = peer.keys.flatMap(
        ({ publicKey }) => running.get(`${peer.gateway}\0${peer.interface}\0${publicKey}`) ?? [],
      )
      return prefix === '' ? rows.length > 0 : rows.some((row) => row.has(prefix))
    },
  }
}

/** At whichever end of a connection the key stood: a server is reached, a device reaches. */
export function peerUses(used: readonly UsedPlace[], peerOf: PeerOfKey): PeerUses {
  const byKey = Map.groupBy(used, ({ gateway, publicKey }) => `${gateway}\0${publicKey}`)
  const byPeer = new Map<InventoryPeer, UsedPlace[]>()
  for (const place of used) {
    const peer = peerOf(place.gateway, place.publicKey)
    if (peer === null) continue
    const list = byPeer.get(peer)
    if (list === undefined) byPeer.set(peer, [place])
    else list.push(place)
  }
  return {
    ofPrefix: (peer, prefix) => useOf(byPeer.get(peer) ?? [], prefix),
    ofKey: (gateway, publicKey, prefix) => useOf(byKey.get(`${gateway}\0${publicKey}`) ?? [], prefix),
  }
}

function useOf(places: readonly UsedPlace[], prefix: string): PrefixUse {
  const own = prefix === '' ? places : places.filter((place) => place.prefix === prefix)
  // Between peers documents tell the prefix of the one that began it, and only the key of the other.
  const reached = places.filter((place) => place.prefix === '' && !place.isInitiator)
  return {
    lastUse: lastOf(own, 'connected'),
    lastTry: lastOf(own.filter(({ kind }) => kind !== 'connected')),
    lastReached: lastOf(reached, 'connected'),
  }
}
