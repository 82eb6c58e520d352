/**
 * Where documents go that a cluster refuses for good: a file in the state directory, synced before the sink goes on. Nothing is
 * lost when it is full: then the sink stops.
 *
 * Others may take the file away meanwhile (letter-files.ts), so it is opened by its path for every addition, and looked at once
 * more afterwards: what was written into a file that is no longer there is written again. Twice does no harm.
 */
import { closeSync, fstatSync, fsyncSync, lstatSync, mkdirSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../errors.ts'
import type { Event } from '../../event.ts'
import { bytesText } from '../../quantity-text.ts'
import { safeText } from '../../safe-text.ts'
import type { Micros } from '../../time.ts'
import { LETTERS_FILE, letterFiles, READ_FLAGS, syncNames } from './letter-files.ts'
import { printLetter } from './letter-line.ts'
import { APPEND_FLAGS, appendAll, closeTornLine, countLines } from './torn-line.ts'

export type DeadLetter = {
  /** When it was refused first. */
  readonly at: Micros
  readonly stream: string
  /** `event.id`, also where the cluster makes its own `_id`. */
  readonly id: string
  /** HTTP status, type and reason as the server gave them; the reason may quote the document. */
  readonly status: number
  readonly type: string
  readonly reason: string
  /** JSON as it was sent. */
  readonly document: string
}

/** Where refused documents go: a file, or elsewhere (live/tiers/index-letters.ts). */
export type Letterbox = {
  /**
   * They are safe when it returns, or when what it returns has resolved. Fails with none or some of them there: they come again.
   * `events`: what each of them was printed from.
   */
  add(letters: readonly DeadLetter[], events: readonly Event[]): Promise<void> | void
  /** Letters that wait here for a person, 0 where others tell it. */
  readonly count: number
  close(): void
}

export type DeadLetters = {
  /** Safe on the disk when it returns. Throws AppError `cannot-write`, also when the bound is reached: then none of them is there. */
  add(letters: readonly DeadLetter[]): void
  /** Letters that wait, those of an interrupted retry included; one that was refused twice counts twice. */
  readonly count: number
  readonly bytes: number
  close(): void
}

const FILE_MODE = 0o640
const DIRECTORY_MODE = 0o700
/** How often the file may be taken away while it is written. */
const TRIES_MAX = 10
const CHUNK_BYTES = 1024 * 1024

/** `bytesMax`: of all files of letters in `dir` together, which is made. Throws AppError `cannot-write`, `cannot-read`. */
export function openDeadLetters(dir: string, bytesMax: number): DeadLetters {
  const path = join(dir, LETTERS_FILE)
  attempt(path, () => mkdirSync(dir, { recursive: true, mode: DIRECTORY_MODE }))
  const measure = createMeasure(dir)
  // What cannot be written to is better known at the start than with the first refused document.
  attempt(path, () => append(dir, path, Buffer.alloc(0)))
  return {
    add(letters) {
      if (letters.length === 0) return
      const bytes = Buffer.from(letters.map(printLetter).join(''))
      if (measure().bytes + bytes.length > bytesMax)
        throw new AppError('cannot-write', `${safeText(path)} is full (${bytesText(bytesMax)})`, {
          advice:
            'See what is refused with `peertrail deadletters list`, mend it, and send it again with `peertrail deadletters retry`.',
        })
      attempt(path, () => append(dir, path, bytes))
    },
    get count() {
      return measure().count
    },
    get bytes() {
      return measure().bytes
    },
    close() {},
  }
}

function append(dir: string, path: string, bytes: Buffer): void {
  for (let tries = 0; tries < TRIES_MAX; tries++) if (appendOnce(dir, path, bytes)) return
  throw new Error('it is taken away again and again')
}

/** False when the file is no longer the one at the path: whoever took it may have read it before this was written. */
function appendOnce(dir: string, path: string, bytes: Buffer): boolean {
  const file = openSync(path, APPEND_FLAGS, FILE_MODE)
  try {
    const opened = fstatSync(file, { bigint: true })
    if (!opened.isFile()) throw new Error('it is no regular file')
    closeTornLine(file, Number(opened.size))
    appendAll(file, bytes)
    const found = lstatSync(path, { bigint: true, throwIfNoEntry: false })
    if (found === undefined || found.ino !== opened.ino || found.dev !== opened.dev) return false
    // Whoever takes it from here on reads what was written.
    fsyncSync(file)
    if (opened.size === 0n) syncNames(dir)
    return true
  } finally {
    closeSync(file)
  }
}

type Measured = { readonly bytes: number; readonly count: number }

/** What all files hold, by their sizes; only what is new since the last time is read. */
function createMeasure(dir: string): () => Measured {
  let known: ReadonlyMap<bigint, Measured> = new Map()
  return () => {
    const found = new Map<bigint, Measured>()
    for (const path of letterFiles(dir)) {
      const status = lstatSync(path, { bigint: true, throwIfNoEntry: false })
      if (status?.isFile() !== true) continue
      const bytes = Number(status.size)
      const before = known.get(status.ino) ?? { bytes: 0, count: 0 }
      const from = bytes < before.bytes ? { bytes: 0, count: 0 } : before
      found.set(
        status.ino,
        from.bytes === bytes ? from : { bytes, count: from.count + linesBetween(path, from.bytes, bytes) },
      )
    }
    known = found
    const all = [...found.values()]
    return {
      bytes: all.reduce((sum, each) => sum + each.bytes, 0),
      count: all.reduce((sum, each) => sum + each.count, 0),
    }
  }
}

/** 0 for a file that is gone or may not be read: its bytes count anyway. */
function linesBetween(path: string, from: number, to: number): number {
  let file: number
  try {
    file = openSync(path, READ_FLAGS)
  } catch {
    return 0
  }
  try {
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, to - from + 1))
    let count = 0
    for (let at = from; at < to; ) {
      // One byte before: a torn line shows at what stands before its end.
      const lead = at > 0 ? 1 : 0
      const read = readSync(file, chunk, 0, Math.min(chunk.length, to - at + lead), at - lead)
      if (read <= lead) break
      count += countLines(chunk, lead, read)
      at += read - lead
    }
    return count
  } finally {
    closeSync(file)
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new AppError('cannot-write', `cannot write ${safeText(path)}`, {
      cause,
      advice: 'Check the state directory, the space on the disk, and that this user may write there.',
    })
  }
}
