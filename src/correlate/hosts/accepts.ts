/**
 * Which accepted connection a server's child speaks for. A server accepts and forks: the accept's record has the client's port
 * and the listener's pid, a record of the kernel about the child has the listener as parent. Children are forked, and numbered, in
 * the order of the accepts; so each child has its connection between the ones of its elder and its younger siblings. What several
 * connections remain for stays open: a child whose parent nobody but itself tells takes none away from others.
 */
import { HOUR, type Micros, SECOND } from '../../time.ts'
import { type HostProcess, type Origin, programOf } from './origin.ts'
import { startOrder } from './pid-order.ts'

/** A process that speaks for one connection. */
export type Child = {
  readonly pid: number
  /** -1 until a record of the kernel tells it. */
  ppid: number
  /** '' while it has not said whom it speaks with. */
  clientIp: string
  readonly process: HostProcess
  /** Of its first record: serials are drawn in order, and the accept's before the fork. */
  readonly serial: number
  readonly seenAt: Micros
  /** Its latest sign of life: its connection was open then. */
  lastAt: Micros
  /** Null while it has said nothing. */
  origin: Origin | null
  /** Its one possible connection. */
  accept: Accept | null
  /** The connection of the process that had its number before, where that is not known to have ended: it may be the same one. */
  readonly former: Accept | null
  /** Seen when it became what it is: a process that has its number later is seen too. */
  readonly isBorn: boolean
}

export type Accept = {
  readonly origin: Origin
  readonly listenerPid: number
  readonly serial: number
  taker: Child | null
  /** Place among the accepts of its listener, as of the latest look. */
  index: number
}

export type Accepts = {
  add(origin: Origin, listenerPid: number, serial: number): void
  addChild(child: Child): void
  /** The kernel named the child's parent. */
  prove(child: Child, ppid: number): void
  /** It turned out to be another process with the same number. */
  forget(child: Child): void
  /** The connection it was given is not its own. */
  release(child: Child): void
  /** Whether a process with this pid accepted connections, for that program where one is named. */
  isListener(pid: number, program?: string): boolean
  /** Whether the program's accepts are recorded at all. */
  hasListener(program: string): boolean
  /** Says for each child that was seen before `watermark` which connections it may speak for; once a second of event time. */
  resolve(watermark: Micros): void
  readonly evicted: number
  /** Live references. */
  save(): SavedAccepts
}

/** The accepts and children of one listener, by serial. */
type Group = { program: string; accepts: Accept[]; children: Child[]; places: Places | null }

/** Plain data; see Accepts.save. Places are made anew. */
export type SavedAccepts = {
  readonly groups: readonly (readonly [listenerPid: number, Omit<Group, 'places'>])[]
  readonly unproven: Child[]
  readonly lookedAt: number
  readonly latestAt: Micros
  readonly evicted: number
}

/** Connections remembered for their children, of each listener; the oldest go first. */
const ACCEPTS_MAX = 4096
const CHILDREN_MAX = 4096
const LISTENERS_MAX = 1024
/** sshd may be told to wait for a login as long as it takes (LoginGraceTime 0). */
const AGE_MAX: Micros = HOUR

/** Accepts a child may have, in order of their index: its own, those of its client, or all where it names none. */
type Places = {
  of(child: Child): readonly Accept[]
  /** The youngest accept of all came. */
  append(accept: Accept): void
}

/** Made anew only when an accept came or went. */
function placesIn(group: Group): Places {
  group.places ??= placesOf(group.accepts)
  return group.places
}

function placesOf(accepts: readonly Accept[]): Places {
  const byClient = new Map<string, Accept[]>()
  const own = new Set<Accept>()
  function append(accept: Accept): void {
    accept.index = own.size
    own.add(accept)
    const same = byClient.get(accept.origin.clientIp)
    if (same === undefined) byClient.set(accept.origin.clientIp, [accept])
    else same.push(accept)
  }
  for (const accept of accepts) append(accept)
  return {
    of({ accept, clientIp }) {
      if (accept !== null) return own.has(accept) ? [accept] : []
      return clientIp === '' ? accepts : (byClient.get(clientIp) ?? [])
    },
    append,
  }
}

