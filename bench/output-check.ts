/**
 * Reads what was written and says whether the work was done: as many documents as lines, every one attributed `exact`. A fast
 * program that leaves lines out is not measured as fast. Bytes are compared, nothing is parsed: at a gigabyte of output parsing
 * would take longer than the measurement.
 */
import { closeSync, openSync, readSync } from 'node:fs'

export type OutputCount = {
  readonly documents: number
  readonly bytes: number
  readonly found: ReadonlyMap<string, number>
}

const READ_BYTES = 4 * 1024 * 1024
const LF = 10

/** Counts lines, and how often each text occurs; a text never spans a line's end. */
export function countOutput(path: string, texts: readonly string[]): OutputCount {
  const file = openSync(path, 'r')
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  const found = new Map<string, number>()
  const needles = texts.map((text) => ({ text, bytes: Buffer.from(text) }))
  let documents = 0
  let bytes = 0
  let kept = 0
  try {
    for (;;) {
      const read = readSync(file, buffer, kept, READ_BYTES - kept, null)
      if (read === 0) break
      bytes += read
      const last = buffer.lastIndexOf(LF, kept + read - 1)
      const whole = buffer.subarray(0, last + 1)
      documents += occurrences(whole, Buffer.of(LF))
      for (const needle of needles)
        found.set(needle.text, (found.get(needle.text) ?? 0) + occurrences(whole, needle.bytes))
      kept = buffer.copy(buffer, 0, last + 1, kept + read)
      if (kept === READ_BYTES) throw new Error(`${path}: a line of more than ${READ_BYTES} bytes`)
    }
  } finally {
    closeSync(file)
  }
  return { documents, bytes, found }
}

function occurrences(bytes: Buffer, needle: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + needle.length)) count++
  return count
}
