/**
 * The table of flows of one gateway, rebuilt from conntrack's records: NEW opens, UPDATE and dump rows refresh, DESTROY ends.
 * Ids are reused within microseconds, ends come up to a minute late or never, and a table that was looked at too late shows
 * flows without their start (formats.md 2.6, 2.7). Tells what happened; what is said about it is decided elsewhere.
 *
 * Bounded: at most FLOWS_MAX open flows; one that shows no sign of life for IDLE_MAX is ended by inference.
 */
import { hashDigits } from '../event-id.ts'
import { detach } from '../identity/address-book.ts'
import type { ConntrackRecord, Tuple } from '../sources/conntrack/record.ts'
import { DAY, MINUTE, type Micros, MS, SECOND } from '../time.ts'
import { type Counters, type Flow, type LineWitness, NO_COUNTERS } from './flow.ts'
import { isIcmp, tupleKey } from './tuple-key.ts'
import type { Witnesses } from './witnesses.ts'

export type FlowStep =
  | { readonly step: 'started' | 'progressed'; readonly flow: Flow; readonly record: ConntrackRecord }
  | { readonly step: 'ended' | 'ended-late'; readonly flow: Flow; readonly record: ConntrackRecord | null }

export type FlowTable = {
  /** Calls `onStep` for whatever the record means, in order: an inferred end of a predecessor first. Returns the flow it belongs to. */
  observe(record: ConntrackRecord, onStep: (step: FlowStep) => void): Flow
  /** The flow whose packet a firewall line shows: nearest start among those whose time it fits; null when none. */
  match(key: string, at: Micros, resolution: Micros): Flow | null
  /** Rows of a complete dump are in: flows of the families it showed that it does not know have ended unseen. */
  dumpEnded(startedAt: Micros, at: Micros, hasV4: boolean, hasV6: boolean, onStep: (step: FlowStep) => void): void
  /** Frees ended flows nothing can match any more, ends idle ones. */
  expire(watermark: Micros, onStep: (step: FlowStep) => void): void
  open(): Iterable<Flow>
  readonly openCount: number
  /** Flows thrown out because the table was full. */
  readonly evicted: number
}

export const FLOWS_MAX = 1_000_000
/** A line belongs to a flow from this long before its start (the log comes before NEW) to SETTLE after its end. */
export const BEFORE_START: Micros = SECOND
export const SETTLE: Micros = 2 * SECOND
/** DESTROY comes in sweeps of the garbage collector, up to a minute late. */
const DESTROY_LATE_MAX: Micros = MINUTE
/** Longer than conntrack's longest default timeout (5 days, established TCP). */
const IDLE_MAX: Micros = 6 * DAY
/** How far back an unexplained flow looks for the line that saw its start. */
const WITNESS_REACH: Micros = 2 * MINUTE

