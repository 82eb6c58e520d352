/**
 * The table of flows of one gateway, rebuilt from conntrack's records: NEW opens, UPDATE and dump rows refresh, DESTROY ends.
 * Ids are reused within microseconds, ends come up to a minute late or never, and a table that was looked at too late shows
 * flows without their start (formats.md 2.6, 2.7). Tells what happened; what is said about it is decided elsewhere.
 *
 * Bounded: at most FLOWS_MAX open flows; one that shows no sign of life for IDLE_MAX is ended by inference.
 */
import { hashDigits } from '../event-id.ts'
import { detach } from '../identity/address-book.ts'
import type { ConntrackRecord } from '../sources/conntrack/record.ts'
import { DAY, MINUTE, type Micros, MS, SECOND } from '../time.ts'
import type { Counters, Decision, Flow, LineWitness } from './flow.ts'
import type { FlowStart } from './flow-rows.ts'
import { createFlowStore, type SavedFlowStore } from './flow-store.ts'
import { isIcmp, tupleKey, tupleOf } from './tuple-key.ts'
import { createWaitingLine, type SavedWaitingLine, type WaitingLine } from './waiting-line.ts'
import type { Witnesses } from './witnesses.ts'

export type FlowStep =
  | { readonly step: 'started' | 'progressed'; readonly flow: Flow; readonly record: ConntrackRecord }
  | { readonly step: 'ended' | 'ended-late'; readonly flow: Flow; readonly record: ConntrackRecord | null }

export type FlowTable = {
  /** Calls `onStep` for whatever the record means, in order: an inferred end of a predecessor first. Returns the flow it belongs to. */
  observe(record: ConntrackRecord, onStep: (step: FlowStep) => void): Flow
  /** The flow whose packet a firewall line shows: nearest start among those whose time it fits; null when none. */
  match(key: string, at: Micros, resolution: Micros): Flow | null
  /** Rows of a complete dump are in: flows of the families it showed that it does not know have ended, seen or unseen (`expire`). */
  dumpEnded(startedAt: Micros, at: Micros, hasV4: boolean, hasV6: boolean): void
  /** Frees ended flows nothing can match any more, ends idle ones and those a dump did not show. */
  expire(watermark: Micros, onStep: (step: FlowStep) => void): void
  /** Nothing of the flow waits any more: it may be kept in less space until its next record. */
  rest(flow: Flow): void
  /** Open flows of whose decision `isConcerned` says yes. */
  open(isConcerned: (decision: Decision | null, isHolderChanged: boolean) => boolean): Iterable<Flow>
  readonly openCount: number
  /** Flows thrown out because the table was full. */
  readonly evicted: number
  save(): SavedFlowTable
}

export type SavedFlowTable = {
  readonly store: SavedFlowStore
  readonly leaving: SavedWaitingLine<Leaving>
  readonly leavingInferred: SavedWaitingLine<Leaving>
  readonly evicted: number
  readonly dumps: readonly Dump[]
}

/** A complete dump, until it is certain which of the flows it did not show have said their end. */
type Dump = { readonly startedAt: Micros; readonly at: Micros; readonly hasV4: boolean; readonly hasV6: boolean }

export const FLOWS_MAX = 1_000_000
/** A line belongs to a flow from this long before its start (the log comes before NEW) to SETTLE after its end. */
export const BEFORE_START: Micros = SECOND
export const SETTLE: Micros = 2 * SECOND
/** DESTROY comes in sweeps of the garbage collector, up to a minute late. */
const DESTROY_LATE_MAX: Micros = MINUTE
/** Dumps come every half minute; of more than these within SETTLE the oldest says nothing about ends. */
const DUMPS_MAX = 16
/** Longer than conntrack's longest default timeout (5 days, established TCP). */
const IDLE_MAX: Micros = 6 * DAY
/** Reading a table of a million entries takes some seconds. */
const DUMP_READ_MAX: Micros = 5 * SECOND
/** How far back an unexplained flow looks for the line that saw its start. */
const WITNESS_REACH: Micros = 2 * MINUTE

