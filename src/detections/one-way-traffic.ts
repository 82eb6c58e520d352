/**
 * Counters of a peer grow though its handshake is too old for any session: WireGuard takes no data under keys older than 180 s
 * (REJECT_AFTER_TIME, drivers/net/wireguard/messages.h). What grows is handshakes that are begun and never finished. Whoever begins
 * them has the private key (the first message proves it), and does not get the gateway's answers, or cannot use them.
 */
import { DAY, type Micros, SECOND } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { documentedPeer } from './catalogue/documented-peer.ts'
import { EXTERNAL_REMOTE_SERVICES } from './catalogue/key-techniques.ts'
import { createPeerCheck, type PeerFound, type PeerStretch } from './catalogue/peer-check.ts'
import { type PeerPoint, POINTS_TALLY } from './catalogue/peer-points.ts'
import { peerName } from './catalogue/thresholds.ts'

/** REJECT_AFTER_TIME, and what polls and whole seconds of handshakes may be off. */
const STALE_AFTER: Micros = 180 * SECOND + 15 * SECOND
/** Bytes of a message that begins a handshake, with its headers not counted (messages.h). */
const INITIATION_BYTES = 148
/** A device that wakes begins a handshake, and again while answers get lost: fewer than this many attempts are no finding. */
const ATTEMPTS_MIN = 4
/** Times the counter was seen to grow: one may be a handshake that was under way just then. */
const GROWTHS_MIN = 2
/** A gateway with something to send begins a handshake every 5 s (REKEY_TIMEOUT); twice as much is more than that, and answers. */
const ATTEMPT_EVERY: Micros = 5 * SECOND
const SENT_FACTOR = 2

const ABOUT: DetectionAbout = {
  id: 'one-way-traffic',
  title: 'Counters grow without a handshake',
  severity: 2,
  origin: 'detection',
  description:
    'A peer without a valid session moves bytes: somebody with its private key begins handshakes that are never finished. The answers ' +
    'do not arrive (a filter, a route, an address that is not the sender’s), or the preshared keys differ.',
  runbook: [
    'Look at handshake and counters: `peertrail peers`, and on the gateway `wg show INTERFACE`.',
    'Ask the device’s owner whether the tunnel works there; look for filters on the way back.',
    'Compare the endpoint with where the device is: `peertrail timeline PEER`.',
    'If nobody uses the device, remove its key: `wg set INTERFACE peer KEY remove`.',
  ],
  attack: [EXTERNAL_REMOTE_SERVICES],
  limits: {
    'handshake older than': '195 s',
    received: `${ATTEMPTS_MIN * INITIATION_BYTES} bytes, seen to grow ${GROWTHS_MIN} times`,
    sent: 'more than twice what attempts every 5 s make',
  },
  suppression: DAY,
  baseline: 0,
  query:
    'event.dataset : "wireguard.peer" and (wireguard.peer.handshake_age >= 195 or not wireguard.peer.last_handshake : *)',
  knownGaps: [
    'A clock that was set forward makes handshakes look old until the next one: where more came than handshakes can be, nothing is said.',
    'What a gateway sends to a peer that is away, an attempt every 5 s, is no finding.',
    'Where the messages come from is not proven: an address can be forged as long as no answer is needed.',
  ],
}

/** Since one and the same old handshake was shown first. */
type Memory = {
  /** Of the first point that showed it. */
  since: Micros
  last: PeerPoint
  /** Points that showed more received bytes than the one before, and that handshake too old. */
  grown: PeerPoint[]
  received: number
  sent: number
  /** Time over which `sent` was counted. */
  over: Micros
}

/** Initiation and answer with their headers: more than that every 5 s, twice over, is data, so the handshake is newer than it looks. */
const MESSAGES_BYTES = INITIATION_BYTES + 92 + 2 * 48
const RECEIVED_FACTOR = 2

/** Points kept of those that grew. */
const GROWN_MAX = 20

export const oneWayTraffic: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [POINTS_TALLY],
  open: (context) =>
    createPeerCheck<Memory>(ABOUT, context, (stretch, before) => {
      let memory = before
      let found: PeerFound | null = null
      for (const point of stretch.points) {
        memory = memory === null ? begin(point) : advance(memory, point)
        const now = judge(memory, stretch)
        found ??= now
        // What was told is not counted again.
        if (now !== null) memory = begin(point)
      }
      const peer = documentedPeer(context.inventory, stretch.place)
      return { memory, found: found === null ? [] : [{ ...found, peer }] }
    }),
}

function begin(last: PeerPoint): Memory {
  return { since: last.at, last, grown: [], received: 0, sent: 0, over: 0 }
}

function advance(memory: Memory, point: PeerPoint): Memory {
  const { last } = memory
  const isReset = point.rxBytes < last.rxBytes || point.txBytes < last.txBytes
  if (point.handshake !== last.handshake || isReset || !isStale(point)) return begin(point)
  const received = point.rxBytes - last.rxBytes
  return {
    since: memory.since,
    last: point,
    grown: received > 0 && memory.grown.length < GROWN_MAX ? [...memory.grown, point] : memory.grown,
    received: memory.received + received,
    // What was sent before the session was over may have been data.
    sent: isStale(last) ? memory.sent + point.txBytes - last.txBytes : 0,
    over: isStale(last) ? memory.over + point.at - last.at : 0,
  }
}

/** Without any handshake there never was a session. One in the future: the clock was set, and its age is not known. */
function isStale({ at, handshake }: PeerPoint): boolean {
  return handshake === null || at - handshake >= STALE_AFTER
}

function judge(
  { since, last, grown, received, sent, over }: Memory,
  { fields }: PeerStretch,
): (Omit<PeerFound, 'peer'> & { peer: null }) | null {
  const [first, ...more] = grown
  const isData = received > RECEIVED_FACTOR * ((last.at - since) / ATTEMPT_EVERY + 1) * MESSAGES_BYTES
  const age =
    last.handshake === null
      ? 'it never had a handshake'
      : `its last handshake is ${Math.floor((last.at - last.handshake) / SECOND)} s old`
  if (isData) return null
  if (first !== undefined && grown.length >= GROWTHS_MIN && received >= ATTEMPTS_MIN * INITIATION_BYTES)
    return {
      peer: null,
      points: [first, ...more],
      summary: `${received} bytes came for ${peerName(fields)} and ${age}`,
    }
  const attempts = (over / ATTEMPT_EVERY + 1) * INITIATION_BYTES
  if (received > 0 || sent <= SENT_FACTOR * attempts || over === 0) return null
  return {
    peer: null,
    points: [last],
    severity: 1,
    what: 'sent',
    summary: `${sent} bytes were sent to ${peerName(fields)} in ${Math.round(over / SECOND)} s and ${age}`,
  }
}