/** An empty table. `witnesses` are the firewall lines no flow has claimed; late flows look for their start there. */
export function createFlowTable(gateway: string, witnesses: Witnesses): FlowTable {
  const open = new Map<string, Flow>()
  /** Open and lately ended flows by every tuple a firewall line may show. */
  const byTuple = new Map<string, Flow[]>()
  /** Ended flows in the order they ended, until nothing can match them. */
  let leaving: { flow: Flow; at: Micros }[] = []
  /** Flows ended by inference, by key: their DESTROY may still come. */
  const inferred = new Map<string, Flow>()
  /** Flows whose DESTROY was read, by key, as long as they are leaving. */
  const destroyed = new Map<string, Flow>()
  let evicted = 0

  function observe(record: ConntrackRecord, onStep: (step: FlowStep) => void): Flow {
    const key = flowKey(record)
    let flow = open.get(key)
    const gone = flow === undefined ? destroyed.get(key) : undefined
    if (gone !== undefined && isRepeated(gone, record)) return gone
    if (flow !== undefined && record.event === 'new' && record.at === flow.startAt && isSameTuple(flow, record)) {
      refresh(flow, record)
      return flow
    }
    if (flow !== undefined && (record.event === 'new' || !isSameTuple(flow, record))) {
      infer(flow, record.at, isSameTuple(flow, record) ? 'reused-tuple' : 'reused-id', onStep)
      flow = undefined
    }
    if (record.event === 'destroy') return destroy(flow, key, record, onStep)
    if (flow === undefined) {
      flow = create(key, record)
      enter(flow)
      onStep({ step: 'started', flow, record })
    } else {
      refresh(flow, record)
      onStep({ step: 'progressed', flow, record })
    }
    return flow
  }

  function destroy(
    known: Flow | undefined,
    key: string,
    record: ConntrackRecord,
    onStep: (step: FlowStep) => void,
  ): Flow {
    let flow = known
    if (flow === undefined) {
      const late = inferred.get(key)
      if (late !== undefined && isSameTuple(late, record)) {
        inferred.delete(key)
        refresh(late, record)
        onStep({ step: 'ended-late', flow: late, record })
        return late
      }
      flow = create(key, record)
      enter(flow)
    }
    refresh(flow, record)
    flow.endAt = Math.max(flow.startAt, record.stopAt >= 0 ? record.stopAt : record.at)
    if (record.userspacePortid !== '') flow.endReason = 'userspace'
    leave(flow, record.at)
    destroyed.set(key, flow)
    onStep({ step: 'ended', flow, record })
    return flow
  }

  function infer(flow: Flow, at: Micros, reason: Flow['endReason'], onStep: (step: FlowStep) => void): void {
    flow.endAt = Math.max(flow.startAt, at)
    flow.endReason = reason
    inferred.set(flow.key, flow)
    leave(flow, at)
    onStep({ step: 'ended', flow, record: null })
  }

  function enter(flow: Flow): void {
    open.set(flow.key, flow)
    for (const key of tupleKeysOf(flow)) {
      const flows = byTuple.get(key)
      if (flows === undefined) byTuple.set(key, [flow])
      else flows.push(flow)
    }
    if (open.size > FLOWS_MAX) {
      const oldest = open.values().next()
      if (!oldest.done) {
        evicted++
        open.delete(oldest.value.key)
        forget(oldest.value)
      }
    }
  }

  function leave(flow: Flow, at: Micros): void {
    open.delete(flow.key)
    leaving.push({ flow, at })
  }

  function forget(flow: Flow): void {
    for (const key of tupleKeysOf(flow)) {
      const flows = byTuple.get(key)
      if (flows === undefined) continue
      const rest = flows.filter((each) => each !== flow)
      if (rest.length === 0) byTuple.delete(key)
      else byTuple.set(key, rest)
    }
    if (inferred.get(flow.key) === flow) inferred.delete(flow.key)
    if (destroyed.get(flow.key) === flow) destroyed.delete(flow.key)
  }

  function match(key: string, at: Micros, resolution: Micros): Flow | null {
    const flows = byTuple.get(key)
    if (flows === undefined) return null
    let best: Flow | null = null
    for (const flow of flows) {
      const end = Number.isNaN(flow.endAt) ? Number.POSITIVE_INFINITY : flow.endAt
      if (at < flow.startFrom - BEFORE_START - resolution || at > end + SETTLE) continue
      if (best === null || Math.abs(at - flow.startAt) < Math.abs(at - best.startAt)) best = flow
    }
    return best
  }

  function create(key: string, record: ConntrackRecord): Flow {
    const start = startOf(record)
    const flow = createFlow(gateway, key, record, start)
    if (start.basis !== 'new') {
      for (const tuple of tupleKeysOf(flow)) {
        const witness = witnesses.find(tuple, start.from - WITNESS_REACH, start.at + BEFORE_START)
        if (witness === null) continue
        flow.witness = witness
        flow.startAt = witness.at
        flow.startFrom = witness.at
        flow.startBasis = 'firewall'
        break
      }
    }
    return flow
  }

  function dumpEnded(
    startedAt: Micros,
    at: Micros,
    hasV4: boolean,
    hasV6: boolean,
    onStep: (step: FlowStep) => void,
  ): void {
    for (const flow of open.values()) {
      // A flow seen at or after the dump's start may have begun after its row was passed.
      if (flow.seenAt >= startedAt || (flow.family === 4 ? !hasV4 : !hasV6)) continue
      infer(flow, at, 'absent-from-dump', onStep)
    }
  }

  function expire(watermark: Micros, onStep: (step: FlowStep) => void): void {
    let done = 0
    for (const { flow, at } of leaving) {
      const wait = flow.endReason !== '' && flow.endReason !== 'userspace' ? DESTROY_LATE_MAX + SETTLE : SETTLE + SECOND
      if (at + wait > watermark) break
      forget(flow)
      done++
    }
    if (done > 0) leaving = leaving.slice(done)
    for (const flow of open.values()) {
      // Insertion order is start order, near enough: the first young one ends the search.
      if (flow.startAt > watermark - IDLE_MAX) break
      if (flow.seenAt < watermark - IDLE_MAX) infer(flow, flow.seenAt, 'idle', onStep)
    }
  }

  return {
    observe,
    match,
    dumpEnded,
    expire,
    open: () => open.values(),
    get openCount() {
      return open.size
    },
    get evicted() {
      return evicted
    },
  }
}

