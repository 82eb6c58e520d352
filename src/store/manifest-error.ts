/** What goes wrong with a manifest, in words: damaged, gone, locked, not allowed. Anything else is a mistake of ours and stays one. */
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import type { StoreLayout } from './layout.ts'
import { reasonOf, toWriteError } from './write-error.ts'

/** SQLite's primary result codes (sqlite3.h). */
const SQLITE_ERROR = 1
const SQLITE_READONLY = 8
const SQLITE_CORRUPT = 11
const SQLITE_MISMATCH = 20
const SQLITE_NOTADB = 26

/** An error of node:sqlite, or of reading its rows, as AppError. */
export function manifestError(layout: StoreLayout, mode: 'read' | 'write', error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error
  const code = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0
  const isDamage =
    [SQLITE_ERROR, SQLITE_CORRUPT, SQLITE_MISMATCH, SQLITE_NOTADB].includes(code) || error instanceof DamagedRow
  if (isDamage) {
    return new AppError('bad-store', `the manifest of the store ${safeText(layout.dir)} is damaged`, {
      cause: error,
      advice: `The Parquet files below segments/ and the NDJSON files in hot/ are whole without it. Put ${safeText(layout.manifest)} back from a backup, or move the directory aside and read the sources again.`,
    })
  }
  if (code === 0) return error
  if (mode === 'write') return toWriteError(layout.dir, error)
  if (code === SQLITE_READONLY) {
    return new AppError('cannot-read', `the writer of the store ${safeText(layout.dir)} was killed within a change`, {
      cause: error,
      advice: 'The change has to be undone first: read the store once as a user who may write there.',
    })
  }
  return cannotRead(layout, error)
}

/** A row of the manifest that no release of ours wrote. */
export class DamagedRow extends Error {}

/** AppError for a directory or manifest that this user may not read. */
export function cannotRead(layout: StoreLayout, cause: unknown): AppError {
  return new AppError('cannot-read', `cannot read the store ${safeText(layout.dir)}: ${reasonOf(cause)}`, {
    cause,
    advice: 'Check that this user may read the directory and everything in it.',
  })
}

/** AppError for records without a manifest. */
export function lostManifest(layout: StoreLayout): AppError {
  return new AppError('bad-store', `${safeText(layout.dir)} holds hot/ or segments/, but no manifest.sqlite of them`, {
    advice:
      'If this was a store, put its manifest.sqlite back from a backup; nothing was changed. If it is something else, name another directory with --store.',
  })
}
