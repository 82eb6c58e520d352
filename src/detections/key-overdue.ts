/** A running key is older than its device's `rotate_every` allows. */
import { nextKey } from '../identity/inventory-diff-mend.ts'
import { dateText, keyText } from '../identity/inventory-diff-text.ts'
import { holdsAt } from '../identity/inventory-entries.ts'
import { DAY } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { DATE_SLACK, documentedPeer, isDocumentedHere } from './catalogue/documented-peer.ts'
import { VALID_ACCOUNTS } from './catalogue/key-techniques.ts'
import { createPeerCheck } from './catalogue/peer-check.ts'
import { POINTS_TALLY } from './catalogue/peer-points.ts'

const ABOUT: DetectionAbout = {
  id: 'key-overdue',
  title: 'Key rotation overdue',
  severity: 1,
  origin: 'detection',
  description:
    'The key is used for longer than the inventory’s `rotate_every` allows its device. A copy of it that somebody took stays good until ' +
    'it is replaced.',
  runbook: [
    'Have a new key made on the device, add it to the gateway, and document it with its first day.',
    'Remove the old one and end it in the inventory: `peertrail report revocation --peer PEER` shows that it is gone.',
  ],
  attack: [VALID_ACCOUNTS],
  limits: { due: 'rotate_every after the first day of the key', again: 'after 7 days' },
  suppression: 7 * DAY,
  baseline: 0,
  query: 'event.dataset : "wireguard.peer" and wireguard.peer.name : *',
  knownGaps: [
    'Of a key without `since` nobody knows how old it is.',
    'The day is the inventory’s: when the key was made is not known to WireGuard.',
  ],
}

export const keyOverdue: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [POINTS_TALLY],
  open: (context) =>
    createPeerCheck<never>(ABOUT, context, ({ place, points }) => {
      const peer = documentedPeer(context.inventory, place)
      const key = peer?.keys.find(({ publicKey }) => publicKey === place.publicKey)
      // A key outside its dates is told as that.
      const due = key?.since == null ? Number.POSITIVE_INFINITY : key.since + (peer?.rotateEvery ?? 0)
      const late = points.find(({ at }) => at >= due + DATE_SLACK && key !== undefined && holdsAt(key, at))
      if (peer === null || key === undefined || late === undefined) return { memory: null, found: [] }
      if (peer.rotateEvery === 0 || !isDocumentedHere(peer, place)) return { memory: null, found: [] }
      return {
        memory: null,
        found: [
          {
            peer,
            points: [late],
            summary: `Key ${keyText(place.publicKey)} of ${peer.name} is used since ${dateText(key.since)} and was to be replaced by ${dateText(due)}`,
            mend: [nextKey()],
          },
        ],
      }
    }),
}
