/**
 * Login sessions of one audited host: what each audit event belongs to. A session is born by LOGIN, gets its client's address
 * from the process it was born in, and hands that on to everything with its `ses`, through sudo and su, until the host boots
 * again (kernel/audit.c counts sessions up and never repeats one). Only what the kernel wrote decides: pid, uid, auid, ses.
 */
import type { AuditFacts } from '../../sources/auditd/facts.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'
import { HOUR, type Micros, SECOND } from '../../time.ts'
import { type Accepts, type Child, createAccepts } from './accepts.ts'
import { createOrigin, type HostProcess, type Origin } from './origin.ts'

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
  claims: { pid: number; ip: string; at: Micros; process: HostProcess; user: string }[]
  origin: Origin | null
  /** Opened without a client's address: cron, a console. */
  isLocal: boolean
  openedAt: Micros
  closedAt: Micros
  /** What waits until its origin is known at all. */
  waiting: ((origin: Origin) => void)[]
}

/** What an event belongs to; both null: to no login. */
export type Subject = {
  readonly session: LoginSession | null
  readonly origin: Origin | null
  readonly isLocal: boolean
}

/** What an event means for logins, beside belonging to one. */
export type LoginStep = 'closed' | 'failed' | ''

export type HostSessions = {
  take(event: AuditEvent, facts: AuditFacts): { subject: Subject; step: LoginStep; accepted: Origin | null }
  /** Gives sessions up that nobody tells the origin of. Newly known origins are in `fresh`. */
  tick(watermark: Micros): void
  /** Nothing more will come. */
  end(): void
  /** Origins that were made since the last call; the caller decides them. */
  takeFresh(): Origin[]
  readonly evicted: number
}

/** Sessions remembered a host; those without a sign of life longest go first. About 500 bytes each. */
const SESSIONS_MAX = 16_384
const CHILDREN_MAX = 16_384
/** LOGIN may stand alone, and is then given out late (assembler: 2 s). */
const LOGIN_WAIT: Micros = 10 * SECOND
/** A pid is not asked about longer than a login takes. */
const CHILD_AGE_MAX: Micros = HOUR
const CLAIMS_MAX = 8
/** Threads that accept connections. */
const THREADS_MAX = 1024

const NOBODY: Subject = Object.freeze({ session: null, origin: null, isLocal: false })
const NO_PROCESS: HostProcess = Object.freeze({ pid: -1, name: '', executable: '' })

// include/uapi/linux/audit.h and audit-userspace lib/audit-records.h
const USER_AUTH = 1100
const USER_ACCT = 1101
const CRED_ACQ = 1103
const CRED_DISP = 1104
const USER_START = 1105
const USER_END = 1106
const USER_ERR = 1109
const CRED_REFR = 1110
const USER_LOGIN = 1112
const USER_LOGOUT = 1113
const CRYPTO_KEY_USER = 2404
const CRYPTO_SESSION = 2407
const LOGIN_MESSAGES: ReadonlySet<number> = new Set([
  USER_AUTH,
  USER_ACCT,
  CRED_ACQ,
  CRED_DISP,
  USER_START,
  USER_END,
  USER_ERR,
  CRED_REFR,
  USER_LOGIN,
  USER_LOGOUT,
  CRYPTO_KEY_USER,
  CRYPTO_SESSION,
])
const FAILURES: ReadonlySet<number> = new Set([USER_AUTH, USER_ACCT, USER_ERR, USER_LOGIN])

