/**
 * The join of host and gateway (design 6): which flow carried the connection a host accepted, and so which peer is behind it.
 * By client address and port, as the server saw them, it is a proof; by address and time only while one open flow fits; through
 * another audited host as far as that host's own logins are known. Whatever fits twice stays open.
 */
import { MINUTE, type Micros, MS, SECOND } from '../../time.ts'
import { answerAmbiguous, answerOfFlow, answerOfSameKey, answerUnknown, answerViaHost } from './answers.ts'
import type { CarriedFlow, CarriedFlows } from './carried-flows.ts'
import { type ClockOffset, createClockOffset } from './clock-offset.ts'
import type { HostDirectory } from './host-directory.ts'
import { createMaskedLines } from './masked-lines.ts'
import { type Answer, type Origin, programOf } from './origin.ts'
import type { Connect, SecondHops } from './second-hops.ts'

export type HostJoin = {
  /** Null while waiting may still improve the answer. All flows and records before `settled` are known. */
  decide(origin: Origin, settled: Micros, isForced: boolean): Answer | null
  /** A new flow came by. */
  noteFlow(flow: CarriedFlow): void
  clock(host: string): ClockOffset
}

/** Times of one connection in two logs of machines with good clocks are this much apart at most. */
const SLACK: Micros = 2 * SECOND
/** After so many joins the clocks are known, and times this much apart are two. */
const JOINS_TRUSTED = 3
const SLACK_TRUSTED: Micros = 200 * MS
/** How long a login waits for an answer that is not there yet: a flow told late, a clock behind. */
export const PATIENCE: Micros = MINUTE
/** Of a connection nobody logs in over: there are many, from everywhere. */
const PATIENCE_PLAIN: Micros = 10 * SECOND
/** Connections given up that a late flow may still explain. */
const GIVEN_UP_MAX = 8192
/** sshd's LoginGraceTime is two minutes by default. */
const GRACE: Micros = 150 * SECOND
/** Ports learned for each program of a host; more is no service but a range. */
const PORTS_MAX = 16

