/** The demo's table of peers: what each did in the capture, most traffic first. */
import { allOf } from '../kql/combine.ts'
import type { EventReader } from '../store/event-reader.ts'
import { ALL_TIME } from '../store/event-reader.ts'
import type { NamedPeer } from './demo-story.ts'
import { knownPeers } from './peer-selector.ts'
import { type PeerTotals, peerTotals } from './peer-totals.ts'

export type PeerRow = NamedPeer & PeerTotals

/** Peers that began a flow or were denied, as peer-totals counts. */
export async function readPeerRows(store: EventReader): Promise<PeerRow[]> {
  const totals = await peerTotals(store, ALL_TIME)
  const named = new Map((await knownPeers(store, allOf([]))).map((peer) => [peer.key, peer]))
  return [...totals]
    .map(([key, total]) => {
      const { name = '', device = '', owner = '' } = named.get(key) ?? {}
      return { key, name, device, owner, ...total }
    })
    .sort((a, b) => bytesOf(b) - bytesOf(a) || b.flows - a.flows || (a.key < b.key ? -1 : 1))
}

/** Both directions. */
export function bytesOf({ sourceBytes, destinationBytes }: PeerTotals): number {
  return sourceBytes + destinationBytes
}
