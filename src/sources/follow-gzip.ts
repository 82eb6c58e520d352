/**
 * A compressed rotated file, unpacked as far as it is asked for. Own code: tail-file writes to its unpacker without waiting and
 * cannot begin at an uncompressed offset.
 */
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { type FirstLine, firstLineIn } from './follow-disk.ts'

/** Text of one read; see TEXT_BYTES in read-lines.ts. */
const CHUNK_BYTES = 64 * 1024
/** LFs before a first line that are looked through, in bytes. */
const FIRST_LOOK_MAX = 1024 * 1024

export type GzipReader = {
  /** The next bytes; null at the end. Rejects where the compression is broken. */
  next(): Promise<Buffer | null>
  /** Looks at the first line without taking anything away. */
  first(): Promise<FirstLine>
  /** Goes on at byte `offset`; the up to `keep` bytes before it, null when there are not that many. Rejects like `next`. */
  skipTo(offset: number, keep: number): Promise<Buffer | null>
  /** The file's length unpacked, counted on from `skipTo`, and the up to `keep` bytes before it. Rejects like `next`. */
  skipToEnd(keep: number): Promise<{ readonly offset: number; readonly before: Buffer }>
  /** Closes the descriptor too. */
  close(): Promise<void>
}

/** Owns `fd` from now on; the descriptor stays open after the end, so that its inode is not given to another file. */
export function createGzipReader(fd: number): GzipReader {
  const raw = createReadStream('', { fd, start: 0, autoClose: false, highWaterMark: CHUNK_BYTES })
  const unpacked = raw.pipe(createGunzip({ chunkSize: CHUNK_BYTES }))
  raw.on('error', (error) => unpacked.destroy(error))
  // Told by the iterator; without a listener it would end the process.
  unpacked.on('error', () => {})
  const chunks: AsyncIterator<Buffer> = unpacked[Symbol.asyncIterator]()
  let ahead: Buffer[] = []
  /** Where `skipTo` came to, and the bytes before. */
  let skipped: { readonly offset: number; readonly before: Buffer } = { offset: 0, before: Buffer.alloc(0) }

  async function pull(): Promise<Buffer | null> {
    const { done, value } = await chunks.next()
    return done === true ? null : value
  }

  const next = async () => ahead.shift() ?? (await pull())

  return {
    next,
    async skipTo(offset, keep) {
      let before: Buffer = Buffer.alloc(0)
      for (let passed = 0; passed < offset; ) {
        const bytes = await next()
        if (bytes === null) return null
        const length = Math.min(bytes.length, offset - passed)
        before = Buffer.concat([before, bytes.subarray(0, length)]).subarray(-keep)
        if (length < bytes.length) ahead.unshift(bytes.subarray(length))
        passed += length
      }
      skipped = { offset, before }
      return before
    },
    async skipToEnd(keep) {
      let { offset, before } = skipped
      for (let bytes = await next(); bytes !== null; bytes = await next()) {
        offset += bytes.length
        before = Buffer.concat([before, bytes]).subarray(-keep)
      }
      return { offset, before }
    },
    async first() {
      let bytes = Buffer.concat(ahead)
      let first = firstLineIn(bytes)
      while (!first.isWhole && bytes.length < FIRST_LOOK_MAX) {
        const more = await pull()
        if (more === null) break
        bytes = Buffer.concat([bytes, more])
        first = firstLineIn(bytes)
      }
      ahead = bytes.length === 0 ? [] : [bytes]
      return first
    },
    async close() {
      unpacked.destroy()
      if (raw.closed) return
      const closed = once(raw, 'close')
      raw.destroy()
      await closed
    },
  }
}
