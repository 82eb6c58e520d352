/**
 * A peer's counters grew by more than its connections and refused packets explain: bytes went through the interface that neither conntrack
 * nor the packet log showed (`notrack`, a flowtable, a rule that was taken out).
 *
 *   growth of an hour    first point of the next hour − first point of the hour, received and sent
 *   explained at most    bytes of connections told in the hour, the one before and the one after, refused packets that were logged, and for
 *                        each packet of them 32 bytes of WireGuard and 15 of padding
 *   found                growth ≥ 2 × explained + 10 MiB
 *
 * Everything that is not certain counts as explained. An hour is judged two hours later, so that bytes told late are known. Not judged: an hour
 * that was not polled each minute, for nobody watched it whole; and one in which no progress of a connection of the key was told: a connection
 * that nobody saw begin may hold the rest, for days, and only dumps of conntrack would show it.
 */
import type { Event } from '../event.ts'
import type { Fields } from '../fields.ts'
import { createFindingDocuments } from '../finding-document.ts'
import { quoteText } from '../kql/print-query.ts'
import { bytesText } from '../quantity-text.ts'
import { DAY, HOUR, MINUTE, type Micros } from '../time.ts'
import type { Detection, DetectionAbout, DetectionContext, DetectionKind, Tally } from './catalogue/detection.ts'
import { facetOf, lengthOf, timeOf } from './catalogue/document-parts.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import { isDenied } from './catalogue/peer-traffic.ts'
import { aboutPeer, peerName } from './catalogue/thresholds.ts'

/** Growth beyond twice what is explained, in bytes. */
const EXCESS_MIN = 10 * 1024 * 1024
const TIMES = 2
/** Around each packet: header and tag of WireGuard's data message, and padding to 16 at most. Bytes. */
const PER_PACKET = 32 + 15
/** Handshakes (148 and 92 bytes every two minutes) and keepalives (32 bytes) of an hour, both ways, at most. Bytes. */
const PER_HOUR = 256 * 1024
/** Between the beginning of an hour and its first point: a poll a minute. */
const FIRST_POINT_MAX: Micros = 5 * MINUTE
/** Minutes with a point that make an hour watched: what goes through while the collector is down is in the counters alone. */
const MINUTES_MIN = 57
const SPAN: Micros = MINUTE
const SUPPRESSION: Micros = DAY
/** Peers of a gateway; beyond it the one that was heard of longest ago begins anew. */
const PEERS_MAX = 50_000
/** Hours of a peer that wait to be judged; late documents make no more. */
const HOURS_MAX = 48

const ABOUT: DetectionAbout = {
  id: 'counters-unexplained',
  title: "Peer's counters grew more than its connections explain",
  severity: 2,
  origin: 'detection',
  description:
    'WireGuard counted far more bytes of this peer than its connections and refused packets had. Traffic went past connection tracking ' +
    'or past its log, and what it was is not known.',
  runbook: [
    'Rules that switch tracking off, or hand connections to hardware: `nft list ruleset | grep -E "notrack|flow add"`.',
    "Gaps of conntrack in that hour: `peertrail search 'event.action : (source-gap or source-lost) and wireguard.coverage.source : conntrack'`.",
    'Packets that are refused without a log rule count, too: `peertrail posture` names chains without one.',
    'What the peer did otherwise: `peertrail timeline PEER`.',
  ],
  attack: [{ id: 'T1562.006', name: 'Indicator Blocking', tactic: { id: 'TA0005', name: 'Defense Evasion' } }],
  limits: {
    threshold: `${TIMES} times what is explained, and 10 MiB more, within an hour of the clock`,
    overhead: `${PER_PACKET} bytes a packet, 256 KiB an hour for handshakes and keepalives`,
    waits: 'two hours after the hour, for connections that are told late',
    judged: `hours with polls in ${MINUTES_MIN} minutes, and progress of a connection of the peer`,
  },
  suppression: SUPPRESSION,
  baseline: 0,
  query:
    'event.dataset : ("wireguard.peer" or "wireguard.flow" or "wireguard.firewall") and wireguard.peer.public_key : *',
  knownGaps: [
    'Connections of another peer to this one are told with the other key: where peers talk to each other and detectors are many, ' +
      'their bytes look unexplained.',
    'An hour without progress of any connection of the peer is not judged: let `conntrack -L` run every half minute, with `nf_conntrack_acct` on.',
    'An hour in which polls were further apart than a minute, or the collector was down, is not judged.',
    'What conntrack’s collector missed while polls went on is unexplained: collection-gap tells of that.',
    'Connections without a key (ambiguous attribution) explain nothing; a peer that was added again within the hour is not judged.',
    'Refused packets that no rule logs are unexplained bytes.',
  ],
}

