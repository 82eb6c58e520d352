/**
 * Where flow steps wait for their evidence and leave as `wireguard.flow` documents; outer flows of a listen port leave as
 * session documents. A flow is decided once: for the holder at its start, by the firewall line that saw it, else by mark or
 * zone, else by the only interface whose ledger covers the address (design 5.5, 5.6).
 */
import type { Event } from '../event.ts'
import type { KnownAddress } from '../identity/address-book.ts'
import type { Claim, Moment } from '../identity/attribute.ts'
import type { ConntrackRecord } from '../sources/conntrack/record.ts'
import { type Micros, MS, SECOND } from '../time.ts'
import { type Decision, type Flow, type InnerDecision, isFinished } from './flow.ts'
import { createFlowEvents, type FlowAction } from './flow-events.ts'
import type { FlowStep } from './flow-table.ts'
import { SETTLE } from './flow-table.ts'
import type { Room } from './gateway.ts'
import { createOuterFlows } from './outer-flows.ts'
import { createSharedDecisions } from './shared-decisions.ts'
import { createWaitingLine, type SavedWaitingLine } from './waiting-line.ts'

/** Steps waiting at most; beyond it the oldest is decided with what is known. */
export const STEPS_PENDING_MAX = 500_000
/** conntrack -E stamps with the reader's clock, which may run this much behind the packet. */
const READER_LATE: Micros = SECOND
/** A refined kernel stamp may be this much behind conntrack's clock. */
const LINE_SLACK: Micros = 50 * MS
/** The table is swept for ended and idle flows this often, in event time. */
const SWEEP_PERIOD: Micros = SECOND

const OUT: Decision = Object.freeze({ scope: 'out' })

type WaitingStep = {
  readonly action: FlowAction
  readonly flow: Flow
  readonly at: Micros
  readonly dueAt: Micros
  readonly reason: string
}

export type SavedFlowDesk = {
  readonly waiting: SavedWaitingLine<WaitingStep>
  readonly sweptAt: Micros
  readonly forced: number
}

