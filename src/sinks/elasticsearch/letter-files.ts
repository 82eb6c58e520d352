/**
 * The files of refused documents in a state directory. The sink writes `dead-letters.ndjson` and nothing else; who sends letters
 * again gives that file another name first, and leaves what is refused again in a file of its own:
 *
 *   dead-letters.ndjson                          the sink appends
 *   dead-letters.1795360280000000-4711.ndjson    set apart by process 4711, or left by it
 *
 * All of them together are the letters. After a kill one of them may stand in two files, never in none.
 */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readdirSync, readSync, renameSync } from 'node:fs'
import { basename, join } from 'node:path'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import type { Micros } from '../../time.ts'
import { isTorn, LF } from './torn-line.ts'

export const LETTERS_FILE = 'dead-letters.ndjson'
const APART = /^dead-letters\.\d{1,16}-\d{1,10}\.ndjson$/

/** Bytes of one line: more than a server takes in one request. */
const LINE_BYTES_MAX = 128 * 1024 * 1024
const CHUNK_BYTES = 1024 * 1024

/** No link is followed, no pipe waited for. */
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

/** Paths of all that are there, the sink's own last. Throws AppError `cannot-read`. */
export function letterFiles(dir: string): string[] {
  const names = attemptRead(dir, () => readdirSync(dir))
  const apart = names.filter((name) => APART.test(name)).sort()
  return [...apart, ...names.filter((name) => name === LETTERS_FILE)].map((name) => join(dir, name))
}

/** Those that the sink does not write to, oldest first. Throws AppError `cannot-read`. */
export function apartFiles(dir: string): string[] {
  return letterFiles(dir).filter((path) => basename(path) !== LETTERS_FILE)
}

/** Path of a file beside the sink's; no other process makes the same at the same time. */
export function apartPath(dir: string, now: Micros, pid: number): string {
  return join(dir, `dead-letters.${now}-${pid}.ndjson`)
}

/** Takes the sink's file away from it: what it adds from now on stands in a new one. Throws AppError `cannot-write`. */
export function setApart(dir: string, path: string): void {
  try {
    renameSync(join(dir, LETTERS_FILE), path)
    syncNames(dir)
  } catch (cause) {
    if (isMissing(cause)) return
    throw new AppError('cannot-write', `cannot rename ${safeText(join(dir, LETTERS_FILE))}`, {
      cause,
      advice: 'Run it as the user of the daemon, or as root.',
    })
  }
}

/**
 * Lines of a file without those that are torn, each without its end; none when the file is gone. A last one that lacks nothing but
 * its end is given too: a person may have edited the file. Throws AppError `cannot-read`.
 */
export function* letterLines(path: string): Generator<string> {
  const file = attemptRead(path, () => openIfThere(path))
  if (file === null) return
  try {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    let held: Buffer[] = []
    let heldBytes = 0
    for (;;) {
      const read = attemptRead(path, () => readSync(file, chunk))
      if (read === 0) break
      let start = 0
      for (let end = chunk.indexOf(LF); end >= 0 && end < read; end = chunk.indexOf(LF, start)) {
        yield* wholeLine([...held, chunk.subarray(start, end)])
        held = []
        heldBytes = 0
        start = end + 1
      }
      held.push(Buffer.from(chunk.subarray(start, read)))
      heldBytes += read - start
      if (heldBytes > LINE_BYTES_MAX)
        throw new AppError('cannot-read', `${safeText(path)} has a line of more than ${LINE_BYTES_MAX} bytes`, {
          advice: 'It was not written by this program; take it out of the state directory.',
        })
    }
    const last = Buffer.concat(held).toString('utf8')
    if (isJson(last)) yield last
  } finally {
    closeSync(file)
  }
}

/** Makes names in a directory survive a power loss, as far as its file system can do that. */
export function syncNames(dir: string): void {
  let file: number | null = null
  try {
    file = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY)
    fsyncSync(file)
  } catch {
    // Not every file system can, and one that may be written need not be readable.
  } finally {
    if (file !== null) closeSync(file)
  }
}

function* wholeLine(pieces: readonly Buffer[]): Generator<string> {
  const text = Buffer.concat(pieces).toString('utf8')
  if (text !== '' && !isTorn(text)) yield text
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Null when it is gone meanwhile: whoever took it has sent its letters. */
function openIfThere(path: string): number | null {
  let file: number
  try {
    file = openSync(path, READ_FLAGS)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
  if (fstatSync(file).isFile()) return file
  closeSync(file)
  throw new Error('it is no regular file')
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function attemptRead<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new AppError('cannot-read', `cannot read ${safeText(path)}`, {
      cause,
      advice: 'Name the state directory of the daemon with --state, and run it as its user or as root.',
    })
  }
}
