/**
 * Goes through the refused documents of a state directory, beside a running daemon or without one. The sink's file is set apart
 * first; what is refused again goes into a file of its own, and only when that is safe the file read goes away. A kill at any
 * point leaves every letter in one file at least; what was accepted meanwhile is refused as a duplicate the next time.
 */
import { closeSync, fchownSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import type { Micros } from '../../time.ts'
import type { DeadLetter } from './dead-letters.ts'
import { apartFiles, apartPath, letterLines, setApart, syncNames } from './letter-files.ts'
import { parseLetter, printLetter } from './letter-line.ts'
import { appendAll } from './torn-line.ts'

/** What became of a letter; null = the document is safe with the cluster. */
export type NewRefusal = Pick<DeadLetter, 'status' | 'type' | 'reason'> | null

export type RetryDeps = {
  /** In the order of the letters. Throws when the cluster takes nothing: the rest is left as it is. */
  readonly send: (letters: readonly DeadLetter[]) => Promise<readonly NewRefusal[]>
  readonly now: Micros
  readonly pid: number
  /** Letters that are sent at most. */
  readonly limit: number
  /** Aborted: what is under way is ended, the rest is left as it is. */
  readonly signal: AbortSignal
  readonly onProgress: (totals: RetryTotals) => void
}

export type RetryTotals = {
  readonly delivered: number
  readonly refused: number
  /** Not sent: beyond the limit, or the cluster took nothing any more. */
  readonly left: number
  /** Lines that are no letters; they are kept. */
  readonly unreadable: number
}

/** Of one request. */
const LETTERS_MAX = 500
const CHARACTERS_MAX = 4 * 1024 * 1024
const FILE_MODE = 0o640

type Waiting = { readonly letter: DeadLetter; readonly line: string }

/** `error` is what `send` threw, told when everything is in order on the disk. Throws AppError `cannot-read`, `cannot-write`. */
export async function retryLetters(
  dir: string,
  deps: RetryDeps,
): Promise<{ readonly totals: RetryTotals; readonly error: unknown }> {
  const { send, now, pid, limit, signal, onProgress } = deps
  setApart(dir, apartPath(dir, now, pid))
  const rest = createRest(dir, apartPath(dir, now + 1, pid))
  /** Refused twice, or in two files since a kill. */
  const seen = new Set<string>()
  const totals = { delivered: 0, refused: 0, left: 0, unreadable: 0 }
  let waiting: Waiting[] = []
  let characters = 0
  let error: unknown = null
  let isChanged = false

  const isOver = (): boolean => error !== null || signal.aborted
  const sent = (): number => totals.delivered + totals.refused
  /** Nothing became of any letter: the files are right as they are. */
  const isInVain = (): boolean => isOver() && sent() === 0 && !isChanged

  function leave(line: string): void {
    rest.add(line)
    totals.left++
  }

  async function sendWaiting(): Promise<void> {
    const some = waiting
    waiting = []
    characters = 0
    const refusals = some.length === 0 || isOver() ? null : await attempt(some)
    some.forEach(({ letter, line }, i) => {
      const refusal = refusals?.[i] ?? null
      if (refusals === null) leave(line)
      else if (refusal === null) totals.delivered++
      else {
        rest.add(printLetter({ ...letter, ...refusal }))
        totals.refused++
      }
    })
    onProgress(totals)
  }

  async function attempt(some: readonly Waiting[]): Promise<readonly NewRefusal[] | null> {
    try {
      return await send(some.map(({ letter }) => letter))
    } catch (thrown) {
      error = thrown
      return null
    }
  }

  async function take(text: string): Promise<void> {
    const line = `${text}\n`
    const letter = parseLetter(text)
    if (letter === null) {
      rest.add(line)
      totals.unreadable++
      return
    }
    const key = `${letter.stream} ${letter.id}`
    if (seen.has(key)) return
    seen.add(key)
    if (isOver() || sent() + waiting.length >= limit) {
      leave(line)
      return
    }
    waiting.push({ letter, line })
    characters += line.length
    if (waiting.length >= LETTERS_MAX || characters >= CHARACTERS_MAX) await sendWaiting()
  }

  try {
    for (const path of apartFiles(dir)) {
      for (const line of letterLines(path)) {
        await take(line)
        if (isInVain()) return { totals, error: abandon(rest, error) }
      }
      await sendWaiting()
      if (isInVain()) return { totals, error: abandon(rest, error) }
      rest.sync()
      rmSync(path, { force: true })
      isChanged = true
    }
  } finally {
    rest.close()
  }
  syncNames(dir)
  return { totals, error }
}

function abandon(rest: Rest, error: unknown): unknown {
  rest.remove()
  return error
}

type Rest = {
  /** `line` with its end. */
  add(line: string): void
  sync(): void
  remove(): void
  close(): void
}

/** The file of what stays; made with the first line. */
function createRest(dir: string, path: string): Rest {
  let file: number | null = null
  let held: string[] = []
  let characters = 0

  function flush(): void {
    if (held.length === 0) return
    try {
      file ??= makeFile(dir, path)
      appendAll(file, Buffer.from(held.join('')))
    } catch (cause) {
      throw new AppError('cannot-write', `cannot write ${safeText(path)}`, {
        cause,
        advice: 'Check the space on the disk: what is sent again needs as much once more for a while. Nothing is lost.',
      })
    }
    held = []
    characters = 0
  }

  return {
    add(line) {
      held.push(line)
      characters += line.length
      if (characters >= CHARACTERS_MAX) flush()
    },
    sync() {
      flush()
      if (file === null) return
      fsyncSync(file)
      syncNames(dir)
    },
    remove() {
      held = []
      if (file !== null) rmSync(path, { force: true })
    },
    close() {
      if (file !== null) closeSync(file)
      file = null
    },
  }
}

/** Root makes it for the user of the daemon, who must be able to read it. */
function makeFile(dir: string, path: string): number {
  const file = openSync(path, 'wx', FILE_MODE)
  const { uid, gid } = statSync(dir)
  if (process.getuid?.() === 0) fchownSync(file, uid, gid)
  return file
}