export function createFlowDesk(room: Room, saved?: SavedFlowDesk) {
  const { attributor, identities, shared, addresses, flows, scope } = room
  const waiting = createWaitingLine<WaitingStep>(saved?.waiting)
  const toEvent = createFlowEvents(addresses)
  const outer = createOuterFlows(room)
  const shareDecision = createSharedDecisions()
  let sweptAt = saved?.sweptAt ?? Number.NEGATIVE_INFINITY
  let forced = saved?.forced ?? 0

  function onStep({ step, flow, record }: FlowStep): void {
    const now = record?.at ?? flow.endAt
    if (step === 'started') push('flow-started', flow, flow.startAt, Math.max(now, flow.startAt) + SETTLE, '')
    else if (step === 'ended') push('flow-ended', flow, flow.endAt, now + SETTLE, flow.endReason)
    else if (step === 'ended-late') push('flow-progress', flow, now, now + SETTLE, 'late-end')
    // conntrack's UPDATE says nothing about data (design 13): only a dump's counters are progress worth a document.
    else if (record?.event === 'list' && hasMoved(flow)) push('flow-progress', flow, now, now + SETTLE, '')
  }

  function push(action: FlowAction, flow: Flow, at: Micros, dueAt: Micros, reason: string): void {
    flow.stepsWaiting++
    waiting.push({ action, flow, at, dueAt, reason })
    if (waiting.length > STEPS_PENDING_MAX) {
      const oldest = waiting.shift()
      if (oldest !== undefined) say(oldest)
      forced++
    }
  }

  /** `linesFrom`: the oldest firewall line that still waits; Infinity for none. It may be the one that saw a flow start. */
  function tick(watermark: Micros, linesFrom: Micros): void {
    for (let step = waiting.peek(); step !== undefined; step = waiting.peek()) {
      if (
        step.dueAt > watermark ||
        (step.flow.decision === null &&
          (linesFrom <= step.flow.startAt + LINE_SLACK || !attributor.isDecidable(momentOf(step.flow).to, watermark)))
      )
        break
      waiting.shift()
      say(step)
    }
    // The end of the input ends no flow (design 6): nothing is idle because nobody speaks any more.
    if (watermark - sweptAt < SWEEP_PERIOD || watermark === Number.POSITIVE_INFINITY) return
    sweptAt = watermark
    flows.expire(watermark, onStep)
    room.witnesses.expire(watermark)
  }

  function say({ action, flow, at, reason }: WaitingStep): void {
    flow.stepsWaiting--
    const isFirst = flow.decision === null
    let decision = flow.decision ?? decide(flow)
    if (decision.scope === 'outer') outer.say(action, flow, decision, at)
    if (decision.scope === 'inner') {
      if (action === 'flow-ended') decision = markHolder(flow, decision) ?? decision
      room.emit(document(action, flow, decision, at, reason))
      if (isFirst) sayLateChange(flow, decision)
    }
    flows.rest(flow)
  }

  /** The holder changed while the flow waited for its decision: what `holdersChanged` says of decided ones, at the same time. */
  function sayLateChange(flow: Flow, decision: InnerDecision): void {
    const until = decision.claim.entry?.until
    if (until === undefined || !Number.isNaN(flow.endAt) || isFinished(flow)) return
    if (!hasLostHolder(decision, flow.isHolderChanged) || markHolder(flow, decision) === null) return
    const shownAt = attributor.ledger.polls.around(until + 1, until + 1).after
    if (shownAt !== null) push('flow-progress', flow, shownAt, shownAt, 'holder-changed')
  }

  function document(action: FlowAction, flow: Flow, decision: InnerDecision, at: Micros, reason: string): Event {
    return toEvent(action, flow, at, reason, {
      observer: shared.observer('', ''),
      protocol: shared.protocol(flow.family, flow.protocol, addresses.of(flow.src), addresses.of(flow.seenDst)),
      identity: decision.identity,
      resource: decision.resource,
      policy: decision.policy,
    })
  }

  function decide(flow: Flow): Decision {
    const decision = decideScope(flow)
    flow.decision = decision
    if (decision.scope === 'out') scope.conntrackOut += flow.linesUndecided
    else scope.conntrackIn += flow.linesUndecided
    flow.linesUndecided = 0
    if (decision.scope === 'inner') room.watch.flow(flow)
    flow.verdict = flow.witness?.verdict ?? null
    flow.witness = null
    return decision
  }

  function decideScope(flow: Flow): Decision {
    const source = claimOf(flow, 'source')
    const destination = claimOf(flow, 'destination')
    if (source === null && destination === null) return outer.recognise(flow) ?? OUT
    const claim = source ?? destination
    if (claim === null) return OUT
    const role = source === null ? 'destination' : 'source'
    const target =
      source !== null && destination?.status === 'exact' && destination.entry !== source.entry ? destination : null
    const resource = shared.resource(flow.seenDst, flow.protocol, flow.seenDport)
    const name = resource.fields['wireguard.resource.name'] ?? 'uncatalogued'
    return shareDecision({
      scope: 'inner',
      claim,
      role,
      target,
      identity: identities.facetFor(claim, role, target, flow.startAt, false),
      resource,
      policy: name === 'uncatalogued' ? '' : identities.policyOf(claim, role, name, flow.startAt),
    })
  }

  /** The peer at one end of the flow: the inner address is the one before source NAT, after destination NAT. */
  function claimOf(flow: Flow, side: 'source' | 'destination'): Claim | null {
    const address = addresses.of(side === 'source' ? flow.src : flow.seenDst)
    if (address === null) return null
    const port = side === 'source' ? flow.sport : flow.seenDport
    const moment = momentOf(flow)
    const seen = interfaceOf(flow, side)
    if (seen !== null && seen !== '') {
      if (!attributor.isWireguard(seen)) return null
      return sinceEver(flow, address, attributor.onInterface(seen, address, moment, 'interface', side))
    }
    const marked = attributor.byMark(flow.mark, flow.zone)
    // A mark or zone tells which tunnel a flow crosses, not in which direction: it helps the end that the ledger knows there.
    if (marked !== null) {
      const claim = attributor.onInterface(marked.interface, address, moment, marked.method, side)
      if (claim.entry !== null || claim.candidates.length > 0) return sinceEver(flow, address, claim)
    }
    const claim = attributor.byPrefix(address, port, flow.protocol, moment)
    return claim === null ? null : sinceEver(flow, address, claim)
  }

  /**
   * A flow that nobody saw start may be much older than its first sign of life, and belongs to the holder of back then
   * (design 5.6): exact only while the ledger never saw another one on the address.
   */
  function sinceEver(flow: Flow, address: KnownAddress, claim: Claim): Claim {
    if (claim.status !== 'exact' || flow.startBasis !== 'first-sight') return claim
    const { ledger } = attributor
    const holding = ledger.holding(claim.interface, address.bits, ledger.polls.oldest, flow.startAt)
    const keys = [...new Set(holding.candidates.map((entry) => entry.publicKey))].sort()
    if (keys.length < 2) return claim
    return { ...claim, status: 'ambiguous', reason: 'holder-changing', entry: null, candidates: keys }
  }

  /** The interface at one end of the flow by the firewall line that saw its start; '' = the line names none, null = no line. */
  function interfaceOf(flow: Flow, side: 'source' | 'destination'): string | null {
    const { witness } = flow
    if (witness === null) return null
    const isForward = witness.src === flow.src || witness.src === flow.seenSrc
    const isSelf = flow.src === flow.dst
    return (side === 'source') === (isForward || isSelf) ? witness.in : witness.out
  }

  /** When the flow certainly started, as exactly as is known. */
  function momentOf(flow: Flow): Moment {
    return { from: flow.startFrom - READER_LATE, to: flow.startAt }
  }

  /**
   * The address went to another holder while the flow was open: it keeps the first, and says so (design 5.6). Null where
   * nothing changed.
   */
  function markHolder(flow: Flow, decision: InnerDecision): InnerDecision | null {
    const { entry } = decision.claim
    const end = Number.isNaN(flow.endAt) ? Number.POSITIVE_INFINITY : flow.endAt
    if (entry === null || flow.isHolderChanged || entry.until >= end || flow.startAt > entry.until) return null
    flow.isHolderChanged = true
    const identity = identities.facetFor(decision.claim, decision.role, decision.target, flow.startAt, true)
    const marked: InnerDecision = { ...decision, identity }
    flow.decision = marked
    return marked
  }

  return {
    take(record: ConntrackRecord): void {
      const flow = flows.observe(record, onStep)
      countScope(flow)
      flows.rest(flow)
    },
    dumpEnded: (startedAt: Micros, at: Micros, hasV4: boolean, hasV6: boolean) =>
      flows.dumpEnded(startedAt, at, hasV4, hasV6),
    /** Some entry of the ledger ended: open flows of its holder are marked and say so once. */
    holdersChanged(at: Micros): void {
      for (const flow of flows.open(hasLostHolder)) {
        const { decision } = flow
        if (decision?.scope === 'inner' && !isFinished(flow) && markHolder(flow, decision) !== null)
          push('flow-progress', flow, at, at, 'holder-changed')
        flows.rest(flow)
      }
    },
    tick,
    /** Every flow whose first record came before this has been told, as of this watermark. */
    settled(watermark: Micros): Micros {
      const next = waiting.peek()
      return next === undefined ? watermark : Math.min(watermark, next.dueAt - SETTLE)
    },
    get pending(): number {
      return waiting.length
    },
    get forced(): number {
      return forced
    },
    save: (): SavedFlowDesk => ({ waiting: waiting.save(), sweptAt, forced }),
  }

  function countScope(flow: Flow): void {
    if (flow.decision === null) flow.linesUndecided++
    else if (flow.decision.scope === 'out') scope.conntrackOut++
    else scope.conntrackIn++
  }
}

/** Whether the flow's holder may have to be marked as a former one. */
function hasLostHolder(decision: Decision | null, isHolderChanged: boolean): boolean {
  if (decision?.scope !== 'inner' || isHolderChanged) return false
  const { entry } = decision.claim
  return entry !== null && entry.until !== Number.POSITIVE_INFINITY
}

function hasMoved(flow: Flow): boolean {
  const { counters, reported } = flow
  return counters.sourceBytes !== reported.sourceBytes || counters.destinationBytes !== reported.destinationBytes
}
