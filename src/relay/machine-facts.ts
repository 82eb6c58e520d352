/**
 * What machines say of themselves with their progress: which addresses they put in place of their peers', which are their own, and which
 * of their sources have spoken. Each is told again and again; it is something new once, at its place on event time.
 */
import type { Micros } from '../time.ts'
import type { MachineProgress } from './messages.ts'

export type MachineFact = {
  readonly machine: string
  /** Since when it is known. */
  readonly at: Micros
} & (
  | {
      /** `mask`: source NAT puts the address in place of peers'. `own-address`: packets end on the machine there. */
      readonly what: 'mask' | 'own-address'
      readonly address: string
    }
  /** By source, the arrival of its first record; 0 = not of a time. */
  | { readonly what: 'spoke'; readonly sources: ReadonlyMap<string, Micros> }
)

export type MachineFacts = {
  /** What this message says that none before it has said. */
  fresh(message: MachineProgress): readonly MachineFact[]
  /** It takes effect now. */
  own(machine: string, address: string): void
  isOwnAddress(machine: string, address: string): boolean
  /** Facts left out because there were too many. */
  readonly left: number
  /** Live references. */
  save(): SavedMachineFacts
}

/** Plain data. */
export type SavedMachineFacts = {
  readonly known: Set<string>
  readonly own: Set<string>
  /** Sources that have spoken, by machine. */
  readonly spoke: Map<string, number>
  readonly left: number
}

/** Of all machines together; about 100 bytes each. */
const FACTS_MAX = 262_144

export function createMachineFacts(saved?: SavedMachineFacts): MachineFacts {
  const known = saved?.known ?? new Set<string>()
  const own = saved?.own ?? new Set<string>()
  const spoke = saved?.spoke ?? new Map<string, number>()
  let left = saved?.left ?? 0

  function isFresh(key: string): boolean {
    if (known.has(key)) return false
    if (known.size < FACTS_MAX) known.add(key)
    else left++
    return known.has(key)
  }

  function addressesIn(
    what: 'mask' | 'own-address',
    machine: string,
    told: MachineProgress['masks'],
  ): readonly MachineFact[] {
    return told
      .filter(([address]) => isFresh(`${what}\0${keyOf(machine, address)}`))
      .map(([address, at]) => ({ what, machine, address, at }))
  }

  /** Machines are as many as the frontier knows (correlator-frontier.ts). */
  function sourcesIn({ machine, reached, sources }: MachineProgress): readonly MachineFact[] {
    const arrivals = new Map(Object.entries(sources))
    if (spoke.get(machine) === arrivals.size) return []
    spoke.set(machine, arrivals.size)
    return [{ what: 'spoke', machine, sources: arrivals, at: reached }]
  }

  return {
    fresh: (message) => [
      ...addressesIn('mask', message.machine, message.masks),
      ...addressesIn('own-address', message.machine, message.ownAddresses),
      ...sourcesIn(message),
    ],
    own: (machine, address) => void own.add(keyOf(machine, address)),
    isOwnAddress: (machine, address) => own.has(keyOf(machine, address)),
    get left() {
      return left
    },
    save: () => ({ known, own, spoke, left }),
  }
}

function keyOf(machine: string, address: string): string {
  return `${machine}\0${address}`
}