/** `isOver`: whether the connection had ended before that time, by the host's clock. */
export function createAccepts(isOver: (origin: Origin, at: Micros) => boolean, saved?: SavedAccepts): Accepts {
  const groups = new Map<number, Group>(saved?.groups.map(([pid, group]) => [pid, { ...group, places: null }]))
  /** Children whose parent the kernel did not name. */
  let unproven = saved?.unproven ?? []
  let lookedAt = saved?.lookedAt ?? Number.NaN
  /** When the latest child was seen. */
  let latestAt = saved?.latestAt ?? Number.NEGATIVE_INFINITY
  let evicted = saved?.evicted ?? 0

  function mayBe(accept: Accept, child: Child): boolean {
    if (child.accept !== null) return child.accept === accept
    return (
      (accept.taker === null || accept.taker.pid === child.pid) &&
      accept.serial < child.serial &&
      (child.clientIp === '' || accept.origin.clientIp === child.clientIp) &&
      !isOver(accept.origin, child.lastAt)
    )
  }

  function resolveGroup(group: Group, watermark: Micros): void {
    const open = group.children.filter(({ accept }) => accept === null)
    const isAwaited = open.some(({ origin, seenAt }) => origin?.answer === null && seenAt <= watermark)
    if (!isAwaited) return
    const places = placesIn(group)
    const inOrder = siblingsInOrder(group, places)
    const ranges = inOrder === null ? null : rangesOf(places, inOrder)
    for (const child of open) {
      if (child.seenAt > watermark) continue
      const { from, to } = ranges?.get(child) ?? { from: 0, to: group.accepts.length - 1 }
      const possible = places
        .of(child)
        .filter((accept) => accept.index >= from && accept.index <= to && mayBe(accept, child))
      if (child.former !== null && !possible.includes(child.former)) possible.push(child.former)
      const [only] = possible
      if (only !== undefined && possible.length === 1 && ranges !== null) {
        child.accept = only
        only.taker = child
      }
      offer(child, possible)
    }
    prune(group, watermark)
  }

  /** Children that have a connection at all, eldest first; null when their numbers do not tell. */
  function siblingsInOrder({ children }: Group, places: Places): readonly Child[] | null {
    const matched = children.filter((child) => places.of(child).some((accept) => mayBe(accept, child)))
    const order = startOrder(matched.map(({ pid }) => pid))
    if (order === null) return null
    const byPid = new Map(matched.map((child) => [child.pid, child]))
    return order.flatMap((pid) => byPid.get(pid) ?? [])
  }

  /** For each child the first and the last connection that leave one for all its siblings; null when there are too few. */
  function rangesOf(
    places: Places,
    children: readonly Child[],
  ): ReadonlyMap<Child, { from: number; to: number }> | null {
    const ranges = new Map<Child, { from: number; to: number }>()
    let next = 0
    for (const child of children) {
      const first = places.of(child).find((accept) => accept.index >= next && mayBe(accept, child))
      if (first === undefined) return null
      ranges.set(child, { from: first.index, to: first.index })
      next = first.index + 1
    }
    let previous = Number.POSITIVE_INFINITY
    for (const child of children.toReversed()) {
      const last = places.of(child).findLast((accept) => accept.index <= previous && mayBe(accept, child))
      const range = ranges.get(child)
      if (last === undefined || range === undefined) return null
      range.to = last.index
      previous = last.index - 1
    }
    return ranges
  }

  function resolveUnproven(watermark: Micros): void {
    const looked = [...groups.values()].map((group) => ({ program: group.program, places: placesIn(group) }))
    for (const child of unproven) {
      if (child.seenAt > watermark || child.origin === null) continue
      const program = programOf(child.process)
      const possible: Accept[] = []
      for (const group of looked) {
        if (group.program === program) possible.push(...group.places.of(child).filter((accept) => mayBe(accept, child)))
      }
      if (child.former !== null && !possible.includes(child.former)) possible.push(child.former)
      offer(child, possible)
    }
    unproven = unproven.filter(({ origin, seenAt }) => origin?.answer === null && seenAt > watermark - AGE_MAX)
  }

  function offer(child: Child, possible: readonly Accept[]): void {
    const { origin } = child
    if (origin === null || origin.answer !== null) return
    const connections = possible.map((accept) => accept.origin)
    // What its server wrote about the connection's ends tells which, the latest of that port.
    const hasEnds = origin.serverPort >= 0
    const among = hasEnds
      ? connections.filter(({ clientPort }) => clientPort === origin.clientPort).slice(-1)
      : connections
    const isSame = among.length === origin.among.length && among.every((each, i) => each === origin.among[i])
    if (isSame && origin.isResolved) return
    origin.among = among
    // Every process seen until now had its say, by the connection it was given.
    origin.amongAt = Math.max(origin.from, latestAt)
    origin.isResolved = true
  }

  /** The eldest that are settled say nothing about those behind them. */
  function prune(group: Group, watermark: Micros): void {
    const { accepts, children } = group
    let done = 0
    for (const { taker } of accepts) {
      // One that has said nothing was given its connection by the order alone.
      if (taker === null || taker.clientIp === '') break
      if (children.some((child) => child.accept === null && child.serial < taker.serial)) break
      done++
    }
    if (done > 0) group.places = null
    const gone = new Set(accepts.splice(0, done).map(({ taker }) => taker))
    group.children = children.filter((child) => !gone.has(child) && child.seenAt > watermark - AGE_MAX)
  }

  function groupOf(pid: number, program: string): Group {
    let group = groups.get(pid)
    if (group?.program === program) return group
    group = { program, accepts: [], children: [], places: null }
    groups.delete(pid)
    groups.set(pid, group)
    const [oldest] = groups.keys()
    if (groups.size > LISTENERS_MAX && oldest !== undefined) groups.delete(oldest)
    return group
  }

  function addProven(child: Child): void {
    const group = groups.get(child.ppid)
    if (group === undefined) {
      if (child.origin !== null) offer(child, [])
      return
    }
    latestAt = Math.max(latestAt, child.seenAt)
    group.children.push(child)
    if (group.children.length > CHILDREN_MAX) group.children.shift()
  }

  return {
    add(origin, listenerPid, serial) {
      const group = groupOf(listenerPid, programOf(origin.process))
      const { accepts } = group
      let at = accepts.length
      while (at > 0 && (accepts[at - 1]?.serial ?? 0) > serial) at--
      const accept: Accept = { origin, listenerPid, serial, taker: null, index: 0 }
      if (at === accepts.length) group.places?.append(accept)
      else group.places = null
      accepts.splice(at, 0, accept)
      if (accepts.length <= ACCEPTS_MAX) return
      evicted++
      accepts.shift()
      group.places = null
    },
    addChild(child) {
      if (child.ppid >= 0) addProven(child)
      else unproven.push(child)
    },
    prove(child, ppid) {
      child.ppid = ppid
      unproven = unproven.filter((each) => each !== child)
      addProven(child)
    },
    forget(child) {
      // Nobody looks for its connection any more: what waits for the answer must not wait for that.
      if (child.origin !== null) child.origin.isResolved = true
      unproven = unproven.filter((each) => each !== child)
      const group = groups.get(child.ppid)
      if (group !== undefined) group.children = group.children.filter((each) => each !== child)
    },
    release(child) {
      const group = groups.get(child.ppid)
      if (group === undefined) return
      // The others were given theirs by the same order; a settled one may have left it.
      if (!group.children.includes(child)) group.children.push(child)
      for (const each of group.children) each.accept = null
      for (const accept of group.accepts) accept.taker = null
    },
    isListener(pid, program) {
      const group = groups.get(pid)
      return group !== undefined && (program === undefined || group.program === program)
    },
    hasListener(program) {
      for (const group of groups.values()) if (group.program === program) return true
      return false
    },
    resolve(watermark) {
      const second = Math.floor(watermark / SECOND)
      if (second === lookedAt && watermark !== Number.POSITIVE_INFINITY) return
      lookedAt = second
      for (const group of groups.values()) {
        resolveGroup(group, watermark)
        const [oldest] = group.accepts
        if (oldest !== undefined && oldest.origin.from < watermark - AGE_MAX) {
          group.accepts = group.accepts.filter(({ origin }) => origin.from >= watermark - AGE_MAX)
          group.places = null
        }
      }
      if (unproven.length > 0) resolveUnproven(watermark)
    },
    get evicted() {
      return evicted
    },
    save: () => ({
      groups: [...groups].map(([pid, { program, accepts, children }]) => [pid, { program, accepts, children }]),
      unproven,
      lookedAt,
      latestAt,
      evicted,
    }),
  }
}
