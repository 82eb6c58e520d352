/**
 * How far a host's clock stands from its gateways', by connections both saw: the flow's start at the gateway, and the accept
 * between two places of the host's log. Each join bounds the difference from both sides; nothing is said while zero fits.
 *
 *   offset = host − gateway,   place before − start − time in the backlog ≤ offset ≤ place after − start
 */
import { type Micros, SECOND } from '../../time.ts'

export type ClockOffset = {
  /** A connection that started at the gateway at `startAt` was accepted within [from, to] by the host's clock. */
  join(startAt: Micros, from: Micros, to: Micros): void
  /** The only flow of a connection's tuple lies outside its time: a sign that the clocks differ. Each origin once. */
  suspect(startAt: Micros, from: Micros, to: Micros): void
  /** Nearest to zero of what the joins allow, positive when the host's clock is ahead; 0 while they allow zero. */
  readonly offset: Micros
  readonly joins: number
  /** Whether several connections leave the difference no room: until then no time of the host proves anything about another's. */
  readonly isMeasured: boolean
  /** Live references. */
  save(): SavedClockOffset
}

type Bounds = { readonly least: Micros; readonly most: Micros }

/** Plain data; see ClockOffset.save. */
export type SavedClockOffset = {
  readonly joins: number
  readonly bounds: Bounds[]
  readonly joined: Micros
  readonly room: Micros
  readonly suspects: Bounds[]
}

/** Connections that a measure takes, and the room it may leave. */
const MEASURE_JOINS_MIN = 3
const MEASURE_ROOM_MAX: Micros = SECOND

/** NEW at the gateway and accept at the host are this much apart at most when nothing waits. */
const TRAVEL_MAX: Micros = SECOND
/** The latest joins are remembered: clocks drift. */
const BOUNDS_MAX = 64
/** So many connections have to agree before a difference is believed that no join in time has shown. */
const SUSPECTS_MIN = 3
/** The latest signs are remembered. */
const SUSPECTS_MAX = 64

export function createClockOffset(saved?: SavedClockOffset): ClockOffset {
  let joins = saved?.joins ?? 0
  /** Of the latest joins. */
  const bounds: Bounds[] = saved?.bounds ?? []
  let joined: Micros = saved?.joined ?? 0
  /** Between the bounds of the latest joins. */
  let room = saved?.room ?? Number.POSITIVE_INFINITY
  const suspects: Bounds[] = saved?.suspects ?? []

  function join(startAt: Micros, from: Micros, to: Micros): void {
    joins++
    if (bounds.length === BOUNDS_MAX) bounds.shift()
    bounds.push({ least: from - startAt, most: to - startAt })
    joined = nearestToZero()
  }

  function nearestToZero(): Micros {
    const most = bounds.reduce((found, each) => Math.min(found, each.most), Number.POSITIVE_INFINITY)
    // A connection may have waited for its accept: what lies above another one's upper bound is no lower bound.
    const least = bounds.reduce(
      (found, each) => (each.least <= most ? Math.max(found, each.least) : found),
      Number.NEGATIVE_INFINITY,
    )
    room = most - least
    if (most < -TRAVEL_MAX) return most
    return least > TRAVEL_MAX ? least : 0
  }

  /** The first value that nearly all signs allow; null without one. */
  function agreed(): Micros | null {
    for (const { least: candidate } of suspects) {
      const fitting = suspects.filter(
        (each) => each.least - TRAVEL_MAX <= candidate && candidate <= each.most + TRAVEL_MAX,
      )
      if (fitting.length >= SUSPECTS_MIN && fitting.length * 5 >= suspects.length * 4) return candidate
    }
    return null
  }

  return {
    join,
    suspect(startAt, from, to) {
      if (joins > 0) return
      if (suspects.length === SUSPECTS_MAX) suspects.shift()
      suspects.push({ least: from - startAt, most: to - startAt })
    },
    get offset() {
      return joins === 0 ? (agreed() ?? 0) : joined
    },
    get joins() {
      return joins
    },
    get isMeasured() {
      return joins >= MEASURE_JOINS_MIN && room <= MEASURE_ROOM_MAX
    },
    save: () => ({ joins, bounds, joined, room, suspects }),
  }
}
