/** Capture directories that are written once and used again by later runs. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** What was counted while it was written. */
export type Counts = Readonly<Record<string, number>>

/**
 * Calls `write` with a directory to fill, unless `directory` is there in full from an earlier run of the same generation.
 * Returns what `write` counted then.
 */
export function keepCapture(directory: string, generation: number, write: (partial: string) => Counts): Counts {
  const note = `${directory}.json`
  const known = existsSync(directory) && existsSync(note) ? readNote(note) : null
  if (known?.['generation'] === generation) return known
  // Written aside and renamed whole: a run beside this one never reads half a capture.
  const partial = `${directory}.${process.pid}.partial`
  try {
    mkdirSync(partial, { recursive: true })
    const counts = { ...write(partial), generation }
    rmSync(directory, { recursive: true, force: true })
    renameSync(partial, directory)
    writeFileSync(note, JSON.stringify(counts))
    return counts
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}

function readNote(path: string): Counts {
  // Our own file, written after its directory was complete.
  return JSON.parse(readFileSync(path, 'utf8')) as Counts
}
