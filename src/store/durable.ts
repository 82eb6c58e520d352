/** Files and names that survive a power loss: a name is durable only when the directory that holds it is synced. */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DIRECTORY_MODE, type StoreLayout } from './layout.ts'

/** Makes what was written to a file survive a power loss. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** File systems that cannot sync a directory say EINVAL or ENOTSUP; one that may be written and not be read (0711), EACCES. */
const NOT_SYNCED = /^(?:EINVAL|ENOTSUP|EACCES)$/

/** The same for the names in a directory, as far as the file system can do that. */
export function syncDirectory(path: string): void {
  try {
    syncFile(path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && NOT_SYNCED.test(String(error.code)))) throw error
  }
}

/** Makes a directory and what is missing above it. */
export function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE })
  if (first === undefined) return
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) syncDirectory(dirname(folder))
}

/** Removes a file of the store, named as the manifest does, and its folders that are empty then. One that is gone is fine. */
export function removeFile(layout: StoreLayout, file: string): void {
  rmSync(join(layout.dir, file), { force: true })
  // hot/ and segments/ themselves stay.
  for (let folder = dirname(file); folder.includes('/'); folder = dirname(folder)) {
    const path = join(layout.dir, folder)
    try {
      if (readdirSync(path).length > 0) return
      rmdirSync(path)
    } catch {
      // An empty folder too many does no harm.
      return
    }
  }
}