/** An empty table. `witnesses` are the firewall lines no flow has claimed; late flows look for their start there. */
export function createFlowTable(gateway: string, witnesses: Witnesses, saved?: SavedFlowTable): FlowTable {
  const store = createFlowStore(saved?.store)
  /** Ended flows in the order they ended, until nothing can match them: by their DESTROY, and by inference. */
  const leaving = createWaitingLine<Leaving>(saved?.leaving)
  const leavingInferred = createWaitingLine<Leaving>(saved?.leavingInferred)
  let evicted = saved?.evicted ?? 0
  let dumps: readonly Dump[] = saved?.dumps ?? []

  function observe(record: ConntrackRecord, onStep: (step: FlowStep) => void): Flow {
    let flow = store.find(record, 'open')
    const gone = flow === null ? store.find(record, 'destroyed') : null
    if (gone !== null && isRepeated(gone, record)) return gone
    if (flow !== null && record.event === 'new' && record.at === flow.startAt && isSameTuple(flow, record)) {
      refresh(flow, record)
      return flow
    }
    if (flow !== null && isBornWhileListed(flow, record)) {
      const start = startOf(record)
      flow.startAt = start.at
      flow.startFrom = start.from
      flow.startBasis = start.basis
      refresh(flow, record)
      onStep({ step: 'progressed', flow, record })
      return flow
    }
    if (flow !== null && (record.event === 'new' || !isSameTuple(flow, record))) {
      infer(flow, record.at, isSameTuple(flow, record) ? 'reused-tuple' : 'reused-id', onStep)
      flow = null
    }
    if (record.event === 'destroy') return destroy(flow, record, onStep)
    if (flow === null) {
      flow = create(record)
      onStep({ step: 'started', flow, record })
    } else {
      refresh(flow, record)
      onStep({ step: 'progressed', flow, record })
    }
    return flow
  }

  function destroy(known: Flow | null, record: ConntrackRecord, onStep: (step: FlowStep) => void): Flow {
    let flow = known
    if (flow === null) {
      const late = store.find(record, 'inferred')
      if (late !== null && isSameTuple(late, record)) {
        store.conceal(late)
        refresh(late, record)
        onStep({ step: 'ended-late', flow: late, record })
        return late
      }
      flow = create(record)
    }
    refresh(flow, record)
    flow.endAt = Math.max(flow.startAt, record.stopAt >= 0 ? record.stopAt : record.at)
    if (record.userspacePortid !== '') flow.endReason = 'userspace'
    store.close(flow, 'destroyed')
    leaving.push({ flow, at: record.at })
    onStep({ step: 'ended', flow, record })
    return flow
  }

  function infer(flow: Flow, at: Micros, reason: Flow['endReason'], onStep: (step: FlowStep) => void): void {
    flow.endAt = Math.max(flow.startAt, at)
    flow.endReason = reason
    store.close(flow, 'inferred')
    leavingInferred.push({ flow, at })
    onStep({ step: 'ended', flow, record: null })
  }

  function create(record: ConntrackRecord): Flow {
    const start = startOf(record)
    const flow = store.add(flowId(gateway, record), record, start)
    if (hasCounters(record)) flow.counters = countersOf(record)
    if (store.openCount > FLOWS_MAX) {
      evicted++
      store.evictOldest()
    }
    if (start.basis === 'new') return flow
    for (const tuple of tupleKeysOf(flow)) {
      const witness = witnesses.find(tuple, start.from - WITNESS_REACH, start.at + BEFORE_START)
      if (witness === null) continue
      flow.witness = witness
      flow.startAt = witness.at
      flow.startFrom = witness.at
      flow.startBasis = 'firewall'
      break
    }
    return flow
  }

  /** Reading the table evicts entries that ran out: their DESTROY comes just after the dump, and tells more than their absence. */
  function endAbsent(watermark: Micros, onStep: (step: FlowStep) => void): void {
    const due = dumps.filter(({ at }) => at + SETTLE <= watermark)
    if (due.length === 0) return
    dumps = dumps.filter(({ at }) => at + SETTLE > watermark)
    for (const dump of due) endAbsentFrom(dump, onStep)
  }

  function endAbsentFrom({ startedAt, at, hasV4, hasV6 }: Dump, onStep: (step: FlowStep) => void): void {
    for (const row of store.open()) {
      // A flow seen at or after the dump's start may have begun after its row was passed.
      if (store.seenAt(row) >= startedAt || (store.family(row) === 4 ? !hasV4 : !hasV6)) continue
      infer(store.wake(row), at, 'absent-from-dump', onStep)
    }
  }

  function expire(watermark: Micros, onStep: (step: FlowStep) => void): void {
    endAbsent(watermark, onStep)
    forget(leaving, watermark - SETTLE - SECOND)
    forget(leavingInferred, watermark - SETTLE - DESTROY_LATE_MAX)
    for (const row of store.open()) {
      // Insertion order is start order, near enough: the first young one ends the search.
      if (store.startAt(row) > watermark - IDLE_MAX) break
      if (store.seenAt(row) < watermark - IDLE_MAX) infer(store.wake(row), store.seenAt(row), 'idle', onStep)
    }
  }

  /** Those that ended until then. */
  function forget(line: WaitingLine<Leaving>, until: Micros): void {
    for (let each = line.peek(); each !== undefined && each.at <= until; each = line.peek()) {
      line.shift()
      store.remove(each.flow)
    }
  }

  return {
    observe,
    match(key, at, resolution) {
      return store.match(tupleOf(key), (startFrom, startAt, endAt) =>
        at < startFrom - BEFORE_START - resolution || at > endAt + SETTLE ? -1 : Math.abs(at - startAt),
      )
    },
    dumpEnded(startedAt, at, hasV4, hasV6) {
      dumps = [...dumps, { startedAt, at, hasV4, hasV6 }].slice(-DUMPS_MAX)
    },
    expire,
    rest: (flow) => store.rest(flow),
    *open(isConcerned) {
      for (const row of store.open())
        if (isConcerned(store.decision(row), store.isHolderChanged(row))) yield store.wake(row)
    },
    get openCount() {
      return store.openCount
    },
    get evicted() {
      return evicted
    },
    save: () => ({
      store: store.save(),
      leaving: leaving.save(),
      leavingInferred: leavingInferred.save(),
      evicted,
      dumps,
    }),
  }
}

