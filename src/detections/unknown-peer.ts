/** A key that the inventory does not know runs, and is used: it shook hands, or bytes came from it. */
import { removePeer } from '../identity/inventory-diff-mend.ts'
import { keyText, placeText, prefixesText } from '../identity/inventory-diff-text.ts'
import { DAY, type Micros, toIso } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { documentedPeer, documentsPeers, rotatedDevice } from './catalogue/documented-peer.ts'
import { EXTERNAL_REMOTE_SERVICES, VALID_ACCOUNTS } from './catalogue/key-techniques.ts'
import { createPeerCheck } from './catalogue/peer-check.ts'
import { type PeerPoint, POINTS_TALLY } from './catalogue/peer-points.ts'
import { usedSince } from './catalogue/peer-use.ts'

/** A handshake older than this is no use any more: the peer only stands there. */
const RECENT: Micros = DAY

const ABOUT: DetectionAbout = {
  id: 'unknown-peer',
  title: 'Undocumented key in use',
  severity: 2,
  origin: 'detection',
  description:
    'A key that stands nowhere in the inventory holds a tunnel. Nobody answers for it, so nobody can say whether it is meant. High when ' +
    'bytes came from it while it was watched.',
  runbook: [
    'Look at what the key did: `peertrail timeline KEY`.',
    'Compare both sides: `peertrail inventory diff`.',
    'If it is wanted, document it with its owner: `peertrail inventory update`.',
    'Else remove it: `wg set INTERFACE peer KEY remove`, delete it from the stored configuration, and `conntrack -D -s ADDRESS`.',
  ],
  attack: [EXTERNAL_REMOTE_SERVICES, VALID_ACCOUNTS],
  limits: { 'in use': 'a handshake in the last day, or bytes received', again: 'after 1 day' },
  suppression: DAY,
  baseline: 0,
  query: 'event.dataset : "wireguard.peer" and not wireguard.peer.name : *',
  knownGaps: [
    'A key that runs and is never used is told by `peertrail posture` only.',
    'A documented key on another interface than its own is not unknown: posture tells it.',
    'Without an inventory nothing is said.',
  ],
}

export const unknownPeer: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [POINTS_TALLY],
  open: (context) =>
    createPeerCheck<PeerPoint>(ABOUT, context, ({ place, points, fields }, before) => {
      const { inventory } = context
      const newest = points.at(-1) ?? points[0]
      if (!documentsPeers(inventory) || documentedPeer(inventory, place) !== null) return { memory: null, found: [] }
      const use = usedSince({ before, points }, newest.at - RECENT)
      if (use === null) return { memory: newest, found: [] }
      const prefixes = fields['wireguard.peer.allowed_ips'] ?? []
      const device = rotatedDevice(inventory, place, prefixes, newest.at)
      const did =
        use.received > 0
          ? `${use.received} bytes came from it`
          : `its last handshake was at ${toIso(use.handshake ?? newest.at)}`
      return {
        memory: newest,
        found: [
          {
            peer: null,
            points: use.points,
            ...(use.received > 0 ? { severity: 3 } : {}),
            summary: `Key ${keyText(place.publicKey)} runs on ${placeText(place.gateway, place.interface)} with ${prefixesText(prefixes)} and is documented nowhere; ${did}${device === null ? '' : `; its addresses are documented for ${device.name}`}`,
            mend: [removePeer(place.interface, place.publicKey)],
          },
        ],
      }
    }),
}
