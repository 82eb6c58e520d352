/**
 * When programs that change peers ran on a gateway, by its audit log: what narrows the time between two polls in which the
 * ledger changed (design 5.2). Bounded by count; between two polls only the outer bounds matter.
 */
import { type Micros, MS } from '../time.ts'

export type ChangeTimes = {
  /** A program ran from `from` to at most `to`; `eventId` is the document that shows it. */
  note(from: Micros, to: Micros, eventId: string): void
  /** All that ran after `before` and until `at`; null when nothing did. Forgets what is older. */
  between(before: Micros, at: Micros): ChangeWindow | null
  save(): SavedChangeTimes
}

export type SavedChangeTimes = { readonly from: Micros; readonly to: Micros; readonly eventId: string }[]

export type ChangeWindow = { readonly from: Micros; readonly to: Micros; readonly eventIds: readonly string[] }

/** Between two polls; more than this is a script gone wild, and narrows nothing. */
const NOTES_MAX = 256
/** Ids a change names as its evidence. */
const IDS_MAX = 16
/** Stamps of the audit log have the grain of the kernel's tick, 10 ms at most. */
const TICK_GRAIN: Micros = 10 * MS

export function createChangeTimes(saved?: SavedChangeTimes): ChangeTimes {
  let notes: SavedChangeTimes = saved ?? []
  return {
    note(from, to, eventId) {
      notes.push({ from: from - TICK_GRAIN, to, eventId })
      // The oldest and the newest bound the rest.
      if (notes.length > NOTES_MAX) notes.splice(1, 1)
    },
    between(before, at) {
      notes = notes.filter((each) => each.to > before)
      const within = notes.filter((each) => each.from <= at)
      if (within.length === 0) return null
      return {
        from: Math.max(before, Math.min(...within.map((each) => each.from))),
        to: Math.min(at, Math.max(...within.map((each) => each.to))),
        eventIds: within.slice(-IDS_MAX).map((each) => each.eventId),
      }
    },
    save: () => notes,
  }
}
