/**
 * Logins over one of several accepted connections: exact where all that are left are one key's, and nothing speaks for connections
 * that were never recorded and would have moved everybody by one.
 */
import { HOUR, type Micros, SECOND } from '../../time.ts'
import { answerAmbiguous, answerOfSameKey } from './answers.ts'
import type { CarriedFlow, CarriedFlows } from './carried-flows.ts'
import type { ClockOffset } from './clock-offset.ts'
import type { HopJoin } from './hop-join.ts'
import type { HostDirectory } from './host-directory.ts'
import type { Answer, Origin } from './origin.ts'
import type { ServicePorts } from './service-ports.ts'

export type LoginChoice = {
  /** Null while waiting may still improve the answer. */
  decide(origin: Origin, settled: Micros, isForced: boolean): Answer | null
}

/** Times of one connection in two logs of machines with good clocks are this much apart at most. */
const SLACK: Micros = 2 * SECOND
/** sshd's LoginGraceTime is two minutes by default. */
const GRACE: Micros = 150 * SECOND

export function createLoginChoice(options: {
  readonly flows: CarriedFlows
  readonly directory: HostDirectory
  readonly clock: (host: string) => ClockOffset
  readonly services: ServicePorts
  readonly hopJoin: HopJoin
  /** Whether the flow can have ended on the origin's host and port. */
  readonly endsThere: (origin: Origin, flow: CarriedFlow) => boolean
}): LoginChoice {
  const { flows, directory, clock, services, hopJoin, endsThere } = options

  function decide(origin: Origin, settled: Micros, isForced: boolean): Answer | null {
    const answers = origin.among.flatMap(({ answer }) => answer ?? [])
    const carried = answers.flatMap(({ flow }) => flow ?? [])
    // The others may still be looking for their passwords.
    const isLast = isForced || settled >= origin.from - clock(origin.host).offset + SLACK + GRACE
    if (answers.length < origin.among.length)
      return isForced ? answerAmbiguous(origin, carried, 'several-logins') : null
    const [only, ...others] = answers
    const same = others.length === 0 ? (only ?? null) : sameOf(origin, answers)
    if (same === null) return isLast ? answerAmbiguous(origin, carried, 'several-logins') : null
    // What its server wrote about the connection's ends is no guess by order.
    if (same.status !== 'exact' || origin.serverPort >= 0) return same
    const unseen = unseenBeside(origin, same, isForced ? Number.POSITIVE_INFINITY : settled)
    if (unseen !== null) return isLast ? answerAmbiguous(origin, [...carried, ...unseen], 'several-logins') : null
    const [accepted] = origin.among
    if (others.length === 0 && accepted !== undefined) origin.clientPort = accepted.clientPort
    return same
  }

  /** One answer for all, where they name one key. */
  function sameOf(origin: Origin, answers: readonly Answer[]): Answer | null {
    const [first] = answers
    if (first === undefined || first.publicKey === '') return null
    const way = first.hops.join()
    if (answers.some(({ publicKey, hops }) => publicKey !== first.publicKey || hops.join() !== way)) return null
    if (way !== '') return first
    return answerOfSameKey(
      origin,
      answers.flatMap(({ flow }) => flow ?? []),
    )
  }

  /**
   * Connections of that time that nobody saw accepted, while the address was several peers': the login may be over one of them, and
   * each other one over its neighbour's. Null where nothing speaks for that.
   */
  function unseenBeside(origin: Origin, { publicKey }: Answer, settled: Micros): readonly CarriedFlow[] | null {
    const at = origin.from - clock(origin.host).offset
    const since = services.acceptsSince(origin)
    const isRelevant = (each: CarriedFlow) =>
      (each.startAt >= at - GRACE || (each.startAt >= since && each.startAt >= at - HOUR)) &&
      each.startAt <= origin.amongAt - clock(origin.host).offset + SLACK &&
      each.endAt >= at - SLACK &&
      endsThere(origin, each) &&
      services.mayServe(origin, each.serverPort)
    const ofAddress = [...flows.byAddress(origin.clientIp), ...flows.linesBehind(origin.clientIp)].filter(isRelevant)
    const isShared = ofAddress.some((each) => each.publicKey !== publicKey)
    if (!isShared && directory.hostAt(origin.clientIp) === null) return null
    const servers = new Set(origin.among.flatMap(({ answer }) => answer?.flow?.serverIp ?? []))
    const others = [...servers].flatMap((ip) => [...flows.byServer(ip)].filter(isRelevant))
    const unseen = [...ofAddress, ...others].filter(({ taker }) => taker === null)
    return unseen.length === 0 && hopJoin.isCertain(origin, GRACE, settled) ? null : unseen
  }

  return { decide }
}
