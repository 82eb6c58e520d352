/** A login session of an audited host, as far as its log has told it. */
import type { Facet } from '../../event.ts'
import type { Micros } from '../../time.ts'
import type { AwaitingOrigin } from './awaiting.ts'
import type { HostProcess, Origin } from './origin.ts'
import type { Speaker } from './server-children.ts'

export type LoginSession = {
  readonly ses: number
  readonly boot: number
  /** `node=` of its records. */
  readonly node: string
  auid: number
  /** The account; '' where no record names it. */
  user: string
  /** The process it was born in, from its LOGIN; -1 until that is seen. */
  pid: number
  ppid: number
  process: HostProcess
  /** Where its first record stands. */
  readonly seenAt: Micros
  /** What process and address opened it, while the LOGIN that proves the process is not there yet. */
  claims: Claim[]
  /**
   * The session it was born in, until its own origin is known: root may give a process another login id (formats.md 3.8,
   * trap 11). Set by nest().
   */
  parent: LoginSession | null
  /** At least as many sessions as were born one inside the other, in this one. */
  depth: number
  /** Serial of the LOGIN that bore it; -1 until that is seen. */
  bornBy: number
  /** Processes that said it ended, while its LOGIN is not there yet. */
  readonly ends: { readonly pid: number; readonly at: Micros }[]
  origin: Origin | null
  /** Opened without a client's address: cron, a console. */
  isLocal: boolean
  openedAt: Micros
  closedAt: Micros
  /** Who is behind it, as its documents say; null before the first of them. */
  identity: Facet | null
  /** What waits until its origin is known at all. */
  waiting: AwaitingOrigin[]
  /** It stands in for one of another machine's, whose desk tells its origin and answer (relay/hop-import.ts). */
  readonly isElsewhere: boolean
}

/** A process opened the session for a client; ip '' for none. */
export type Claim = { readonly speaker: Speaker; readonly ip: string; readonly user: string }

/**
 * Sessions without an origin one inside the other. Nobody nests them on purpose; without a limit a log could make whatever
 * follows them, and the serializer of the saved state, recurse without end.
 */
const NESTING_MAX = 32

const NO_PROCESS: HostProcess = Object.freeze({ pid: -1, name: '', executable: '' })

/** A session of which nothing is known but that it is there. */
export function createLoginSession(
  seen: Pick<LoginSession, 'ses' | 'boot' | 'node' | 'auid' | 'seenAt'>,
  isElsewhere = false,
): LoginSession {
  return {
    ...seen,
    user: '',
    pid: -1,
    ppid: -1,
    process: NO_PROCESS,
    claims: [],
    parent: null,
    depth: 0,
    bornBy: -1,
    ends: [],
    origin: null,
    isLocal: false,
    openedAt: Number.NaN,
    closedAt: Number.NaN,
    identity: null,
    waiting: [],
    isElsewhere,
  }
}

/** The session was born in `parent`. False, and nothing noted, where that nests too deep or in a circle. */
export function nest(session: LoginSession, parent: LoginSession): boolean {
  let depth = session.depth + 1
  for (let above: LoginSession | null = parent; above !== null; above = above.parent) {
    if (above === session || ++depth > NESTING_MAX) return false
  }
  session.parent = parent
  depth = session.depth
  for (let above: LoginSession | null = parent; above !== null; above = above.parent) {
    depth++
    above.depth = Math.max(above.depth, depth)
  }
  return true
}
