/**
 * Events as lines of JSON into a file or a pipe. A file is written beside its name and renamed when it is whole, so that nobody
 * reads half a result and a failed run leaves the former one.
 *
 * A file's blocks are written at once and used again while they are still in the processor's cache: queued ones cost a page
 * fault every 4 KiB, and a burst of them is memory. A pipe may be slow, so its blocks wait for `drain`.
 */
import { closeSync, lstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { createEventWriter } from '../correlate/event-printer.ts'
import { AppError } from '../errors.ts'
import type { Event } from '../event.ts'

export type NdjsonSink = {
  /** Prints the event into the block; writes the block when it is full. Throws AppError `cannot-write`. */
  add(event: Event): void
  /** Waits until a slow pipe has taken what is queued; the place for back-pressure. */
  drain(): Promise<void>
  /** Writes the rest and gives the file its name. */
  close(): Promise<void>
  /** Removes what was written. */
  abandon(): void
  readonly count: number
}

/** Where blocks go. */
type Outlet = { put(bytes: Buffer): void; drain(): Promise<void>; close(): void; abandon(): void }

/** Written at a time: from half a MiB on a write costs its bytes only (design 12). */
const BLOCK_BYTES = 1024 * 1024

/** `path` `-` is standard output. Throws AppError `cannot-write`. */
export function openNdjson(path: string, stdout: NodeJS.WritableStream): NdjsonSink {
  const outlet = path === '-' ? createPipeOutlet(stdout) : createFileOutlet(path)
  const writer = createEventWriter()
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  let used = 0
  let count = 0

  function turnOver(): void {
    if (used > 0) outlet.put(block.subarray(0, used))
    used = 0
  }

  return {
    add(event) {
      count++
      let end = writer.write(event, block, used)
      if (end < 0) {
        turnOver()
        end = writer.write(event, block, used)
      }
      if (end < 0) outlet.put(writer.toBytes(event))
      else used = end
    },
    drain: () => outlet.drain(),
    async close() {
      turnOver()
      await outlet.drain()
      outlet.close()
    },
    abandon: () => outlet.abandon(),
    get count() {
      return count
    },
  }
}

function createFileOutlet(path: string): Outlet {
  // A device, a pipe or a link is written to as it is: a file renamed over it would take its place.
  const isReplaced = isPlainOrNew(path)
  const partial = `${path}.partial`
  const attempt = <T>(work: () => T, advice: string): T => {
    try {
      return work()
    } catch (cause) {
      throw new AppError('cannot-write', `cannot write ${path}`, { cause, advice })
    }
  }
  const file = attempt(() => {
    if (!isReplaced) return openSync(path, 'w')
    // A leftover of a killed run, or a link somebody laid there, must not be written through.
    rmSync(partial, { force: true })
    return openSync(partial, 'wx')
  }, 'Name a file in a directory that exists and may be written.')
  return {
    put(bytes) {
      attempt(() => {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
      }, 'Check the space on the disk.')
    },
    drain: async () => {},
    close() {
      attempt(() => {
        closeSync(file)
        if (isReplaced) renameSync(partial, path)
      }, 'Check the space on the disk.')
    },
    abandon() {
      closeSync(file)
      if (isReplaced) rmSync(partial, { force: true })
    },
  }
}

function isPlainOrNew(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found === undefined || found.isFile()
}

function createPipeOutlet(stdout: NodeJS.WritableStream): Outlet {
  const queue: Buffer[] = []
  // A reader that goes away is told by the write that failed (below); unheard, the event would end the process.
  stdout.on('error', () => {})
  return {
    // The block is used again at once: a queued piece needs its own bytes.
    put: (bytes) => void queue.push(Buffer.from(bytes)),
    async drain() {
      for (let bytes = queue.shift(); bytes !== undefined; bytes = queue.shift()) await writeStream(stdout, bytes)
    },
    close: () => {},
    abandon: () => {},
  }
}

function writeStream(stream: NodeJS.WritableStream, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (!error) resolve()
      else
        reject(
          new AppError('cannot-write', 'cannot write standard output', {
            cause: error,
            advice: 'The reader of the pipe went away.',
          }),
        )
    })
  })
}
