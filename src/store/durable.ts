/** Files and names that survive a power loss: a name is durable only when the directory that holds it is synced. */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DIRECTORY_MODE } from './layout.ts'

/** Makes what was written to a file, or the names in a directory, survive a power loss. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Makes a directory and what is missing above it. */
export function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE })
  if (first === undefined) return
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) syncFile(dirname(folder))
}

/** Removes a file of the store, and the folders above it that are empty then, up to `root`. A file that is gone is fine. */
export function removeFile(path: string, root: string): void {
  rmSync(path, { force: true })
  for (let folder = dirname(path); folder.startsWith(join(root, '/')); folder = dirname(folder)) {
    try {
      if (readdirSync(folder).length > 0) return
      rmdirSync(folder)
    } catch {
      // An empty folder too many does no harm.
      return
    }
  }
}