function flowKey(record: ConntrackRecord): string {
  const { original } = record
  return record.id === ''
    ? `${record.zone} ${tupleKey(record.protocol, original.src, portOf(original, 'sport'), original.dst, portOf(original, 'dport'))}`
    : `${record.zone} #${record.id}`
}

/** For ICMP the echo id stands for both ports. */
function portOf(tuple: Tuple, side: 'sport' | 'dport'): number {
  return tuple.icmpId >= 0 ? tuple.icmpId : tuple[side]
}

function isSameTuple(flow: Flow, { original, protocol }: ConntrackRecord): boolean {
  return (
    flow.protocol === protocol &&
    flow.src === original.src &&
    flow.dst === original.dst &&
    flow.sport === original.sport &&
    flow.dport === original.dport &&
    flow.icmpId === original.icmpId
  )
}

/**
 * A line of a flow whose DESTROY was read already, written a second time: two collectors on one file, a copy that overlaps.
 * The kernel says nothing of an entry after its DESTROY, and a new one with the same id and tuple is younger.
 */
function isRepeated(gone: Flow, record: ConntrackRecord): boolean {
  return record.at <= gone.seenAt && isSameTuple(gone, record)
}

/** Every tuple a firewall line of this flow may show: before and after NAT on either side (design 5.7). */
export function tupleKeysOf(flow: Flow): string[] {
  const icmp = isIcmp(flow.protocol) ? flow.icmpId : null
  const sources = [{ ip: flow.src, port: icmp ?? flow.sport }]
  if (flow.seenSrc !== flow.src || flow.seenSport !== flow.sport)
    sources.push({ ip: flow.seenSrc, port: icmp ?? flow.seenSport })
  const destinations = [{ ip: flow.dst, port: icmp ?? flow.dport }]
  if (flow.seenDst !== flow.dst || flow.seenDport !== flow.dport)
    destinations.push({ ip: flow.seenDst, port: icmp ?? flow.seenDport })
  const keys = sources.flatMap((source) =>
    destinations.map((to) => tupleKey(flow.protocol, source.ip, source.port, to.ip, to.port)),
  )
  return keys.length === 1 ? keys : [...new Set(keys)]
}

function refresh(flow: Flow, record: ConntrackRecord): void {
  flow.seenAt = Math.max(flow.seenAt, record.at)
  if (!record.isUnreplied) flow.hasReply = true
  if (record.isAssured) flow.isAssured = true
  if (record.state !== '') flow.state = record.state
  if (record.mark !== '') flow.mark = detach(record.mark)
  if (record.helper !== '') flow.helper = detach(record.helper)
  if (record.labels !== '') flow.labels = detach(record.labels)
  if (record.userspacePortid !== '') {
    flow.userspacePortid = detach(record.userspacePortid)
    flow.userspaceProgram = detach(record.userspaceProgram)
  }
  if (hasCounters(record)) flow.counters = countersOf(record)
}

