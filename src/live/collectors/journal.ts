/**
 * A local journal of what a command printed (design 2.4): commands have no position to resume from, a file has. Bytes are
 * appended whole, the file is rotated by rename (`wg.snapshots`, `.1`, `.2`, …), and together they are the capture directory
 * that `replay` reads (design 8.1).
 *
 * Appending is one synchronous write: a reader in this process sees all of a dump or nothing. A write that was cut short by a
 * full disk is taken back. A write that was cut short by a kill is found when the file is opened again: its last line is ended,
 * and a dump is made unreadable as a whole dump. Nothing is flushed to the disk itself: after a power loss the end may be
 * missing, and the reader tells that as a gap.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { AppError } from '../../errors.ts'
import { quoted } from '../../safe-text.ts'

export type JournalOptions = {
  /** A file that would grow beyond this many bytes is rotated first. One append is never split, so a single larger one may exceed it. */
  readonly bytesMax: number
  /** Rotated files kept beside the live one, 1 or more. */
  readonly keep: number
  /** Whether one append is one dump: then a half one, left by a kill, must not be taken for a whole one. */
  readonly isDumps?: boolean
}

export type Journal = {
  /** Whole lines, LF at the end. Throws AppError `cannot-write`; then nothing of `bytes` is in the file, and the next call tries anew. */
  append(bytes: Uint8Array): void
  close(): void
}

/** No reader takes this line for a row: wg rows have tabs, conntrack rows `src=`, JSON no such beginning. Makes its dump incomplete. */
export const CUT_LINE = '(the rest of this dump is missing)\n'

/**
 * A fatal signal stops write(2) between two pages (generic_perform_write in mm/filemap.c), so a file that a kill cut short ends
 * at a multiple of this, a multiple of every page size Linux has being one of it too.
 */
const PAGE_BYTES = 4096

const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW

/** Makes the directory where it is missing (0700) and the file (0600). Throws AppError `cannot-write`. */
export function openJournal(path: string, options: JournalOptions): Journal {
  /** -1 = not open. */
  let fd = -1

  function open(): void {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    fd = openSync(path, FLAGS, 0o600)
    try {
      const { size } = fstatSync(fd)
      if (size > 0) endLastLine(fd, size, options.isDumps === true)
    } catch (error) {
      // Not open as long as its last line has no end: the next append would go on in the middle of it.
      close()
      throw error
    }
  }

  function close(): void {
    if (fd >= 0) closeSync(fd)
    fd = -1
  }

  /** Its size. A file that somebody deleted or moved away is left alone and made anew. */
  function ready(): number {
    if (fd >= 0) {
      const own = fstatSync(fd)
      const there = statSync(path, { throwIfNoEntry: false })
      if (there?.ino === own.ino && there.dev === own.dev) return own.size
      close()
    }
    open()
    return fstatSync(fd).size
  }

  function append(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    let size = ready()
    if (size > 0 && size + bytes.length > options.bytesMax) {
      close()
      rotate(path, options.keep)
      open()
      size = 0
    }
    let written = 0
    try {
      written = writeSync(fd, bytes)
      // Short without an error: the disk, a quota or RLIMIT_FSIZE ends here, and the rest would fail with the reason.
      while (written < bytes.length) written += writeSync(fd, bytes, written)
    } catch (error) {
      // A first part may be there. It fits into no reader's idea of a line or a dump, so it is taken back at once.
      ftruncateSync(fd, size)
      throw error
    }
  }

  const told = (work: () => void) => {
    try {
      work()
    } catch (cause) {
      throw cannotWrite(path, cause)
    }
  }
  told(() => {
    open()
    removeBeyond(path, options.keep)
  })
  return { append: (bytes) => told(() => append(bytes)), close }
}

/** What a kill left: a line without its end, or a dump without its last rows. */
function endLastLine(fd: number, size: number, isDumps: boolean): void {
  const last = Buffer.alloc(1)
  readSync(fd, last, 0, 1, size - 1)
  const isTorn = last[0] !== 0x0a
  // Of a dump that happens to end at a page's border nobody can say whether it is whole; better one dump too few.
  if (isDumps && (isTorn || size % PAGE_BYTES === 0)) writeSync(fd, isTorn ? `\n${CUT_LINE}` : CUT_LINE)
  else if (isTorn) writeSync(fd, '\n')
}

function rotate(path: string, keep: number): void {
  rmSync(`${path}.${keep}`, { force: true })
  for (let n = keep - 1; n >= 1; n--) moveIfThere(`${path}.${n}`, `${path}.${n + 1}`)
  moveIfThere(path, `${path}.1`)
}

function moveIfThere(from: string, to: string): void {
  if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, to)
}

/** Files that are left from a time when more were kept. */
function removeBeyond(path: string, keep: number): void {
  const prefix = `${basename(path)}.`
  for (const name of readdirSync(dirname(path))) {
    const number = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    if (/^[1-9]\d{0,8}$/.test(number) && Number(number) > keep) rmSync(`${path}.${number}`, { force: true })
  }
}

function cannotWrite(path: string, cause: unknown): AppError {
  const full = isDiskFull(cause)
  const code = codeOf(cause)
  return new AppError(
    'cannot-write',
    `cannot write the journal ${quoted(path, 200)}: ${full ? 'the disk is full' : code === '' ? 'unknown reason' : code}`,
    {
      cause,
      advice: full
        ? 'Make room on that file system; what commands print until then is lost, and said to be.'
        : 'Check that the state directory exists and belongs to the user that peertrail runs as.',
    },
  )
}

/** Whether an error of `append` or `openJournal` says that there is no room: disk, quota or file size limit. */
export function isDiskFull(error: unknown): boolean {
  const code = codeOf(error instanceof AppError ? error.cause : error)
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
