/**
 * Which messages of machines came lately. A message that stands before what its machine was worked off to is nearly always one that
 * came before: machines tell again what they told since their last checkpoint. But a record that was late stood behind its time, and
 * read again after a restart it stands at its time. If it was not acknowledged before, it comes for the first time; else it comes again,
 * at another place, and moves others that stood there.
 */
import type { Micros } from '../time.ts'

export type RecentMessages = {
  add(id: number, at: Micros): void
  has(id: number): boolean
  /** Nothing that stands at or after `at` was forgotten: what is not known did not come. */
  isWhole(at: Micros): boolean
  /** Live references. */
  save(): SavedRecentMessages
}

/** Plain data. */
export type SavedRecentMessages = {
  readonly young: Set<number>
  readonly old: Set<number>
  readonly youngAt: Micros
  readonly oldAt: Micros
  readonly forgottenAt: Micros
}

/** Of each of two generations, for one partition: what its machines tell in the seconds between two checkpoints. Saved, 9 bytes each. */
const RECENT_MAX = 16_384

/** `forgotten`: where nothing is saved, until when messages may have come that are not known. */
export function createRecentMessages(forgotten: Micros, saved?: SavedRecentMessages): RecentMessages {
  let young = saved?.young ?? new Set<number>()
  let old = saved?.old ?? new Set<number>()
  /** Where the last of each generation stands. */
  let youngAt = saved?.youngAt ?? Number.NEGATIVE_INFINITY
  let oldAt = saved?.oldAt ?? Number.NEGATIVE_INFINITY
  let forgottenAt = saved?.forgottenAt ?? forgotten

  return {
    add(id, at) {
      if (young.size >= RECENT_MAX) {
        forgottenAt = Math.max(forgottenAt, oldAt)
        old = young
        oldAt = youngAt
        young = new Set()
        youngAt = Number.NEGATIVE_INFINITY
      }
      young.add(id)
      youngAt = Math.max(youngAt, at)
    },
    has: (id) => young.has(id) || old.has(id),
    isWhole: (at) => at > forgottenAt,
    save: () => ({ young, old, youngAt, oldAt, forgottenAt }),
  }
}

/** 52 bits of the name of a message: one of some hundred thousand million is taken for another of those kept. */
export function recentId(name: string): number {
  let low = 0x811c9dc5
  let high = 0x9e3779b9
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b) ^ (high >>> 15)
  }
  return (high >>> 12) * 0x1_0000_0000 + (low >>> 0)
}
