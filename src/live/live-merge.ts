/**
 * Records of sources that are still being written, in one order: by arrival, then by the order the sources were given in, exactly as
 * a replay merges files (sources/merge.ts). A record goes out once no other source can bring an earlier one: its next record is
 * later, or its floor is, the time up to which it is known to have nothing more.
 */
import type { Micros } from '../time.ts'

export type LiveMerge<T extends { readonly arrival: Micros }> = {
  /** Records of one source in order of arrival. */
  push(source: number, items: readonly T[]): void
  /** Nothing that arrives before `at` will come from the source any more. Infinity: nothing at all. */
  floor(source: number, at: Micros): void
  /** Hands out records that may go, at most `max`, in order; returns how many. */
  release(each: (source: number, item: T) => void, max: number): number
  floorOf(source: number): Micros
  /** Nothing that arrives before this will go out any more. */
  readonly reached: Micros
  /** Records of one source that wait. */
  waiting(source: number): number
  /** Records that came when the order had passed them: they went out late. */
  readonly late: number
  save(): SavedLiveMerge<T>
}

export type SavedLiveMerge<T> = {
  readonly queues: readonly { readonly items: readonly T[]; readonly floor: Micros }[]
  readonly out: Micros
  readonly late: number
}

type Queue<T> = { items: T[]; head: number; floor: Micros }

/** A dead front shorter than this is not worth a copy. */
const DEAD_MAX = 4096

export function createLiveMerge<T extends { readonly arrival: Micros }>(
  count: number,
  saved?: SavedLiveMerge<T>,
): LiveMerge<T> {
  const queues = openQueues(count, saved)
  let out = saved?.out ?? Number.NEGATIVE_INFINITY
  let late = saved?.late ?? 0

  /** The earliest that may still come out of the queue. */
  const earliestOf = ({ items, head, floor }: Queue<T>): Micros => items[head]?.arrival ?? floor

  /** The source whose turn it is, except one: the earliest, of equally early ones the one given first. */
  function turn(except: number): number {
    let best = -1
    let at = Number.POSITIVE_INFINITY
    for (let i = 0; i < queues.length; i++) {
      const queue = queues[i]
      if (i === except || queue === undefined) continue
      const earliest = earliestOf(queue)
      if (best >= 0 && earliest >= at) continue
      best = i
      at = earliest
    }
    return best
  }

  function shift(queue: Queue<T>): void {
    queue.head++
    if (queue.head < DEAD_MAX || queue.head * 2 < queue.items.length) return
    queue.items = queue.items.slice(queue.head)
    queue.head = 0
  }

  return {
    push(source, items) {
      const queue = queues[source]
      if (queue === undefined) return
      for (const item of items) queue.items.push(item)
      const newest = items.at(-1)?.arrival
      if (newest !== undefined && newest > queue.floor) queue.floor = newest
    },
    floor(source, at) {
      const queue = queues[source]
      if (queue !== undefined && at > queue.floor) queue.floor = at
    },
    release(each, max) {
      let released = 0
      while (released < max) {
        const first = turn(-1)
        const queue = queues[first]
        if (queue === undefined || queue.head === queue.items.length) break
        const second = turn(first)
        const rival = queues[second]
        // Everything up to the runner-up's comes from this source.
        const limit = rival === undefined ? Number.POSITIVE_INFINITY : earliestOf(rival)
        const isBefore = rival === undefined || first < second
        for (; released < max; released++) {
          const item = queue.items[queue.head]
          if (item === undefined || (isBefore ? item.arrival > limit : item.arrival >= limit)) break
          shift(queue)
          if (item.arrival < out) late++
          else out = item.arrival
          each(first, item)
        }
      }
      return released
    },
    floorOf: (source) => queues[source]?.floor ?? Number.NEGATIVE_INFINITY,
    get reached() {
      let lowest = Number.POSITIVE_INFINITY
      for (const queue of queues) lowest = Math.min(lowest, earliestOf(queue))
      return lowest
    },
    waiting: (source) => {
      const queue = queues[source]
      return queue === undefined ? 0 : queue.items.length - queue.head
    },
    get late() {
      return late
    },
    save: () => ({
      queues: queues.map(({ items, head, floor }) => ({ items: items.slice(head), floor })),
      out,
      late,
    }),
  }
}

/** Outside, because a closure in there would keep alive what was saved. */
function openQueues<T>(count: number, saved: SavedLiveMerge<T> | undefined): Queue<T>[] {
  return Array.from({ length: count }, (_, index) => {
    const known = saved?.queues[index]
    return { items: [...(known?.items ?? [])], head: 0, floor: known?.floor ?? Number.NEGATIVE_INFINITY }
  })
}
