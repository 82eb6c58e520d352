/**
 * The correlator of one partition: messages of many machines in one order, worked off by the very desks that one process for all of them
 * would have (host-desks.ts), as far as everybody has told all.
 *
 *   take… progress… ─► order ─► clock ─► desks ─► documents
 *                                    └─► second hops to other partitions
 *
 * What comes out follows from the messages and where they stand; how they were interleaved, repeated, cut or told late plays no part.
 */
import { createClockStops, type SavedClockStops, TICK } from '../clock-stops.ts'
import { createHostDesks, type DividedDesks, type SavedHostDesks } from '../correlate/hosts/host-desks.ts'
import type { Event } from '../event.ts'
import type { Inventory } from '../identity/inventory.ts'
import { AUDIT_LATENESS } from '../sources/auditd/record.ts'
import type { Micros } from '../time.ts'
import { createCorrelatorCoverage, type SavedCorrelatorCoverage } from './correlator-coverage.ts'
import { createFrontier, HOP_DELAY, HOP_LAG, type SavedFrontier, type Timeliness } from './correlator-frontier.ts'
import { type Input, isFact, isFirstOf } from './correlator-input.ts'
import { type Place, START } from './correlator-place.ts'
import { createFlowWait, type SavedFlowWait } from './flow-wait.ts'
import { decodeHopAnswer } from './hop-answers.ts'
import { createHopExport, type HopDraft, type SavedHopExport } from './hop-export.ts'
import { createHopImport, type SavedHopImport } from './hop-import.ts'
import { createHopWatch, type SavedHopWatch } from './hop-watch.ts'
import { createInputOrder, type SavedInputOrder, type Standing } from './input-order.ts'
import { createMachineFacts, type SavedMachineFacts } from './machine-facts.ts'
import type {
  AuditMessage,
  FlowMessage,
  HopAnswerMessage,
  HopClockMessage,
  HopMessage,
  HostsMessage,
  LineMessage,
} from './messages.ts'
import type { CoreOutput, PartitionCore, Patience } from './partition-core.ts'
import { createRecentMessages, recentId, type SavedRecentMessages } from './recent-messages.ts'

export type CorrelatorOptions = {
  readonly partition: number
  readonly partitions: number
  /** Which partition a machine's messages go to. */
  readonly partitionOf: (machine: string) => number
  readonly inventory: Inventory
  /** There may be no end: what never spoke is said while it goes on. */
  readonly isLive: boolean
  /** Wall clock, for nothing but times that lie too far ahead of it to be believed; left out, all are. */
  readonly now?: () => Micros
}

export type Correlator = Omit<PartitionCore, 'take' | 'worked'> & {
  /** See PartitionCore. */
  worked(): Micros
  /** A flow's document, or a line's, as it was before it became this message. */
  takeFlow(message: FlowMessage | LineMessage, event: Event): void
  /** Throws Error with a short reason for what no correlator told; nothing has changed then. */
  takeHost(message: HostsMessage): void
}

/** Plain data; see PartitionCore.save. */
export type SavedCorrelator = {
  /** Stands first: its origins are in an order that keeps the serializer from recursing. */
  readonly desks: SavedHostDesks
  readonly hopsOut: SavedHopExport
  readonly hopsIn: SavedHopImport
  readonly hopWatch: SavedHopWatch
  readonly order: SavedInputOrder<Input>
  readonly flowWait: SavedFlowWait
  readonly facts: SavedMachineFacts
  readonly frontier: SavedFrontier
  readonly recent?: SavedRecentMessages
  readonly coverage: SavedCorrelatorCoverage
  readonly clock: SavedClockStops
  readonly place: Place
}

/**
 * At the end nobody's clock moves any more, and who is behind a login may hang on logins of other partitions: so many rounds are waited
 * for, one for each hop of a chain.
 */
const END_ROUNDS = 8
/** Stands before the number of a partition, where who told something is named. */
const PARTITION = 'partition:'

