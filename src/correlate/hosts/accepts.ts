/**
 * Which accepted connection a server's child speaks for. A server accepts and forks: the accept's record has the client's port
 * and the listener's pid, the child's have its own pid and, in a record of the kernel, the listener as parent. Where several
 * connections of one address wait (everybody behind a masquerading gateway has one), the order decides only when every one of
 * them has its child: children are forked, and numbered, in the order of the accepts.
 */
import { MINUTE, type Micros } from '../../time.ts'
import { createOrigin, type HostProcess, type Origin, programOf } from './origin.ts'

/** A process that speaks for one connection. */
export type Child = {
  readonly pid: number
  /** -1 until a record of the kernel tells it. */
  ppid: number
  readonly clientIp: string
  readonly process: HostProcess
  readonly seenAt: Micros
  /** Set by `claim`. */
  origin: Origin | null
}

export type Accepts = {
  add(origin: Origin, listenerPid: number): void
  /** Finds the child's connection, or an origin of its own that waits among several. */
  claim(child: Child, host: string): Origin
  /** The kernel named the child's parent: what is no connection of that listener falls out. */
  confirm(child: Child, host: string): void
  /** Looks again at children that had several to choose from. */
  resolve(): void
  expire(before: Micros): void
}

type Accept = { readonly origin: Origin; readonly listenerPid: number; taker: Child | null }

/** Connections remembered for their children, the oldest go first. */
const ACCEPTS_MAX = 8192
/** sshd closes a connection without login after LoginGraceTime, 2 minutes by default. */
const ACCEPT_AGE_MAX: Micros = 10 * MINUTE
/** Pids further apart than this may have wrapped in between, and say nothing about order. */
const PID_SPREAD_MAX = 8192

export function createAccepts(): Accepts {
  /** In the order of the log. */
  let accepts: Accept[] = []
  let undecided: Child[] = []

  function candidatesOf(child: Child): Accept[] {
    const fitting = accepts.filter(
      ({ origin, listenerPid }) =>
        origin.clientIp === child.clientIp &&
        origin.from >= child.seenAt - ACCEPT_AGE_MAX &&
        (child.ppid >= 0 ? listenerPid === child.ppid : programOf(origin.process) === programOf(child.process)),
    )
    const free = fitting.filter(({ taker }) => taker === null || taker === child)
    // A child whose parent the kernel named goes before one that only says so.
    return free.length > 0 || child.ppid < 0 ? free : fitting.filter(({ taker }) => taker !== null && taker.ppid < 0)
  }

  function take(accept: Accept, child: Child): void {
    accept.taker = child
    const { origin } = child
    if (origin === null) child.origin = accept.origin
    else if (origin !== accept.origin) origin.among = [accept.origin]
    undecided = undecided.filter((each) => each !== child)
  }

  function claim(child: Child, host: string): Origin {
    const candidates = candidatesOf(child)
    const [only] = candidates
    if (only !== undefined && candidates.length === 1) {
      take(only, child)
      return only.origin
    }
    const origin = createOrigin(host, { ip: child.clientIp, port: -1 }, child.seenAt, child.process)
    origin.among = candidates.map((accept) => accept.origin)
    child.origin = origin
    if (candidates.length > 1) undecided.push(child)
    return origin
  }

  function resolve(): void {
    if (undecided.length === 0) return
    for (const child of [...undecided]) narrow(child)
    const groups = Map.groupBy(undecided, ({ clientIp }) => clientIp)
    for (const children of groups.values()) pairInOrder(children)
  }

  /** Connections that others took meanwhile are out of the question. */
  function narrow(child: Child): void {
    const { origin } = child
    if (origin === null || origin.answer !== null) {
      undecided = undecided.filter((each) => each !== child)
      return
    }
    const candidates = candidatesOf(child)
    origin.among = candidates.map((accept) => accept.origin)
    const [only] = candidates
    if (only !== undefined && candidates.length === 1) take(only, child)
  }

  function pairInOrder(children: readonly Child[]): void {
    const inOrder = children.toSorted((a, b) => a.pid - b.pid)
    const candidates = new Set(inOrder.flatMap(candidatesOf))
    const open = accepts.filter((accept) => candidates.has(accept))
    const spread = (inOrder.at(-1)?.pid ?? 0) - (inOrder[0]?.pid ?? 0)
    if (open.length !== inOrder.length || spread > PID_SPREAD_MAX) return
    if (new Set(open.map(({ listenerPid }) => listenerPid)).size > 1) return
    const isPossible = inOrder.every((child, i) => open[i] !== undefined && candidatesOf(child).includes(open[i]))
    if (!isPossible) return
    for (const [i, child] of inOrder.entries()) {
      const accept = open[i]
      if (accept !== undefined) take(accept, child)
    }
  }

  return {
    add(origin, listenerPid) {
      accepts.push({ origin, listenerPid, taker: null })
      if (accepts.length > ACCEPTS_MAX) accepts.shift()
    },
    claim,
    confirm(child, host) {
      if (child.origin === null) return
      const taken = accepts.find(({ taker }) => taker === child)
      if (taken !== undefined && taken.listenerPid !== child.ppid) {
        taken.taker = null
        child.origin = null
        claim(child, host)
      } else if (undecided.includes(child)) narrow(child)
    },
    resolve,
    expire(before) {
      const [oldest] = accepts
      if (oldest !== undefined && oldest.origin.from < before - ACCEPT_AGE_MAX)
        accepts = accepts.filter(({ origin }) => origin.from >= before - ACCEPT_AGE_MAX)
    },
  }
}
