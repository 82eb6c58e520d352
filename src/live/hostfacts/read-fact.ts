/** Reads small files of /proc, /sys and /etc as facts: their text, or in words for people why there is none. */
import { closeSync, openSync, readSync } from 'node:fs'
import { safeText } from '../../safe-text.ts'
import type { Fact } from '../../sources/hostfacts/facts.ts'

/** Bytes read of one file: /proc/modules and modules.builtin have some ten kB, /proc/net/udp 128 bytes a socket. */
const BYTES_MAX = 8 * 1024 * 1024

/** Whole text, latin1. Files of /proc have no size, so it is read until nothing comes. */
export function readFact(path: string): Fact<string> {
  let fd = -1
  try {
    fd = openSync(path, 'r')
    const chunks: Buffer[] = []
    for (let bytes = 0; bytes < BYTES_MAX; ) {
      const chunk = Buffer.alloc(64 * 1024)
      const read = readSync(fd, chunk)
      if (read === 0) break
      chunks.push(chunk.subarray(0, read))
      bytes += read
    }
    return Buffer.concat(chunks).toString('latin1')
  } catch (error) {
    return { problem: problemOf(error) }
  } finally {
    if (fd >= 0) closeSync(fd)
  }
}

/** An error of the file system in words. */
export function problemOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such file'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  return code === '' ? safeText(String(error)) : code
}
