/**
 * One writer at a time. The lock is an exclusive transaction on an empty database: the operating system frees it when the process
 * ends, however it ends, so nobody ever has to remove a stale lock file.
 */
import { accessSync, constants } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import { toWriteError } from './write-error.ts'

export type WriterLock = { release(): void }

/** sqlite3.h */
const SQLITE_BUSY = 5

/** Throws AppError `store-locked` when another process holds it, `cannot-write` where no lock can be taken. */
export function takeWriterLock(path: string, dir: string): WriterLock {
  let database: DatabaseSync | null = null
  try {
    database = new DatabaseSync(path)
    // Trap: SQLite opens a file it may not write for reading, and an exclusive transaction on that locks nobody out.
    accessSync(path, constants.W_OK)
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    database?.close()
    if (!isBusy(cause)) throw toWriteError(dir, cause)
    throw new AppError('store-locked', `another process is writing the store ${safeText(dir)}`, {
      cause,
      advice: 'Wait until it has ended, or name another directory with --store. Reading is possible meanwhile.',
    })
  }
  const held = database
  return {
    release() {
      held.exec('ROLLBACK')
      held.close()
    },
  }
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    (error.errcode & 0xff) === SQLITE_BUSY
  )
}
