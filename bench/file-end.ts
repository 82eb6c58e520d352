/** The last bytes of a file, for knowing whether a writer has come to its end without reading what it wrote. */
import { closeSync, openSync, readSync } from 'node:fs'

/** More than any one line of input or output. */
const END_BYTES = 8 * 1024

/** latin1. Throws what the file system throws. */
export function readEnd(path: string, size: number): string {
  const bytes = Buffer.alloc(Math.min(size, END_BYTES))
  const file = openSync(path, 'r')
  try {
    const read = readSync(file, bytes, 0, bytes.length, Math.max(0, size - END_BYTES))
    return bytes.toString('latin1', 0, read)
  } finally {
    closeSync(file)
  }
}
