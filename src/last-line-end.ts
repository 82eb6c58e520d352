/** Where the whole lines of a file end: what stands behind was being written when its writer was killed. */
import { readSync } from 'node:fs'

/** Offset behind the last LF of an open file of `size` bytes, 0 when there is none. Throws what the file system throws. */
export function lastLineEnd(descriptor: number, size: number): number {
  const chunk = Buffer.alloc(64 * 1024)
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunk.length)
    const read = readSync(descriptor, chunk, 0, end - start, start)
    const found = chunk.subarray(0, read).lastIndexOf(10)
    if (found >= 0) return start + found + 1
    end = start
  }
  return 0
}
