/**
 * Audited hosts in the core: audit events come in, wait for the peer behind their login, and leave as documents; flows pass by
 * and take along which process and login took them (design 6). What no login from elsewhere is behind is out of scope, unless
 * it shows a change of WireGuard or the firewall (design 4).
 */
import type { Event, Facet } from '../../event.ts'
import type { Inventory } from '../../identity/inventory.ts'
import { createFactsReader } from '../../sources/auditd/read-facts.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'
import type { Micros } from '../../time.ts'
import { type AuditExtra, createAuditDocuments } from './audit-documents.ts'
import { createAuditIds } from './audit-ids.ts'
import type { AwaitingAnswer, HeldEvent } from './awaiting.ts'
import { createCarriedFlows, RETAIN, type SavedCarriedFlows } from './carried-flows.ts'
import { changeOf, liveChange } from './change-evidence.ts'
import { createFailedLogins } from './failed-logins.ts'
import { type AuditScope, type Desk, hostOf, identityOf, type SavedDesk, saveDesk } from './host-desk.ts'
import { createHostDirectory } from './host-directory.ts'
import { createHostProgress, createTakerFacet, type HostReason, type Taker, withHost } from './host-flow-events.ts'
import { createHostJoin, type HostJoin, type SavedHostJoin, type ToldClock } from './host-join.ts'
import { createHostSessions, type HostSessions, keepText, type SavedHostSessions } from './host-sessions.ts'
import { createLoginEvents } from './login-events.ts'
import type { LoginSession } from './login-session.ts'
import type { Answer, Origin } from './origin.ts'
import { type Connect, connectOf, createSecondHops, type SavedSecondHops } from './second-hops.ts'
import { createUndecided, type SavedUndecided } from './undecided.ts'

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
  /** Where machines are divided among many (design 10): only flows to machines of these desks are told. */
  readonly elsewhere?: Elsewhere
}

/** Other desks, of other machines. */
export type Elsewhere = {
  /** A second hop begins. True: its other end is told of it by this call; false: that is one of these desks. */
  readonly connected: (connect: Connect) => boolean
  /** How much later than one of these desks' what a machine does is known here; 0 for one of these. */
  readonly delayOf: (host: string) => Micros
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
  /** Live references, to be serialized at once. */
  save(): SavedHostDesks
}

/** Desks of some of the machines, beside those of others (design 10). */
export type DividedDesks = HostDesks & {
  /** A machine whose audit log is read; with another scope than before, that holds from now on. */
  open(host: string, scope: AuditScope): void
  /** A second hop that begins on a machine of other desks; its login is theirs, too, and gets its origin and answer from there. */
  connected(connect: Connect): void
  /** That gateway puts the address in place of its peers'. */
  noteMask(gateway: string, address: string): void
  /** How a machine's clock was measured, for others to be told. */
  clockOf(host: string): ToldClock
  /** How the clock of a machine of other desks stands. */
  tellClock(host: string, clock: ToldClock): void
  /** Everything of these machines is known: decides all but what waits for logins of other desks. */
  settle(): void
  /** Something waits for its answer. */
  isWaiting(): boolean
}

/** Plain data; see HostDesks.save. */
export type SavedHostDesks = {
  /** Stands first: its origins are in an order that keeps the serializer from recursing. */
  readonly undecided: SavedUndecided
  readonly flows: SavedCarriedFlows
  readonly hops: SavedSecondHops
  readonly join: SavedHostJoin
  /** Machines that audit records came from. */
  readonly audited: Set<string>
  readonly desks: readonly (readonly [name: string, SavedDesk])[]
}

/** Machines in one audit log. */
const NODES_MAX = 256

