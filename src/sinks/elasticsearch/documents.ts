/** The documents of one `deliver`: where each goes, which of them still wait for their turn, and which are done with. */

import { documentId } from '../../correlate/document-id.ts'
import type { Dataset, Event } from '../../event.ts'
import type { Stream } from './stream.ts'

/** Documents go by their place in the batch. */
export type Documents = {
  readonly events: readonly Event[]
  readonly ids: readonly string[]
  /** Null = nowhere. */
  readonly streams: readonly (Stream | null)[]
  /** Not done with: waiting, on their way, or of a stream that takes nothing. */
  readonly open: number
  isOpen(n: number): boolean
  done(n: number): void
  /** At the end of the line. */
  enqueue(places: Iterable<number>): void
  /** First in line, -1 = nobody. Those of stopped streams are passed over. */
  peek(): number
  shift(): void
  /** Streams that take nothing in this delivery. */
  readonly stopped: ReadonlyMap<Stream, Stop>
  stop(stream: Stream, stop: Stop): void
}

/** Why: the credentials are refused, or the stream is not installed. `why` in the server's words, fit for a log line. */
export type Stop = { readonly isRefused: boolean; readonly why: string }

/** Throws for an event without id or stream. Nothing is in line yet. */
export function createDocuments(events: readonly Event[], streamOf: (dataset: Dataset) => Stream | null): Documents {
  const ids = events.map(documentId)
  const streams = events.map(({ dataset }) => streamOf(dataset))
  const isDone = new Uint8Array(events.length)
  const stopped = new Map<Stream, Stop>()
  let open = events.length
  let line: number[] = []
  let head = 0

  return {
    events,
    ids,
    streams,
    stopped,
    get open() {
      return open
    },
    isOpen: (n) => isDone[n] === 0,
    done(n) {
      if (isDone[n] !== 0) return
      isDone[n] = 1
      open--
    },
    enqueue(places) {
      // Each document comes again and again: what was served must not pile up.
      if (head > 0) line = line.slice(head)
      head = 0
      for (const n of places) line.push(n)
    },
    peek() {
      for (; head < line.length; head++) {
        const n = line[head] ?? -1
        const stream = streams[n]
        if (stream !== null && stream !== undefined && !stopped.has(stream)) return n
      }
      return -1
    },
    shift() {
      head++
    },
    stop(stream, stop) {
      if (!stopped.has(stream)) stopped.set(stream, stop)
    },
  }
}
