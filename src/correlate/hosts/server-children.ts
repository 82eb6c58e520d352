/**
 * Processes of one boot that speak for a connection, by pid: sshd's children before and while they log somebody in. A pid is given
 * again, so a child is known only as long as a login takes, and not beyond the birth of its session.
 */
import type { Micros } from '../../time.ts'
import { HOUR, SECOND } from '../../time.ts'
import { type Child, createAccepts, type SavedAccepts } from './accepts.ts'
import { createOrigin, type HostProcess, type Origin, programOf } from './origin.ts'

/** What a record says of the process behind it. */
export type Speaker = {
  readonly pid: number
  /** -1 where no record of the kernel tells it. */
  readonly ppid: number
  readonly serial: number
  /** Its place in the log. */
  readonly at: Micros
  readonly process: HostProcess
}

export type ServerChildren = {
  accepted(origin: Origin, listenerPid: number, serial: number): void
  /** The process says that it speaks with this address. */
  speaks(speaker: Speaker, clientIp: string): Origin
  /** A call of a process outside of sessions; `isStart`: it became what it is by this call. What it is known to speak for. */
  calls(speaker: Speaker, isStart: boolean): Origin | null
  /** Whether it was seen outside of sessions, speaking with this address. */
  isKnown(pid: number, clientIp: string, at: Micros): boolean
  /** Whether one that accepts connections started it, by a record of the kernel. */
  isServed(pid: number): boolean
  /** The process is in a session: what has its pid and is in none is another one. */
  bore(pid: number): void
  resolve(watermark: Micros): void
  /** Origins made since the last call. */
  takeFresh(): Origin[]
  readonly evicted: number
  /** Live references. */
  save(): SavedServerChildren
}

/** Plain data; see ServerChildren.save. */
export type SavedServerChildren = {
  readonly accepts: SavedAccepts
  readonly children: Map<number, Child>
  readonly fresh: Origin[]
}

const CHILDREN_MAX = 16_384
/** sshd's LoginGraceTime is two minutes by default; who takes longer is looked for anew. */
const LOGIN_MAX: Micros = 150 * SECOND
const BORN_MAX: Micros = HOUR

export function createServerChildren(
  host: string,
  isOver: (origin: Origin, at: Micros) => boolean,
  saved?: SavedServerChildren,
): ServerChildren {
  const accepts = createAccepts(isOver, saved?.accepts)
  const children = saved?.children ?? new Map<number, Child>()
  let fresh = saved?.fresh ?? []

  function known(pid: number, at: Micros): Child | undefined {
    const child = children.get(pid)
    return child !== undefined && at - child.seenAt <= (child.isBorn ? BORN_MAX : LOGIN_MAX) ? child : undefined
  }

  function add({ pid, ppid, serial, at, process }: Speaker, clientIp: string, isBorn: boolean): Child {
    const before = children.get(pid)
    if (before !== undefined && !isBorn) accepts.forget(before)
    const former = isBorn ? null : (before?.accept ?? before?.former ?? null)
    const child: Child = {
      pid,
      ppid,
      clientIp,
      process,
      serial,
      seenAt: at,
      lastAt: at,
      origin: null,
      accept: null,
      former,
      isBorn,
    }
    children.delete(pid)
    children.set(pid, child)
    const [oldest] = children.keys()
    if (children.size > CHILDREN_MAX && oldest !== undefined) children.delete(oldest)
    accepts.addChild(child)
    return child
  }

  function prove(child: Child, ppid: number, at: Micros): void {
    if (child.ppid >= 0 || ppid < 0) return
    // What was answered without that knowledge stands for what was said until now.
    if (child.origin !== null && child.origin.answer !== null && child.origin.serverPort < 0)
      child.origin = originOf(child, at)
    if (child.origin !== null) markStray(child, child.origin, ppid)
    accepts.prove(child, ppid)
  }

  /** A process that no listener of its program started says what it likes. */
  function markStray({ process }: Child, origin: Origin, ppid: number): void {
    const program = programOf(process)
    origin.isStray = ppid >= 0 && accepts.hasListener(program) && !accepts.isListener(ppid, program)
  }

  function originOf(child: Child, at: Micros): Origin {
    const origin = createOrigin(host, { ip: child.clientIp, port: -1 }, at, child.process)
    // A child that was seen to start had its connection before it said a word.
    origin.isResolved = child.accept !== null || (child.ppid >= 0 && !accepts.isListener(child.ppid))
    if (child.accept !== null) origin.among = [child.accept.origin]
    markStray(child, origin, child.ppid)
    fresh.push(origin)
    return origin
  }

  return {
    accepted: (origin, listenerPid, serial) => accepts.add(origin, listenerPid, serial),
    speaks(speaker, clientIp) {
      const { pid, ppid, at } = speaker
      let child = known(pid, at)
      const isOther = child !== undefined && child.clientIp !== '' && child.clientIp !== clientIp
      const isMoved = child !== undefined && ppid >= 0 && child.ppid >= 0 && child.ppid !== ppid
      if (child === undefined || isOther || isMoved) child = add(speaker, clientIp, false)
      child.clientIp = clientIp
      child.lastAt = at
      // What its place in the order told was wrong: some connection was not recorded.
      if (child.accept !== null && child.accept.origin.clientIp !== clientIp) accepts.release(child)
      prove(child, ppid, at)
      child.origin ??= originOf(child, at)
      return child.origin
    },
    calls(speaker, isStart) {
      const { pid, ppid, at, process } = speaker
      if (isStart && accepts.isListener(ppid, programOf(process))) {
        add(speaker, '', true)
        return null
      }
      const child = known(pid, at)
      if (child === undefined || (child.ppid >= 0 && child.ppid !== ppid)) return null
      child.lastAt = at
      prove(child, ppid, at)
      return child.origin
    },
    isKnown: (pid, clientIp, at) => known(pid, at)?.clientIp === clientIp,
    isServed(pid) {
      const child = children.get(pid)
      return child !== undefined && accepts.isListener(child.ppid, programOf(child.process))
    },
    bore(pid) {
      children.delete(pid)
    },
    resolve: (watermark) => accepts.resolve(watermark),
    takeFresh() {
      const taken = fresh
      fresh = []
      return taken
    },
    get evicted() {
      return accepts.evicted
    },
    save: () => ({ accepts: accepts.save(), children, fresh }),
  }
}
