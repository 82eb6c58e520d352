/**
 * Documents in order of (@timestamp, event.id), each once, whatever order they came in: so that what is found follows from the
 * documents, and is the same in one process and among many machines, where the same document may come twice (design 2.3, 10).
 */
import type { Micros } from '../../time.ts'
import { MINUTE } from '../../time.ts'
import type { SeenDocument } from './detection.ts'

/** Documents that wait for their turn; beyond it the oldest has it before others may have come. About 3 kB each. */
export const WAITING_MAX = 20_000
/** As many more may come before those have it: they are sorted then. */
const SLACK = 2_000
/** Documents that had their turn are known for this long, in event time: what comes again later than that has its turn again. */
export const KNOWN_FOR: Micros = 10 * MINUTE
/** How many of them; the oldest are forgotten first. */
export const KNOWN_MAX = 100_000

export type DocumentsInOrder = {
  /** Null: it waits, or it came before. A document that comes late, its turn over, is given back: it has it at once. */
  add(document: SeenDocument): SeenDocument | null
  /** More of them wait than should: it is time to ask for the next. */
  readonly isOverfull: boolean
  /** The next one from before `watermark`, or one too many; null = none. */
  next(watermark: Micros): SeenDocument | null
  readonly waiting: number
  /** How often one had its turn early, because too many waited. */
  readonly forced: number
  /** Documents that came again. */
  readonly repeated: number
  /** Documents whose turn was over when they came. */
  readonly late: number
  save(): SavedInOrder
}

/** Plain data. */
export type SavedInOrder = {
  readonly waiting: SeenDocument[]
  /** Ids of documents that had their turn, in that order. */
  readonly known: Map<string, Micros>
  readonly released: Micros
  readonly forced: number
  readonly repeated: number
  readonly late: number
}

export function createDocumentsInOrder(saved?: SavedInOrder): DocumentsInOrder {
  /** Sorted up to `sorted`; what came since stands behind. */
  let line: SeenDocument[] = saved === undefined ? [] : [...saved.waiting]
  let head = 0
  let isSorted = false
  const waitingIds = new Set(line.map(({ id }) => id))
  const known = saved?.known ?? new Map<string, Micros>()
  /** Time of the newest that had its turn. */
  let released = saved?.released ?? Number.NEGATIVE_INFINITY
  let forced = saved?.forced ?? 0
  let repeated = saved?.repeated ?? 0
  let late = saved?.late ?? 0

  function sort(): void {
    line = line.slice(head).sort(byTimeAndId)
    head = 0
    isSorted = true
  }

  function know({ id, at }: SeenDocument): void {
    known.set(id, at)
    for (const [oldest, its] of known) {
      if (known.size <= KNOWN_MAX && its >= released - KNOWN_FOR) return
      known.delete(oldest)
    }
  }

  return {
    add(document) {
      const { at, id } = document
      if (waitingIds.has(id) || known.has(id)) {
        repeated++
        return null
      }
      if (at < released) {
        late++
        // However late: a machine that was away for an hour tells the hour then.
        know(document)
        return document
      }
      const last = line.at(-1)
      if (last !== undefined && head < line.length && byTimeAndId(last, document) > 0) isSorted = false
      waitingIds.add(id)
      line.push(document)
      return null
    },
    next(watermark) {
      if (!isSorted) sort()
      const first = line[head]
      if (first === undefined) return null
      if (first.at >= watermark) {
        if (line.length - head <= WAITING_MAX) return null
        forced++
      }
      head++
      if (head === line.length || head > WAITING_MAX) {
        line = line.slice(head)
        head = 0
      }
      waitingIds.delete(first.id)
      released = Math.max(released, first.at)
      know(first)
      return first
    },
    get isOverfull() {
      return line.length - head > WAITING_MAX + SLACK
    },
    get waiting() {
      return line.length - head
    },
    get forced() {
      return forced
    },
    get repeated() {
      return repeated
    },
    get late() {
      return late
    },
    save: () => ({ waiting: line.slice(head), known, released, forced, repeated, late }),
  }
}

function byTimeAndId(a: SeenDocument, b: SeenDocument): number {
  if (a.at !== b.at) return a.at - b.at
  return a.id < b.id ? -1 : Number(a.id > b.id)
}
