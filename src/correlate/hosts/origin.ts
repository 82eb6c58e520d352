/**
 * Where something on an audited host came from: an accepted connection, or a login of which only the client's address is known.
 * Asked once, answered once; everything that inherits the answer waits for it.
 */
import type { Facet } from '../../event.ts'
import type { Micros } from '../../time.ts'
import type { AwaitingAnswer } from './awaiting.ts'
import type { CarriedFlow } from './carried-flows.ts'

export type HostProcess = { readonly pid: number; readonly name: string; readonly executable: string }

export type Origin = {
  readonly host: string
  readonly clientIp: string
  /** Whether it is a record of accept itself: no two of them are the same connection. */
  readonly isAccept: boolean
  /** -1 where only the address is known. */
  clientPort: number
  /** Where the host tells its own side too (Red Hat's CRYPTO_SESSION); '' and -1 elsewhere. */
  serverIp: string
  serverPort: number
  /** It happened within, by the host's clock: from its record's place in the file to the next record's arrival (design 6). */
  readonly from: Micros
  /** Infinity until the next record is there. */
  to: Micros
  readonly process: HostProcess
  /** Why it has no client's address. */
  unknownBecause: 'no-client-address' | 'login-not-seen'
  /** Accepted connections it may be one of; empty where it is one itself, none was seen, or the answer is there. */
  among: readonly Origin[]
  /** What was known until then, by the host's clock, says so. */
  amongAt: Micros
  /** False until it is known which those are. */
  isResolved: boolean
  /** Its process was started by none of those that accept connections for that program. */
  isStray: boolean
  /** A flow of its tuple at another time was taken for a sign that the clocks differ. */
  isSuspected: boolean
  /** A login over it is known to have failed. */
  hasFailed: boolean
  answer: Answer | null
  /** What waits for the answer, in order. */
  readonly waiting: AwaitingAnswer[]
}

/** Shared by everything of one origin; never changed. */
export type Answer = {
  readonly status: 'exact' | 'ambiguous' | 'unknown'
  /** `server-tuple`: client address and port as the server saw them. `client-address`: address and time. `via-host`: through another audited host. */
  readonly method: 'server-tuple' | 'client-address' | 'via-host' | ''
  /**
   * Why not exact. `no-flow`: no recorded flow fits. `several-flows`, `several-logins`: more than one fits. `client-is-no-peer`: the
   * flow was begun by somebody else. `host-addresses-unknown`: the inventory names no address of this host. `login-not-seen`: the
   * login began before the log. `no-client-address`: nothing tells where it came from. `trail-ends`: it came from another machine,
   * and no connection of a login there fits. Else the reason of the flow's own attribution.
   */
  readonly reason: string
  /** The flow that carried it, where it is one. */
  readonly flow: CarriedFlow | null
  /** Public key of the peer; '' unless exact. */
  readonly publicKey: string
  readonly candidates: readonly string[]
  /** `host/login session` of each machine in between, first to last. */
  readonly hops: readonly string[]
  /** `wireguard.*` and `process.entry_leader.*` of every document that inherits it. */
  readonly identity: Facet
  /** For related.*: names and e-mails, hosts and devices, addresses. */
  readonly people: readonly string[]
  readonly hosts: readonly string[]
  readonly addresses: readonly string[]
}

/** An open question; `from` is the earliest time it can have happened, by the host's clock. */
export function createOrigin(
  host: string,
  client: { ip: string; port: number },
  from: Micros,
  process: HostProcess,
): Origin {
  return {
    host,
    clientIp: client.ip,
    isAccept: client.port >= 0,
    clientPort: client.port,
    serverIp: '',
    serverPort: -1,
    from,
    to: Number.POSITIVE_INFINITY,
    process,
    unknownBecause: 'no-client-address',
    among: [],
    amongAt: from,
    isResolved: true,
    isStray: false,
    isSuspected: false,
    hasFailed: false,
    answer: null,
    waiting: [],
  }
}

/** Name of the program, the same for every process of one server: OpenSSH 9.8 split sshd into sshd-session and sshd-auth. */
export function programOf({ name, executable }: HostProcess): string {
  // The kernel appends this to the path of a program that was replaced while it ran.
  const path = executable.endsWith(' (deleted)') ? executable.slice(0, -' (deleted)'.length) : executable
  const program = path.slice(path.lastIndexOf('/') + 1) || name
  return program.startsWith('sshd') ? 'sshd' : program
}
