/**
 * Events as lines of JSON into a file or a pipe, written in large pieces. A file is written beside its name and renamed when
 * it is whole, so that nobody reads half a result and a failed run leaves the former one.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { createEventPrinter } from '../correlate/event-printer.ts'
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

/** Characters gathered before a write: 0.5 to 1 MiB at a time is where a write stops costing (design 12). */
const WRITE_CHARS = 512 * 1024

/** `path` `-` is standard output. Throws AppError `cannot-write`. */
export async function openNdjson(path: string, stdout: NodeJS.WritableStream): Promise<NdjsonSink> {
  const isStdout = path === '-'
  const partial = `${path}.partial`
  const file = isStdout ? null : await openFile(partial, path)
  const print = createEventPrinter()
  let pieces: string[] = []
  let chars = 0
  let count = 0

  async function write(): Promise<void> {
    const text = pieces.join('')
    pieces = []
    chars = 0
    if (text === '') return
    try {
      if (file === null) await writeStream(stdout, text)
      else await file.writeFile(text)
    } catch (cause) {
      throw new AppError('cannot-write', `cannot write ${isStdout ? 'standard output' : path}`, {
        cause,
        advice: 'Check the space on the disk.',
      })
    }
  }

  return {
    add(event) {
      const text = `${print(event)}\n`
      pieces.push(text)
      chars += text.length
      count++
    },
    drain: async () => {
      if (chars >= WRITE_CHARS) await write()
    },
    async close() {
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

function writeStream(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()))
  })
}
