/**
 * One writer at a time. The lock is an exclusive transaction on an empty database: the operating system frees it when the process
 * ends, however it ends, so nobody ever has to remove a stale lock file.
 */
import { DatabaseSync } from 'node:sqlite'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'

export type WriterLock = { release(): void }

/** Throws AppError `store-locked` when another process holds it. */
export function takeWriterLock(path: string, dir: string): WriterLock {
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    throw new AppError('store-locked', `another process is writing the store ${safeText(dir)}`, {
      cause,
      advice: 'Wait until it has ended, or name another directory with --store. Reading is possible meanwhile.',
    })
  }
  return {
    release() {
      database.exec('ROLLBACK')
      database.close()
    },
  }
}
