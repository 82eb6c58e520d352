/**
 * Login attempts that failed, one a connection: sshd writes several records for each, and the first ones hide the name that was
 * tried (formats.md 3.6), so the attempt is told when the others have had time to come.
 */
import { type Micros, SECOND } from '../../time.ts'
import type { Origin } from './origin.ts'

export type FailedLogin = {
  readonly origin: Origin
  readonly at: Micros
  readonly pid: number
  /** The name that was tried, whatever it is made of; '' while no record tells it. */
  user: string
}

export type FailedLogins = {
  /** A record says that the login failed. */
  note(origin: Origin, at: Micros, arrival: Micros, pid: number, user: string): void
  /** Tells what is old enough. */
  tick(watermark: Micros): void
  /** Live references. */
  save(): SavedFailedLogins
}

type Pending = { readonly arrival: Micros; readonly failed: FailedLogin }

/** Plain data: attempts that wait for their name, in order of arrival. */
export type SavedFailedLogins = Map<Origin, Pending>

/** Between the first record of a failure and the one with the name: PAM waits up to two seconds before it says no. */
const NAME_WAIT: Micros = 3 * SECOND

/** Attempts that wait for their name; beyond it the oldest is told without. */
const PENDING_MAX = 4096

/** What sshd writes instead of a name: it asks nobody's password for an account that does not exist. */
const NO_NAMES: ReadonlySet<string> = new Set(['', '?', '(invalid user)', '(unknown)', '(unknown user)', 'UNKNOWN'])

export function createFailedLogins(tell: (failed: FailedLogin) => void, saved?: SavedFailedLogins): FailedLogins {
  const pending: SavedFailedLogins = saved ?? new Map()
  return {
    note(origin, at, arrival, pid, user) {
      const name = NO_NAMES.has(user) ? '' : user
      const known = pending.get(origin)
      if (known !== undefined) known.failed.user ||= name
      else if (!origin.hasFailed) {
        origin.hasFailed = true
        pending.set(origin, { arrival, failed: { origin, at, pid, user: name } })
        const [oldest] = pending.values()
        if (pending.size <= PENDING_MAX || oldest === undefined) return
        pending.delete(oldest.failed.origin)
        tell(oldest.failed)
      }
    },
    tick(watermark) {
      for (const [origin, { arrival, failed }] of pending) {
        if (arrival > watermark - NAME_WAIT) break
        pending.delete(origin)
        tell(failed)
      }
    },
    save: () => pending,
  }
}
