/**
 * A peer moves far more bytes within an hour than in any hour of its own last four weeks. What it sends and what it receives are apart:
 * each is a subject of its own. Counted by the deltas of its flows, so that the finding names where they went.
 */
import { type Event, fieldOf } from '../event.ts'
import { createFindingDocuments, EVIDENCE_MAX } from '../finding-document.ts'
import { quoteText } from '../kql/print-query.ts'
import { bytesText } from '../quantity-text.ts'
import { DAY, HOUR, MINUTE, type Micros } from '../time.ts'
import { createDayRings, dayNumber, type SavedDayRings } from './catalogue/day-rings.ts'
import type {
  Detection,
  DetectionAbout,
  DetectionContext,
  DetectionKind,
  Tally,
  TallyKind,
} from './catalogue/detection.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import {
  BASELINE,
  createPeerHistory,
  HISTORIES_MAX,
  HISTORY_TALLY,
  type SavedPeerHistory,
} from './catalogue/peer-history.ts'
import { provenKeyOf, targetOf } from './catalogue/peer-traffic.ts'
import { aboutPeer, evidenceOf, peerName, relatedOf } from './catalogue/thresholds.ts'
import { OTHER_PROTOCOL } from './catalogue/traffic-techniques.ts'

type Direction = 'sent' | 'received'

/** Bytes an hour below which nothing is large. */
const FLOORS: Readonly<Record<Direction, number>> = { sent: 500_000_000, received: 2_000_000_000 }
/** So many times the highest hour of its history. */
const FACTOR = 3
/** A minute with this part of the floor or more gives evidence. */
const EVIDENCE_PART = 100
const SUPPRESSION: Micros = DAY
/** Resources or addresses named in the sentence. */
const NAMED_MAX = 3
/**
 * Minutes with a point of the hour before. After a time in which nobody looked the first count of an open connection holds all bytes of
 * that time.
 */
const MINUTES_BEFORE = 45
/** Index in `tallies`. */
const HISTORY = 0
const DIRECTIONS: readonly Direction[] = ['sent', 'received']

const ABOUT: DetectionAbout = {
  id: 'large-transfer',
  title: 'Transfer far beyond what the peer usually moves',
  severity: 2,
  origin: 'detection',
  description:
    'Within an hour a key moved several times the bytes of its highest hour in the last four weeks: a copy of much data, in or out. ' +
    'Backups, images and updates look the same.',
  runbook: [
    'From where to where? The query of the finding, by `destination.ip` and `wireguard.resource.name`.',
    'What runs there? The process on the host, where it is audited: `wireguard.host.process.name`.',
    'Ask the owner. If nobody knows of it, cut the key off: `peertrail report revocation --peer PEER` names the commands.',
  ],
  attack: [OTHER_PROTOCOL],
  limits: {
    sent: `${bytesText(FLOORS.sent)} within an hour (UTC), and ${FACTOR} times the highest hour of 28 days`,
    received: `${bytesText(FLOORS.received)} within an hour (UTC), and ${FACTOR} times the highest hour of 28 days`,
  },
  suppression: SUPPRESSION,
  baseline: BASELINE,
  query:
    'event.dataset : "wireguard.flow" and (wireguard.flow.delta.source.bytes > 0 or wireguard.flow.delta.destination.bytes > 0) and ' +
    'wireguard.attribution.status : "exact"',
  knownGaps: [
    'Needs accounting of conntrack (nf_conntrack_acct).',
    'A gateway without periodic dumps of conntrack tells the bytes of a connection at its end: all of them fall into that hour.',
    'The hour after a time without polls is neither judged nor learned: it may hold what was moved in that time.',
    'Two halves on both sides of a full hour are each held against the threshold alone.',
    'Hours learn: what was found once belongs to the history from the next hour on.',
    'A rotated key begins anew. Documents that are not certainly of the key are left out.',
  ],
}

export const largeTransfer: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [HISTORY_TALLY, ...DIRECTIONS.map(bytesTally)],
  open: createLargeTransfer,
}

function bytesTally(direction: Direction): TallyKind {
  return {
    reads: ['wireguard.flow'],
    span: MINUTE,
    keyOf: (event) => (bytesOf(event, direction) > 0 ? provenKeyOf(event) : null),
    distinctOf: (event) => {
      const resource = fieldOf(event, 'wireguard.resource.name')
      return resource === undefined || resource === 'uncatalogued' ? targetOf(event) : resource
    },
    amountOf: (event) => bytesOf(event, direction),
  }
}

/** Of the peer, since the previous document of the flow. */
function bytesOf(event: Event, direction: Direction): number {
  const up = event.own['wireguard.flow.delta.source.bytes']
  if (up === undefined) return 0
  const isOwnFlow = fieldOf(event, 'wireguard.peer.role') === 'source'
  return isOwnFlow === (direction === 'sent') ? up : (event.own['wireguard.flow.delta.destination.bytes'] ?? 0)
}

/** The newest hour of a key in which something moved. */
type Hour = {
  readonly hour: number
  bytes: number
  readonly firstAt: Micros
  /** Start of the newest minute that was counted: what comes again after its tally was given counts once. */
  until: Micros
  /** It is over, and belongs to the history. */
  isLearned: boolean
  readonly targets: Set<string>
  readonly evidence: string[]
}

/** The newest hour of points of a key, and how many of its minutes had one. */
type Polled = { readonly hour: number; readonly minutes: number }

/** Plain data; keys are `KEY direction`. */
type Saved = {
  readonly polled: Map<string, Polled>
  /** Those of the last day. */
  readonly hours: Map<string, Hour>
  /** Bytes of the highest hour of each day. */
  readonly days: SavedDayRings<number>
  readonly history: SavedPeerHistory
  readonly quiet: Map<string, Micros>
}

