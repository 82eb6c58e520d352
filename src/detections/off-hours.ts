/**
 * A peer opens connections in an hour of the day in which it never did. A week holds each hour of the week once, and once is no habit;
 * so days are of two kinds, workdays and weekends, and an hour is judged when it was watched on at least four other days of its kind.
 * Days and hours are UTC: where people sleep, and when their weekend begins, does not matter as long as it stays the same.
 */
import { type Event, fieldOf } from '../event.ts'
import { createFindingDocuments } from '../finding-document.ts'
import { quoteText } from '../kql/print-query.ts'
import { timeOfDay } from '../quantity-text.ts'
import { HOUR, MINUTE, type Micros } from '../time.ts'
import { createDayRings, dayNumber, type SavedDayRings } from './catalogue/day-rings.ts'
import type { Detection, DetectionAbout, DetectionContext, DetectionKind, Tally } from './catalogue/detection.ts'
import { exceptionFor, excused } from './catalogue/exceptions.ts'
import { BASELINE, createPeerHistory, HISTORY_TALLY, type SavedPeerHistory } from './catalogue/peer-history.ts'
import { isConnected, senderOf, targetPortOf } from './catalogue/peer-traffic.ts'
import { aboutPeer, evidenceOf, peerName, relatedOf } from './catalogue/thresholds.ts'
import { ACCOUNT_IN_USE } from './catalogue/traffic-techniques.ts'

/** Other days of the same kind on which the hour must have been watched. */
const DAYS_MIN = 4
/** Days with any activity, of either kind: a peer that is hardly ever active has no hours of its own. */
const ACTIVE_DAYS_MIN = 3
/** Activity this many hours before or after, on another day, makes an hour a usual one. Covers summer time, and a long day. */
const TOLERANCE_HOURS = 2
/** Minutes with a point that make an hour a watched one. */
const WATCHED_MINUTES = 45
const SUPPRESSION: Micros = 12 * HOUR
/** What machines do by themselves: names, time, address resolution on the link. */
const OWN_BUSINESS: ReadonlySet<number> = new Set([53, 67, 123, 137, 138, 853, 1900, 5353, 5355])
/** Index in `tallies`. */
const HISTORY = 0

const ABOUT: DetectionAbout = {
  id: 'off-hours',
  title: 'Peer active outside its own hours',
  severity: 1,
  origin: 'detection',
  description:
    'A key opened connections at a time of day at which it never was active on days of that kind. People work late and travel; with ' +
    'other findings of the same key it tells whether the owner was at work.',
  runbook: [
    'What did it do? `peertrail timeline PEER` of that night.',
    'Where did it come from? Its endpoint against the usual ones: `peertrail peers`.',
    'Ask the owner. A new shift or another country is learned within days.',
  ],
  attack: [ACCOUNT_IN_USE],
  limits: {
    'hour watched on': `${DAYS_MIN} other days of its kind (workday or weekend, UTC)`,
    'never active within': `${TOLERANCE_HOURS} hours before or after, on any of them`,
    'active on': `${ACTIVE_DAYS_MIN} other days at least`,
  },
  suppression: SUPPRESSION,
  baseline: BASELINE,
  query:
    'event.dataset : "wireguard.flow" and wireguard.flow.outcome : "connected" and wireguard.peer.role : "source" and ' +
    'wireguard.attribution.status : "exact"',
  knownGaps: [
    'Seven days make workdays known, but weekends only after two of them.',
    'A machine that is left on is active at night by itself, and has no hours.',
    'Hours learn: what was found once is a usual hour from the next day on.',
    'Public holidays are workdays. A rotated key begins anew.',
    'Names, time and echo requests are no activity.',
  ],
}

export const offHours: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [HISTORY_TALLY, { reads: ['wireguard.flow'], span: MINUTE, keyOf: activeKeyOf }],
  open: createOffHours,
}

function activeKeyOf(event: Event): string | null {
  // One document of each flow is enough: its first.
  if (!isConnected(event) || fieldOf(event, 'event.action') !== 'flow-started') return null
  const port = targetPortOf(event)
  return port === undefined || OWN_BUSINESS.has(port) ? null : senderOf(event)
}

/** Hours of one day as bits, 0 = the first. */
type Hours = { readonly watched: number; readonly active: number }

/** Plain data. */
type Saved = {
  readonly days: SavedDayRings<Hours>
  readonly history: SavedPeerHistory
  /** Key to the end of its suppression. */
  readonly quiet: Map<string, Micros>
}

