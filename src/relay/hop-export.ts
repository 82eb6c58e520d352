/**
 * Second hops that begin here and end on a host of another partition: told there, with the login behind each, its answer once that is
 * known, and how the clock of its host stands. Who connects is known at once; who is behind a login may take minutes.
 */
import type { LoginSession } from '../correlate/hosts/login-session.ts'
import type { Connect } from '../correlate/hosts/second-hops.ts'
import { hashDigits } from '../event-id.ts'
import { MINUTE, type Micros } from '../time.ts'
import { encodeHopAnswer } from './hop-answers.ts'
import type { HopAnswerMessage, HopClockMessage, HopMessage } from './messages.ts'

export type HopExport = {
  connected(connect: Connect, partition: number, at: Micros): void
  /** Tells what has become known since. */
  look(at: Micros): void
  /** Whether somebody asks for logins' answers or hosts' clocks: else only a new hop has anything told. */
  readonly isAsked: boolean
  /** Logins, and hosts' clocks, given up because there were too many. */
  readonly evicted: number
  /** Live references. */
  save(): SavedHopExport
}

/** Plain data. */
export type SavedHopExport = {
  readonly unanswered: Map<LoginSession, Unanswered>
  readonly clocks: Map<string, ToldClocks>
  readonly evicted: number
}

type Unanswered = { readonly host: string; readonly partitions: Set<number>; isOriginTold: boolean }
type ToldClocks = { offset: Micros; isMeasured: boolean; readonly partitions: Set<number>; hopAt: Micros }

/** Without its position, and who tells it. */
export type HopDraft = WithoutPlace<HopMessage> | WithoutPlace<HopAnswerMessage> | WithoutPlace<HopClockMessage>
type WithoutPlace<T> = Omit<T, 'at' | 'n' | 'from'>

export type HopExportOptions = {
  readonly clockOf: (host: string) => { readonly offset: Micros; readonly isMeasured: boolean }
  readonly send: (partition: number, draft: HopDraft) => void
}

/** Logins that wait for their answer, and hosts whose clock somebody asks for; the oldest go first. */
const LOGINS_MAX = 16_384
const HOSTS_MAX = 4096
/** Nobody asks for a host's clock so long after its last hop (RETAIN in carried-flows.ts, and what clocks may be apart). */
const CLOCK_KEPT: Micros = 30 * MINUTE
/** Characters of a login's name. */
const LOGIN_DIGITS = 24

export function createHopExport({ clockOf, send }: HopExportOptions, saved?: SavedHopExport): HopExport {
  const unanswered = saved?.unanswered ?? new Map<LoginSession, Unanswered>()
  const clocks = saved?.clocks ?? new Map<string, ToldClocks>()
  let evicted = saved?.evicted ?? 0

  function tellAnswer(host: string, session: LoginSession, partitions: Iterable<number>): void {
    const { isLocal, origin } = session
    const answer = encodeHopAnswer({ isLocal, answer: origin?.answer ?? null })
    for (const partition of partitions)
      send(partition, { kind: 'hop-answer', host, login: loginOf(host, session), answer })
  }

  function awaitAnswer(host: string, session: LoginSession, partition: number): void {
    const isOriginTold = session.origin !== null
    const known = unanswered.get(session)
    if (known !== undefined) {
      known.partitions.add(partition)
      return
    }
    unanswered.set(session, { host, partitions: new Set([partition]), isOriginTold })
    const [oldest] = unanswered.keys()
    if (unanswered.size <= LOGINS_MAX || oldest === undefined) return
    unanswered.delete(oldest)
    evicted++
  }

  function tellClock(host: string, partition: number, at: Micros): void {
    const { offset, isMeasured } = clockOf(host)
    const known = clocks.get(host)
    if (known !== undefined) known.hopAt = at
    if (known?.partitions.has(partition) === true) return
    if (known === undefined) {
      clocks.set(host, { offset, isMeasured, partitions: new Set([partition]), hopAt: at })
      const [oldest] = clocks.keys()
      if (clocks.size > HOSTS_MAX && oldest !== undefined) {
        clocks.delete(oldest)
        evicted++
      }
    } else known.partitions.add(partition)
    send(partition, { kind: 'hop-clock', host, offset, isMeasured })
  }

  return {
    connected({ host, login, serverHost, serverPort, from, to }, partition, at) {
      const id = login === null ? '' : loginOf(host, login)
      send(partition, {
        kind: 'hop',
        host,
        serverHost,
        serverPort,
        openedFrom: from,
        openedTo: to,
        login: login === null ? null : { login: id, ses: login.ses, isLocal: login.isLocal },
      })
      tellClock(host, partition, at)
      if (login === null) return
      if (login.origin !== null) tellAnswer(host, login, [partition])
      if ((login.origin?.answer ?? null) === null) awaitAnswer(host, login, partition)
    },
    look(at) {
      for (const [session, each] of unanswered) {
        if (session.origin === null) continue
        const isAnswered = session.origin.answer !== null
        if (isAnswered || !each.isOriginTold) tellAnswer(each.host, session, each.partitions)
        each.isOriginTold = true
        if (isAnswered) unanswered.delete(session)
      }
      for (const [host, told] of clocks) {
        if (told.hopAt < at - CLOCK_KEPT) clocks.delete(host)
        const { offset, isMeasured } = clockOf(host)
        if (told.offset === offset && told.isMeasured === isMeasured) continue
        told.offset = offset
        told.isMeasured = isMeasured
        for (const partition of told.partitions) send(partition, { kind: 'hop-clock', host, offset, isMeasured })
      }
    },
    get isAsked() {
      return unanswered.size > 0 || clocks.size > 0
    },
    get evicted() {
      return evicted
    },
    save: () => ({ unanswered, clocks, evicted }),
  }
}

/** Unique and lasting: a session's number comes again after a boot, and with another log of the same machine. */
function loginOf(host: string, { node, boot, ses, seenAt }: LoginSession): string {
  return hashDigits(`hop\0${host}\0${node}\0${boot}\0${ses}\0${seenAt}`, LOGIN_DIGITS)
}