/** `saved`: as `save` of the same partition's correlator gave it. */
export function createCorrelator(
  { partition, partitions, partitionOf, inventory, isLive, now: wallClock }: CorrelatorOptions,
  output: CoreOutput,
  saved?: SavedCorrelator,
): Correlator {
  const place: Place = { ...(saved?.place ?? START) }
  let now = place.worked // where what is worked off at the moment stands
  const order = createInputOrder<Input>(saved?.order)
  const flowWait = createFlowWait(saved?.flowWait)
  const facts = createMachineFacts(saved?.facts)
  const frontier = createFrontier(partition, partitions, saved?.frontier, wallClock)
  const recent = createRecentMessages(saved?.frontier.at ?? Number.NEGATIVE_INFINITY, saved?.recent)
  const desks = openDesks()
  const hopsOut = createHopExport({ clockOf: (host) => desks.clockOf(host), send }, saved?.hopsOut)
  const hopsIn = createHopImport(saved?.hopsIn)
  const isOurs = (machine: string): boolean => partitionOf(machine) === partition
  const hopWatch = createHopWatch(inventory, (host) => !isOurs(host), saved?.hopWatch)
  const coverage = createCorrelatorCoverage({ inventory, isOurs, isLive, place }, output.emit, saved?.coverage)
  const clock = createClockStops(stop, saved?.clock)

  function openDesks(): DividedDesks {
    return createHostDesks(
      {
        hosts: new Map(),
        inventory,
        hasFlows: true,
        isOwnAddress: (machine, address) => facts.isOwnAddress(machine, address),
        // Who reads the log has told the gateway already.
        changed: () => {},
        elsewhere: {
          connected(connect) {
            const other = partitionOf(connect.serverHost)
            if (other === partition) return false
            hopsOut.connected(connect, other, now)
            return true
          },
          delayOf: (host) => (isOurs(host) ? 0 : HOP_LAG),
        },
      },
      output.emit,
      saved?.desks,
    )
  }

  function send(to: number, draft: HopDraft): void {
    const at = Math.max(now, place.promised)
    place.sentN = at === place.sentAt ? place.sentN + 1 : 0
    place.sentAt = at
    output.send(to, { ...draft, at, n: place.sentN, from: partition })
  }

  function stop(at: Micros): void {
    const watermark = Math.floor((at - AUDIT_LATENESS) / TICK) * TICK
    if (watermark <= place.tickedAt) return
    now = at
    place.tickedAt = watermark
    place.settled = Math.max(place.settled, Math.min(watermark, flowWait.from(at)))
    desks.tick(watermark, place.settled)
    hopsOut.look(now)
    hopsIn.expire(watermark)
    coverage.tick(watermark, limits())
  }

  function handle({ at, from, told, n, value }: Standing<Input>): void {
    now = Math.max(at, place.worked)
    if (!isFact(value)) frontier.handled(tellerOf(from, value), topicOf(value), told, n)
    switch (value.what) {
      case 'flow':
        output.emit(desks.pass(value.event))
        break
      case 'line':
        desks.pass(value.event)
        break
      case 'audit':
        hear(value)
        break
      case 'hop':
        desks.connected(hopsIn.connectOf(value.message))
        break
      case 'hop-answer':
        hopsIn.answered(value.login, value.told)
        break
      case 'hop-clock':
        desks.tellClock(value.host, value)
        break
      case 'mask':
        desks.noteMask(value.machine, value.address)
        break
      case 'own-address':
        facts.own(value.machine, value.address)
        break
      case 'spoke':
        coverage.spoke(value.machine, value.sources)
        break
      default:
        value satisfies never
    }
  }

  function hear({ machine, scope, event }: Pick<AuditMessage, 'machine' | 'scope' | 'event'>): void {
    desks.open(machine, scope)
    if (place.speaker === '') place.speaker = machine
    if (event.node !== '') coverage.named(event.node)
    desks.take(machine, event)
  }

  /** Works off what stands before `upTo`, at most `max` inputs; returns how many of them are left to do. */
  function workTo(upTo: Micros, max: number): number {
    let left = max
    for (let next = order.peek(); next !== undefined && next.at < upTo; next = order.peek()) {
      if (left === 0) return 0
      if (isFact(next.value)) clock.pass(next.at)
      else clock.advance(next.at)
      const input = order.shift()
      if (input === null) place.repeated++
      else handle(input)
      place.worked = Math.max(place.worked, next.at)
      left--
    }
    if (upTo > place.worked && Number.isFinite(upTo)) {
      clock.pass(upTo)
      place.worked = upTo
    }
    return left
  }

  function advance(max: number, patience: Patience): boolean {
    const machines = frontier.machines(patience)
    const others = frontier.partitions(patience)
    const end = frontier.end(patience)
    if (end !== place.endAt) begin(end)
    const left = workTo(Math.min(machines, others + HOP_DELAY), max)
    const isWhole = left > 0 && place.worked >= machines
    frontier.worked(place.worked, place.worked - HOP_DELAY)
    if (end !== null && isWhole && !place.isEnded) endRounds(end, others)
    promise(machines)
    return left === 0
  }

  /** Another end than before, or none: somebody has more to tell after all. */
  function begin(end: Micros | null): void {
    place.endAt = end ?? Number.NaN
    place.endRound = 0
    place.isEnded = false
  }

  /** All is told: what hangs on other partitions' logins is asked again as often as they tell more of them. */
  function endRounds(end: Micros, others: Micros): void {
    place.promised = Math.max(place.promised, end + 1)
    const rounds = partitions > 1 ? END_ROUNDS : 0
    while (place.endRound < rounds) {
      const at = end + 1 + place.endRound
      if (others < at) return
      for (let next = order.peek(); next !== undefined && next.told < at; next = order.peek()) {
        const input = order.shift()
        if (input !== null) handle(input)
      }
      frontier.worked(place.worked, at)
      now = at
      desks.settle()
      hopsOut.look(now)
      place.endRound++
      place.promised = Math.max(place.promised, at + 1)
    }
    now = place.promised
    desks.tick(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    desks.end()
    coverage.end(end, limits())
    place.isEnded = true
  }

  /** What is sent follows from new hops, and, where others ask for more, from whatever is decided. */
  function promise(machines: Micros): void {
    const next = order.peek()?.at ?? Number.POSITIVE_INFINITY
    const isFree = !hopsOut.isAsked || !desks.isWaiting()
    const first = hopsOut.isAsked ? next : hopWatch.from(place.worked)
    place.promised = Math.max(place.promised, isFree ? Math.min(first, machines) : place.worked)
  }

  function limits() {
    return [
      ...desks.limits(),
      { name: 'hop-logins', count: hopsIn.evicted + hopsOut.evicted },
      { name: 'machine-facts', count: facts.left },
    ]
  }

  function isNew(timeliness: Timeliness): boolean {
    if (timeliness === 'repeated') place.repeated++
    if (timeliness === 'late') place.late++
    return timeliness !== 'repeated'
  }

  function takeMachine(message: FlowMessage | LineMessage | AuditMessage, topic: string, value: Input): void {
    const { machine, at, n } = message
    const id = recentId(nameOf(message))
    const byPlace = frontier.ofMachine(machine, topic, at, n)
    const isMissed = byPlace === 'repeated' && recent.isWhole(at)
    if (!isNew(recent.has(id) ? 'repeated' : isMissed ? 'late' : byPlace)) return
    recent.add(id, at)
    order.push({ at, from: machine, told: at, n, id, value })
  }

  function takeHop({ from, at, n }: HopMessage | HopAnswerMessage | HopClockMessage, value: Input): void {
    if (!isNew(frontier.ofPartition(from, at, n))) return
    const effectAt = at + (value.what === 'hop-clock' ? HOP_LAG : HOP_DELAY)
    order.push({ at: effectAt, from: `${PARTITION}${from}`, told: at, n, value })
  }

  function takeHost(message: HostsMessage): void {
    switch (message.kind) {
      case 'audit':
        takeMachine(message, 'hosts', {
          what: 'audit',
          machine: message.machine,
          scope: message.scope,
          event: message.event,
        })
        hopWatch.add(message)
        break
      case 'hop':
        takeHop(message, { what: 'hop', message })
        break
      case 'hop-answer': {
        const { login, answer } = message
        takeHop(message, { what: 'hop-answer', login, told: decodeHopAnswer(answer) })
        break
      }
      case 'hop-clock': {
        const { host, offset, isMeasured } = message
        takeHop(message, { what: 'hop-clock', host, offset, isMeasured })
        break
      }
      default:
        message satisfies never
    }
  }

  function counts(): ReadonlyMap<string, number> {
    return new Map([
      ['repeated', place.repeated],
      ['late', place.late],
      ...limits().map(({ name, count }): [string, number] => [name, count]),
    ])
  }

  function save(): SavedCorrelator {
    return {
      desks: desks.save(),
      hopsOut: hopsOut.save(),
      hopsIn: hopsIn.save(),
      hopWatch: hopWatch.save(),
      order: order.save(),
      flowWait: flowWait.save(),
      facts: facts.save(),
      frontier: frontier.save(),
      recent: recent.save(),
      coverage: coverage.save(),
      clock: clock.save(),
      place,
    }
  }

  return {
    takeFlow(message, event) {
      const before = order.size
      takeMachine(message, 'flows', { what: message.kind, event })
      if (order.size > before && message.at >= place.worked && isFirstOf(event))
        flowWait.add(message.at, event.own['@timestamp'] ?? message.at)
    },
    takeHost,
    progress(message, isProven) {
      if (message.kind === 'partition' && message.partition === partition) return
      if (!frontier.progress(message, isProven) || message.kind !== 'machine') return
      for (const fact of facts.fresh(message)) {
        const { at, machine, what } = fact
        const name = what === 'spoke' ? '' : fact.address
        order.push({ at, from: `${machine}\0${what}\0${name}`, told: at, n: 0, value: fact })
      }
    },
    advance,
    get reached() {
      return place.promised
    },
    worked: () => workedOf(place),
    get waiting() {
      return order.size
    },
    counts,
    save,
  }
}

/** The same wherever it stands. */
function nameOf(message: FlowMessage | LineMessage | AuditMessage): string {
  if (message.kind !== 'audit') return `${message.kind} ${message.machine} ${message.own['event.id'] ?? ''}`
  const { machine, event } = message
  return `audit ${machine} ${event.node} ${event.at} ${event.serial} ${event.part}`
}

/** What is told at the end stands behind the last position of all. */
function workedOf({ isEnded, endAt, worked }: Place): Micros {
  return isEnded || Number.isNaN(endAt) ? worked : Math.min(worked, endAt - 1)
}

/** As the frontier knows who told it: a machine by name, a partition by number. */
function tellerOf(from: string, { what }: Input): string | number {
  const isHop = what === 'hop' || what === 'hop-answer' || what === 'hop-clock'
  return isHop ? Number(from.slice(PARTITION.length)) : from
}

function topicOf({ what }: Input): string {
  return what === 'flow' || what === 'line' ? 'flows' : 'hosts'
}