export function createHostJoin(options: {
  readonly flows: CarriedFlows
  readonly directory: HostDirectory
  readonly hops: SecondHops
}): HostJoin {
  const { flows, directory, hops } = options
  const clocks = new Map<string, ClockOffset>()
  /** By host and program: where its connections ended. */
  const services = new Map<string, Set<number>>()
  const suspected = new WeakSet<Origin>()
  /** Which record of accept each flow was joined to. */
  const accepted = new WeakMap<CarriedFlow, Origin>()
  const givenUp = new Map<string, Origin>()
  const masked = createMaskedLines(flows)

  function clock(host: string): ClockOffset {
    let known = clocks.get(host)
    if (known === undefined) {
      known = createClockOffset()
      clocks.set(host, known)
    }
    return known
  }

  function decide(origin: Origin, settled: Micros, isForced: boolean): Answer | null {
    if (origin.answer !== null) return origin.answer
    if (origin.clientIp === '') return answerUnknown(origin, origin.unknownBecause, [])
    if (origin.among.length > 0) return amongLogins(origin, settled, isForced)
    const { offset } = clock(origin.host)
    const hasPort = origin.clientPort >= 0
    // An accept lies somewhere between two records; a login's message is written at once.
    const window = { from: origin.from - offset - SLACK, to: (hasPort ? origin.to : origin.from) - offset + SLACK }
    const prompt = hasPort ? byTuple(origin, window) : null
    if (prompt !== null) return prompt
    if (!isForced && settled < window.to) return null
    const late = hasPort ? byTupleLate(origin, window) : byAddress(origin, window)
    if (late !== null) return late
    const until = window.to + (hasPort && programOf(origin.process) !== 'sshd' ? PATIENCE_PLAIN : PATIENCE)
    const isLast = isForced || settled >= until
    const line = hasPort ? byMaskedLine(origin, window, isForced ? Number.POSITIVE_INFINITY : settled) : null
    if (line !== null) return line
    const via = viaHost(origin, isLast)
    if (via !== null) return via
    if (!isLast) return null
    if (hasPort && origin.to !== Number.POSITIVE_INFINITY) giveUp(origin)
    const isFromHost = directory.hostAt(origin.clientIp)
    return isFromHost === null
      ? answerUnknown(origin, 'no-flow', [])
      : answerUnknown(origin, 'trail-ends', [`${isFromHost}/`])
  }

  function giveUp(origin: Origin): void {
    givenUp.set(`${origin.clientIp} ${origin.clientPort}`, origin)
    if (givenUp.size <= GIVEN_UP_MAX) return
    const [oldest] = givenUp.keys()
    if (oldest !== undefined) givenUp.delete(oldest)
  }

  /** The flow of a connection that was given up comes after all: the host's clock may be behind. */
  function noteFlow(flow: CarriedFlow): void {
    const tuple = `${flow.clientIp} ${flow.clientPort}`
    const origin = givenUp.get(tuple)
    if (origin === undefined || flow.basis !== 'conntrack' || !endsThere(origin, flow)) return
    givenUp.delete(tuple)
    if (flow.startAt > origin.to) clock(origin.host).suspect(flow.startAt, origin.from, origin.to)
  }

  /** Whether the flow can have ended on the origin's host and port, as far as the host tells. */
  function endsThere(origin: Origin, flow: CarriedFlow): boolean {
    if (!directory.owns(origin.host, flow.serverIp)) {
      if (directory.isDocumented(origin.host) || directory.hostAt(flow.serverIp) !== null) return false
    }
    if (origin.serverIp !== '' && origin.serverIp !== flow.serverIp) return false
    return origin.serverPort < 0 || origin.serverPort === flow.serverPort
  }

  /** At once: a flow with that tuple that began in that time. */
  function byTuple(origin: Origin, { from, to }: Window): Answer | null {
    const begun = ofTuple(origin, 'conntrack').filter((flow) => flow.startAt >= from && flow.startAt <= to)
    const [only] = begun
    return only !== undefined && begun.length === 1 ? exact(origin, only) : null
  }

  /** When no better one can come: a flow with that tuple that was open then; else the firewall's line of it. */
  function byTupleLate(origin: Origin, { from, to }: Window): Answer | null {
    const recorded = ofTuple(origin, 'conntrack')
    const open = recorded.filter((flow) => flow.startAt <= to && flow.endAt >= from)
    const fitting =
      open.length > 0 ? open : ofTuple(origin, 'firewall').filter((flow) => flow.startAt >= from && flow.startAt <= to)
    const [only, ...others] = fitting
    if (only !== undefined && others.length === 0) return exact(origin, only)
    if (only !== undefined) return answerOfSameKey(origin, fitting) ?? answerAmbiguous(origin, fitting, 'several-flows')
    const [distant, ...more] = recorded
    if (distant !== undefined && more.length === 0 && !suspected.has(origin)) {
      suspected.add(origin)
      clock(origin.host).suspect(distant.startAt, origin.from, origin.to)
    }
    return null
  }

  /** No conntrack, and the tuple hidden by source NAT: the only line of that time, for the only connection of that time. */
  function byMaskedLine(origin: Origin, { from, to }: Window, settled: Micros): Answer | null {
    if (!directory.isDocumented(origin.host)) return null
    // Clocks that were seen to agree tell neighbours apart.
    const spare = clock(origin.host).joins < JOINS_TRUSTED ? 0 : SLACK - SLACK_TRUSTED
    const found = masked.find(origin, from + spare, to - spare, settled)
    if (found === null) return null
    const fitting = onKnownPort(
      origin,
      found.filter((line) => endsThere(origin, line)),
    )
    const [only, ...others] = fitting
    if (only === undefined) return null
    return others.length === 0
      ? answerOfFlow(origin, only, 'client-address')
      : answerAmbiguous(origin, fitting, 'several-flows')
  }

  function ofTuple(origin: Origin, basis: CarriedFlow['basis']): CarriedFlow[] {
    return flows
      .byPort(origin.clientIp, origin.clientPort)
      .filter((flow) => flow.basis === basis && endsThere(origin, flow) && !isAcceptedBefore(origin, flow))
  }

  /** A flow is accepted once. Its port may come again when conntrack lost its end and the next one's begin. */
  function isAcceptedBefore(origin: Origin, flow: CarriedFlow): boolean {
    const first = accepted.get(flow)
    return origin.isAccept && first !== undefined && first !== origin
  }

  function exact(origin: Origin, flow: CarriedFlow): Answer {
    if (!directory.owns(origin.host, flow.serverIp)) return answerAmbiguous(origin, [flow], 'host-addresses-unknown')
    if (flow.basis === 'conntrack') clock(origin.host).join(flow.startAt, origin.from, origin.to)
    if (origin.isAccept) accepted.set(flow, origin)
    const service = serviceOf(origin)
    const ports = services.get(service)
    if (ports === undefined) services.set(service, new Set([flow.serverPort]))
    else if (ports.size < PORTS_MAX) ports.add(flow.serverPort)
    return answerOfFlow(origin, flow, 'server-tuple')
  }

  /** Of a login whose port nothing tells: flows from that address that were open then, on a port where that program was seen. */
  function byAddress(origin: Origin, { from, to }: Window): Answer | null {
    const near = [...flows.byAddress(origin.clientIp)].filter(
      (flow) =>
        endsThere(origin, flow) &&
        flow.startAt >= from - GRACE &&
        flow.startAt <= to &&
        flow.endAt >= from &&
        !isTakenByAnother(origin, flow),
    )
    const recorded = near.filter((flow) => flow.basis === 'conntrack')
    const fitting = onKnownPort(origin, recorded.length > 0 ? recorded : near)
    const [only, ...others] = fitting
    if (only === undefined) return null
    if (fitting.some((flow) => !directory.owns(origin.host, flow.serverIp)))
      return answerAmbiguous(origin, fitting, 'host-addresses-unknown')
    if (others.length === 0) return answerOfFlow(origin, only, 'client-address')
    return answerOfSameKey(origin, fitting) ?? answerAmbiguous(origin, fitting, 'several-flows')
  }

  function onKnownPort(origin: Origin, fitting: readonly CarriedFlow[]): readonly CarriedFlow[] {
    const ports = services.get(serviceOf(origin))
    if (ports === undefined || ports.size === PORTS_MAX) return fitting
    const there = fitting.filter((flow) => ports.has(flow.serverPort))
    return there.length > 0 ? there : fitting
  }

  function amongLogins(origin: Origin, settled: Micros, isForced: boolean): Answer | null {
    const answers = origin.among.map((each) => each.answer)
    const [only] = answers
    if (answers.length === 1) return only ?? null
    const carried = answers.flatMap((answer) => (answer?.flow ? [answer.flow] : []))
    if (answers.every((answer) => answer !== null) && carried.length === answers.length) {
      const same = answerOfSameKey(origin, carried)
      if (same !== null) return same
    }
    if (!isForced && settled < origin.from + PATIENCE) return null
    return answerAmbiguous(origin, carried, 'several-logins')
  }

  /** The client is another audited host: the login there whose connection it is. */
  function viaHost(origin: Origin, isLast: boolean): Answer | null {
    const host = directory.hostAt(origin.clientIp)
    if (host === null || host === origin.host) return null
    const from = origin.from - (origin.clientPort < 0 ? GRACE : 0) - SLACK
    const connects = hops
      .between(host, origin.host, from, origin.to + SLACK)
      .filter((each) => isOnPort(origin, each.serverPort))
    const logins = new Map(connects.map((each) => [each.session, each]))
    const [login, ...others] = logins.values()
    if (login === undefined) return null
    if (others.length > 0) return isLast ? severalHops(origin, [...logins.values()]) : null
    if (login.origin === null) return answerUnknown(origin, 'trail-ends', [`${host}/`])
    const { answer } = login.origin
    if (answer === null && !isLast) return null
    return answer === null
      ? answerUnknown(origin, 'trail-ends', [hopOf(login)])
      : answerViaHost(origin, answer, hopOf(login))
  }

  function severalHops(origin: Origin, logins: readonly Connect[]): Answer {
    const carried = logins.flatMap((login) => (login.origin?.answer?.flow ? [login.origin.answer.flow] : []))
    return answerAmbiguous(origin, carried, 'several-logins')
  }

  function isOnPort(origin: Origin, port: number): boolean {
    if (origin.serverPort >= 0) return origin.serverPort === port
    const ports = services.get(serviceOf(origin))
    return ports === undefined || ports.has(port)
  }

  return { decide, noteFlow, clock }
}

type Window = { readonly from: Micros; readonly to: Micros }

function hopOf({ host, session }: Connect): string {
  return `${host}/${session}`
}

function serviceOf({ host, process }: Origin): string {
  return `${host}\0${programOf(process)}`
}

/** Another program of that host was seen to take the connection. */
function isTakenByAnother({ process }: Origin, { host }: CarriedFlow): boolean {
  const executable = host?.fields['wireguard.host.process.executable']
  return executable !== undefined && programOf({ pid: -1, name: '', executable }) !== programOf(process)
}
