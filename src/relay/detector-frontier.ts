/**
 * Until when the documents of flows and of the packet log are in the events topic. A machine tells, with each position it has got to,
 * until when its flows were told (`settled`); those that end on an audited host are told on by the correlators, which is why it
 * counts only when they have got to that position too.
 */
import type { Micros } from '../time.ts'
import type { MachineProgress, PartitionProgress, ProgressMessage } from './messages.ts'
import type { Patience } from './partition-core.ts'

export type DetectorFrontier = {
  progress(message: ProgressMessage): void
  /** Takes what was told since into account. */
  look(patience: Patience): void
  /** Never goes back; -Infinity at the beginning. */
  readonly reached: Micros
  /** Of nobody more is to come: everybody has finished, or is given up. */
  readonly isEnd: boolean
  save(): SavedDetectorFrontier
}

/** Plain data. */
export type SavedDetectorFrontier = {
  readonly machines: Map<string, Machine>
  readonly partitions: Map<number, Micros>
  readonly reached: Micros
}

/** At that position flows from before `settled` were told. */
type Told = { readonly at: Micros; readonly settled: Micros; readonly isFinished: boolean }

type Machine = {
  /** The newest that correlators have got to; null = none. */
  told: Told | null
  /** What they have not got to yet, in order. */
  ahead: Told[]
}

/** What a machine told that correlators have not got to; beyond it every other one is left out, which makes steps longer. */
const AHEAD_MAX = 64
/** Machines that may speak; one more is not waited for. */
export const MACHINES_MAX = 100_000

/** `correlators`: how many partitions they have. */
export function createDetectorFrontier(correlators: number, saved?: SavedDetectorFrontier): DetectorFrontier {
  const machines = saved?.machines ?? new Map<string, Machine>()
  const partitions = saved?.partitions ?? new Map<number, Micros>()
  let reached = saved?.reached ?? Number.NEGATIVE_INFINITY
  let isEnd = false

  function machineTold({ machine: name, reached: at, settled, isFinished }: MachineProgress): void {
    let machine = machines.get(name)
    if (machine === undefined) {
      if (machines.size >= MACHINES_MAX) return
      machine = { told: null, ahead: [] }
      machines.set(name, machine)
    }
    const newest = machine.ahead.at(-1) ?? machine.told
    // An agent that begins anew tells again what it has told.
    if (newest !== null && at < newest.at) return
    machine.ahead.push({ at, settled, isFinished })
    if (machine.ahead.length > AHEAD_MAX)
      machine.ahead = machine.ahead.filter((_, i, all) => i % 2 === 0 || i === all.length - 1)
  }

  function partitionTold({ partition, reached, worked: at = reached }: PartitionProgress): void {
    if (partition < correlators) partitions.set(partition, Math.max(partitions.get(partition) ?? at, at))
  }

  function correlated({ givenUp }: Patience): Micros {
    let least = Number.POSITIVE_INFINITY
    for (let partition = 0; partition < correlators; partition++)
      if (!givenUp.has(`partition:${partition}`))
        least = Math.min(least, partitions.get(partition) ?? Number.NEGATIVE_INFINITY)
    return least
  }

  return {
    progress(message) {
      if (message.kind === 'machine') machineTold(message)
      else partitionTold(message)
    },
    look(patience) {
      const until = correlated(patience)
      const isExpected = [...patience.expected].some((name) => !machines.has(name))
      let least = Number.POSITIVE_INFINITY
      let last = Number.NEGATIVE_INFINITY
      for (const [name, machine] of machines) {
        catchUp(machine, until)
        const { told, ahead } = machine
        // Who has told all says so with a time at the end of time; more may come all the same.
        if (told !== null) last = Math.max(last, Math.min(told.at, told.settled))
        // A finished one has told everything; but what it told last may not have been told on.
        if (patience.givenUp.has(name) || (told?.isFinished === true && ahead.length === 0)) continue
        least = Math.min(least, told?.settled ?? Number.NEGATIVE_INFINITY)
      }
      isEnd = !isExpected && machines.size > 0 && least === Number.POSITIVE_INFINITY
      if (!isExpected) reached = Math.max(reached, isEnd ? last : machines.size === 0 ? reached : least)
    },
    get reached() {
      return reached
    },
    get isEnd() {
      return isEnd
    },
    save: () => ({ machines, partitions, reached }),
  }
}

/** What the correlators have got to by now. */
function catchUp(machine: Machine, until: Micros): void {
  const first = machine.ahead.findIndex(({ at }) => at > until)
  const reached = machine.ahead.splice(0, first < 0 ? machine.ahead.length : first)
  machine.told = reached.at(-1) ?? machine.told
}
