/**
 * Second hops from hosts of other partitions: what their correlators tell stands in for their connections and logins, so that the join
 * (hop-join.ts) asks the same questions wherever a host's own log is read.
 */
import { createLoginSession, type LoginSession } from '../correlate/hosts/login-session.ts'
import { createOrigin } from '../correlate/hosts/origin.ts'
import type { Connect } from '../correlate/hosts/second-hops.ts'
import { MINUTE, type Micros } from '../time.ts'
import type { HopAnswer } from './hop-answers.ts'
import type { HopMessage } from './messages.ts'

export type HopImport = {
  connectOf(message: HopMessage): Connect
  answered(login: string, told: HopAnswer): void
  /** Forgets logins that have made no connection for long. */
  expire(watermark: Micros): void
  /** Logins given up because there were too many. */
  readonly evicted: number
  /** Live references. */
  save(): SavedHopImport
}

/** Plain data. In the order of their latest connection. */
export type SavedHopImport = { readonly logins: Map<string, Login>; readonly evicted: number }

type Login = { readonly session: LoginSession; readonly host: string; readonly at: Micros }

const LOGINS_MAX = 65_536
/** Longer than a connection is asked for (RETAIN in carried-flows.ts), with what its clock may be ahead. */
const IDLE_MAX: Micros = 30 * MINUTE

export function createHopImport(saved?: SavedHopImport): HopImport {
  const logins = saved?.logins ?? new Map<string, Login>()
  let evicted = saved?.evicted ?? 0

  function sessionOf({ at, host, login }: HopMessage): LoginSession | null {
    if (login === null) return null
    const known = logins.get(login.login)
    const session =
      known?.session ?? createLoginSession({ ses: login.ses, boot: -1, node: host, auid: -1, seenAt: at }, true)
    // Its origin comes with what is told of it, also of one that is local.
    logins.delete(login.login)
    logins.set(login.login, { session, host, at })
    const [oldest] = logins.keys()
    if (logins.size > LOGINS_MAX && oldest !== undefined) {
      logins.delete(oldest)
      evicted++
    }
    return session
  }

  return {
    connectOf(message) {
      const { host, serverHost, serverPort, openedFrom: from, openedTo: to } = message
      return { host, login: sessionOf(message), serverHost, serverPort, from, to }
    },
    answered(login, { isLocal, answer }) {
      const known = logins.get(login)
      // Nobody has asked for it for so long that it was forgotten.
      if (known === undefined) return
      const { session, host } = known
      session.isLocal = isLocal
      session.origin ??= createOrigin(host, { ip: '', port: -1 }, session.seenAt, session.process)
      session.origin.answer ??= answer
    },
    expire(watermark) {
      for (const [name, { at }] of logins) {
        if (at >= watermark - IDLE_MAX) break
        logins.delete(name)
      }
    },
    get evicted() {
      return evicted
    },
    save: () => ({ logins, evicted }),
  }
}
