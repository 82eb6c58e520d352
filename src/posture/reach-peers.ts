/**
 * The questions one poll of a gateway asks of its ruleset: for each key, from which addresses it may send, and where other peers are.
 * The longest prefix decides whose an address is, for sources as for destinations.
 */

import { createReachReader, type StaticReach } from '../sources/nftables/reach.ts'
import type { RulesetDocument } from '../sources/nftables/ruleset-document.ts'
import type { PeerPrefix } from './reach-access.ts'

export type RunningPeer = {
  readonly interface: string
  readonly publicKey: string
  readonly allowedIps: readonly string[]
}

export type PeerReach = {
  /** What the rules let the key reach now. */
  reachOf(peer: RunningPeer): StaticReach
  /** Prefixes of all others. */
  othersOf(peer: RunningPeer): readonly PeerPrefix[]
}

export function createPeerReach(document: RulesetDocument, peers: readonly RunningPeer[]): PeerReach {
  const held = peers.flatMap(({ interface: name, publicKey, allowedIps }) =>
    allowedIps.map((prefix) => ({ interface: name, publicKey, prefix })),
  )
  const read = createReachReader(document, held)
  const isOther = (peer: RunningPeer) => (each: PeerPrefix) =>
    each.publicKey !== peer.publicKey || each.interface !== peer.interface
  return {
    reachOf: (peer) =>
      read({
        interface: peer.interface,
        sources: peer.allowedIps,
        notSources: held
          .filter((each) => each.interface === peer.interface && each.publicKey !== peer.publicKey)
          .map(({ prefix }) => prefix),
      }),
    othersOf: (peer) => held.filter(isOther(peer)),
  }
}
