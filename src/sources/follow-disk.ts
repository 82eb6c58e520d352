/**
 * What following a log asks of the file system: stat, open, read at a place. Nothing here throws for what the file system does;
 * a refusal is a `Refusal` with words for people. Only regular files are opened: a FIFO would block, a device has side effects.
 */
import { hash } from 'node:crypto'
import { close, constants, fstat, open, read } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Micros } from '../time.ts'

const openFd = promisify(open)
const fstatFd = promisify(fstat)
const readFd = promisify(read)
const closeFd = promisify(close)

/** Characters of a file's first line that count, as for captures (first-line.ts). */
const FIRST_LINE_MAX = 1024
const FIRST_READ_BYTES = 4096

export type FileStat = {
  /** Device and inode, `2049:131`. */
  readonly key: string
  /** Birth time in ns; '0' where the file system keeps none. */
  readonly birth: string
  readonly size: number
  readonly writtenAt: Micros
}

/** `isLasting`: the file is there and this process may not read it, or the disk fails; else trying again may help. */
export type Refusal = { readonly problem: string; readonly isLasting: boolean }

const PROBLEMS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file'],
  ['ENOTDIR', 'no such file: a part of its path is no directory'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['ELOOP', 'too many symbolic links'],
  ['EISDIR', 'it is a directory'],
  ['EIO', 'input/output error'],
  ['EMFILE', 'too many open files'],
  ['ENFILE', 'too many open files'],
])

/** Words for an error of the file system. */
export function refusalOf(error: unknown): Refusal {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  return { problem: PROBLEMS.get(code) ?? code, isLasting: code === 'EACCES' || code === 'EPERM' || code === 'EIO' }
}

/** The regular file at `path`; symbolic links are followed for the configured path only, never for files beside it. */
export async function statPath(path: string, isLinkFollowed: boolean): Promise<FileStat | Refusal> {
  try {
    const found = await (isLinkFollowed ? stat : lstat)(path, { bigint: true })
    if (found.isFile()) return fileStat(found)
    const what = found.isDirectory() ? 'a directory' : found.isFIFO() ? 'a FIFO (named pipe)' : 'no regular file'
    return { problem: `it is ${what}`, isLasting: true }
  } catch (error) {
    return refusalOf(error)
  }
}

type BigStat = {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly birthtimeNs: bigint
}

function fileStat(found: BigStat): FileStat {
  return {
    key: `${found.dev}:${found.ino}`,
    birth: String(found.birthtimeNs),
    size: Number(found.size),
    writtenAt: Number(found.mtimeNs / 1000n),
  }
}

export type OpenedFile = { readonly fd: number; readonly stat: FileStat }

/** O_NONBLOCK: the name may have become a FIFO since it was looked at. Close with `closeFile`. */
export async function openFile(path: string, isLinkFollowed: boolean): Promise<OpenedFile | Refusal> {
  const looked = await statPath(path, isLinkFollowed)
  if ('problem' in looked) return looked
  const noFollow = isLinkFollowed ? 0 : constants.O_NOFOLLOW
  let fd: number
  try {
    fd = await openFd(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | noFollow)
  } catch (error) {
    return refusalOf(error)
  }
  const opened = await statFile(fd)
  if (!('problem' in opened)) return { fd, stat: opened }
  await closeFile(fd)
  return opened
}

/** The opened file, whatever its name is now. */
export async function statFile(fd: number): Promise<FileStat | Refusal> {
  try {
    const found = await fstatFd(fd, { bigint: true })
    return found.isFile() ? fileStat(found) : { problem: 'it is no regular file', isLasting: true }
  } catch (error) {
    return refusalOf(error)
  }
}

/** A descriptor that cannot be closed is gone as well (close(2)). */
export async function closeFile(fd: number): Promise<void> {
  await closeFd(fd).catch(() => {})
}

/** At most `length` bytes from `from` on; fewer at the end of the file. Rejects where reading fails. */
export async function readAt(fd: number, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await readFd(fd, bytes, filled, length - filled, from + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}

export type FirstLine = {
  /** latin1, without leading LFs, at most FIRST_LINE_MAX characters. */
  readonly text: string
  readonly hash: string
  /** False: the file may still grow into another first line. */
  readonly isWhole: boolean
}

/** The first line as identifyFiles takes it, from bytes that begin at the file's first. */
export function firstLineIn(bytes: Buffer): FirstLine {
  let start = 0
  while (bytes[start] === LF) start++
  const end = bytes.indexOf(LF, start)
  const text = bytes.toString('latin1', start, Math.min(end < 0 ? bytes.length : end, start + FIRST_LINE_MAX))
  return {
    text,
    hash: fingerprint(bytes.subarray(start, start + text.length)),
    isWhole: end >= 0 || text.length === FIRST_LINE_MAX,
  }
}

const LF = 10

/** Rejects where reading fails. */
export async function firstLineOf(fd: number): Promise<FirstLine> {
  for (let from = 0; ; ) {
    const bytes = await readAt(fd, from, FIRST_READ_BYTES)
    const first = firstLineIn(bytes)
    // Nothing but LFs in a whole read: the line begins later.
    if (first.text !== '' || bytes.length < FIRST_READ_BYTES) {
      const start = bytes.findIndex((byte) => byte !== LF)
      if (first.isWhole || bytes.length < FIRST_READ_BYTES || start === 0) return first
      from += start
    } else from += bytes.length
  }
}

/** 96 bits of SHA-256: what tells one content from another in a cursor. */
export function fingerprint(bytes: Buffer): string {
  return hash('sha256', bytes, 'base64url').slice(0, 16)
}
