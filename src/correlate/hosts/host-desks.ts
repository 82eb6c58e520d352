/**
 * Audited hosts in the core: audit events come in, wait for the peer behind their login, and leave as documents; flows pass by
 * and take along which process and login took them (design 6). What no login from elsewhere is behind is out of scope, unless
 * it shows a change of WireGuard or the firewall (design 4).
 */
import { createFacet, type Event, type Facet } from '../../event.ts'
import { hashDigits } from '../../event-id.ts'
import type { Inventory } from '../../identity/inventory.ts'
import type { AuditFacts } from '../../sources/auditd/facts.ts'
import { createFactsReader } from '../../sources/auditd/read-facts.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'
import { type Micros, SECOND } from '../../time.ts'
import { type AuditExtra, createAuditDocuments } from './audit-documents.ts'
import { createAuditIds } from './audit-ids.ts'
import { createCarriedFlows, RETAIN } from './carried-flows.ts'
import { type ChangeTarget, changeOf, isLiveChange } from './change-evidence.ts'
import { createFailedLogins, type FailedLogins } from './failed-logins.ts'
import { createHostDirectory } from './host-directory.ts'
import { createHostProgress, createTakerFacet, type HostReason, withHost } from './host-flow-events.ts'
import { createHostJoin } from './host-join.ts'
import { createHostSessions, type HostSessions, keepText } from './host-sessions.ts'
import { createLoginEvents } from './login-events.ts'
import type { LoginSession } from './login-session.ts'
import type { Answer, HostProcess, Origin } from './origin.ts'
import { createSecondHops } from './second-hops.ts'
import { createUndecided } from './undecided.ts'

/** Which audit events become documents: those of logins from elsewhere and evidence of changes, or all. */
export type AuditScope = 'sessions' | 'all'

export type HostDesksOptions = {
  /** Machines whose audit log is read. */
  readonly hosts: ReadonlyMap<string, AuditScope>
  readonly inventory: Inventory
  /** Whether any machine's flows or packets are read. */
  readonly hasFlows: boolean
  /** Whether packets to the address were seen to end on the gateway of that name. */
  readonly isOwnAddress: (host: string, address: string) => boolean
  /** A program that changes peers ran on this host, at this time or shortly after. */
  readonly changed: (host: string, from: Micros, to: Micros, eventId: string) => void
}

export type HostDesks = {
  /** Every flow and firewall document passes: comes back with the host's part where that is known. */
  pass(event: Event): Event
  take(host: string, event: AuditEvent): void
  /** `settled`: until when flows of all gateways have been told. */
  tick(watermark: Micros, settled: Micros): void
  end(): void
  /** Audit records of a host that became no document so far. */
  outOfScope(host: string): number
  limits(): readonly { readonly name: string; readonly count: number }[]
  /** How far the host's clock was measured ahead of its gateways', and by how many connections. */
  clock(host: string): { readonly offset: Micros; readonly joins: number }
}

type Desk = {
  readonly name: string
  readonly scope: AuditScope
  /** By `node=`: a file may hold several machines' records, and each counts its login sessions from 1. */
  readonly nodes: Map<string, HostSessions>
  readonly read: (event: AuditEvent) => AuditFacts
  readonly idOf: (event: AuditEvent) => string
  readonly toDocument: ReturnType<typeof createAuditDocuments>
  readonly logins: ReturnType<typeof createLoginEvents>
  readonly failures: FailedLogins
  outOfScope: number
}

/** connect() is audited at its entry; the other side accepts within this. */
const CONNECT_MAX: Micros = 3 * SECOND
/** Machines in one audit log. */
const NODES_MAX = 256
/** A program that changes peers is done within this after its start. */
const CHANGE_MAX: Micros = SECOND
/** EINPROGRESS: a connect that does not block has begun (formats.md 3.3). */
const IN_PROGRESS = '-115'

