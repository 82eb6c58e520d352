/**
 * How far a correlator may go: what everybody it waits for has told is complete. A machine tells its own progress; another partition
 * tells until when its second hops are told, and those take effect HOP_DELAY later than they stand.
 */
import { AUDIT_LATENESS } from '../sources/auditd/record.ts'
import { MINUTE, type Micros, SECOND } from '../time.ts'
import type { MachineProgress, ProgressMessage } from './messages.ts'
import type { Patience } from './partition-core.ts'
import { createTimeBelief } from './time-belief.ts'

/** What happens on hosts of other partitions is known this much later. A connection is asked for 2 s after it. */
export const HOP_LAG: Micros = 2 * SECOND
/**
 * A hop takes effect this much later than it stands, and two partitions may be apart by as much. An answer that a stop of the clock told
 * is there just before the stop HOP_LAG later: a login is older than its connections, and one process asks the older first. How a clock
 * stands is there just after it: that follows from the newest connections, which are asked last.
 */
export const HOP_DELAY: Micros = HOP_LAG - 1

/** What a message is, by where it stands. `repeated`: it was worked off. `late`: others were, while its teller was given up. */
export type Timeliness = 'new' | 'late' | 'repeated'

export type Frontier = {
  /** False: of nobody known, of a machine too many, or of a time that is not believed. It moves nothing. `isProven`: see PartitionCore. */
  progress(message: ProgressMessage, isProven?: boolean): boolean
  /**
   * `topic`: a machine tells in two, and each is in order. A machine that has told nothing else is waited for from now on, SILENT_MAX at
   * most. Both throw Error with a short reason for what stands too far in the future.
   */
  ofMachine(machine: string, topic: string, at: Micros, n: number): Timeliness
  ofPartition(partition: number, at: Micros, n: number): Timeliness
  /** That one was worked off: when it comes again and its teller was given up, it is known. */
  handled(teller: string | number, topic: string, at: Micros, n: number): void
  /** Until when messages of machines are here; -Infinity while somebody expected has not spoken. */
  machines(patience: Patience): Micros
  /** Until when hops of the other partitions are here. */
  partitions(patience: Patience): Micros
  /** Every machine has told all it ever will: the last position of any of them. Null while more may come. */
  end(patience: Patience): Micros | null
  /** Inputs before `at` were worked off, hops from before `hopsTold`. */
  worked(at: Micros, hopsTold: Micros): void
  /** Live references. */
  save(): SavedFrontier
}

/** Plain data. */
export type SavedFrontier = {
  readonly machines: Map<string, Machine>
  readonly partitions: Map<number, Teller>
  readonly at: Micros
  readonly hopsTold: Micros
}

type Teller = {
  /** All of it that stands before this is here. */
  complete: Micros
  /** All of it that stands before this was here when it was worked off. */
  worked: Micros
  /** All of it before this ought to be here, by what it told; but not all that was there when it told it has been read. */
  believed?: Micros
  /** The newest message that was late, or worked off before it was known that all before it is here; by topic. */
  readonly late: Map<string, { readonly at: Micros; readonly n: number }>
}

type Machine = Teller & {
  reached: Micros
  settled: Micros
  isFinished: boolean
  /** Of one that has told no progress: where the others stood when it was first waited for. */
  silentFrom?: Micros
  /** Its newest progress stands too far in the future: it is not waited for. */
  isAhead?: boolean
}

/** Machines that may speak; a message of one more is refused. */
export const MACHINES_MAX = 100_000
/**
 * Progress follows its messages within moments. Who tells none is waited for until the others have gone on by this much: the tier gives
 * up only whom it knows, by progress or by a promise, and a message of nobody must not stop a partition for good.
 */