/** `saved`: as `save` of other desks gave it, before or after serialization. Options may have changed since. */
export function createHostDesks(
  options: HostDesksOptions,
  emit: (event: Event) => void,
  saved?: SavedHostDesks,
): DividedDesks {
  const directory = createHostDirectory(options.inventory, options.isOwnAddress)
  const audited = new Set([...options.hosts.keys(), ...(saved?.audited ?? [])])
  const hasUndocumented = [...options.hosts.keys()].some((host) => !directory.isDocumented(host))
  const flows = createCarriedFlows(isAudited, saved?.flows)
  const hops = createSecondHops(saved?.hops)
  let isSettling = false
  const join = openJoin()
  const progress = createHostProgress()
  const undecided = createUndecided(join, { answered, goOn }, saved?.undecided)
  const desks = openDesks()

  function openJoin(): HostJoin {
    const isAlone = !options.hasFlows && options.hosts.size === 1
    const others = { isSettling: () => isSettling, delayOf: options.elsewhere?.delayOf ?? (() => 0) }
    return createHostJoin({ flows, directory, hops, isAlone, ...others }, saved?.join)
  }

  function isAudited(serverIp: string): boolean {
    if (hasUndocumented || options.elsewhere !== undefined) return true
    const host = directory.hostAt(serverIp)
    return host !== null && audited.has(host)
  }

  function openDesks(): Map<string, Desk> {
    const known = new Map(saved?.desks)
    const opened = new Map<string, Desk>()
    for (const [name, scope] of options.hosts) opened.set(name, openDesk(name, scope, known.get(name)))
    // Also those of hosts that are read no more: what waits there is told yet.
    for (const [name, desk] of known) if (!opened.has(name)) opened.set(name, openDesk(name, desk.scope, desk))
    return opened
  }

  function openDesk(name: string, scope: AuditScope, known: SavedDesk | undefined): Desk {
    const desk: Desk = {
      name,
      scope,
      nodes: new Map(),
      read: createFactsReader(),
      idOf: createAuditIds(name),
      toDocument: createAuditDocuments(name),
      logins: createLoginEvents(name),
      failures: createFailedLogins(({ origin, at, pid, user }) => {
        undecided.whenAnswered(origin, { what: 'failed', desk: name, at, pid, user })
      }, known?.failures),
      outOfScope: known?.outOfScope ?? 0,
    }
    for (const [node, sessions] of known?.nodes ?? []) desk.nodes.set(node, openSessions(desk, node, sessions))
    return desk
  }

  function openSessions(desk: Desk, node: string, known?: SavedHostSessions): HostSessions {
    return createHostSessions(
      { host: hostOf(directory, desk, node), node, isOver: (origin, time) => join.isOver(origin, time) },
      {
        opened: (session, origin) => undecided.whenAnswered(origin, { what: 'login', desk: desk.name, session }),
        goOn: (session, origin, { held, isEnd }) => inSession(desk, session, origin, held, isEnd),
      },
      known,
    )
  }

  function sessionsOf(desk: Desk, node: string): HostSessions {
    const known = desk.nodes.get(node)
    if (known !== undefined) return known
    const name = keepText(node)
    const made = openSessions(desk, name)
    desk.nodes.set(name, made)
    audited.add(hostOf(directory, desk, name))
    const [oldest] = desk.nodes
    if (desk.nodes.size > NODES_MAX && oldest !== undefined) {
      const [left, sessions] = oldest
      sessions.end()
      addFresh(sessions)
      desk.nodes.delete(left)
    }
    return made
  }

  function addFresh(sessions: HostSessions): void {
    for (const origin of sessions.takeFresh()) undecided.add(origin)
  }

  function answered(origin: Origin, answer: Answer): void {
    if (origin.clientPort < 0 || origin.among.length > 0) return
    const { host, process, from } = origin
    land(answer, { host, process, session: '', user: '' }, from, 'host-accepted')
  }

  /** The flow that carried it learns who took it. It ends on the first host: whoever hops on from there took none of it. */
  function land({ flow, hops: via }: Answer, taker: Taker, at: Micros, reason: HostReason): void {
    if (flow === null || via.length > 0) return
    flow.host = createTakerFacet(taker)
    if (flow.basis === 'conntrack') emit(progress(flow, at, reason))
  }

  function take(name: string, event: AuditEvent): void {
    const desk = desks.get(name)
    if (desk === undefined) return
    const facts = desk.read(event)
    const sessions = sessionsOf(desk, event.node)
    const { subject, step, accepted } = sessions.take(event, facts)
    addFresh(sessions)
    const change = changeOf(facts)
    const live = liveChange(event, facts)
    if (live !== null) options.changed(name, live.from, live.to, desk.idOf(event))
    const connect = connectOf(directory, hostOf(directory, desk, event.node), event, facts, subject.session)
    if (connect !== null && options.elsewhere?.connected(connect) !== true) hops.note(connect)
    const { session, origin } = subject
    const held = { event, facts, change }
    if (session !== null) {
      const isEnd = step === 'closed'
      if (session.origin !== null) inSession(desk, session, session.origin, held, isEnd)
      else session.waiting.push({ what: 'session-event', held, isEnd })
    } else if (origin !== null)
      beforeLogin(desk, origin, { ...held, change: '' }, origin === accepted, step === 'failed')
    else sayAlone(desk, held)
  }

  function inSession(desk: Desk, session: LoginSession, origin: Origin, held: HeldEvent, isEnd: boolean): void {
    if (session.isLocal) sayAlone(desk, held)
    else undecided.whenAnswered(origin, { what: 'session-event', desk: desk.name, session, held, isEnd })
  }

  function beforeLogin(desk: Desk, origin: Origin, held: HeldEvent, isAccept: boolean, hasFailed: boolean): void {
    const { event, facts } = held
    undecided.whenAnswered(origin, { what: 'event', desk: desk.name, held, isAccept })
    if (hasFailed) desk.failures.note(origin, event.at, event.arrival, facts.pid, facts.message?.acct ?? '')
  }

  /** The answer that something waited for is there. */
  function goOn(origin: Origin, answer: Answer, waiting: AwaitingAnswer): void {
    const desk = desks.get(waiting.desk)
    if (desk === undefined) return
    switch (waiting.what) {
      case 'login': {
        const { host } = origin
        const { process, ses, user, openedAt } = waiting.session
        emit(desk.logins.login(waiting.session, origin, answer, join.clock(host).offset))
        land(answer, { host, process, session: String(ses), user }, openedAt, 'host-login')
        break
      }
      case 'failed':
        emit(desk.logins.failed(waiting.at, waiting.pid, waiting.user, origin, answer))
        break
      case 'session-event':
        say(desk, waiting.held, answer, identityOf(desk, waiting.session, answer))
        if (waiting.isEnd) emit(desk.logins.logout(waiting.session, origin, answer))
        break
      case 'event':
        // A connection that no recorded flow carried is nobody's business here; a login is, wherever it came from.
        if (waiting.isAccept && answer.status === 'unknown') sayAlone(desk, waiting.held)
        else say(desk, waiting.held, answer, answer.identity)
        break
      default:
        waiting satisfies never
    }
  }

  function say(desk: Desk, { event, facts, change }: HeldEvent, answer: Answer, identity: Facet): void {
    const { people, hosts, addresses } = answer
    emit(desk.toDocument(event, facts, { identity, people, hosts, addresses, change }))
  }

  function sayAlone(desk: Desk, { event, facts, change }: HeldEvent): void {
    if (desk.scope === 'all' || change !== '') emit(desk.toDocument(event, facts, { ...ALONE, change }))
    else desk.outOfScope += event.records.length + event.dropped
  }

  function tickDesks(watermark: Micros): void {
    for (const { nodes, failures } of desks.values()) {
      failures.tick(watermark)
      for (const sessions of nodes.values()) {
        sessions.tick(watermark)
        addFresh(sessions)
      }
    }
  }

  function tick(watermark: Micros, settled: Micros): void {
    tickDesks(watermark)
    undecided.tick(settled)
    flows.expire(watermark)
    if (watermark !== Number.POSITIVE_INFINITY) hops.expire(watermark - RETAIN)
  }

  function limits(): ReturnType<HostDesks['limits']> {
    return [
      { name: 'audit-waiting', count: undecided.forced },
      { name: 'carried-flows', count: flows.evicted },
      { name: 'login-sessions', count: sum([...desks.values()].flatMap(({ nodes }) => [...nodes.values()])) },
    ]
  }

  function save(): SavedHostDesks {
    return {
      undecided: undecided.save(),
      flows: flows.save(),
      hops: hops.save(),
      join: join.save(),
      audited,
      desks: [...desks].map(([name, desk]) => [name, saveDesk(desk)]),
    }
  }

  function beside(): Omit<DividedDesks, keyof HostDesks> {
    return {
      open(name, scope) {
        const known = desks.get(name)
        if (known === undefined) desks.set(name, openDesk(name, scope, undefined))
        else known.scope = scope
      },
      connected: (connect) => hops.note(connect),
      noteMask: (gateway, address) => flows.noteMask(gateway, address),
      clockOf(host) {
        const { offset, isMeasured } = join.clock(host)
        return { offset, isMeasured }
      },
      tellClock: (host, clock) => join.tellClock(host, clock),
      settle() {
        isSettling = true
        tickDesks(Number.POSITIVE_INFINITY)
        undecided.settle()
        isSettling = false
      },
      isWaiting: () => undecided.size > 0,
    }
  }

  return {
    ...beside(),
    pass(event) {
      if (desks.size === 0 && options.elsewhere === undefined) return event
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
    limits,
    clock: (host) => join.clock(host),
    save,
  }
}

const ALONE: Omit<AuditExtra, 'change'> = Object.freeze({ identity: null, people: [], hosts: [], addresses: [] })

function sum(sessions: readonly HostSessions[]): number {
  return sessions.reduce((total, { evicted }) => total + evicted, 0)
}
