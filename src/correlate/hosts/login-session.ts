/** A login session of an audited host, as far as its log has told it. */
import type { Micros } from '../../time.ts'
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
  /** The session it was born in: root may give a process another login id (formats.md 3.8, trap 11). */
  parent: LoginSession | null
  /** Serial of the LOGIN that bore it; -1 until that is seen. */
  bornBy: number
  /** Processes that said it ended, while its LOGIN is not there yet. */
  readonly ends: { readonly pid: number; readonly at: Micros }[]
  origin: Origin | null
  /** Opened without a client's address: cron, a console. */
  isLocal: boolean
  openedAt: Micros
  closedAt: Micros
  /** What waits until its origin is known at all. */
  waiting: ((origin: Origin) => void)[]
}

/** A process opened the session for a client; ip '' for none. */
export type Claim = { readonly speaker: Speaker; readonly ip: string; readonly user: string }

const NO_PROCESS: HostProcess = Object.freeze({ pid: -1, name: '', executable: '' })

/** A session of which nothing is known but that it is there. */
export function createLoginSession(
  seen: Pick<LoginSession, 'ses' | 'boot' | 'node' | 'auid' | 'seenAt'>,
): LoginSession {
  return {
    ...seen,
    user: '',
    pid: -1,
    ppid: -1,
    process: NO_PROCESS,
    claims: [],
    parent: null,
    bornBy: -1,
    ends: [],
    origin: null,
    isLocal: false,
    openedAt: Number.NaN,
    closedAt: Number.NaN,
    waiting: [],
  }
}
