/**
 * How far each partition of the events topic has got: what was read and waits for sinks, and below which offset every document is safe
 * in all of them. Only that offset is ever committed.
 *
 * A partition that is taken away and comes back goes on where it was read to: what was read still waits here, and is delivered.
 */
import type { Place } from '../../kafka/bus.ts'
import { type Micros, SECOND } from '../../time.ts'
import type { Spool } from '../spool.ts'

export type IndexLimits = {
  /** Documents that wait for the slowest sink; also readings that wait with them, without a document of their own. */
  readonly documents: number
  /** The same in bytes of their text and headers, which may be megabytes each. */
  readonly bytes: number
  /** Between two commits: what may come again after a kill, and how often the topic of offsets is written. */
  readonly commitEvery: Micros
}

/** `documents`: two of the largest batches there are (Elasticsearch). */
export const INDEX_LIMITS: IndexLimits = { documents: 40_000, bytes: 64 * 1024 * 1024, commitEvery: SECOND / 5 }

/** Messages of one partition that were read together. */
export type Read = {
  readonly partition: number
  /** Offset of the first of them. */
  readonly from: number
  /** Behind the last of them. */
  readonly next: number
  readonly documents: number
  readonly bytes: number
  /** Newest time of a document, 0 = none. */
  readonly reached: Micros
}

export type PartitionPlace = {
  readonly partition: number
  readonly isOurs: boolean
  /** Offset behind the newest message read, -1 = none yet. */
  readonly next: number
  /** Everything below is safe in every sink, -1 = nothing is known to be. */
  readonly done: number
  /** Newest time of a document that is safe, 0 = none. */
  readonly reached: Micros
  /** Documents in memory. */
  readonly waiting: number
}

export type IndexProgress = {
  /** The partition is ours: the offset to read on from, null = where the group committed. `committed`: -1 = nothing, Infinity = not known. */
  assign(partition: number, committed: number): number | null
  revoke(partition: number): void
  /**
   * Its documents have just been pushed into the queues. Answers how many messages before them nobody has read: what was to come next is
   * not there any more.
   */
  read(read: Read): number
  /** Sinks accepted something. */
  settle(): void
  /** No more should be read for now. */
  readonly isFull: boolean
  /** Documents that are not safe in every sink. */
  readonly waiting: number
  /** What is to be committed; of our partitions only. */
  uncommitted(topic: string): readonly Place[]
  /** The group has taken them. */
  committed(places: readonly Place[]): void
  /** In order of their numbers. */
  places(): readonly PartitionPlace[]
}

type Tracked = {
  readonly partition: number
  isOurs: boolean
  next: number
  done: number
  committed: number
  reached: Micros
  waiting: number
}

/** `ends`: how many documents each queue had been given with the last of these. */
type Waiting = { readonly place: Tracked; readonly read: Read; readonly ends: readonly number[] }

/** `queues`: of all sinks; a document may be in some of them only. */
export function createIndexProgress(queues: readonly Spool[], limits: IndexLimits): IndexProgress {
  const tracked = new Map<number, Tracked>()
  /** In the order they were read, which is the order in which queues let go of them. */
  let line: Waiting[] = []
  let waiting = 0
  let bytes = 0

  function track(partition: number, committed: number): Tracked {
    const place = { partition, isOurs: true, next: -1, done: committed, committed, reached: 0, waiting: 0 }
    tracked.set(partition, place)
    return place
  }

  function finish({ place, read }: Waiting): void {
    // What was on its way while somebody else had the partition stands behind where that one got to.
    place.done = Math.max(place.done, read.next)
    place.reached = Math.max(place.reached, read.reached)
    place.waiting -= read.documents
    waiting -= read.documents
    bytes -= read.bytes
  }

  return {
    assign(partition, committed) {
      const known = tracked.get(partition)
      if (known !== undefined && known.next >= committed && known.next >= 0) {
        known.isOurs = true
        known.committed = committed
        return known.next
      }
      // Somebody else had it and got further: what waits here of it is safe there.
      track(partition, Number.isFinite(committed) ? committed : -1)
      return null
    },
    revoke(partition) {
      const place = tracked.get(partition)
      if (place !== undefined) place.isOurs = false
    },
    read(read) {
      const place = tracked.get(read.partition) ?? track(read.partition, -1)
      const expected = Math.max(place.next, place.done)
      place.next = Math.max(place.next, read.next)
      place.waiting += read.documents
      waiting += read.documents
      bytes += read.bytes
      line.push({ place, read, ends: queues.map(({ pushed }) => pushed) })
      return expected < 0 ? 0 : Math.max(0, read.from - expected)
    },
    settle() {
      const open = line.findIndex(({ ends }) => ends.some((end, i) => (queues[i]?.dropped ?? 0) < end))
      const done = open < 0 ? line : line.slice(0, open)
      line = open < 0 ? [] : line.slice(open)
      for (const each of done) finish(each)
    },
    get isFull() {
      return waiting >= limits.documents || bytes >= limits.bytes || line.length >= limits.documents
    },
    get waiting() {
      return waiting
    },
    uncommitted: (topic) =>
      [...tracked.values()]
        .filter(({ isOurs, done, committed }) => isOurs && done > committed)
        .map(({ partition, done }) => ({ topic, partition, offset: done })),
    committed(places) {
      for (const { partition, offset } of places) {
        const place = tracked.get(partition)
        if (place !== undefined) place.committed = Math.max(place.committed, offset)
      }
    },
    places: () => [...tracked.values()].toSorted((a, b) => a.partition - b.partition),
  }
}
