/** The key of somebody who left still runs, or is still used. */
import { changeOwner, removePeer } from '../identity/inventory-diff-mend.ts'
import { dateText } from '../identity/inventory-diff-text.ts'
import { DAY, toIso } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { DATE_SLACK, documentedPeer } from './catalogue/documented-peer.ts'
import { VALID_ACCOUNTS } from './catalogue/key-techniques.ts'
import { createPeerCheck } from './catalogue/peer-check.ts'
import { type PeerPoint, POINTS_TALLY } from './catalogue/peer-points.ts'
import { usedSince } from './catalogue/peer-use.ts'

const ABOUT: DetectionAbout = {
  id: 'leaver-key',
  title: 'Key of a person who left',
  severity: 2,
  origin: 'detection',
  description:
    'The inventory says that the owner left, and the key still runs on the gateway. High when it was used since: by whoever has the ' +
    'device, or a copy of its key. WireGuard authenticates the key, not the person.',
  runbook: [
    'Remove it: `wg set INTERFACE peer KEY remove`, and delete it from the stored configuration.',
    'Prove that it ended: `peertrail report revocation --peer PEER --since DAY`.',
    'Look at what it did since that day: `peertrail timeline PEER`.',
    'If somebody took the device over, document her as its owner from that day.',
  ],
  attack: [VALID_ACCOUNTS],
  limits: { slack: '5 min after the documented end', again: 'after 1 day' },
  suppression: DAY,
  baseline: 0,
  query: 'event.dataset : "wireguard.peer" and wireguard.peer.owner.email : *',
  knownGaps: [
    'Only as good as the dates of `people` in the inventory.',
    'A device without an owner has nobody who could leave: posture tells it.',
  ],
}

export const leaverKey: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [POINTS_TALLY],
  open: (context) =>
    createPeerCheck<PeerPoint>(ABOUT, context, ({ place, points }, before) => {
      const { inventory } = context
      const newest = points.at(-1) ?? points[0]
      const peer = documentedPeer(inventory, place)
      const owner = peer === null ? null : inventory.ownerAt(peer, newest.at)
      const left = owner?.until ?? null
      if (peer === null || owner === null || left === null) return { memory: newest, found: [] }
      const [first, ...rest] = points.filter(({ at }) => at >= left + DATE_SLACK)
      if (first === undefined) return { memory: newest, found: [] }
      const use = usedSince({ before, points }, left + DATE_SLACK)
      const seen =
        use === null
          ? 'it was not seen in use since'
          : use.handshake === null
            ? `${use.received} bytes came from it since`
            : `its last handshake was at ${toIso(use.handshake)}`
      return {
        memory: newest,
        found: [
          {
            peer,
            // One that runs unused may be used later the same day: that is told too.
            what: use === null ? 'runs' : 'used',
            points: use?.points ?? [first, ...rest],
            ...(use === null ? {} : { severity: 3 }),
            summary: `${peer.name} still runs, and its owner ${owner.email} left on ${dateText(left)}; ${seen}`,
            mend: [removePeer(place.interface, place.publicKey), changeOwner(peer, left)],
          },
        ],
      }
    }),
}
