/**
 * Bodies of bulk requests: an action line and the document, for each as many bytes as the printer makes. They are printed into blocks
 * that are used again as soon as they are compressed, so what waits for an answer is the compressed text alone.
 */
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import { createEventWriter } from '../../correlate/event-printer.ts'
import type { Documents } from './documents.ts'

export type RequestBody = {
  /** Places in the batch, in the order of the request. */
  readonly places: readonly number[]
  /** Bytes before compression. */
  readonly size: number
  /** To be asked once: the block behind it is given away. */
  compressed(): Promise<Buffer>
}

export type BodyMaker = {
  /** Takes the next documents from the line, at least one; null when nobody waits. `bytes`: at most the size of a block. */
  take(documents: Documents, bytes: number, count: number): RequestBody | null
  /** A document as it is sent, for the file of those that were refused. */
  print(documents: Documents, n: number): string
}

const compress = promisify(gzip)
/**
 * The fastest: the next levels cost three times as much for a tenth less. In chunks that a request fits in: each is a way to a thread
 * and back.
 */
const OPTIONS = { level: constants.Z_BEST_SPEED, chunkSize: 1024 * 1024 } as const

export function createBodyMaker(blockBytes: number): BodyMaker {
  const writer = createEventWriter()
  const idle: Buffer[] = []

  /** The end of the document and its action line in `block`, -1 when they do not fit. */
  function write(documents: Documents, n: number, block: Buffer, at: number): number {
    const action = actionOf(documents, n)
    if (at + action.length > block.length) return -1
    const event = documents.events[n]
    return event === undefined ? -1 : writer.write(event, block, at + block.write(action, at, 'latin1'))
  }

  function bodyOf(places: readonly number[], block: Buffer, size: number): RequestBody {
    return {
      places,
      size,
      async compressed() {
        try {
          return await compress(block.subarray(0, size), OPTIONS)
        } finally {
          idle.push(block)
        }
      },
    }
  }

  function single(documents: Documents, n: number): RequestBody {
    const event = documents.events[n]
    if (event === undefined) throw new Error('no such document')
    const bytes = Buffer.concat([Buffer.from(actionOf(documents, n), 'latin1'), writer.toBytes(event)])
    return { places: [n], size: bytes.length, compressed: () => compress(bytes, OPTIONS) }
  }

  return {
    take(documents, bytes, count) {
      const block = idle.pop() ?? Buffer.allocUnsafeSlow(blockBytes)
      const room = block.subarray(0, Math.min(bytes, block.length))
      const places: number[] = []
      let used = 0
      for (let n = documents.peek(); n >= 0 && places.length < count; n = documents.peek()) {
        const end = write(documents, n, room, used)
        if (end < 0) break
        used = end
        places.push(n)
        documents.shift()
      }
      if (places.length > 0) return bodyOf(places, block, used)
      idle.push(block)
      const first = documents.peek()
      if (first < 0) return null
      // Larger than a request may be: alone, whatever the server says to it.
      documents.shift()
      return single(documents, first)
    },
    print(documents, n) {
      const event = documents.events[n]
      return event === undefined ? '' : writer.toBytes(event).toString('latin1').trimEnd()
    },
  }
}

function actionOf({ ids, streams }: Documents, n: number): string {
  const stream = streams[n]
  if (stream === null || stream === undefined) throw new Error('a document without a stream is in line')
  return stream.isSeries ? stream.action : `${stream.action}${ids[n]}"}}\n`
}