function createLargeTransfer({ emit, inventory, saved: before }: DetectionContext): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const saved = before as Saved | undefined
  const hours = saved?.hours ?? new Map<string, Hour>()
  const days = createDayRings<number>(saved?.days)
  const history = createPeerHistory(saved?.history)
  const quiet = saved?.quiet ?? new Map<string, Micros>()
  const polled = saved?.polled ?? new Map<string, Polled>()
  const toDocument = createFindingDocuments(ABOUT)

  function seePolls(key: string, hour: number, minutes: number): void {
    const known = polled.get(key)
    if (known !== undefined && known.hour >= hour) return
    polled.delete(key)
    polled.set(key, { hour, minutes })
    if (polled.size <= HISTORIES_MAX) return
    const oldest = polled.keys().next()
    if (oldest.done !== true) polled.delete(oldest.value)
  }

  /** Whether what is counted in that hour moved in it, or little before. */
  function isWatched(key: string, hour: number): boolean {
    const before = polled.get(key)
    return before !== undefined && before.hour >= hour - 1 && before.minutes >= MINUTES_BEFORE
  }

  /** The hour a tally belongs to; null when it is over already, or the minute was counted. */
  function hourOf(subject: string, tally: Tally): Hour | null {
    const number = Math.floor(tally.start / HOUR)
    const hour = hours.get(subject)
    if (hour !== undefined) {
      if (hour.hour > number || tally.start <= hour.until) return null
      if (hour.hour === number) return hour.isLearned ? null : hour
      learn(subject, hour)
    }
    const next: Hour = {
      hour: number,
      bytes: 0,
      firstAt: tally.firstAt,
      until: Number.NEGATIVE_INFINITY,
      isLearned: false,
      targets: new Set(),
      evidence: [],
    }
    hours.set(subject, next)
    return next
  }

  function learn(subject: string, hour: Hour): void {
    if (hour.isLearned) return
    hour.isLearned = true
    hour.targets.clear()
    hour.evidence.length = 0
    const day = dayNumber(hour.hour * HOUR)
    days.set(subject, day, Math.max(days.get(subject, day) ?? 0, hour.bytes))
  }

  function add(hour: Hour, tally: Tally, floor: number): void {
    hour.bytes += tally.sum
    hour.until = tally.start
    if (tally.sum < floor / EVIDENCE_PART) return
    const left = EVIDENCE_MAX - hour.evidence.length
    hour.evidence.push(...evidenceOf([tally]).slice(0, left))
    for (const target of tally.distinct) if (hour.targets.size <= NAMED_MAX) hour.targets.add(target)
  }

  function find(subject: string, direction: Direction, hour: Hour, highest: number, tally: Tally): void {
    const { first, lastAt, key } = tally
    quiet.set(subject, lastAt + SUPPRESSION)
    emit(
      toDocument({
        at: hour.firstAt,
        subject,
        start: hour.firstAt,
        end: lastAt,
        summary:
          `${peerName(first)} ${direction} ${bytesText(hour.bytes)} within an hour so far, ${targetsText(direction, hour.targets)}; ` +
          (highest === 0
            ? 'in the weeks before it moved next to nothing'
            : `its highest hour of ${days.of(subject).size} days with traffic was ${bytesText(highest)}`),
        query:
          `wireguard.peer.public_key : ${quoteText(key)} and ` +
          '(wireguard.flow.delta.source.bytes > 0 or wireguard.flow.delta.destination.bytes > 0)',
        ...excused(exceptionFor(inventory, ABOUT.id, first['wireguard.peer.name'] ?? '', hour.firstAt)),
        evidence: hour.evidence,
        about: { ...aboutPeer(first), ...relatedOf([tally]) },
      }),
    )
  }

  return {
    tally(tally, kind) {
      const { key } = tally
      if (kind === HISTORY) {
        history.see(key, tally.distinct.length, tally.start)
        seePolls(key, Math.floor(tally.start / HOUR), tally.distinct.length)
        return
      }
      if (!isWatched(key, Math.floor(tally.start / HOUR))) return
      const direction = DIRECTIONS[kind - 1] ?? 'sent'
      const subject = `${key} ${direction}`
      const hour = hourOf(subject, tally)
      if (hour === null) return
      add(hour, tally, FLOORS[direction])
      if (hour.bytes < FLOORS[direction] || !history.isReady(key)) return
      const highest = Math.max(0, ...days.of(subject).values())
      if (hour.bytes < FACTOR * highest || tally.firstAt < (quiet.get(subject) ?? Number.NEGATIVE_INFINITY)) return
      find(subject, direction, hour, highest, tally)
    },
    tick(watermark) {
      // The end of the input is no time.
      if (!Number.isFinite(watermark)) return
      for (const [subject, hour] of hours) {
        if ((hour.hour + 1) * HOUR <= watermark) learn(subject, hour)
        if ((hour.hour + 1) * HOUR <= watermark - DAY) hours.delete(subject)
      }
      for (const [subject, until] of quiet) if (until <= watermark) quiet.delete(subject)
    },
    get forgotten() {
      return days.forgotten
    },
    save: () => ({ polled, hours, days: days.save(), history: history.save(), quiet }) satisfies Saved,
  }
}

function targetsText(direction: Direction, targets: ReadonlySet<string>): string {
  const names = [...targets].slice(0, NAMED_MAX)
  const list = `${names.join(', ')}${targets.size > NAMED_MAX ? ' and others' : ''}`
  return `${direction === 'sent' ? 'to' : 'from'} ${list === '' ? 'many' : list}`
}