export function createHostDesks(options: HostDesksOptions, emit: (event: Event) => void): HostDesks {
  const directory = createHostDirectory(options.inventory, options.isOwnAddress)
  const audited = new Set(options.hosts.keys())
  const hasUndocumented = [...options.hosts.keys()].some((host) => !directory.isDocumented(host))
  const flows = createCarriedFlows((serverIp) => {
    if (hasUndocumented) return true
    const host = directory.hostAt(serverIp)
    return host !== null && audited.has(host)
  })
  const hops = createSecondHops()
  const join = createHostJoin({ flows, directory, hops, isAlone: !options.hasFlows && options.hosts.size === 1 })
  const progress = createHostProgress()
  const identities = new WeakMap<LoginSession, Facet>()
  const undecided = createUndecided(join, (origin, answer) => {
    if (origin.clientPort >= 0 && origin.among.length === 0)
      land(origin, answer, origin.process, '', '', origin.from, 'host-accepted')
  })
  const desks = new Map<string, Desk>()
  for (const [name, scope] of options.hosts) desks.set(name, openDesk(name, scope))

  function openDesk(name: string, scope: AuditScope): Desk {
    const logins = createLoginEvents(name)
    return {
      name,
      scope,
      nodes: new Map(),
      read: createFactsReader(),
      idOf: createAuditIds(name),
      toDocument: createAuditDocuments(name),
      logins,
      failures: createFailedLogins(({ origin, at, pid, user }) => {
        undecided.whenAnswered(origin, (answer) => emit(logins.failed(at, pid, user, origin, answer)))
      }),
      outOfScope: 0,
    }
  }

  /** A machine named by `node=` that the inventory knows is that machine; else the folder's name holds. */
  function sessionsOf(desk: Desk, node: string): HostSessions {
    const known = desk.nodes.get(node)
    if (known !== undefined) return known
    const host = directory.isDocumented(node) ? node : desk.name
    const made = createHostSessions(
      { host, node: keepText(node), isOver: (origin, time) => join.isOver(origin, time) },
      (session, origin) => {
        undecided.whenAnswered(origin, (answer) => {
          emit(desk.logins.login(session, origin, answer, join.clock(host).offset))
          land(origin, answer, session.process, String(session.ses), session.user, session.openedAt, 'host-login')
        })
      },
    )
    desk.nodes.set(keepText(node), made)
    audited.add(host)
    const [oldest] = desk.nodes.keys()
    if (desk.nodes.size > NODES_MAX && oldest !== undefined) {
      desk.nodes.get(oldest)?.end()
      desk.nodes.delete(oldest)
    }
    return made
  }

  /** The flow that carried it learns which process, and which login, took it. */
  function land(
    { host }: Origin,
    { flow }: Answer,
    process: HostProcess,
    session: string,
    user: string,
    at: Micros,
    reason: HostReason,
  ): void {
    if (flow === null) return
    flow.host = createTakerFacet({ host, process, session, user })
    if (flow.basis === 'conntrack') emit(progress(flow, at, reason))
  }

  function take(name: string, event: AuditEvent): void {
    const desk = desks.get(name)
    if (desk === undefined) return
    const facts = desk.read(event)
    const sessions = sessionsOf(desk, event.node)
    const { subject, step, accepted } = sessions.take(event, facts)
    for (const origin of sessions.takeFresh()) undecided.add(origin)
    const change = changeOf(facts)
    if (change === 'wireguard' && isLiveChange(facts))
      options.changed(name, event.at, event.placeAt + CHANGE_MAX, desk.idOf(event))
    noteConnect(desk, event, facts, subject.session)
    const { session, origin } = subject
    if (session !== null) ofSession(desk, session, event, facts, change, step)
    else if (origin !== null) ofOrigin(desk, origin, event, facts, origin === accepted, step)
    else sayAlone(desk, event, facts, change)
  }

  function ofSession(
    desk: Desk,
    session: LoginSession,
    event: AuditEvent,
    facts: AuditFacts,
    change: ChangeTarget,
    step: string,
  ): void {
    const go = (origin: Origin): void => {
      if (session.isLocal) {
        sayAlone(desk, event, facts, change)
        return
      }
      undecided.whenAnswered(origin, (answer) => {
        say(desk, event, facts, answer, identityOf(desk, session, answer), change)
        if (step === 'closed') emit(desk.logins.logout(session, origin, answer))
      })
    }
    if (session.origin === null) session.waiting.push(go)
    else go(session.origin)
  }

  function ofOrigin(
    desk: Desk,
    origin: Origin,
    event: AuditEvent,
    facts: AuditFacts,
    isAccept: boolean,
    step: string,
  ): void {
    undecided.whenAnswered(origin, (answer) => {
      // A connection that no recorded flow carried is nobody's business here; a login is, wherever it came from.
      if (isAccept && answer.status === 'unknown') {
        sayAlone(desk, event, facts, '')
        return
      }
      say(desk, event, facts, answer, answer.identity, '')
    })
    if (step === 'failed') desk.failures.note(origin, event.at, event.arrival, facts.pid, facts.message?.acct ?? '')
  }

  function say(
    desk: Desk,
    event: AuditEvent,
    facts: AuditFacts,
    answer: Answer,
    identity: Facet,
    change: ChangeTarget,
  ): void {
    const { people, hosts, addresses } = answer
    emit(desk.toDocument(event, facts, { identity, people, hosts, addresses, change }))
  }

  function sayAlone(desk: Desk, event: AuditEvent, facts: AuditFacts, change: ChangeTarget): void {
    if (desk.scope === 'all' || change !== '') emit(desk.toDocument(event, facts, { ...ALONE, change }))
    else desk.outOfScope += event.records.length + event.dropped
  }

  function identityOf(desk: Desk, session: LoginSession, answer: Answer): Facet {
    let identity = identities.get(session)
    if (identity === undefined) {
      const leader = hashDigits(
        `login\0${desk.name}\0${session.node}\0${session.boot}\0${session.ses}\0${session.seenAt}`,
        24,
      )
      identity = createFacet({ ...answer.identity.fields, 'process.session_leader.entity_id': leader })
      identities.set(session, identity)
    }
    return identity
  }

  /** A connection to another audited host: the accept over there may be this login's next hop. */
  function noteConnect(desk: Desk, event: AuditEvent, facts: AuditFacts, session: LoginSession | null): void {
    const { socket } = facts
    if (facts.syscallName !== 'connect' || socket === null || socket.port <= 0) return
    if (facts.isSuccess !== true && facts.exit !== IN_PROGRESS) return
    const host = directory.isDocumented(event.node) ? event.node : desk.name
    const serverHost = directory.hostAt(socket.address)
    if (serverHost === null || serverHost === host) return
    hops.note({
      host,
      login: session,
      serverHost,
      serverPort: socket.port,
      from: event.at,
      to: event.placeAt + CONNECT_MAX,
    })
  }

  function tick(watermark: Micros, settled: Micros): void {
    for (const { nodes, failures } of desks.values()) {
      failures.tick(watermark)
      for (const sessions of nodes.values()) {
        sessions.tick(watermark)
        for (const origin of sessions.takeFresh()) undecided.add(origin)
      }
    }
    undecided.tick(settled)
    flows.expire(watermark)
    if (watermark !== Number.POSITIVE_INFINITY) hops.expire(watermark - RETAIN)
  }

  return {
    pass(event) {
      if (desks.size === 0) return event
      const flow = flows.observe(event)
      if (flow === null) return event
      undecided.noteFlow(flow)
      join.noteFlow(flow)
      return event.dataset !== 'wireguard.flow' ? event : withHost(event, flow.host)
    },
    take,
    tick,
    end() {
      tick(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
      undecided.end()
    },
    outOfScope: (host) => desks.get(host)?.outOfScope ?? 0,
    limits: () => [
      { name: 'audit-waiting', count: undecided.forced },
      { name: 'carried-flows', count: flows.evicted },
      { name: 'login-sessions', count: sum([...desks.values()].flatMap(({ nodes }) => [...nodes.values()])) },
    ],
    clock: (host) => join.clock(host),
  }
}

const ALONE: Omit<AuditExtra, 'change'> = Object.freeze({ identity: null, people: [], hosts: [], addresses: [] })

function sum(sessions: readonly HostSessions[]): number {
  return sessions.reduce((total, { evicted }) => total + evicted, 0)
}
