/**
 * Login sessions of one audited host: what each audit event belongs to. A session is born by LOGIN, gets its client's address
 * from the process it was born in, and hands that on to everything with its `ses`, through sudo and su, until the host boots
 * again (kernel/audit.c counts sessions up and never repeats one). Only what the kernel wrote decides: pid, uid, auid, ses.
 */
import type { AuditFacts, LoginChange } from '../../sources/auditd/facts.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'
import { type Micros, SECOND } from '../../time.ts'
import type { AwaitingOrigin } from './awaiting.ts'
import { CRYPTO_SESSION, isFailure, isLoginMessage, USER_END, USER_LOGOUT, USER_START } from './login-messages.ts'
import { type Claim, createLoginSession, type LoginSession, nest } from './login-session.ts'
import { createOrigin, type HostProcess, type Origin } from './origin.ts'
import { createServerChildren, type SavedServerChildren, type ServerChildren, type Speaker } from './server-children.ts'

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
  /** Live references. */
  save(): SavedHostSessions
}

/** Plain data; see HostSessions.save. */
export type SavedHostSessions = {
  readonly boot: number
  readonly children: SavedServerChildren
  readonly sessions: Map<number, LoginSession>
  readonly untimed: Origin[]
  readonly accepting: Map<string, Origin>
  readonly fresh: Origin[]
  readonly unborn: LoginSession[]
  readonly evicted: number
}

export type SessionsOptions = {
  readonly host: string
  /** `node=` of its records. */
  readonly node: string
  /** Whether an accepted connection had ended before that time, by the host's clock. */
  readonly isOver: (origin: Origin, at: Micros) => boolean
}

export type SessionsTold = {
  /** A login from elsewhere, when its origin is known. */
  readonly opened: (session: LoginSession, origin: Origin) => void
  /** What waited for the origin of its session goes on. */
  readonly goOn: (
    session: LoginSession,
    origin: Origin,
    waiting: Extract<AwaitingOrigin, { what: 'session-event' }>,
  ) => void
}

/** Sessions remembered a host; those without a sign of life longest go first. About 500 bytes each. */
const SESSIONS_MAX = 16_384
/** Accepts whose time the next other record ends; of the oldest beyond it only their own thread's next accept does. */
const UNTIMED_MAX = 4096
/** LOGIN may stand alone, and is then given out late (assembler: 2 s). */
const LOGIN_WAIT: Micros = 10 * SECOND
const CLAIMS_MAX = 8
/** Threads that accept connections. */
const THREADS_MAX = 1024

const NOBODY: Subject = Object.freeze({ session: null, origin: null, isLocal: false })

