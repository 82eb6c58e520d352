/**
 * The join of host and gateway (design 6): which flow carried the connection a host accepted, and so which peer is behind it.
 * By client address and port, as the server saw them, it is a proof; by address and time only while one open flow fits; through
 * another audited host as far as that host's own logins are known. Whatever fits twice stays open.
 */
import { MINUTE, type Micros, MS, SECOND } from '../../time.ts'
import { answerAmbiguous, answerOfFlow, answerOfSameKey, answerUnknown } from './answers.ts'
import { type CarriedFlow, type CarriedFlows, RETAIN } from './carried-flows.ts'
import { type ClockOffset, createClockOffset, type SavedClockOffset } from './clock-offset.ts'
import { createHopJoin, type SavedHopJoin } from './hop-join.ts'
import type { HostDirectory } from './host-directory.ts'
import { createLoginChoice } from './login-choice.ts'
import { createMaskedLines, type SavedMaskedLines } from './masked-lines.ts'
import { type Answer, type Origin, programOf } from './origin.ts'
import type { SecondHops } from './second-hops.ts'
import { createServicePorts, type SavedServicePorts } from './service-ports.ts'

export type HostJoin = {
  /** Null while waiting may still improve the answer. All flows and records before `settled` are known. */
  decide(origin: Origin, settled: Micros, isForced: boolean): Answer | null
  /** Whether the accepted connection had ended before that time, by the host's clock. */
  isOver(origin: Origin, at: Micros): boolean
  /** A new flow came by. */
  noteFlow(flow: CarriedFlow): void
  clock(host: string): ClockOffset
  /** Of a host whose flows and logins are joined elsewhere. */
  tellClock(host: string, clock: ToldClock): void
  /** Live references. */
  save(): SavedHostJoin
}

/** How a host's clock stands, as who joins its connections measured it. */
export type ToldClock = { readonly offset: Micros; readonly isMeasured: boolean }

/** Plain data; see HostJoin.save. */
export type SavedHostJoin = {
  readonly clocks: readonly (readonly [host: string, saved: SavedClockOffset])[]
  readonly services: SavedServicePorts
  /** By client address and port. */
  readonly givenUp: Map<string, Origin>
  readonly masked: SavedMaskedLines
  readonly hops: SavedHopJoin
  readonly told?: Map<string, ToldClock>
}

/** Times of one connection in two logs of machines with good clocks are this much apart at most. */
const SLACK: Micros = 2 * SECOND
const SLACK_TRUSTED: Micros = 200 * MS
/** How long a login waits for an answer that is not there yet: a flow told late, a clock behind. */
export const PATIENCE: Micros = MINUTE
/** Of a connection nobody logs in over: there are many, from everywhere. */
const PATIENCE_PLAIN: Micros = 10 * SECOND
/** Connections given up that a late flow may still explain. */
const GIVEN_UP_MAX = 8192
/** sshd's LoginGraceTime is two minutes by default. */
const GRACE: Micros = 150 * SECOND
/** Hosts elsewhere whose clocks are known. */
const TOLD_MAX = 65_536

export type HostJoinOptions = {
  readonly flows: CarriedFlows
  readonly directory: HostDirectory
  readonly hops: SecondHops
  /** Whether any flow, or login on another host, can come at all: else there is nothing to wait for. */
  readonly isAlone: boolean
  /** Whether logins of hosts elsewhere may still be answered, whatever time it is. */
  readonly isSettling: () => boolean
  /** How much later than what happens here it is known what a host does. */
  readonly delayOf: (host: string) => Micros
}

