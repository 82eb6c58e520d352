/**
 * Logins that came from another audited host: the connection over there whose accept this is. connect() never tells its own port,
 * so it is a match by time, exact only while all connections of that time are of one login, and as many were opened as accepted.
 */
import { MINUTE, type Micros, SECOND } from '../../time.ts'
import { answerAmbiguous, answerUnknown, answerViaHost } from './answers.ts'
import type { ClockOffset } from './clock-offset.ts'
import type { HostDirectory } from './host-directory.ts'
import type { LoginSession } from './login-session.ts'
import type { Answer, Origin } from './origin.ts'
import type { Connect, SecondHops } from './second-hops.ts'

export type HopJoin = {
  /** The login behind the origin; `login` null: none fits. Null while waiting may help. */
  decide(origin: Origin, settled: Micros, isLast: boolean): { readonly answer: Answer | null } | null
  /** Whether as many connections from other hosts were accepted before that as were opened. */
  isCertain(origin: Origin, reach: Micros, settled: Micros): boolean
  /** Live references. */
  save(): SavedHopJoin
}

/** Plain data: accepted connections and logins without one, by client's host and server's. */
export type SavedHopJoin = Map<string, Set<Origin>>

/** Times of two machines with good clocks are this much apart at most. */
const SLACK: Micros = 2 * SECOND
/** The same, while nothing has measured the clocks. */
const SLACK_UNKNOWN: Micros = 10 * MINUTE
/** sshd's LoginGraceTime is two minutes by default. */
const GRACE: Micros = 150 * SECOND
/** Connections remembered between each two hosts. */
const ACCEPTED_MAX = 4096

