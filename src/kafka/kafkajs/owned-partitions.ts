/** What a member has of its group, and where it reads: the part of group membership that asks nobody. */

/** A partition number of all topics, from its assignment to its end. Another assignment of the same number is another object. */
export type Owned = {
  readonly partition: number
  /** Offset of the next message to be handed on, by topic; all topics once it is ready. */
  readonly next: Map<string, number>
  /** Topics whose place is being looked up again. */
  readonly looking: Set<string>
  /** Its owner knows where to begin. */
  isReady: boolean
  /** Its owner wants nothing of it for now. */
  isHeld: boolean
  /** Not ours any more. */
  isGone: boolean
}

export type OwnedPartitions = {
  readonly numbers: ReadonlySet<number>
  get(partition: number): Owned | undefined
  /** Takes over what the group gave us. `isContinuous`: nobody else can have had any of ours since. */
  settle(given: ReadonlySet<number>, isContinuous: boolean): Settled
  /** Of the group no more. */
  letGo(): readonly Owned[]
}

export type Settled = {
  readonly lost: readonly Owned[]
  readonly kept: readonly Owned[]
  readonly gained: readonly Owned[]
}

export function createOwnedPartitions(): OwnedPartitions {
  const all = new Map<number, Owned>()
  const numbers = new Set<number>()
  const lose = (owned: Owned) => {
    owned.isGone = true
    all.delete(owned.partition)
    numbers.delete(owned.partition)
    return owned
  }
  const gain = (partition: number) => {
    const owned = {
      partition,
      next: new Map(),
      looking: new Set<string>(),
      isReady: false,
      isHeld: false,
      isGone: false,
    }
    all.set(partition, owned)
    numbers.add(partition)
    return owned
  }
  return {
    numbers,
    get: (partition) => all.get(partition),
    settle(given, isContinuous) {
      const lost = [...all.values()].filter(({ partition }) => !isContinuous || !given.has(partition)).map(lose)
      const kept = [...all.values()]
      const gained = [...given].filter((partition) => !all.has(partition)).toSorted((a, b) => a - b)
      return { lost, kept, gained: gained.map(gain) }
    },
    letGo: () => [...all.values()].map(lose),
  }
}