export function createHostJoin(options: HostJoinOptions, saved?: SavedHostJoin): HostJoin {
  const { flows, directory, hops } = options
  const clocks = new Map(saved?.clocks.map(([host, each]) => [host, createClockOffset(each)]))
  const told = saved?.told ?? new Map<string, ToldClock>()
  const services = createServicePorts(saved?.services)
  const givenUp = saved?.givenUp ?? new Map<string, Origin>()
  const masked = createMaskedLines(flows, saved?.masked)
  const hopJoin = createHopJoin(
    { directory, hops, clock: clockOf, portsOf: (origin) => services.of(origin), isSettling: options.isSettling },
    saved?.hops,
  )
  const choice = createLoginChoice({ flows, directory, clock, services, hopJoin, endsThere })

  function clock(host: string): ClockOffset {
    let known = clocks.get(host)
    if (known === undefined) {
      known = createClockOffset()
      clocks.set(host, known)
    }
    return known
  }

  function clockOf(host: string): ToldClock & Pick<ClockOffset, 'join'> {
    const known = told.get(host)
    return known === undefined ? clock(host) : { ...known, join: () => {} }
  }

  /** Who came from another host is asked about when as much of that is known. */
  function decide(origin: Origin, settled: Micros, force: boolean): Answer | null {
    const clientHost = directory.hostAt(origin.clientIp)
    return decideAsOf(origin, clientHost === null ? settled : settled - options.delayOf(clientHost), force)
  }

  function decideAsOf(origin: Origin, settled: Micros, force: boolean): Answer | null {
    const isForced = force || options.isAlone
    if (origin.answer !== null) return origin.answer
    if (origin.clientIp === '' && origin.among.length === 0) return answerUnknown(origin, origin.unknownBecause, [])
    if (!origin.isResolved && !isForced) return null
    if (origin.among.length > 0) return choice.decide(origin, settled, isForced)
    if (origin.isStray) return answerUnknown(origin, 'no-flow', [])
    const window = windowOf(origin)
    const prompt = origin.clientPort >= 0 ? byTuple(origin, window, settled) : null
    if (prompt !== null) return prompt
    return !isForced && settled < window.to ? null : late(origin, window, settled, isForced)
  }

  /** An accept lies somewhere between two records; a login's message is written at once. */
  function windowOf(origin: Origin): Window {
    const { offset } = clock(origin.host)
    const to = origin.clientPort >= 0 ? origin.to : origin.from
    return { from: origin.from - offset - SLACK, to: to - offset + SLACK }
  }

  function late(origin: Origin, window: Window, settled: Micros, isForced: boolean): Answer | null {
    const hasPort = origin.clientPort >= 0
    const known = isForced ? Number.POSITIVE_INFINITY : settled
    const found = hasPort ? byTupleLate(origin, window) : byAddress(origin, window, known)
    if (found === 'wait') return null
    if (found !== null) return found
    const until = window.to + patienceOf(origin)
    const isLast = isForced || settled >= until
    const line = hasPort ? byMaskedLine(origin, window, known) : null
    if (line !== null) return line
    const via = hopJoin.decide(origin, known, isLast)
    if (via === null) return null
    if (via.answer !== null) return via.answer
    if (!isLast) return null
    if (hasPort && origin.to !== Number.POSITIVE_INFINITY) giveUp(origin)
    const isFromHost = directory.hostAt(origin.clientIp)
    return isFromHost === null
      ? answerUnknown(origin, 'no-flow', [])
      : answerUnknown(origin, 'trail-ends', [`${isFromHost}/`])
  }

  function patienceOf({ clientPort, process }: Origin): Micros {
    return clientPort >= 0 && programOf(process) !== 'sshd' ? PATIENCE_PLAIN : PATIENCE
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

  /** At once: a flow with that tuple that began in that time, where no other one of that tuple can be another peer's. */
  function byTuple(origin: Origin, { from, to }: Window, settled: Micros): Answer | null {
    const begun = ofTuple(origin, 'conntrack').filter((flow) => flow.startAt >= from && flow.startAt <= to)
    const [only] = begun
    if (only === undefined || begun.length > 1 || settled < from + 2 * SLACK) return null
    // Behind a gateway that gives ports anew, the tuple may be another peer's before the host's next record tells the time.
    if (only.isMasked && settled < to) return null
    return isAloneFarAndWide(origin, only) ? exact(origin, only) : null
  }

  /** While nothing has measured the host's clock, a masked port that was several peers' is nobody's. */
  function isAloneFarAndWide(origin: Origin, flow: CarriedFlow): boolean {
    if (!flow.isMasked || clock(origin.host).isMeasured) return true
    const all = flows.byPort(origin.clientIp, origin.clientPort).filter((each) => endsThere(origin, each))
    return all.every((each) => each.publicKey === flow.publicKey && each.gateway === flow.gateway)
  }

  /** When no better one can come: a flow with that tuple that was open then; else the firewall's line of it. */
  function byTupleLate(origin: Origin, { from, to }: Window): Answer | null {
    const recorded = ofTuple(origin, 'conntrack')
    const { isMeasured } = clock(origin.host)
    // A masked port is one peer's now and another's later: one that began before proves nothing by clocks nobody has measured.
    const open = recorded.filter(
      (flow) => flow.startAt <= to && flow.endAt >= from && (!flow.isMasked || isMeasured || flow.startAt >= from),
    )
    const fitting =
      open.length > 0 ? open : ofTuple(origin, 'firewall').filter((flow) => flow.startAt >= from && flow.startAt <= to)
    const [only, ...others] = fitting
    if (only !== undefined && others.length === 0)
      return isAloneFarAndWide(origin, only) ? exact(origin, only) : answerAmbiguous(origin, recorded, 'several-flows')
    if (only !== undefined) return answerOfSameKey(origin, fitting) ?? answerAmbiguous(origin, fitting, 'several-flows')
    const [distant, ...more] = recorded
    if (distant !== undefined && more.length === 0 && !origin.isSuspected) {
      origin.isSuspected = true
      clock(origin.host).suspect(distant.startAt, origin.from, origin.to)
    }
    return null
  }

  /** No conntrack, and the tuple hidden by source NAT: the only line of that time, for the only connection of that time. */
  function byMaskedLine(origin: Origin, { from, to }: Window, settled: Micros): Answer | null {
    if (!directory.isDocumented(origin.host)) return null
    // Clocks that were seen to agree tell neighbours apart.
    const { isMeasured } = clock(origin.host)
    const spare = isMeasured ? SLACK - SLACK_TRUSTED : 0
    const found = masked.find(origin, from + spare, to - spare, settled)
    if (found === null) return null
    const ports = services.of(origin)
    const fitting = found.filter((line) => endsThere(origin, line) && ports?.has(line.serverPort) !== false)
    const [only, ...others] = fitting
    if (only === undefined) return null
    // Nothing but time joins them: the time has to be known, and which service the line is for.
    if (others.length > 0 || ports === undefined || !isMeasured)
      return answerAmbiguous(origin, fitting, 'several-flows')
    if (only.taker !== null && only.taker !== origin) return null
    only.taker = origin
    return answerOfFlow(origin, only, 'client-address')
  }

  function ofTuple(origin: Origin, basis: CarriedFlow['basis']): CarriedFlow[] {
    return flows
      .byPort(origin.clientIp, origin.clientPort)
      .filter(
        (flow) =>
          flow.basis === basis &&
          endsThere(origin, flow) &&
          services.mayServe(origin, flow.serverPort) &&
          !isAcceptedBefore(origin, flow),
      )
  }

  /** A flow is accepted once. Its port may come again when conntrack lost its end and the next one's begin. */
  function isAcceptedBefore(origin: Origin, flow: CarriedFlow): boolean {
    if (flow.taker === null || flow.taker === origin) return false
    return true
  }

  function exact(origin: Origin, flow: CarriedFlow): Answer {
    if (!directory.owns(origin.host, flow.serverIp)) return answerAmbiguous(origin, [flow], 'host-addresses-unknown')
    if (flow.basis === 'conntrack') clock(origin.host).join(flow.startAt, origin.from, origin.to)
    if (origin.isAccept) flow.taker = origin
    services.learn(origin, flow)
    return answerOfFlow(origin, flow, 'server-tuple')
  }

  /** Of a login whose port nothing tells: flows from that address that were open then, on a port where that program was seen. */
  function byAddress(origin: Origin, { from, to }: Window, settled: Micros): Answer | 'wait' | null {
    const near = nearest(origin, from - GRACE, to, from).filter((flow) => flow.taker === null)
    const [only, ...others] = near
    if (only === undefined) return null
    if (near.some((flow) => !directory.owns(origin.host, flow.serverIp)))
      return answerAmbiguous(origin, near, 'host-addresses-unknown')
    // Connections that were accepted in that time have the same address and other logins; and so may have any other one
    // while nothing has measured the host's clock.
    const isMeasured = clock(origin.host).isMeasured
    const reach = isMeasured ? 0 : RETAIN
    const rivals = nearest(origin, from - GRACE - reach, to + reach, from - reach)
    const same = others.length === 0 && rivals.length === 1 ? null : answerOfSameKey(origin, [...rivals, ...near])
    if (same === null && rivals.length > 1) return answerAmbiguous(origin, rivals, 'several-flows')
    if (only.isMasked && settled < to + reach) return 'wait'
    return others.length === 0 ? answerOfFlow(origin, only, 'client-address') : same
  }

  /** Flows from the address that began within a time and were open after `openAt`; a firewall's line only where no conntrack saw any. */
  function nearest(origin: Origin, from: Micros, to: Micros, openAt: Micros): readonly CarriedFlow[] {
    const near = [...flows.byAddress(origin.clientIp)].filter(
      (flow) =>
        endsThere(origin, flow) &&
        flow.startAt >= from &&
        flow.startAt <= to &&
        flow.endAt >= openAt &&
        !isTakenByAnother(origin, flow),
    )
    const recorded = near.filter((flow) => flow.basis === 'conntrack')
    return services.among(origin, recorded.length > 0 ? recorded : near)
  }

  function isOver({ host, answer }: Origin, at: Micros): boolean {
    const flow = answer?.flow ?? null
    return flow !== null && answer?.method === 'server-tuple' && flow.endAt < at - clock(host).offset - SLACK
  }

  function save(): SavedHostJoin {
    return {
      clocks: [...clocks].map(([host, each]) => [host, each.save()]),
      services: services.save(),
      givenUp,
      masked: masked.save(),
      hops: hopJoin.save(),
      told,
    }
  }

  function tellClock(host: string, each: ToldClock): void {
    told.set(host, each)
    const [oldest] = told.keys()
    if (told.size > TOLD_MAX && oldest !== undefined) told.delete(oldest)
  }

  return { decide, isOver, noteFlow, clock, tellClock, save }
}

type Window = { readonly from: Micros; readonly to: Micros }

/** Another program of that host was seen to take the connection. */
function isTakenByAnother({ process }: Origin, { host }: CarriedFlow): boolean {
  const executable = host?.fields['wireguard.host.process.executable']
  return executable !== undefined && programOf({ pid: -1, name: '', executable }) !== programOf(process)
}
