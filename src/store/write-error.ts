/** What the world refused while a store was written, in words for people; errors of our own making stay what they are. */
import { AppError } from '../errors.ts'
import { safeText } from '../safe-text.ts'

/** By Node's code, SQLite's primary result code, and what DuckDB writes of the operating system's message. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/ENOSPC|EDQUOT|\bsqlite 13\b|No space left on device|Disk quota exceeded/, 'the disk is full'],
  [/EROFS|\bsqlite 8\b|Read-only file system/, 'it is read-only'],
  [/EACCES|EPERM|\bsqlite (?:3|23)\b|Permission denied|Operation not permitted/, 'permission denied'],
  [/ENOTDIR|EEXIST|Not a directory/, 'something else has that name'],
  [/\bsqlite 14\b/, 'a file in it cannot be opened'],
  [/\bsqlite 5\b/, 'another process keeps the manifest locked'],
  [/Out of Memory Error/, 'there is not enough memory'],
  [/"maximum_object_size"/, 'a line is too long to be one of ours'],
]

/** Node's code of an error, or SQLite's as `sqlite 13`, or the message of a DuckDB error; '' for anything else. */
function signOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if ('errcode' in error && typeof error.errcode === 'number') return `sqlite ${error.errcode & 0xff}`
  if ('code' in error && typeof error.code === 'string' && 'syscall' in error) return error.code
  // DuckDB's errors are plain ones; those about a statement's text are ours, not the world's.
  return /^(?:IO|Out of Memory|Permission|Invalid Input|Invalid|Conversion|Serialization|HTTP|FATAL|INTERNAL) Error/.test(
    error.message,
  )
    ? error.message
    : ''
}

/** Whether the world is to blame at all. */
export function isWorldFault(error: unknown): boolean {
  return error instanceof AppError || signOf(error) !== ''
}

/** Whether there was no room for a file: nothing is wrong with what was read. */
export function isDiskFull(error: unknown): boolean {
  return REASONS[0]?.[0].test(signOf(error)) === true
}

/** The reason in a few words, else the error's own first line. */
export function reasonOf(error: unknown): string {
  const sign = signOf(error)
  const known = REASONS.find(([pattern]) => pattern.test(sign))
  if (known !== undefined) return known[1]
  return error instanceof Error ? safeText(error.message.split('\n', 1)[0] ?? '') : safeText(String(error))
}

/** An AppError `cannot-write` about `path`; what already is one, or a mistake of ours, comes back as it is. */
export function toWriteError(path: string, error: unknown): unknown {
  if (error instanceof AppError || !isWorldFault(error)) return error
  return new AppError('cannot-write', `cannot write the store ${safeText(path)}: ${reasonOf(error)}`, {
    cause: error,
    advice: 'What was acknowledged is safe, and the next writer goes on from there. Check space and permissions.',
  })
}
