/**
 * What each key did from poll to poll, as plain data that can be saved: first and last poll, newest handshake over restarts, bytes with
 * resets of the counters added up, and bytes that came while no session can have been up. Feed it polls of one machine in order of time,
 * or the points of `wireguard.peer`, which are polls left out in between.
 *
 * Why stale bytes are one way: a session ends 180 s after its handshake (REJECT_AFTER_TIME, WireGuard paper 6.1; noise.h of the kernel).
 * What is counted after that, while no newer handshake shows, are handshake messages alone: kernel and wireguard-go count those too
 * (receive.c, update_rx_stats).
 */
import type { Micros } from '../time.ts'
import { SECOND } from '../time.ts'
import type { PeerCourse } from './check.ts'

/** REJECT_AFTER_TIME, and slack for stamps in whole seconds, the time a dump takes and the round trip before a handshake is confirmed. */
export const STALE_HANDSHAKE: Micros = 180 * SECOND + 10 * SECOND

/** Keys of one machine: above any real gateway, low enough to bound memory. Beyond it those seen longest ago go first. */
export const COURSES_MAX = 20_000

/** A peer as one poll shows it; of PeerRow. */
export type CourseRow = {
  readonly interface: string
  readonly publicKey: string
  /** Counters as wg shows them. */
  readonly received: number
  readonly sent: number
  /** 0 = never. */
  readonly latestHandshakeAt: Micros
}

type Course = {
  readonly interface: string
  readonly publicKey: string
  readonly firstAt: Micros
  lastAt: Micros
  received: number
  sent: number
  receivedStale: number
  sentStale: number
  staleFrom: Micros | null
  grewStaleFrom: Micros | null
  grewStaleUntil: Micros | null
  lastHandshake: Micros | null
  /** As the last poll showed them. */
  shownReceived: number
  shownSent: number
  shownHandshake: Micros
  /** From when on no handshake is known: the handshake shown, else the first poll since the counters began. */
  quietSince: Micros
}

/** By interface, then key: a gateway is polled every second, and a text made for each row would be most of the work. */
type Courses = Map<string, Map<string, Course>>

export type SavedPeerCourses = { readonly courses: Courses; readonly count: number; readonly polledAt: Micros }

export type PeerCourses = ReturnType<typeof createPeerCourses>

export function createPeerCourses(saved?: SavedPeerCourses) {
  const courses: Courses = saved?.courses ?? new Map<string, Map<string, Course>>()
  let count = saved?.count ?? 0
  let polledAt = saved?.polledAt ?? Number.NEGATIVE_INFINITY

  function coursesOn(interfaceName: string): Map<string, Course> {
    const known = courses.get(interfaceName) ?? new Map<string, Course>()
    courses.set(interfaceName, known)
    return known
  }

  function observeRow(at: Micros, row: CourseRow): void {
    const own = coursesOn(row.interface)
    const known = own.get(row.publicKey)
    if (known !== undefined) advance(known, at, row)
    else {
      own.set(row.publicKey, begun(at, row))
      count++
    }
  }

  return {
    /** Polls out of order of time are passed over: a difference of counters means nothing then. */
    observe(at: Micros, rows: readonly CourseRow[]): void {
      if (at < polledAt) return
      polledAt = at
      for (const row of rows) observeRow(at, row)
      if (count > COURSES_MAX) count -= forgetOldest(courses, count - Math.floor(COURSES_MAX * 0.9))
    },
    /** By interface and key. */
    all: (): PeerCourse[] => [...courses.values()].flatMap((own) => [...own.values()].map(toCourse)).sort(byPlace),
    save: (): SavedPeerCourses => ({ courses, count, polledAt }),
  }
}

function begun(at: Micros, row: CourseRow): Course {
  const handshake = row.latestHandshakeAt
  return {
    interface: row.interface,
    publicKey: row.publicKey,
    firstAt: at,
    lastAt: at,
    received: 0,
    sent: 0,
    receivedStale: 0,
    sentStale: 0,
    staleFrom: handshake !== 0 && at - handshake > STALE_HANDSHAKE ? at : null,
    grewStaleFrom: null,
    grewStaleUntil: null,
    lastHandshake: handshake === 0 ? null : handshake,
    shownReceived: row.received,
    shownSent: row.sent,
    shownHandshake: handshake,
    quietSince: handshake === 0 ? at : handshake,
  }
}

function advance(course: Course, at: Micros, row: CourseRow): void {
  const { received, sent, latestHandshakeAt: handshake } = row
  const before = { received: course.shownReceived, sent: course.shownSent, handshake: course.shownHandshake }
  // The peer was removed and added again, or its interface was.
  const isReset = received < before.received || sent < before.sent || (handshake === 0 && before.handshake !== 0)
  const grownReceived = isReset ? received : received - before.received
  const grownSent = isReset ? sent : sent - before.sent
  course.received += grownReceived
  course.sent += grownSent
  if (isReset || handshake !== before.handshake) restart(course, handshake === 0 ? at : handshake)
  // Stale at the poll before already, and no handshake since: all that came in between came without a session.
  else if (course.staleFrom !== null) {
    course.receivedStale += grownReceived
    course.sentStale += grownSent
    if (grownReceived > 0) {
      course.grewStaleFrom ??= at
      course.grewStaleUntil = at
    }
  }
  if (handshake !== 0) course.lastHandshake = Math.max(course.lastHandshake ?? handshake, handshake)
  course.shownReceived = received
  course.shownSent = sent
  course.shownHandshake = handshake
  course.lastAt = at
  if (at - course.quietSince > STALE_HANDSHAKE) course.staleFrom ??= at
}

function restart(course: Course, quietSince: Micros): void {
  course.receivedStale = 0
  course.sentStale = 0
  course.staleFrom = null
  course.grewStaleFrom = null
  course.grewStaleUntil = null
  course.quietSince = quietSince
}

/** Many at once, so that a gateway at the limit does not sort at every poll. How many there were. */
function forgetOldest(courses: Courses, excess: number): number {
  const all = [...courses.values()].flatMap((own) => [...own.values()].map((course) => ({ own, course })))
  const oldestFirst = all.sort((a, b) => a.course.lastAt - b.course.lastAt || byPlace(a.course, b.course))
  for (const { own, course } of oldestFirst.slice(0, excess)) {
    own.delete(course.publicKey)
    if (own.size === 0) courses.delete(course.interface)
  }
  return Math.min(excess, all.length)
}

function toCourse(course: Course): PeerCourse {
  const { interface: name, publicKey, firstAt, lastAt, received, sent, receivedStale, sentStale } = course
  const { staleFrom, grewStaleFrom, grewStaleUntil, lastHandshake } = course
  return {
    interface: name,
    publicKey,
    firstAt,
    lastAt,
    received,
    sent,
    receivedStale,
    sentStale,
    staleFrom,
    grewStaleFrom,
    grewStaleUntil,
    lastHandshake,
  }
}

function byPlace(a: PeerCourse | Course, b: PeerCourse | Course): number {
  if (a.interface !== b.interface) return a.interface < b.interface ? -1 : 1
  return a.publicKey < b.publicKey ? -1 : a.publicKey > b.publicKey ? 1 : 0
}
