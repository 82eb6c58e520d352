/**
 * A peer was added to a running interface and the inventory documents its key nowhere, or for another place. A new key with exactly the
 * prefixes of a documented device is most often a rotation: that is key-rotated-undocumented.ts.
 */
import { removePeer } from '../identity/inventory-diff-mend.ts'
import { keyText, placeText, prefixesText } from '../identity/inventory-diff-text.ts'
import { DAY } from '../time.ts'
import { createChangeCheck, isChange } from './catalogue/change-check.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import {
  documentedFor,
  documentedPeer,
  documentsPeers,
  isDocumentedHere,
  rotatedDevice,
} from './catalogue/documented-peer.ts'
import { ACCOUNT_MANIPULATION, EXTERNAL_REMOTE_SERVICES } from './catalogue/key-techniques.ts'

const ABOUT: DetectionAbout = {
  id: 'peer-added-undocumented',
  title: 'Peer added without an inventory change',
  severity: 3,
  origin: 'detection',
  description:
    'A poll shows a key that the one before did not, and the inventory documents it nowhere, or on another interface. Whoever adds a ' +
    'peer opens a way in that needs no account and no password.',
  runbook: [
    'Ask who changed the gateway then: `peertrail search "event.dataset : wireguard.audit and process.name : (wg or wg-quick)"`.',
    'Look at what the key did since: `peertrail timeline KEY`.',
    'If nobody answers for it, remove it: `wg set INTERFACE peer KEY remove`, and look into the stored configuration.',
    'If it is wanted, document it: `peertrail inventory update`.',
  ],
  attack: [ACCOUNT_MANIPULATION, EXTERNAL_REMOTE_SERVICES],
  limits: { documented: 'the key, on this gateway and interface' },
  suppression: DAY,
  baseline: 0,
  query: 'event.dataset : "wireguard.session" and event.action : "peer-added"',
  knownGaps: [
    'Peers of the first poll of a run are not known to be new: unknown-peer tells them when they are used.',
    'A peer that came and went between two polls is invisible.',
    'A peer that comes with an interface may have been configured long ago.',
    'Without an inventory nothing is said.',
  ],
}

export const peerAddedUndocumented: DetectionKind = {
  about: ABOUT,
  reads: ['wireguard.session'],
  wants: isChange('peer-added'),
  open: (context) =>
    createChangeCheck(ABOUT, context, ({ at, fields }, place) => {
      const { inventory } = context
      if (!documentsPeers(inventory)) return null
      const peer = documentedPeer(inventory, place)
      if (peer !== null && isDocumentedHere(peer, place)) return null
      const prefixes = fields['wireguard.peer.allowed_ips'] ?? []
      if (peer === null && rotatedDevice(inventory, place, prefixes, at) !== null) return null
      const others = new Set(prefixes.flatMap((prefix) => documentedFor(inventory, place, prefix)))
      const holders = [...others].map(({ name }) => name)
      const documented =
        peer === null
          ? 'is documented nowhere'
          : `is documented for ${placeText(peer.gateway, peer.interface)}, as ${peer.name}`
      const hint = holders.length === 0 ? '' : `; addresses of it are documented for ${holders.slice(0, 3).join(', ')}`
      const came = fields['event.reason'] === 'new-interface' ? ', with its interface,' : ''
      return {
        what: 'added',
        peer,
        summary: `Key ${keyText(place.publicKey)} was added${came} to ${placeText(place.gateway, place.interface)} with ${prefixesText(prefixes)} and ${documented}${hint}`,
        mend: [removePeer(place.interface, place.publicKey)],
      }
    }),
}
