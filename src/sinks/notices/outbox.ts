/**
 * Notices that wait to be sent, and ids of those that were, in a file of their own: a receiver that is away for a day must neither
 * hold up the checkpoints of the pipeline nor lose a notice, and what comes again after a restart must not ring twice.
 *
 *   + 01k81… {"event":{…}}      a notice waits
 *   - 01k81…                    it was sent, or given up
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'

/** Notices that wait; beyond it the oldest is given up, and counted. */
export const WAITING_MAX = 10_000
/** Characters of those that wait, all together: they are kept in memory, too. Beyond it the same. */
export const WAITING_CHARS_MAX = 64 * 1024 * 1024
/** Ids that are known of those that were sent; the oldest are forgotten. */
export const KNOWN_MAX = 50_000
/** Lines, and characters, after which the file is written anew. */
const LINES_MAX = 2 * KNOWN_MAX
const CHARS_MAX = 2 * WAITING_CHARS_MAX
const FILE_MODE = 0o600
/** Of `event.id`: letters and digits. JSON leaves U+2028 and U+2029 as they are, which end a line for some: a dot takes them, too. */
const LINE = /^(?:\+ ([0-9a-z]{1,64}) (\{.*\})|- ([0-9a-z]{1,64}))$/s

export type Notice = { readonly id: string; readonly document: string }

export type Outbox = {
  /** Safe when it returns; what is known already changes nothing. Throws AppError `cannot-write`. */
  add(notices: readonly Notice[]): void
  /** The one that waits longest; null = none. */
  readonly first: Notice | null
  /** It need not be sent any more. Throws AppError `cannot-write`. */
  done(id: string): void
  readonly waiting: number
  /** Given up because too many waited. */
  readonly dropped: number
  close(): void
}

/** For one process at a time. Throws AppError `cannot-read`, `cannot-write`. */
export function openOutbox(dir: string, name: string): Outbox {
  const path = join(dir, `${name}-outbox`)
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw new AppError('cannot-write', `cannot write ${safeText(path)}`, {
        cause,
        advice: 'Check the directory, the space on the disk, and that this user may write there.',
      })
    }
  }
  const { waiting, known } = readOutbox(path)
  let dropped = 0
  /** Characters of what waits. */
  let chars = [...waiting.values()].reduce((sum, { length }) => sum + length, 0)
  /** Of the file. */
  let lines = 0
  let written = 0
  let file = -1
  /** The last write may have stopped in the middle of a line. */
  let isTorn = false

  function rewrite(): void {
    const fresh = `${path}.tmp`
    const handle = openSync(fresh, 'w', FILE_MODE)
    const text = [...[...known].map((id) => `- ${id}`), ...[...waiting].map(([id, document]) => `+ ${id} ${document}`)]
    try {
      written = writeLines(handle, text)
      renameSync(fresh, path)
    } catch (error) {
      closeSync(handle)
      throw error
    }
    if (file >= 0) closeSync(file)
    file = handle
    lines = text.length
    syncDirectory(dirname(path))
    isTorn = false
  }

  function append(text: readonly string[]): void {
    if (text.length === 0) return
    attempt(() => {
      if (isTorn || lines > LINES_MAX + waiting.size || written > CHARS_MAX + chars) rewrite()
      isTorn = true
      written += writeLines(file, text)
      isTorn = false
      lines += text.length
    })
  }

  /** The oldest that wait beyond what may. */
  function surplus(): string[] {
    const lost: string[] = []
    let [count, size] = [waiting.size, chars]
    for (const [id, { length }] of waiting) {
      if (count <= WAITING_MAX && size <= WAITING_CHARS_MAX) break
      lost.push(id)
      count--
      size -= length
    }
    return lost
  }

  function know(id: string): void {
    chars -= waiting.get(id)?.length ?? 0
    waiting.delete(id)
    known.add(id)
    if (known.size <= KNOWN_MAX) return
    const oldest = known.values().next()
    if (oldest.done !== true) known.delete(oldest.value)
  }

  attempt(() => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    rewrite()
  })
  return {
    add(notices) {
      const fresh = notices.filter(({ id }) => !known.has(id) && !waiting.has(id))
      // On the disk first: what could not be written comes again, and must not be known then.
      append(fresh.map(({ id, document }) => `+ ${id} ${document}`))
      for (const { id, document } of fresh) {
        chars += document.length - (waiting.get(id)?.length ?? 0)
        waiting.set(id, document)
      }
      const lost = surplus()
      for (const id of lost) know(id)
      dropped += lost.length
      append(lost.map((id) => `- ${id}`))
    },
    get first() {
      const first = waiting.entries().next()
      return first.done === true ? null : { id: first.value[0], document: first.value[1] }
    },
    done(id) {
      know(id)
      append([`- ${id}`])
    },
    get waiting() {
      return waiting.size
    },
    get dropped() {
      return dropped
    },
    close() {
      closeSync(file)
    },
  }
}

/** Characters; safe when it returns. A full disk may take a part of a text without complaint: `writeFileSync` goes on until all of it is there. */
function writeLines(handle: number, lines: readonly string[]): number {
  const text = lines.map((line) => `${line}\n`).join('')
  writeFileSync(handle, text)
  fsyncSync(handle)
  return text.length
}

/** What a kill left half written at the end is no line of ours, and comes again by the pipeline. */
function readOutbox(path: string): { readonly waiting: Map<string, string>; readonly known: Set<string> } {
  const waiting = new Map<string, string>()
  const known = new Set<string>()
  for (const line of textOf(path).split('\n').slice(0, -1)) {
    const [, added, document, done] = LINE.exec(line) ?? []
    if (added !== undefined && document !== undefined) waiting.set(added, document)
    if (done === undefined) continue
    waiting.delete(done)
    known.add(done)
  }
  return { waiting, known }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return ''
    throw new AppError('cannot-read', `cannot read ${safeText(path)}`, {
      cause,
      advice: 'Check that this user may read it; without the file, notices of the last days may be sent once more.',
    })
  }
}

function syncDirectory(path: string): void {
  const handle = openSync(path, 'r')
  fsyncSync(handle)
  closeSync(handle)
}
