/**
 * What waits on an audited host until it is known where it came from. Plain data and no functions: it is saved with everything
 * else, and a daemon that starts again goes on waiting for the same answers (design 2.3).
 */
import type { AuditFacts } from '../../sources/auditd/facts.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'
import type { Micros } from '../../time.ts'
import type { ChangeTarget } from './change-evidence.ts'
import type { LoginSession } from './login-session.ts'
import type { Origin } from './origin.ts'

/** An audit event, and what it is evidence of. */
export type HeldEvent = {
  readonly event: AuditEvent
  readonly facts: AuditFacts
  readonly change: ChangeTarget
}

/** Waits for the answer of an origin; `desk` is the name of the host whose log tells it. */
export type AwaitingAnswer =
  /** A login that is told with its origin. */
  | { readonly what: 'login'; readonly desk: string; readonly session: LoginSession }
  /** An attempt to log in; `user` is the name that was tried. */
  | { readonly what: 'failed'; readonly desk: string; readonly at: Micros; readonly pid: number; readonly user: string }
  /** Something done in a login session; `isEnd`: it is the session's end. */
  | {
      readonly what: 'session-event'
      readonly desk: string
      readonly session: LoginSession
      readonly held: HeldEvent
      readonly isEnd: boolean
    }
  /** Something done before a login; `isAccept`: the connection itself. */
  | { readonly what: 'event'; readonly desk: string; readonly held: HeldEvent; readonly isAccept: boolean }

/** Waits until a login session has an origin at all. */
export type AwaitingOrigin =
  | { readonly what: 'session-event'; readonly held: HeldEvent; readonly isEnd: boolean }
  /** A session that was born inside it; `own` is where that one's process says it came from, null where it says nothing. */
  | { readonly what: 'session'; readonly session: LoginSession; readonly own: Origin | null }
