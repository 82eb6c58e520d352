/**
 * How far a correlator may go: what everybody it waits for has told is complete. A machine tells its own progress; another partition
 * tells until when its second hops are told, and those take effect HOP_DELAY later than they stand.
 */
import { AUDIT_LATENESS } from '../sources/auditd/record.ts'
import { type Micros, SECOND } from '../time.ts'
import type { ProgressMessage } from './messages.ts'
import type { Patience } from './partition-core.ts'

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
  progress(message: ProgressMessage): void
  /** `topic`: a machine tells in two, and each is in order. A machine that has told nothing else is waited for from now on. */
  ofMachine(machine: string, topic: string, at: Micros, n: number): Timeliness
  ofPartition(partition: number, at: Micros, n: number): Timeliness
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
  /** The newest late message taken, by topic. */
  readonly late: Map<string, { readonly at: Micros; readonly n: number }>
}

type Machine = Teller & { reached: Micros; settled: Micros; isFinished: boolean }

/** Machines that may speak; a message of one more is refused. */
export const MACHINES_MAX = 100_000

export function createFrontier(partition: number, partitions: number, saved?: SavedFrontier): Frontier {
  const machines = saved?.machines ?? new Map<string, Machine>()
  const others =
    saved?.partitions ??
    new Map<number, Teller>(
      Array.from({ length: partitions }, (_, i) => i)
        .filter((each) => each !== partition)
        .map((each) => [each, newTeller()]),
    )
  let workedAt = saved?.at ?? Number.NEGATIVE_INFINITY
  let hopsTold = saved?.hopsTold ?? Number.NEGATIVE_INFINITY

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

  function progress(message: ProgressMessage): void {
    if (message.kind === 'partition') {
      const other = others.get(message.partition)
      if (other !== undefined) other.complete = Math.max(other.complete, message.reached)
      return
    }
    // Of one too many, messages are refused, and nobody waits for it.
    if (machines.size >= MACHINES_MAX && !machines.has(message.machine)) return
    const machine = machineOf(message.machine)
    // An agent that begins anew tells again what it has told.
    if (message.reached < machine.reached) return
    machine.reached = message.reached
    machine.settled = Math.max(machine.settled, message.settled)
    machine.isFinished = message.isFinished
    // What stands at the last position of all is there, too.
    machine.complete = message.isFinished ? message.reached + 1 : Math.max(machine.complete, message.reached)
  }

  function timelinessOf(teller: Teller, topic: string, before: Micros, at: Micros, n: number): Timeliness {
    if (at < teller.worked) return 'repeated'
    if (at >= before) return 'new'
    const late = teller.late.get(topic)
    if (late !== undefined && (at < late.at || (at === late.at && n <= late.n))) return 'repeated'
    teller.late.set(topic, { at, n })
    return 'late'
  }

  return {
    progress,
    ofMachine: (machine, topic, at, n) => timelinessOf(machineOf(machine), topic, workedAt, at, n),
    ofPartition(from, at, n) {
      const other = others.get(from)
      if (other === undefined) throw new Error('a partition that is none')
      return timelinessOf(other, 'hosts', hopsTold, at, n)
    },
    machines({ expected, givenUp }) {
      for (const name of expected) if (!machines.has(name)) return Number.NEGATIVE_INFINITY
      let least = Number.POSITIVE_INFINITY
      let last = Number.NEGATIVE_INFINITY
      for (const [name, { complete, settled, isFinished }] of machines) {
        last = Math.max(last, complete)
        // What is decided asks for all flows until AUDIT_LATENESS ago.
        if (!isFinished && !givenUp.has(name)) least = Math.min(least, complete, settled + AUDIT_LATENESS)
      }
      return least === Number.POSITIVE_INFINITY ? last : least
    },
    partitions({ givenUp }) {
      let least = Number.POSITIVE_INFINITY
      for (const [each, { complete }] of others)
        if (!givenUp.has(`partition:${each}`)) least = Math.min(least, complete)
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

function newTeller(): Teller {
  return { complete: Number.NEGATIVE_INFINITY, worked: Number.NEGATIVE_INFINITY, late: new Map() }
}
