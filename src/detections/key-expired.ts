/**
 * A key is used after its documented time: the device or one of its prefixes expired, the key's own dates are over or have not begun.
 * That it still runs is for posture; here it shook hands or moved bytes.
 */
import type { Inventory } from '../identity/inventory.ts'
import { changeExpiry, changePrefixExpiry, correctKeyDates, removePeer } from '../identity/inventory-diff-mend.ts'
import { dateText, keyText } from '../identity/inventory-diff-text.ts'
import type { InventoryPeer } from '../identity/inventory-entries.ts'
import { DAY, type Micros, toIso } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { DATE_SLACK, documentedPeer, isDocumentedHere } from './catalogue/documented-peer.ts'
import { VALID_ACCOUNTS } from './catalogue/key-techniques.ts'
import { createPeerCheck, type PeerFound, type PeerStretch } from './catalogue/peer-check.ts'
import { type PeerPoint, POINTS_TALLY } from './catalogue/peer-points.ts'
import { type Use, usedSince, usedWithin, type Watched } from './catalogue/peer-use.ts'

const ABOUT: DetectionAbout = {
  id: 'key-expired',
  title: 'Expired key in use',
  severity: 2,
  origin: 'detection',
  description:
    'WireGuard knows no dates: a key works until somebody removes it. This one shook hands or moved bytes after the inventory says that ' +
    'it, its device or one of its prefixes had ended, or before it was to begin. High when bytes came from it while it was watched.',
  runbook: [
    'Ask the owner whether the access is still needed; if so, document until when.',
    'Look at what it did since its end: `peertrail timeline PEER`.',
    'Else remove it: `wg set INTERFACE peer KEY remove`, and prove it: `peertrail report revocation --peer PEER`.',
  ],
  attack: [VALID_ACCOUNTS],
  limits: { slack: '5 min around documented dates', again: 'after 1 day' },
  suppression: DAY,
  baseline: 0,
  query: 'event.dataset : "wireguard.peer" and wireguard.peer.name : *',
  knownGaps: [
    'Of an expired prefix the use of the peer is shown, not that its packets came from that prefix.',
    'A key that ended and still runs unused is told by `peertrail posture` only.',
    'Use is seen with the points of its minutes: a few minutes after it happened.',
  ],
}

export const keyExpired: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [POINTS_TALLY],
  open: (context) =>
    createPeerCheck<PeerPoint>(ABOUT, context, (stretch, before) => {
      const { inventory } = context
      const { place, points } = stretch
      const peer = documentedPeer(inventory, place)
      if (peer === null) return { memory: null, found: [] }
      const watched: Watched = { before, points }
      const found = [keyOutsideDates(peer, stretch, watched), peerExpired(peer, stretch, watched)]
      return {
        memory: points.at(-1) ?? points[0],
        found: [...found, ...expiredPrefixes(peer, stretch, watched, inventory)].filter((each) => each !== null),
      }
    }),
}

function peerExpired(peer: InventoryPeer, { place }: PeerStretch, watched: Watched): PeerFound | null {
  if (peer.expires === null) return null
  const use = usedSince(watched, peer.expires + DATE_SLACK)
  if (use === null) return null
  return {
    ...foundOf(peer, use),
    summary: `${peer.name} expired on ${dateText(peer.expires)} and is still used: ${useText(use)}`,
    mend: [removePeer(place.interface, place.publicKey), changeExpiry()],
  }
}

function keyOutsideDates(peer: InventoryPeer, { place }: PeerStretch, watched: Watched): PeerFound | null {
  const key = peer.keys.find(({ publicKey }) => publicKey === place.publicKey)
  if (key === undefined) return null
  const late = key.until === null ? null : usedSince(watched, key.until + DATE_SLACK)
  const early = key.since === null ? null : usedWithin(watched, Number.NEGATIVE_INFINITY, key.since - DATE_SLACK)
  const use = late ?? early
  if (use === null) return null
  const when =
    late === null
      ? `is used already, documented only from ${dateText(key.since)} on`
      : `is still used, documented until ${dateText(key.until)}`
  return {
    ...foundOf(peer, use),
    what: 'dates',
    summary: `Key ${keyText(place.publicKey)} of ${peer.name} ${when}: ${useText(use)}`,
    mend: [removePeer(place.interface, place.publicKey), correctKeyDates(key, late === null)],
  }
}

/** Of a peer that ended itself its prefixes are not told one by one. */
function expiredPrefixes(
  peer: InventoryPeer,
  { place, fields }: PeerStretch,
  watched: Watched,
  inventory: Inventory,
): PeerFound[] {
  const running = new Set(fields['wireguard.peer.allowed_ips'])
  const newest = watched.points.at(-1)?.at ?? 0
  if (!isDocumentedHere(peer, place) || isOver(peer, newest, inventory)) return []
  return peer.allowedIps.flatMap(({ prefix, expires }) => {
    const use = expires === null || !running.has(prefix) ? null : usedSince(watched, expires + DATE_SLACK)
    if (use === null) return []
    return [
      {
        ...foundOf(peer, use),
        what: `prefix ${prefix}`,
        summary: `${prefix} of ${peer.name} expired on ${dateText(expires)} and still runs with a peer in use: ${useText(use)}`,
        mend: [changePrefixExpiry(prefix)],
      },
    ]
  })
}

function isOver(peer: InventoryPeer, at: Micros, inventory: Inventory): boolean {
  const left = inventory.ownerAt(peer, at)?.until ?? null
  return [peer.expires, left].some((end) => end !== null && end <= at)
}

function foundOf(peer: InventoryPeer, use: Use): Omit<PeerFound, 'summary'> {
  return { peer, points: use.points, ...(use.received > 0 ? { severity: 3 } : {}) }
}

function useText({ handshake, received }: Use): string {
  const shaken = handshake === null ? [] : [`last handshake ${toIso(handshake)}`]
  const moved = received === 0 ? [] : [`${received} bytes came from it`]
  return [...shaken, ...moved].join(', ')
}