type Leaving = { readonly flow: Flow; readonly at: Micros }

/** The same for the same record, wherever and whenever it is read. */
function flowId(gateway: string, { zone, id, protocol, original, event, at }: ConntrackRecord): string {
  const tuple = `${protocol} ${original.src} ${original.sport} ${original.dst} ${original.dport} ${original.icmpId}`
  return hashDigits(`flow\0${gateway}\0${zone}\0${id}\0${tuple}\0${event}\0${Math.floor(at / MS)}\0${at % MS}`, 24)
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

/**
 * A dump bears the time its reading began. What is born while it is read stands in it, and its NEW is met after its row.
 */
function isBornWhileListed(flow: Flow, record: ConntrackRecord): boolean {
  return (
    record.event === 'new' &&
    flow.startBasis !== 'new' &&
    flow.conntrackId === record.id &&
    record.at - flow.startAt <= DUMP_READ_MAX &&
    isSameTuple(flow, record)
  )
}

/** Every tuple a firewall line of this flow may show: before and after NAT on either side (design 5.7). */
function tupleKeysOf(flow: Flow): string[] {
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
  if (record.mark !== '' && record.mark !== flow.mark) flow.mark = detach(record.mark)
  if (record.helper !== '' && record.helper !== flow.helper) flow.helper = detach(record.helper)
  if (record.labels !== '' && record.labels !== flow.labels) flow.labels = detach(record.labels)
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

function startOf(record: ConntrackRecord): FlowStart {
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

/** A line matched while the flow's start is still undecided: the one nearest to the start speaks for it. */
export function witnessStart(flow: Flow, witness: LineWitness): void {
  if (flow.witness === null || Math.abs(witness.at - flow.startAt) < Math.abs(flow.witness.at - flow.startAt))
    flow.witness = witness
}
