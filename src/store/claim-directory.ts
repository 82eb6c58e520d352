/**
 * Makes sure, before anything is written, that a directory is a store's or nobody's: a person may point --store at any directory,
 * and what a store does not name it removes.
 */
import { lstatSync, readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { makeDirectory } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { lostManifest } from './manifest-error.ts'
import { toWriteError } from './write-error.ts'

/** An empty file system has it. */
const NOBODYS = 'lost+found'

/** Creates the directory where there is none. Throws AppError `bad-store`, `cannot-write`. */
export function claimDirectory(layout: StoreLayout): void {
  const names = namesIn(layout)
  const has = (path: string) => names.includes(basename(path))
  if (!has(layout.manifest) && (has(layout.hot) || has(layout.segments))) throw lostManifest(layout)
  // Of a writer killed at its very first moment there is nothing but the lock.
  const isOurs = has(layout.manifest) || has(layout.lock)
  if (!isOurs && names.some((name) => name !== NOBODYS)) {
    throw new AppError('bad-store', `${safeText(layout.dir)} is no store, and it is not empty`, {
      advice: 'Name an empty directory with --store, or one that does not exist yet.',
    })
  }
  refuseLinks(layout)
}

function namesIn(layout: StoreLayout): string[] {
  try {
    makeDirectory(layout.dir)
    return readdirSync(layout.dir)
  } catch (error) {
    throw toWriteError(layout.dir, error)
  }
}

/** Files are removed and renamed in these: a link would take that elsewhere. */
function refuseLinks(layout: StoreLayout): void {
  for (const path of [layout.hot, layout.segments, layout.work]) {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined || found.isDirectory()) continue
    throw new AppError('bad-store', `${safeText(path)} is no directory`, {
      advice: 'Links inside a store are not followed. Let the store itself be the link, or mount a file system there.',
    })
  }
}