const SILENT_MAX: Micros = MINUTE
/** `now`: wall clock; left out, every time is believed. */
export function createFrontier(
  partition: number,
  partitions: number,
  saved?: SavedFrontier,
  now: () => Micros = () => Number.POSITIVE_INFINITY,
): Frontier {
  const machines = saved?.machines ?? new Map<string, Machine>()
  // There may be more of them than when it was saved, or fewer.
  const others = new Map<number, Teller>(
    Array.from({ length: partitions }, (_, i) => i)
      .filter((each) => each !== partition)
      .map((each) => [each, saved?.partitions.get(each) ?? newTeller()]),
  )
  let workedAt = saved?.at ?? Number.NEGATIVE_INFINITY
  let hopsTold = saved?.hopsTold ?? Number.NEGATIVE_INFINITY
  const belief = createTimeBelief(now)

  function machineOf(name: string): Machine {
    let known = machines.get(name)
    if (known !== undefined) return known
    if (machines.size >= MACHINES_MAX) throw new Error('too many machines')
    known = {
      ...newTeller(),
      reached: Number.NEGATIVE_INFINITY,
      settled: Number.NEGATIVE_INFINITY,
      isFinished: false,
    }
    machines.set(name, known)
    return known
  }

  function refuseFarAhead(at: Micros): void {
    if (!belief.isBelieved(at, workedAt))
      throw new Error(`it stands more than a day ahead of the wall clock, at ${at} us`)
  }

  function progress(message: ProgressMessage, isProven = true): boolean {
    if (message.kind === 'partition') {
      const other = others.get(message.partition)
      if (other === undefined || !belief.isBelieved(message.reached, workedAt)) return false
      completeTo(other, message.reached, isProven)
      return true
    }
    // Of one too many, messages are refused, and nobody waits for it.
    if (machines.size >= MACHINES_MAX && !machines.has(message.machine)) return false
    const machine = machineOf(message.machine)
    const isAhead = !belief.isBelieved(message.reached, workedAt)
    belief.heard(message.machine, message.reached)
    machine.isAhead = isAhead
    if (!isAhead) machineTold(machine, message, isProven)
    return !isAhead
  }

  function machineTold(machine: Machine, { reached, settled, isFinished }: MachineProgress, isProven: boolean): void {
    // An agent that begins anew tells again what it has told.
    if (reached < machine.reached) return
    machine.reached = reached
    // Who had told all, and goes on (a run after one that read to the end), has flows to tell again.
    machine.settled = machine.isFinished && !isFinished ? settled : Math.max(machine.settled, settled)
    machine.isFinished = isFinished
    // What stands at the last position of all is there, too.
    completeTo(machine, isFinished ? reached + 1 : reached, isProven)
  }

  /** `others`: until when everybody else has told all. */
  function isWaitedFor(silent: Machine, others: Micros): boolean {
    if (!Number.isFinite(others)) return true
    silent.silentFrom ??= others
    return others < silent.silentFrom + SILENT_MAX
  }

  function timelinessOf(teller: Teller, topic: string, before: Micros, at: Micros, n: number): Timeliness {
    if (at < teller.worked) return 'repeated'
    if (at >= before) return 'new'
    const late = teller.late.get(topic)
    if (late !== undefined && (at < late.at || (at === late.at && n <= late.n))) return 'repeated'
    teller.late.set(topic, { at, n })
    return 'late'
  }

  function tellerOf(name: string | number): Teller | undefined {
    return typeof name === 'string' ? machines.get(name) : others.get(name)
  }

  return {
    progress,
    ofMachine(machine, topic, at, n) {
      refuseFarAhead(at)
      return timelinessOf(machineOf(machine), topic, workedAt, at, n)
    },
    ofPartition(from, at, n) {
      const other = others.get(from)
      if (other === undefined) throw new Error('a partition that is none')
      refuseFarAhead(at)
      return timelinessOf(other, 'hosts', hopsTold, at, n)
    },
    handled(name, topic, at, n) {
      const teller = tellerOf(name)
      if (teller === undefined || at < teller.complete) return
      const late = teller.late.get(topic)
      if (late === undefined || at > late.at || (at === late.at && n > late.n)) teller.late.set(topic, { at, n })
    },
    machines({ expected, givenUp }) {
      for (const name of expected) if (!machines.has(name)) return Number.NEGATIVE_INFINITY
      let least = Number.POSITIVE_INFINITY
      let last = Number.NEGATIVE_INFINITY
      const silent: Machine[] = []
      for (const [name, machine] of machines) {
        const { reached, settled, isFinished, isAhead = false } = machine
        const complete = believedOf(machine)
        last = Math.max(last, complete)
        if (isFinished || isAhead || givenUp.has(name)) continue
        // What is decided asks for all flows until AUDIT_LATENESS ago.
        if (reached > Number.NEGATIVE_INFINITY) least = Math.min(least, complete, settled + AUDIT_LATENESS)
        else silent.push(machine)
      }
      const all = least === Number.POSITIVE_INFINITY ? last : least
      return silent.some((machine) => isWaitedFor(machine, all)) ? Number.NEGATIVE_INFINITY : all
    },
    partitions({ givenUp }) {
      let least = Number.POSITIVE_INFINITY
      for (const [each, other] of others)
        if (!givenUp.has(`partition:${each}`)) least = Math.min(least, believedOf(other))
      return least
    },
    end({ expected }) {
      for (const name of expected) if (!machines.has(name)) return null
      let last = Number.NEGATIVE_INFINITY
      for (const { reached, isFinished } of machines.values()) {
        if (!isFinished) return null
        last = Math.max(last, reached)
      }
      return machines.size === 0 ? null : last
    },
    worked(at, told) {
      workedAt = Math.max(workedAt, at)
      hopsTold = Math.max(hopsTold, told)
      for (const machine of machines.values())
        machine.worked = Math.max(machine.worked, Math.min(workedAt, machine.complete))
      for (const other of others.values()) other.worked = Math.max(other.worked, Math.min(hopsTold, other.complete))
    },
    save: () => ({ machines, partitions: others, at: workedAt, hopsTold }),
  }
}

function completeTo(teller: Teller, reached: Micros, isProven: boolean): void {
  if (isProven) teller.complete = Math.max(teller.complete, reached)
  else teller.believed = Math.max(believedOf(teller), reached)
}

function believedOf({ complete, believed = complete }: Teller): Micros {
  return Math.max(complete, believed)
}

function newTeller(): Teller {
  return { complete: Number.NEGATIVE_INFINITY, worked: Number.NEGATIVE_INFINITY, late: new Map() }
}
