/**
 * Lines of a file that a killed writer left half. They are not cut off: another process may be writing at that very moment, and
 * what it wrote would go with them. The next writer ends them with a character that no whole line ends with, and readers leave
 * them out: whoever wrote one was never told that it is safe.
 */
import { constants, readSync, writeSync } from 'node:fs'

/** U+0018, CANCEL; JSON and ids have it only escaped. */
const CANCEL = 0x18
export const LF = 0x0a

/** Opens such a file, or makes it; no link is followed, and no pipe waited for. */
export const APPEND_FLAGS =
  constants.O_RDWR |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK |
  constants.O_NOCTTY

/** `file` is open for reading and appending, and has `size` bytes. Throws what the file system throws. */
export function closeTornLine(file: number, size: number): void {
  if (size === 0) return
  const last = Buffer.alloc(1)
  readSync(file, last, 0, 1, size - 1)
  if (last[0] !== LF) writeSync(file, Buffer.of(CANCEL, LF))
}

/** `line` without its end. */
export function isTorn(line: string): boolean {
  return line.charCodeAt(line.length - 1) === CANCEL
}

/** Whole lines that end in `bytes` from `start` to `end`; the byte before is looked at too. */
export function countLines(bytes: Buffer, start: number, end: number): number {
  let count = 0
  for (let at = bytes.indexOf(LF, start); at >= 0 && at < end; at = bytes.indexOf(LF, at + 1))
    if (bytes[at - 1] !== CANCEL) count++
  return count
}

/** Appends all of `bytes`. Throws what the file system throws; a part may stand there then, as a torn line. */
export function appendAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
}