function hasCounters({ original }: ConntrackRecord): boolean {
  return original.bytes >= 0 || original.packets >= 0
}

function countersOf({ original, reply }: ConntrackRecord): Counters {
  return {
    sourcePackets: original.packets,
    sourceBytes: original.bytes,
    destinationPackets: reply.packets,
    destinationBytes: reply.bytes,
  }
}

/** A NEW in any other state than the first is a pick-up in mid-stream (formats.md 2.7 trap 6): its start was not seen. */
const FIRST_STATES: ReadonlySet<string> = new Set([
  '',
  'NONE',
  'SYN_SENT',
  'SYN_SENT2',
  'CLOSED',
  'COOKIE_WAIT',
  'REQUEST',
])

function startOf(record: ConntrackRecord): { at: Micros; from: Micros; basis: Flow['startBasis'] } {
  if (record.event === 'new')
    return { at: record.at, from: record.at, basis: FIRST_STATES.has(record.state) ? 'new' : 'first-sight' }
  if (record.startAt >= 0) return { at: record.startAt, from: record.startAt, basis: 'stop-minus-delta' }
  if (record.event === 'destroy' && record.deltaSeconds >= 0) {
    const delta = record.deltaSeconds * SECOND
    if (record.stopAt >= 0)
      return { at: record.stopAt - delta, from: record.stopAt - delta - SECOND, basis: 'stop-minus-delta' }
    // The kernel subtracts an overdue timeout from the stop time it counts delta from; the event itself is the late one.
    return { at: record.at - delta, from: record.at - delta - DESTROY_LATE_MAX - SECOND, basis: 'stop-minus-delta' }
  }
  return { at: record.at, from: record.at, basis: 'first-sight' }
}

function createFlow(gateway: string, key: string, record: ConntrackRecord, start: ReturnType<typeof startOf>): Flow {
  const { original, reply } = record
  const tuple = `${record.protocol} ${original.src} ${original.sport} ${original.dst} ${original.dport} ${original.icmpId}`
  // One-direction zones leave their side of the reply tuple alone; the tuple itself is complete all the same.
  return {
    id: hashDigits(
      `flow\0${gateway}\0${record.zone}\0${record.id}\0${tuple}\0${record.event}\0${Math.floor(record.at / MS)}\0${record.at % MS}`,
      24,
    ),
    key: detach(key),
    protocol: record.protocol,
    family: record.family,
    src: detach(original.src),
    sport: original.sport,
    dst: detach(original.dst),
    dport: original.dport,
    seenSrc: reply.dst === original.src ? detach(original.src) : detach(reply.dst),
    seenSport: reply.dport,
    seenDst: reply.src === original.dst ? detach(original.dst) : detach(reply.src),
    seenDport: reply.sport,
    icmpType: original.icmpType,
    icmpCode: original.icmpCode,
    icmpId: original.icmpId,
    zone: detach(record.zone),
    conntrackId: detach(record.id),
    startAt: start.at,
    startFrom: start.from,
    startBasis: start.basis,
    endAt: Number.NaN,
    endReason: '',
    seenAt: record.at,
    hasReply: !record.isUnreplied,
    isAssured: record.isAssured,
    state: record.state,
    mark: detach(record.mark),
    helper: detach(record.helper),
    labels: detach(record.labels),
    witness: null,
    counters: hasCounters(record) ? countersOf(record) : NO_COUNTERS,
    reported: NO_COUNTERS,
    decision: null,
    isHolderChanged: false,
    linesUndecided: 0,
    userspacePortid: '',
    userspaceProgram: '',
  }
}

/** A line matched while the flow's start is still undecided: the one nearest to the start speaks for it. */
export function witnessStart(flow: Flow, witness: LineWitness): void {
  if (flow.witness === null || Math.abs(witness.at - flow.startAt) < Math.abs(flow.witness.at - flow.startAt))
    flow.witness = witness
}