/** Login sessions of the machine of that name; `saved` as another one's `save` gave it. */
export function createHostSessions(
  options: SessionsOptions,
  told: SessionsTold,
  saved?: SavedHostSessions,
): HostSessions {
  const { host, node, isOver } = options
  let boot = saved?.boot ?? 0
  let children: ServerChildren = createServerChildren(host, isOver, saved?.children)
  const sessions = saved?.sessions ?? new Map<number, LoginSession>()
  /** Origins whose time is still open: no later record of the host was seen. */
  let untimed = saved?.untimed ?? []
  /** The latest accept of each thread. */
  const accepting = saved?.accepting ?? new Map<string, Origin>()
  let fresh = saved?.fresh ?? []
  let unborn = saved?.unborn ?? []
  let evicted = saved?.evicted ?? 0

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
    for (const session of unborn) giveUp(session)
    unborn = []
    fresh.push(...children.takeFresh())
    children.resolve(Number.POSITIVE_INFINITY)
    evicted += children.evicted
    children = createServerChildren(host, isOver)
    sessions.clear()
    accepting.clear()
  }

  function acceptOf(event: AuditEvent, facts: AuditFacts): Origin | null {
    const { socket } = facts
    if (socket === null || socket.port < 0 || socket.address === '' || isLoopback(socket.address)) return null
    // Records that come again are the same connection again.
    if (event.part > 0) return null
    const client = { ip: socket.address, port: socket.port }
    const origin = createOrigin(host, client, event.placeAt, processOf(facts))
    endPrevious(event, facts, origin)
    children.accepted(origin, facts.pid, event.serial)
    if (untimed.push(origin) > UNTIMED_MAX) untimed.shift()
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
    if (known !== undefined && !(isBirth && known.bornBy >= 0 && known.bornBy !== event.serial)) {
      if (sessions.size > SESSIONS_MAX / 2) {
        // Kept in the order of their last sign of life.
        sessions.delete(facts.ses)
        sessions.set(facts.ses, known)
      }
      return known
    }
    if (known !== undefined) giveUp(known)
    return begun(facts.ses, facts.auid, event)
  }

  function begun(ses: number, auid: number, event: AuditEvent): LoginSession {
    const session = createLoginSession({ ses, boot, node, auid, seenAt: event.arrival })
    sessions.set(ses, session)
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
    if (facts.login?.isSuccess === true) return bear(session, event, facts, facts.login)
    const { message } = facts
    if (message === null || facts.uid !== 0 || !isLoginMessage(facts.type)) return ''
    if (facts.type === USER_START && message.res === 'success') {
      const claim: Claim = { speaker: speakerOf(event, facts), ip: message.addr, user: keepText(message.acct) }
      if (session.pid >= 0) settle(session, claim)
      else if (session.claims.length < CLAIMS_MAX) session.claims.push(claim)
      return ''
    }
    if (facts.type !== USER_END && facts.type !== USER_LOGOUT) return ''
    if (session.pid < 0 && session.ends.length < CLAIMS_MAX) session.ends.push({ pid: facts.pid, at: event.at })
    if (session.pid !== facts.pid || !Number.isNaN(session.closedAt)) return ''
    session.closedAt = event.at
    return 'closed'
  }

  /** LOGIN stands alone at times and is then given out late, behind the session's end. */
  function bear(session: LoginSession, event: AuditEvent, facts: AuditFacts, login: LoginChange): LoginStep {
    session.bornBy = event.serial
    session.pid = login.pid
    session.ppid = facts.ppid
    session.auid = login.auid
    session.process = processOf(facts)
    if (login.oldSes >= 0) {
      const parent = sessions.get(login.oldSes) ?? begun(login.oldSes, login.oldAuid, event)
      if (Number.isNaN(session.openedAt) && !nest(session, parent)) lose(session)
    }
    for (const claim of session.claims) settle(session, claim)
    const end = session.ends.find(({ pid }) => pid === login.pid)
    if (end === undefined || !Number.isNaN(session.closedAt)) return ''
    session.closedAt = end.at
    return 'closed'
  }

  /** The process the session was born in says who opened it, and from where. */
  function settle(session: LoginSession, { speaker, ip, user }: Claim): void {
    if (speaker.pid !== session.pid || !Number.isNaN(session.openedAt)) return
    session.openedAt = speaker.at
    session.user = user || session.user
    if (session.process.executable === '') session.process = speaker.process
    const { parent, ppid } = session
    if (ip === '' || isLoopback(ip)) {
      const nobody = createOrigin(host, { ip: '', port: -1 }, speaker.at, session.process)
      if (parent !== null) split(session, parent, nobody)
      else {
        session.isLocal = true
        // What is born in it may ask.
        fresh.push(nobody)
        release(session, nobody)
      }
      return
    }
    const origin = children.speaks({ ...speaker, ppid }, ip)
    const isServed = children.isServed(session.pid)
    children.bore(session.pid)
    if (parent !== null && !isServed) {
      split(session, parent, origin)
      return
    }
    told.opened(session, origin)
    release(session, origin)
  }

  /** Born inside another session: it goes on for the one behind that, or a server that was started in it let somebody in. */
  function split(session: LoginSession, parent: LoginSession, own: Origin): void {
    fresh.push(own)
    whenKnown(parent, session, own)
  }

  function whenKnown(parent: LoginSession, session: LoginSession, own: Origin | null): void {
    if (parent.origin === null) parent.waiting.push({ what: 'session', session, own })
    else bornIn(parent, parent.origin, session, own)
  }

  function bornIn(parent: LoginSession, other: Origin, session: LoginSession, own: Origin | null): void {
    if (own === null) {
      session.isLocal = parent.isLocal
      release(session, other)
      return
    }
    const origin = createOrigin(host, { ip: own.clientIp, port: -1 }, own.from, session.process)
    origin.among = [other, own]
    fresh.push(origin)
    release(session, origin)
  }

  function release(session: LoginSession, origin: Origin): void {
    session.origin = origin
    session.parent = null
    unborn = unborn.filter((each) => each !== session)
    for (const each of session.waiting) {
      if (each.what === 'session') bornIn(session, origin, each.session, each.own)
      else told.goOn(session, origin, each)
    }
    session.waiting = []
  }

  /** Before a session: the accept itself, messages of a login under way, and what the same process does meanwhile. */
  function ofNoSession(event: AuditEvent, facts: AuditFacts, accepted: Origin | null) {
    if (accepted !== null)
      return { subject: { session: null, origin: accepted, isLocal: false }, step: '' as const, accepted }
    const { message } = facts
    if (message !== null && isLoginMessage(facts.type) && facts.uid === 0 && facts.auid < 0) {
      if (facts.type === CRYPTO_SESSION && message.rport >= 0) learnTuple(event, facts)
      const ip = message.addr
      if (ip === '' || isLoopback(ip)) return { subject: NOBODY, step: '' as const, accepted }
      const origin = children.speaks(speakerOf(event, facts), ip)
      const step = isFailure(facts.type) && message.res === 'failed' ? ('failed' as const) : ('' as const)
      return { subject: { session: null, origin, isLocal: false }, step, accepted }
    }
    if (facts.syscall < 0) return { subject: NOBODY, step: '' as const, accepted }
    const isStart = facts.isSuccess === true && (facts.syscallName === 'execve' || facts.syscallName === 'execveat')
    const origin = children.calls(speakerOf(event, facts), isStart)
    return { subject: { session: null, origin, isLocal: false }, step: '' as const, accepted }
  }

  /** Red Hat's sshd writes the connection's four ends itself. */
  function learnTuple(event: AuditEvent, facts: AuditFacts): void {
    const { message } = facts
    if (message === null || message.addr === '' || isLoopback(message.addr)) return
    const origin = children.speaks(speakerOf(event, facts), message.addr)
    if (origin.answer !== null || origin.clientPort >= 0) return
    origin.clientPort = message.rport
    origin.serverIp = message.laddr
    origin.serverPort = message.lport
    origin.to = event.arrival
  }

  function giveUp(session: LoginSession): void {
    if (session.origin !== null) return
    // Its LOGIN is missing: the process that opened it is known by what it said before it was in a session.
    const claim =
      session.pid < 0
        ? session.claims.find(({ speaker, ip }) => children.isKnown(speaker.pid, ip, speaker.at))
        : undefined
    if (claim !== undefined) {
      session.pid = claim.speaker.pid
      settle(session, claim)
    }
    const { parent } = session
    if (session.origin === null && parent !== null && Number.isNaN(session.openedAt)) {
      session.openedAt = session.seenAt
      whenKnown(parent, session, null)
    }
    if (parent !== null) return
    if (session.origin !== null) return
    withoutOrigin(session, session.pid < 0 ? 'login-not-seen' : 'no-client-address')
  }

  /** Born too deep inside other sessions, or in a circle of them: no kernel writes that. */
  function lose(session: LoginSession): void {
    session.openedAt = session.seenAt
    withoutOrigin(session, 'login-not-seen')
  }

  function withoutOrigin(session: LoginSession, reason: Origin['unknownBecause']): void {
    const origin = createOrigin(host, { ip: '', port: -1 }, session.seenAt, session.process)
    origin.unknownBecause = reason
    fresh.push(origin)
    release(session, origin)
  }

  return {
    take,
    tick(watermark) {
      children.resolve(watermark)
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
      const taken = [...fresh, ...children.takeFresh()]
      fresh = []
      return taken
    },
    get evicted() {
      return evicted + children.evicted
    },
    save: () => ({ boot, children: children.save(), sessions, untimed, accepting, fresh, unborn, evicted }),
  }
}

function speakerOf(event: AuditEvent, facts: AuditFacts): Speaker {
  // The sender of a message is told by its pid alone.
  const ppid = facts.syscall >= 0 ? facts.ppid : -1
  return { pid: facts.pid, ppid, serial: event.serial, at: event.placeAt, process: processOf(facts) }
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
