/**
 * Events as lines of JSON into a file or a pipe, written in large pieces. A file is written beside its name and renamed when
 * it is whole, so that nobody reads half a result and a failed run leaves the former one.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { createEventWriter } from '../correlate/event-printer.ts'
import { AppError } from '../errors.ts'
import type { Event } from '../event.ts'

export type NdjsonSink = {
  /** Synchronous: prints the event into the buffer. */
  add(event: Event): void
  /** Writes what is buffered when it is worth it; resolves when the file has taken it. */
  drain(): Promise<void>
  /** Writes the rest and gives the file its name. */
  close(): Promise<void>
  /** Removes what was written. */
  abandon(): Promise<void>
  readonly count: number
}

/** Written at a time: 0.5 to 1 MiB is where a write stops costing (design 12). */
const BLOCK_BYTES = 1024 * 1024
/** Blocks kept for reuse. */
const SPARE_MAX = 4

/** `path` `-` is standard output. Throws AppError `cannot-write`. */
export async function openNdjson(path: string, stdout: NodeJS.WritableStream): Promise<NdjsonSink> {
  const isStdout = path === '-'
  const partial = `${path}.partial`
  const file = isStdout ? null : await openFile(partial, path)
  const writer = createEventWriter()
  const full: Buffer[] = []
  const spare: Buffer[] = []
  let block: Buffer = Buffer.allocUnsafe(BLOCK_BYTES)
  let used = 0
  let count = 0

  function turnOver(): void {
    if (used > 0) full.push(block.subarray(0, used))
    block = spare.pop() ?? Buffer.allocUnsafe(BLOCK_BYTES)
    used = 0
  }

  async function write(): Promise<void> {
    try {
      for (let bytes = full.shift(); bytes !== undefined; bytes = full.shift()) {
        if (file === null) await writeStream(stdout, bytes)
        else await file.writeFile(bytes)
        if (spare.length < SPARE_MAX && bytes.buffer.byteLength === BLOCK_BYTES) spare.push(Buffer.from(bytes.buffer))
      }
    } catch (cause) {
      const what = isStdout ? 'standard output' : path
      throw new AppError('cannot-write', `cannot write ${what}`, { cause, advice: 'Check the space on the disk.' })
    }
  }

  return {
    add(event) {
      count++
      let end = writer.write(event, block, used)
      if (end < 0) {
        turnOver()
        end = writer.write(event, block, used)
      }
      if (end < 0) full.push(writer.toBytes(event))
      else used = end
    },
    drain: async () => {
      if (full.length > 0) await write()
    },
    async close() {
      turnOver()
      await write()
      if (file === null) return
      await file.close()
      await rename(partial, path)
    },
    async abandon() {
      await file?.close()
      if (file !== null) await rm(partial, { force: true })
    },
    get count() {
      return count
    },
  }
}

async function openFile(partial: string, path: string): Promise<FileHandle> {
  try {
    return await open(partial, 'w')
  } catch (cause) {
    throw new AppError('cannot-write', `cannot write ${path}`, {
      cause,
      advice: 'Name a file in a directory that exists and may be written.',
    })
  }
}

function writeStream(stream: NodeJS.WritableStream, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