/** `opened` is told of each login from elsewhere, when its origin is known. */
export function createHostSessions(
  { host, node }: { readonly host: string; readonly node: string },
  opened: (session: LoginSession, origin: Origin) => void,
): HostSessions {
  let boot = 0
  let accepts: Accepts = createAccepts()
  const sessions = new Map<number, LoginSession>()
  const children = new Map<number, Child>()
  /** Origins whose time is still open: no later record of the host was seen. */
  let untimed: Origin[] = []
  /** The latest accept of each thread. */
  const accepting = new Map<string, Origin>()
  let fresh: Origin[] = []
  let unborn: LoginSession[] = []
  let evicted = 0

  function take(event: AuditEvent, facts: AuditFacts) {
    if (event.boot !== boot) begin(event.boot)
    const isAccept = facts.isSuccess === true && (facts.syscallName === 'accept' || facts.syscallName === 'accept4')
    // An accept may have waited itself, so its stamp bounds nothing.
    if (!isAccept && untimed.length > 0) {
      for (const origin of untimed) origin.to = Math.min(origin.to, event.arrival)
      untimed = []
    }
    const session = facts.ses < 0 ? null : sessionOf(event, facts)
    const accepted = isAccept ? acceptOf(event, facts) : null
    if (session === null) return ofNoSession(event, facts, accepted)
    const step = facts.message !== null || facts.login !== null ? advance(session, event, facts) : ''
    return { subject: { session, origin: session.origin, isLocal: session.isLocal }, step, accepted }
  }

  function begin(next: number): void {
    boot = next
    accepts = createAccepts()
    for (const session of unborn) giveUp(session)
    unborn = []
    sessions.clear()
    children.clear()
    accepting.clear()
  }

  function acceptOf(event: AuditEvent, facts: AuditFacts): Origin | null {
    const { socket } = facts
    if (socket === null || socket.port < 0 || socket.address === '' || isLoopback(socket.address)) return null
    const origin = createOrigin(host, { ip: socket.address, port: socket.port }, event.placeAt, processOf(facts))
    endPrevious(event, facts, origin)
    accepts.add(origin, facts.pid)
    untimed.push(origin)
    fresh.push(origin)
    return origin
  }

  /** A thread that waits again has accepted its last connection before: its buffer on the stack, a1, names the thread. */
  function endPrevious(event: AuditEvent, { pid, a1 }: AuditFacts, origin: Origin): void {
    const thread = `${pid} ${a1}`
    const previous = accepting.get(thread)
    if (previous !== undefined) {
      previous.to = Math.min(previous.to, Math.max(previous.from, event.at))
      accepting.delete(thread)
    }
    accepting.set(thread, origin)
    if (accepting.size <= THREADS_MAX) return
    const [oldest] = accepting.keys()
    if (oldest !== undefined) accepting.delete(oldest)
  }

  function sessionOf(event: AuditEvent, facts: AuditFacts): LoginSession {
    const known = sessions.get(facts.ses)
    const isBirth = facts.login?.isSuccess === true && facts.login.ses === facts.ses
    if (known !== undefined && !(isBirth && known.pid >= 0 && known.pid !== facts.login?.pid)) {
      if (sessions.size > SESSIONS_MAX / 2) {
        // Kept in the order of their last sign of life.
        sessions.delete(facts.ses)
        sessions.set(facts.ses, known)
      }
      return known
    }
    const session: LoginSession = {
      ses: facts.ses,
      boot,
      node,
      auid: facts.auid,
      user: '',
      pid: -1,
      ppid: -1,
      process: NO_PROCESS,
      seenAt: event.arrival,
      claims: [],
      origin: null,
      isLocal: false,
      openedAt: Number.NaN,
      closedAt: Number.NaN,
      waiting: [],
    }
    if (known !== undefined) giveUp(known)
    sessions.set(facts.ses, session)
    unborn.push(session)
    if (sessions.size > SESSIONS_MAX) {
      const [oldest] = sessions.values()
      if (oldest !== undefined) {
        giveUp(oldest)
        sessions.delete(oldest.ses)
        evicted++
      }
    }
    return session
  }

  /** What a message inside a session, or the LOGIN that bears it, says about the session itself. */
  function advance(session: LoginSession, event: AuditEvent, facts: AuditFacts): LoginStep {
    if (session.user === '') session.user = keepText(facts.names.get('auid') ?? '')
    if (facts.login?.isSuccess === true) {
      session.pid = facts.login.pid
      session.ppid = facts.ppid
      session.auid = facts.login.auid
      session.process = processOf(facts)
      const child = children.get(session.pid)
      if (child !== undefined) confirm(child, facts.ppid)
      for (const claim of session.claims) settle(session, claim)
      return ''
    }
    const { message } = facts
    if (message === null || facts.uid !== 0 || !LOGIN_MESSAGES.has(facts.type)) return ''
    if (facts.type === USER_START && message.res === 'success') {
      const claim = {
        pid: facts.pid,
        ip: message.addr,
        at: event.arrival,
        process: processOf(facts),
        user: keepText(message.acct),
      }
      if (session.pid >= 0) settle(session, claim)
      else if (session.claims.length < CLAIMS_MAX) session.claims.push(claim)
      return ''
    }
    const isEnd = facts.type === USER_END || facts.type === USER_LOGOUT
    if (!isEnd || session.pid !== facts.pid || !Number.isNaN(session.closedAt)) return ''
    session.closedAt = event.at
    return 'closed'
  }

  /** The process the session was born in says who opened it, and from where. */
  function settle(session: LoginSession, claim: LoginSession['claims'][number]): void {
    if (claim.pid !== session.pid || !Number.isNaN(session.openedAt)) return
    session.openedAt = claim.at
    session.user = claim.user || session.user
    if (session.process.executable === '') session.process = claim.process
    if (claim.ip === '' || isLoopback(claim.ip)) {
      session.isLocal = true
      release(session, createOrigin(host, { ip: '', port: -1 }, claim.at, session.process))
      return
    }
    const child = childOf(claim.pid, session.ppid, claim.ip, claim.at, claim.process)
    if (child.origin === null) return
    opened(session, child.origin)
    release(session, child.origin)
  }

  function release(session: LoginSession, origin: Origin): void {
    session.origin = origin
    unborn = unborn.filter((each) => each !== session)
    for (const go of session.waiting) go(origin)
    session.waiting = []
  }

  function confirm(child: Child, ppid: number): void {
    if (child.ppid >= 0 || ppid < 0) return
    child.ppid = ppid
    const before = child.origin
    accepts.confirm(child, host)
    if (child.origin !== null && child.origin !== before && child.origin.clientPort < 0) fresh.push(child.origin)
  }

  function childOf(pid: number, ppid: number, clientIp: string, at: Micros, process: HostProcess): Child {
    const known = children.get(pid)
    if (known !== undefined && known.clientIp === clientIp && at - known.seenAt < CHILD_AGE_MAX) {
      confirm(known, ppid)
      return known
    }
    const child: Child = { pid, ppid, clientIp, process, seenAt: at, origin: null }
    children.delete(pid)
    children.set(pid, child)
    if (children.size > CHILDREN_MAX) {
      const [oldest] = children.keys()
      if (oldest !== undefined) children.delete(oldest)
    }
    const origin = accepts.claim(child, host)
    if (origin.clientPort < 0) fresh.push(origin)
    return child
  }

  /** Before a session: the accept itself, messages of a login under way, and what the same process does meanwhile. */
  function ofNoSession(event: AuditEvent, facts: AuditFacts, accepted: Origin | null) {
    if (accepted !== null)
      return { subject: { session: null, origin: accepted, isLocal: false }, step: '' as const, accepted }
    const { message } = facts
    if (message !== null && LOGIN_MESSAGES.has(facts.type) && facts.uid === 0 && facts.auid < 0) {
      if (facts.type === CRYPTO_SESSION && message.rport >= 0) learnTuple(event, facts)
      const ip = message.addr
      if (ip === '' || isLoopback(ip)) return { subject: NOBODY, step: '' as const, accepted }
      const { origin } = childOf(facts.pid, -1, ip, event.arrival, processOf(facts))
      const step = FAILURES.has(facts.type) && message.res === 'failed' ? ('failed' as const) : ('' as const)
      return { subject: { session: null, origin, isLocal: false }, step, accepted }
    }
    const child = facts.syscall >= 0 ? children.get(facts.pid) : undefined
    if (child === undefined || event.arrival - child.seenAt > CHILD_AGE_MAX)
      return { subject: NOBODY, step: '' as const, accepted }
    confirm(child, facts.ppid)
    return { subject: { session: null, origin: child.origin, isLocal: false }, step: '' as const, accepted }
  }

  /** Red Hat's sshd writes the connection's four ends itself. */
  function learnTuple(event: AuditEvent, facts: AuditFacts): void {
    const { message } = facts
    if (message === null || message.addr === '' || isLoopback(message.addr)) return
    const { origin } = childOf(facts.pid, -1, message.addr, event.arrival, processOf(facts))
    if (origin === null || origin.answer !== null || origin.clientPort >= 0) return
    origin.clientPort = message.rport
    origin.serverIp = message.laddr
    origin.serverPort = message.lport
    origin.to = event.arrival
    origin.among = []
  }

  function giveUp(session: LoginSession): void {
    if (session.origin !== null) return
    // Its LOGIN is missing, and the process that opened it is all there is to go by.
    const [claim] = session.pid < 0 ? session.claims : []
    if (claim !== undefined) {
      session.pid = claim.pid
      settle(session, claim)
    }
    if (session.origin !== null) return
    const origin = createOrigin(host, { ip: '', port: -1 }, session.seenAt, session.process)
    if (session.pid < 0) origin.unknownBecause = 'login-not-seen'
    fresh.push(origin)
    release(session, origin)
  }

  return {
    take,
    tick(watermark) {
      accepts.resolve()
      accepts.expire(watermark)
      for (const session of unborn) {
        if (session.seenAt > watermark - LOGIN_WAIT) break
        giveUp(session)
      }
    },
    end() {
      for (const session of unborn) giveUp(session)
      unborn = []
    },
    takeFresh() {
      const taken = fresh
      fresh = []
      return taken
    },
    get evicted() {
      return evicted
    },
  }
}

function processOf({ pid, comm, exe, message }: Pick<AuditFacts, 'pid' | 'comm' | 'exe' | 'message'>): HostProcess {
  return { pid, name: keepText(comm), executable: keepText(exe || (message?.exe ?? '')) }
}

/** A copy that does not keep the text it was read from alive: sessions outlive their lines. */
export function keepText(text: string): string {
  return Buffer.from(text).toString()
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}