export function createHopJoin(
  options: {
    readonly directory: HostDirectory
    readonly hops: SecondHops
    readonly clock: (host: string) => Pick<ClockOffset, 'join' | 'offset' | 'isMeasured'>
    readonly portsOf: (origin: Origin) => ReadonlySet<number> | undefined
    /** Whether logins of hosts elsewhere may still be answered, whatever time it is. */
    readonly isSettling: () => boolean
  },
  saved?: SavedHopJoin,
): HopJoin {
  const { directory, hops, clock, portsOf, isSettling } = options
  const asked: SavedHopJoin = saved ?? new Map()

  function decide(origin: Origin, settled: Micros, isLast: boolean) {
    const host = directory.hostAt(origin.clientIp)
    if (host === null || host === origin.host) return { answer: null }
    note(host, origin)
    const slack = slackOf(host, origin.host)
    const { from, to } = timesOf(origin)
    // Who else connected in that time is known by then, also where that host's clock is ahead.
    if (settled < to + slack + Math.max(0, clock(host).offset)) return null
    const connects = connectsOf(host, origin, from - slack, to + slack)
    const [first] = connects
    if (first === undefined) return { answer: null }
    if (isSettling() && connects.some(({ login }) => login !== null && isUntold(login))) return null
    if (connects.some(({ login }) => login !== null && login.origin === null) && !isLast) return null
    if (new Set(connects.map(({ login }) => login)).size > 1) return { answer: several(origin, connects) }
    if (countOf(host, origin.host, origin.isAccept, from - slack, to + slack) > connects.length)
      return { answer: several(origin, connects) }
    const found = answerOf(origin, first, isLast)
    // The only one far and wide: it also tells how the clocks stand.
    if (found !== null && origin.isAccept && connects.length === 1)
      clock(origin.host).join(first.from - clock(host).offset, origin.from, origin.to)
    return found
  }

  function answerOf(origin: Origin, connect: Connect, isLast: boolean) {
    const { host, login } = connect
    if (login === null || login.isLocal) return { answer: answerUnknown(origin, 'trail-ends', [hopOf(connect)]) }
    const answer = login.origin?.answer ?? null
    if (answer === null && !isLast) return null
    return {
      answer:
        answer === null
          ? answerUnknown(origin, 'trail-ends', [`${host}/${login.ses}`])
          : answerViaHost(origin, answer, hopOf(connect)),
    }
  }

  function note(host: string, origin: Origin): void {
    const key = `${host}\0${origin.host}`
    const known = asked.get(key)
    if (known === undefined) asked.set(key, new Set([origin]))
    else if (known.add(origin).size > ACCEPTED_MAX) {
      const [oldest] = known
      if (oldest !== undefined) known.delete(oldest)
    }
  }

  /** By a clock that all hosts share. */
  function timesOf(origin: Origin): Times {
    const { offset } = clock(origin.host)
    const grace = origin.clientPort < 0 ? GRACE : 0
    return { from: origin.from - grace - offset, to: (origin.clientPort < 0 ? origin.from : origin.to) - offset }
  }

  function slackOf(...hosts: readonly string[]): Micros {
    return hosts.every((host) => clock(host).isMeasured) ? SLACK : SLACK_UNKNOWN
  }

  function connectsOf(host: string, origin: Origin, from: Micros, to: Micros): readonly Connect[] {
    const { offset } = clock(host)
    return hops
      .between(host, origin.host, from + offset, to + offset)
      .filter(({ serverPort }) =>
        origin.serverPort >= 0 ? origin.serverPort === serverPort : (portsOf(origin)?.has(serverPort) ?? true),
      )
  }

  /** Connections of that time, as far as they were accepted. */
  function countOf(host: string, server: string, areAccepts: boolean, from: Micros, to: Micros): number {
    let count = 0
    for (const each of asked.get(`${host}\0${server}`) ?? []) {
      const times = timesOf(each)
      if (each.isAccept === areAccepts && times.from <= to && times.to >= from) count++
    }
    return count
  }

  function several(origin: Origin, connects: readonly Connect[]): Answer {
    const carried = connects.flatMap(({ login }) => (login?.origin?.answer?.flow ? [login.origin.answer.flow] : []))
    return answerAmbiguous(origin, carried, 'several-logins')
  }

  return {
    decide,
    isCertain(origin, reach, settled) {
      const { offset } = clock(origin.host)
      const [from, to] = [origin.from - reach - offset, origin.amongAt - offset]
      return hops.hostsBefore(origin.host).every((host) => areAllAccepted(host, origin, { from, to }, settled))
    },
    save: () => asked,
  }

  /** Whether each connection of that time has an accept of its own: the earliest that none before it has. */
  function areAllAccepted(host: string, origin: Origin, { from, to }: Times, settled: Micros): boolean {
    const slack = slackOf(host, origin.host)
    const { offset } = clock(host)
    if (settled < to + slack + Math.max(0, offset)) return false
    const connects = connectsOf(host, origin, from - slack, to + slack)
    if (new Set(connects.map(({ login }) => login)).size <= 1) return true
    if (slack !== SLACK) return false
    const accepted = [...(asked.get(`${host}\0${origin.host}`) ?? [])]
      .filter(({ isAccept }) => isAccept)
      .map(timesOf)
      .sort((a, b) => a.from - b.from)
    let next = 0
    for (const connect of connects.toSorted((a, b) => a.from - b.from)) {
      while ((accepted[next]?.to ?? Number.POSITIVE_INFINITY) < connect.from - offset - slack) next++
      const times = accepted[next]
      if (times !== undefined && times.from <= connect.to - offset + slack) next++
      else if (connect.from - offset <= to) return false
    }
    return true
  }
}

type Times = { readonly from: Micros; readonly to: Micros }

/** A login of a host elsewhere, of which the answer has not come yet. */
function isUntold({ isElsewhere, isLocal, origin }: LoginSession): boolean {
  return isElsewhere && !isLocal && (origin?.answer ?? null) === null
}

function hopOf({ host, login }: Connect): string {
  return `${host}/${login === null ? '' : login.ses}`
}
