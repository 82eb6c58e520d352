/**
 * Connections that processes of one audited host opened to another: how a peer's login goes on to a second machine
 * (design 6, `via-host`). connect() tells the address and port it asked for and never its own port, so a hop is a match by
 * address and time; it is exact only while a single connection fits.
 */
import type { AuditFacts } from '../../sources/auditd/facts.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'
import { type Micros, SECOND } from '../../time.ts'
import type { HostDirectory } from './host-directory.ts'
import type { LoginSession } from './login-session.ts'

export type Connect = {
  readonly host: string
  /** The login session it was made in; null for a process outside of one. */
  readonly login: LoginSession | null
  readonly serverHost: string
  readonly serverPort: number
  /** Its record's place in the host's log, and the next record's. */
  readonly from: Micros
  readonly to: Micros
}

export type SecondHops = {
  note(connect: Connect): void
  /** Hosts from which there were connections to this one. */
  hostsBefore(serverHost: string): readonly string[]
  /** Connections from one host to another within a time. */
  between(host: string, serverHost: string, from: Micros, to: Micros): readonly Connect[]
  expire(before: Micros): void
  /** Live references. */
  save(): SavedSecondHops
}

/** Plain data: connections by client's and server's host. */
export type SavedSecondHops = Map<string, Connect[]>

/** connect() is audited at its entry; the other side accepts within this. */
const CONNECT_MAX: Micros = 3 * SECOND
/** EINPROGRESS: a connect that does not block has begun (formats.md 3.3). */
const IN_PROGRESS = '-115'
/** Connections remembered between each two hosts; the oldest go first. */
const CONNECTS_MAX = 4096

/** `saved`: as another one's `save` gave it. */
export function createSecondHops(saved?: SavedSecondHops): SecondHops {
  const byHosts: SavedSecondHops = saved ?? new Map()
  return {
    note(connect) {
      const key = `${connect.host}\0${connect.serverHost}`
      const known = byHosts.get(key)
      if (known === undefined) byHosts.set(key, [connect])
      else if (known.push(connect) > CONNECTS_MAX) known.shift()
    },
    hostsBefore(serverHost) {
      const found = new Set<string>()
      for (const [first] of byHosts.values()) if (first?.serverHost === serverHost) found.add(first.host)
      return [...found]
    },
    between: (host, serverHost, from, to) =>
      (byHosts.get(`${host}\0${serverHost}`) ?? []).filter((each) => each.from <= to && each.to >= from),
    expire(before) {
      for (const [key, connects] of byHosts) {
        const left = connects.filter((each) => each.to >= before)
        if (left.length === connects.length) continue
        if (left.length > 0) byHosts.set(key, left)
        else byHosts.delete(key)
      }
    },
    save: () => byHosts,
  }
}

/** A connection to another audited host: the accept over there may be this login's next hop. Null for any other event. */
export function connectOf(
  directory: HostDirectory,
  host: string,
  event: AuditEvent,
  { syscallName, socket, isSuccess, exit }: AuditFacts,
  login: LoginSession | null,
): Connect | null {
  if (syscallName !== 'connect' || socket === null || socket.port <= 0) return null
  if (isSuccess !== true && exit !== IN_PROGRESS) return null
  const serverHost = directory.hostAt(socket.address)
  if (serverHost === null || serverHost === host) return null
  return { host, login, serverHost, serverPort: socket.port, from: event.at, to: event.placeAt + CONNECT_MAX }
}
