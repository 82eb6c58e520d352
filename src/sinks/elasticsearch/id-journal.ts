/**
 * The journal of sent ids: two files in the state directory, appended to by one process.
 *
 *   sent-ids.log.1     older, thrown away when the newer is full
 *   sent-ids.log       newer
 *
 *   s 4711.3 ID ID ID     request 3 of process 4711 goes out with these
 *   a 4711.3              every one of them was accepted
 *   i ID ID               these were accepted
 *
 * A line is written before a request goes out and after it was answered, and is not synced: a kill loses nothing. A power loss
 * takes what the kernel had not written yet, as a rule the last half minute; what comes again of it is refused by the cluster,
 * unless the stream rolled over in just that time.
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import { acceptEach, createGeneration, type Generation, hashId } from './id-generation.ts'
import { APPEND_FLAGS, appendAll, closeTornLine, isTorn, LF } from './torn-line.ts'

export type IdJournal = {
  /** What the files held when they were opened, '' = nothing. */
  readonly older: string
  readonly newer: string
  /** Whole lines, at once. Throws AppError `cannot-write`. */
  append(lines: Buffer): void
  /** The newer file becomes the older one. Throws AppError `cannot-write`: then nothing has changed. */
  turn(): void
  close(): void
}

const NAME = 'sent-ids.log'
const OLDER_NAME = 'sent-ids.log.1'
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700
const ID = /^[\da-zA-Z]{1,64}$/
const LABEL = /^\d{1,10}\.(\d{1,15})$/

/** `bytesMax`: of each file, from its end, that are looked at. Throws AppError `cannot-write`. */
export function openIdJournal(dir: string, bytesMax: number): IdJournal {
  const [path, olderPath] = [join(dir, NAME), join(dir, OLDER_NAME)]
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw new AppError('cannot-write', `cannot write ${safeText(path)}`, {
        cause,
        advice: 'Check the state directory, the space on the disk, and that this user may write there.',
      })
    }
  }
  attempt(() => mkdirSync(dir, { recursive: true, mode: DIRECTORY_MODE }))
  const older = attempt(() => readEnd(olderPath, bytesMax))
  const newer = attempt(() => readEnd(path, bytesMax))
  let file: number | null = null
  /** What stands at the end may be half a line: of a killed process, or of a disk that was full. */
  let isTornPossible = true

  function close(): void {
    if (file !== null) closeSync(file)
    file = null
  }

  return {
    older,
    newer,
    append(lines) {
      attempt(() => {
        file ??= openFile(path)
        if (isTornPossible) closeTornLine(file, fstatSync(file).size)
        isTornPossible = true
        appendAll(file, lines)
        isTornPossible = false
      })
    },
    turn() {
      attempt(() => {
        file ??= openFile(path)
        renameSync(path, olderPath)
      })
      close()
      isTornPossible = true
    },
    close,
  }
}

/** What the texts of a journal say, in order; `number` is the highest of a request. Torn and foreign lines say nothing. */
export function readJournal(texts: readonly [older: string, newer: string]): {
  readonly generations: [older: Generation, newer: Generation]
  readonly number: number
} {
  const requests = new Map<string, readonly string[]>()
  let number = 0
  const [older, newer] = texts.map((text) => {
    const generation = createGeneration()
    for (const line of wholeLines(text)) {
      number = Math.max(number, numberOf(line))
      readLine(line, generation, requests)
    }
    return generation
  })
  return { generations: [older ?? createGeneration(), newer ?? createGeneration()], number }
}

function readLine(line: string, generation: Generation, requests: Map<string, readonly string[]>): void {
  const [kind = '', ...words] = line.split(' ')
  if (kind === 'i') {
    if (areIds(words)) acceptEach(generation, words)
    return
  }
  const [label = '', ...ids] = words
  if (!LABEL.test(label)) return
  if (kind === 's' && areIds(ids)) {
    requests.set(label, ids)
    generation.draft('', ids)
    generation.keep(Int32Array.from(ids, hashId), false)
  } else if (kind === 'a' && ids.length === 0) {
    acceptEach(generation, requests.get(label) ?? [])
    requests.delete(label)
  }
}

/** What follows the last line end is half a line. */
function* wholeLines(text: string): Generator<string> {
  let start = 0
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    const line = text.slice(start, end)
    if (!isTorn(line)) yield line
    start = end + 1
  }
}

function numberOf(line: string): number {
  return Number(LABEL.exec(line.slice(2).split(' ', 1)[0] ?? '')?.[1] ?? 0)
}

function areIds(words: readonly string[]): boolean {
  return words.length > 0 && words.every((word) => ID.test(word))
}

function openFile(path: string): number {
  const file = openSync(path, APPEND_FLAGS, FILE_MODE)
  if (fstatSync(file).isFile()) return file
  closeSync(file)
  throw new Error('it is no regular file')
}

/** The last `bytesMax` bytes; '' when there is no file. */
function readEnd(path: string, bytesMax: number): string {
  let file: number
  try {
    file = openSync(path, APPEND_FLAGS & ~constants.O_CREAT)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
  try {
    const status = fstatSync(file)
    if (!status.isFile()) throw new Error('it is no regular file')
    const bytes = Buffer.allocUnsafeSlow(Math.min(status.size, bytesMax))
    const read = readSync(file, bytes, 0, bytes.length, status.size - bytes.length)
    // What is left of a line that was cut could be taken for another one.
    const start = status.size > bytesMax ? bytes.indexOf(LF) + 1 : 0
    return bytes.toString('latin1', start, read)
  } finally {
    closeSync(file)
  }
}