/** What is known of one key on one gateway in one hour of the clock. */
type Hour = {
  readonly start: Micros
  /** Bytes that its documents explain. */
  explained: number
  /** Whether bytes of a connection that went on were told: connection tracking was asked for what is open. */
  hasProgress: boolean
  /** Its first point, if that came in its first minutes. */
  point: Point | null
  /** That had a point. */
  minutes: number
}
type Point = { readonly counters: number; readonly id: string; readonly fields: Fields }
type Peer = {
  hours: Hour[]
  judged: Micros
  quietUntil: Micros
}
type Saved = Map<string, Peer>

/** Index in `tallies`. */
const POINTS = 0

export const countersUnexplained: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      reads: ['wireguard.peer'],
      span: HOUR,
      keyOf: (event) => keyOf(event, 'wireguard.peer.public_key'),
      distinctOf: minuteOf,
    },
    {
      reads: ['wireguard.flow', 'wireguard.firewall'],
      span: SPAN,
      keeps: 'sums',
      keyOf: (event) => (isTelling(event) ? keyOf(event, 'wireguard.peer.public_key') : null),
      amountOf: explainedBytes,
      distinctOf: progressOf,
    },
    {
      // Between two peers: the bytes went through both.
      reads: ['wireguard.flow', 'wireguard.firewall'],
      span: SPAN,
      keeps: 'sums',
      keyOf: (event) => (isTelling(event) ? keyOf(event, 'wireguard.target_peer.public_key') : null),
      amountOf: explainedBytes,
      distinctOf: progressOf,
    },
  ],
  open,
}

function open({ emit, inventory, saved }: DetectionContext): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const peers = (saved as Saved | undefined) ?? new Map<string, Peer>()
  const toDocument = createFindingDocuments(ABOUT)
  let lookedAt = Number.NEGATIVE_INFINITY

  function peerOf(key: string): Peer {
    const known = peers.get(key)
    const peer = known ?? { hours: [], judged: Number.NEGATIVE_INFINITY, quietUntil: Number.NEGATIVE_INFINITY }
    peers.delete(key)
    peers.set(key, peer)
    if (peers.size > PEERS_MAX) {
      const oldest = peers.keys().next()
      if (oldest.done !== true) peers.delete(oldest.value)
    }
    return peer
  }

  /** Hours of which all is known that ended an hour before `until`, in order. */
  function judgeUntil(key: string, peer: Peer, until: Micros): void {
    const newest = peer.hours.at(-1)?.start ?? 0
    for (const hour of peer.hours) {
      if (hour.start <= peer.judged || hour.start + 2 * HOUR > until) continue
      // The end of the input is no time: what is not known yet may come after it.
      if (until === Number.POSITIVE_INFINITY && hour.start + HOUR >= newest) continue
      peer.judged = hour.start
      judge(key, peer, hour)
    }
    // The newest that was judged still explains the one after it.
    peer.hours = peer.hours.filter(({ start }) => start >= peer.judged)
  }

  function judge(key: string, peer: Peer, hour: Hour): void {
    const [before, next] = [-HOUR, HOUR].map((far) => peer.hours.find(({ start }) => start === hour.start + far))
    if (hour.point === null || next?.point == null || hour.start < peer.quietUntil) return
    const growth = next.point.counters - hour.point.counters
    const explained = (before?.explained ?? 0) + hour.explained + next.explained + PER_HOUR
    if (growth < TIMES * explained + EXCESS_MIN) return
    if (hour.minutes < MINUTES_MIN || !hour.hasProgress) return
    peer.quietUntil = hour.start + SUPPRESSION
    say(key, hour.start, [hour.point, next.point], growth, explained)
  }

  function say(key: string, start: Micros, points: readonly [Point, Point], growth: number, explained: number): void {
    const { fields } = points[0]
    emit(
      toDocument({
        at: start,
        subject: key,
        start,
        end: start + HOUR,
        summary: `${peerName(fields)} moved ${bytesText(growth)} through ${fields['host.name'] ?? 'its gateway'} in an hour, and connections and refused packets explain at most ${bytesText(explained)} of it`,
        evidence: points.map(({ id }) => id),
        about: {
          ...aboutPeer(fields),
          'related.hosts': fields['related.hosts'],
          'related.user': fields['related.user'],
        },
        query: `wireguard.peer.public_key : ${quoteText(fields['wireguard.peer.public_key'] ?? '')}`,
        ...excused(exceptionFor(inventory, ABOUT.id, fields['wireguard.peer.name'] ?? '', start)),
      }),
    )
  }

  return {
    tally(tally, kind) {
      const peer = peerOf(tally.key)
      judgeUntil(tally.key, peer, tally.end - 1)
      note(hourOf(peer, Math.floor(tally.start / HOUR) * HOUR), tally, kind)
    },
    tick(watermark) {
      const hour = Math.floor(watermark / HOUR)
      if (hour === lookedAt) return
      lookedAt = Number.isFinite(hour) ? hour : lookedAt
      for (const [key, peer] of peers) {
        judgeUntil(key, peer, watermark)
        if (!Number.isFinite(watermark)) continue
        const isForgotten = peer.hours.every(({ start }) => start + DAY <= watermark) && peer.quietUntil <= watermark
        if (isForgotten) peers.delete(key)
      }
    },
    save: () => peers satisfies Saved,
  }
}

