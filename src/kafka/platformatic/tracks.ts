/** Where reading stands in each partition of each topic, and what has been fetched and not been handed out. */
import type { Consumer, RecordsBatch } from '@platformatic/kafka'
import type { Incoming } from '../bus.ts'

/** Messages handed out at once. */
const CHUNK_MAX = 1_000
/** Bytes of a message beside key and value, roughly: the object that holds it. */
const MESSAGE_FRAME = 300
/** Bit of a batch that holds a transaction's end instead of messages. */
const IS_CONTROL = 1 << 5

/** What a broker answers, by its library's name. */
type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>

/** Messages in order, with about as many bytes. */
type Chunk = { readonly messages: readonly Incoming[]; readonly bytes: number }

export type Track = {
  readonly topic: string
  readonly partition: number
  /** Offset to ask for next; null = the oldest there is, not known yet. */
  next: number | null
  readonly chunks: Chunk[]
  isPaused: boolean
}

/** Nothing is fetched yet. */
export function createTrack(topic: string, partition: number, next: number | null, isPaused: boolean): Track {
  return { topic, partition, next, chunks: [], isPaused }
}

/** Fetched and not handed out, roughly. */
export function bytesOf(track: Track): number {
  return track.chunks.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Forgets what was fetched: it is asked for again. */
export function rewind(track: Track): void {
  track.next = track.chunks[0]?.messages[0]?.offset ?? track.next
  track.chunks.length = 0
}

/** What a broker sent of one partition, asked for from `track.next`. */
export function append(track: Track, batches: readonly RecordsBatch[]): void {
  const from = track.next ?? 0
  let messages: Incoming[] = []
  let bytes = 0
  const close = () => {
    if (messages.length > 0) track.chunks.push({ messages, bytes })
    messages = []
    bytes = 0
  }
  for (const batch of batches) {
    const first = Number(batch.firstOffset)
    // A compacted batch may have lost its last messages, but not its end.
    track.next = Math.max(track.next ?? 0, first + batch.lastOffsetDelta + 1)
    if ((batch.attributes & IS_CONTROL) !== 0) continue
    for (const { offsetDelta, key, value, headers } of batch.records) {
      const offset = first + offsetDelta
      // A batch comes whole, also when we ask for its middle.
      if (offset < from) continue
      messages.push({ topic: track.topic, partition: track.partition, offset, key, value, headers: headersOf(headers) })
      bytes += MESSAGE_FRAME + (key?.length ?? 0) + (value?.length ?? 0)
      if (messages.length === CHUNK_MAX) close()
    }
  }
  close()
}

/** Batches by topic id and partition. */
export function batchesOf(
  answer: FetchResponse,
): ReadonlyMap<string, ReadonlyMap<number, readonly RecordsBatch[] | null | undefined>> {
  return new Map(
    answer.responses.map(({ topicId, partitions }) => [
      topicId,
      new Map(partitions.map(({ partitionIndex, records }) => [partitionIndex, records])),
    ]),
  )
}

function headersOf(entries: RecordsBatch['records'][number]['headers']): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, text] of entries) {
    if (name !== null) headers[name.toString()] = text?.toString() ?? ''
  }
  return headers
}
