/**
 * Ids of the documents that were seen last: what comes again soon, after a kill or a lost acknowledgement, is known. Two generations, so
 * that forgetting costs nothing; what comes again later than that is for whoever counts to know by its time.
 */

/** Ids that are known at least; twice as many at most. About 100 bytes each. */
export const RECENT_IDS_MAX = 50_000

export type RecentIds = {
  /** False: it was seen before. */
  isNew(id: string): boolean
  save(): SavedRecentIds
}

/** Plain data: the older generation first. */
export type SavedRecentIds = readonly [Set<string>, Set<string>]

/** `saved`: what `save` gave. */
export function createRecentIds(saved?: SavedRecentIds, max = RECENT_IDS_MAX): RecentIds {
  let [older, newer] = saved ?? [new Set<string>(), new Set<string>()]
  return {
    isNew(id) {
      if (newer.has(id) || older.has(id)) return false
      newer.add(id)
      if (newer.size >= max) {
        older = newer
        newer = new Set()
      }
      return true
    },
    save: () => [older, newer],
  }
}