/** A late one, whose hour was judged, changes nothing any more. */
function hourOf(peer: Peer, start: Micros): Hour {
  const known = peer.hours.find((hour) => hour.start === start)
  if (known !== undefined) return known
  const hour: Hour = { start, explained: 0, hasProgress: false, point: null, minutes: 0 }
  if (start <= peer.judged) return hour
  peer.hours.push(hour)
  peer.hours.sort((a, b) => a.start - b.start)
  if (peer.hours.length > HOURS_MAX) peer.hours.shift()
  return hour
}

function note(hour: Hour, tally: Tally, kind: number): void {
  if (kind !== POINTS) {
    hour.explained += tally.sum
    hour.hasProgress ||= tally.distinct.length > 0
    return
  }
  hour.minutes = Math.max(hour.minutes, tally.distinct.length)
  const { first, firstAt, evidence } = tally
  const id = evidence[0]?.id
  if (hour.point !== null || id === undefined || firstAt - hour.start > FIRST_POINT_MAX) return
  const counters = (first['wireguard.peer.rx.bytes'] ?? 0) + (first['wireguard.peer.tx.bytes'] ?? 0)
  hour.point = { counters, id, fields: first }
}

/** `gateway\0key` */
function keyOf(event: Event, field: 'wireguard.peer.public_key' | 'wireguard.target_peer.public_key'): string | null {
  const key = facetOf(event, field)
  return key === undefined ? null : `${facetOf(event, 'host.name') ?? ''}\0${key}`
}

function minuteOf(event: Event): string {
  return String(Math.floor(((timeOf(event) ?? 0) % HOUR) / MINUTE))
}

/** A document with bytes of a connection, by conntrack: what a host tells of a flow has none. A refused packet, by its log line. */
function isTelling(event: Event): boolean {
  return event.dataset === 'wireguard.firewall'
    ? isDenied(event)
    : event.own['wireguard.flow.delta.source.bytes'] !== undefined
}

function progressOf(event: Event): string | undefined {
  if (event.dataset === 'wireguard.firewall') return undefined
  return facetOf(event, 'event.action') === 'flow-progress' ? 'progress' : undefined
}

function explainedBytes(event: Event): number {
  if (event.dataset === 'wireguard.firewall') return (lengthOf(event) ?? 0) + PER_PACKET
  const { own } = event
  const bytes = (own['wireguard.flow.delta.source.bytes'] ?? 0) + (own['wireguard.flow.delta.destination.bytes'] ?? 0)
  const packets =
    (own['wireguard.flow.delta.source.packets'] ?? 0) + (own['wireguard.flow.delta.destination.packets'] ?? 0)
  return bytes + PER_PACKET * packets
}