function createOffHours({ emit, inventory, saved: before }: DetectionContext): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const saved = before as Saved | undefined
  const days = createDayRings<Hours>(saved?.days)
  const history = createPeerHistory(saved?.history)
  const quiet = saved?.quiet ?? new Map<string, Micros>()
  const toDocument = createFindingDocuments(ABOUT)

  function mark(key: string, at: Micros, what: keyof Hours): void {
    const day = dayNumber(at)
    const hours = days.get(key, day) ?? { watched: 0, active: 0 }
    days.set(key, day, { ...hours, [what]: hours[what] | (1 << hourOf(at)) })
  }

  function isActive(key: string, at: Micros): boolean {
    return ((days.get(key, dayNumber(at))?.active ?? 0) & (1 << hourOf(at))) !== 0
  }

  /** Other days of the same kind on which the hour was watched and nothing happened around it; null = it is a usual hour, or nobody knows. */
  function quietDays(key: string, at: Micros): number | null {
    const today = dayNumber(at)
    const around = bitsAround(hourOf(at))
    const others = [...days.of(key)].filter(([day]) => day !== today)
    const alike = others.filter(([day]) => isWeekend(day) === isWeekend(today))
    if (alike.some(([, { active }]) => (active & around) !== 0)) return null
    if (others.filter(([, { active }]) => active !== 0).length < ACTIVE_DAYS_MIN) return null
    const watched = alike.filter(([, hours]) => (hours.watched & (1 << hourOf(at))) !== 0).length
    return watched < DAYS_MIN ? null : watched
  }

  function find(tally: Tally, quietOn: number): void {
    const { key, first, firstAt, lastAt, count } = tally
    quiet.set(key, firstAt + SUPPRESSION)
    const kind = isWeekend(dayNumber(firstAt)) ? 'days of a weekend' : 'workdays'
    emit(
      toDocument({
        at: firstAt,
        subject: key,
        start: firstAt,
        end: lastAt,
        count,
        summary:
          `${peerName(first)} opened ${count} ${count === 1 ? 'connection' : 'connections'} at ${timeOfDay(firstAt).slice(0, 5)} UTC; on ` +
          `${quietOn} other ${kind} it never was active between ${hoursAround(hourOf(firstAt))}`,
        query: `wireguard.peer.public_key : ${quoteText(key)}`,
        ...excused(exceptionFor(inventory, ABOUT.id, first['wireguard.peer.name'] ?? '', firstAt)),
        evidence: evidenceOf([tally]),
        about: { ...aboutPeer(first), ...relatedOf([tally]) },
      }),
    )
  }

  return {
    tally(tally, kind) {
      const { key, firstAt } = tally
      if (kind === HISTORY) {
        history.see(key, tally.distinct.length, tally.start)
        if (tally.distinct.length >= WATCHED_MINUTES) mark(key, tally.start, 'watched')
        return
      }
      if (isActive(key, firstAt)) return
      if (history.isReady(key) && firstAt >= (quiet.get(key) ?? Number.NEGATIVE_INFINITY)) {
        const quietOn = quietDays(key, firstAt)
        if (quietOn !== null) find(tally, quietOn)
      }
      mark(key, firstAt, 'active')
    },
    isSettled: (key, at, kind) => kind !== HISTORY && isActive(key, at),
    tick(watermark) {
      // The end of the input is no time.
      if (!Number.isFinite(watermark)) return
      for (const [key, until] of quiet) if (until <= watermark) quiet.delete(key)
    },
    get forgotten() {
      return days.forgotten
    },
    save: () => ({ days: days.save(), history: history.save(), quiet }) satisfies Saved,
  }
}

function hourOf(at: Micros): number {
  return Math.floor(at / HOUR) % 24
}

/** 1970-01-01 was a Thursday. */
function isWeekend(day: number): boolean {
  const weekday = (day + 4) % 7
  return weekday === 0 || weekday === 6
}

function bitsAround(hour: number): number {
  let bits = 0
  for (let away = -TOLERANCE_HOURS; away <= TOLERANCE_HOURS; away++) bits |= 1 << ((hour + away + 24) % 24)
  return bits
}

/** `01:00 and 06:00`. */
function hoursAround(hour: number): string {
  const text = (of: number) => `${String((of + 24) % 24).padStart(2, '0')}:00`
  return `${text(hour - TOLERANCE_HOURS)} and ${text(hour + TOLERANCE_HOURS + 1)}`
}
