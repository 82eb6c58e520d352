/**
 * The folder of an access log: its files of lines, and beside them the head of their chain, so that an end that was cut off shows.
 *
 *   DIR/access-00000001.ndjson   lines 1 and on; a new file begins at FILE_BYTES_MAX, named after its first line
 *   DIR/head.sqlite              number and hash of the last line and of the one before the oldest; its lock is everybody's turn
 *
 * A line is written and synced before the head moves. Who is killed between the two leaves the head one line behind, which the next
 * one mends; a line that was not written whole stays as it is, and counts for nothing.
 */
import { hash } from 'node:crypto'
import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  fsyncSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { syncDirectory } from '../store/durable.ts'
import { type AccessHead, EMPTY_ACCESS, parseAccessLine } from './access-entry.ts'

export const ACCESS_FOLDER = 'access-log'
const HEAD_FILE = 'head.sqlite'

/** Bytes of a file before the next one begins. */
const FILE_BYTES_MAX = 16 * 1024 * 1024
/** With 16 MiB each about two million lines; the oldest goes when there are more, which the head remembers. */
const FILES_MAX = 64
/** Bytes of a line: what accessLine makes is shorter. */
export const LINE_BYTES_MAX = 4 * 1024 * 1024
/** How long one waits for its turn: a line takes milliseconds. */
const BUSY_MS = 5_000
const FOLDER_MODE = 0o750
const FILE_MODE = 0o640
const FILE_NAME = /^access-(\d{8,15})\.ndjson$/

export type AccessHeads = {
  /** The line before the oldest that is kept. */
  readonly base: AccessHead
  readonly last: AccessHead
}

export type AppendOptions = { readonly fileBytesMax?: number; readonly filesMax?: number }

/** Files with the number of their first line, the oldest first. Throws for a folder that cannot be read. */
export function accessFiles(folder: string): { readonly file: string; readonly first: number }[] {
  return readdirSync(folder)
    .flatMap((file) => {
      const match = FILE_NAME.exec(file)
      return match === null ? [] : [{ file, first: Number(match[1]) }]
    })
    .sort((a, b) => a.first - b.first)
}

/** Null when there is no head; throws when it cannot be read. */
export function readHeads(folder: string): AccessHeads | null {
  const path = join(folder, HEAD_FILE)
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null
  try {
    return headsBy(path, true)
  } catch (error) {
    // A journal left by a kill has to be rolled back first, which a connection that only reads must not do.
    if (lstatSync(`${path}-journal`, { throwIfNoEntry: false }) === undefined) throw error
    return headsBy(path, false)
  }
}

function headsBy(path: string, readOnly: boolean): AccessHeads | null {
  const database = new DatabaseSync(path, { readOnly })
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA trusted_schema = OFF`)
    return headsOf(database)
  } finally {
    database.close()
  }
}

/**
 * Adds one line that `make` gives for the head before it. Waits for its turn. Throws whatever the file system or SQLite say; then
 * nothing was added, or a torn line at most.
 */
export function appendAccess(
  folder: string,
  make: (before: AccessHead) => { readonly line: string; readonly head: AccessHead },
  { fileBytesMax = FILE_BYTES_MAX, filesMax = FILES_MAX }: AppendOptions = {},
): void {
  makeFolder(folder)
  const path = join(folder, HEAD_FILE)
  refuseLink(path)
  const database = new DatabaseSync(path)
  try {
    database.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA trusted_schema = OFF; BEGIN EXCLUSIVE`)
    database.exec(
      'CREATE TABLE IF NOT EXISTS heads (name TEXT PRIMARY KEY, count INTEGER NOT NULL, hash TEXT NOT NULL)',
    )
    giveToOwner(folder, path)
    const heads = headsOf(database)
    const before =
      heads === null ? (lastWritten(folder, null) ?? EMPTY_ACCESS) : (lastWritten(folder, heads.last) ?? heads.last)
    const { line, head } = make(before)
    const base = writeLine(folder, line, head, fileBytesMax, filesMax) ?? heads?.base ?? EMPTY_ACCESS
    const put = database.prepare('INSERT OR REPLACE INTO heads VALUES (?, ?, ?)')
    put.run('base', base.count, base.hash)
    put.run('last', head.count, head.hash)
    database.exec('COMMIT')
  } finally {
    // An open transaction is rolled back.
    database.close()
  }
}

function headsOf(database: DatabaseSync): AccessHeads | null {
  const isThere = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'heads'").get() !== undefined
  if (!isThere) return null
  const rows = database.prepare('SELECT name, count, hash FROM heads').all()
  const find = (wanted: string): AccessHead | null => {
    const row = rows.find(({ name }) => name === wanted)
    return row === undefined ? null : { count: Number(row['count']), hash: String(row['hash']) }
  }
  const [base, last] = [find('base'), find('last')]
  return base === null || last === null ? null : { base, last }
}

/**
 * The head by the last whole line, where it goes on from `known` by one (somebody was killed before the head moved), or where no head
 * is known; else null: what is written then shows by itself that something is amiss.
 */
function lastWritten(folder: string, known: AccessHead | null): AccessHead | null {
  const newest = accessFiles(folder).at(-1)
  if (newest === undefined) return null
  const text = lastLine(join(folder, newest.file))
  const entry = text === '' ? null : parseAccessLine(text)
  if (entry === null) return null
  const { number, previous } = entry.peertrail.access
  if (known !== null && (number !== known.count + 1 || previous !== known.hash)) return null
  return { count: number, hash: hash('sha256', text) }
}

/** The head before the oldest line that is kept now, when the oldest file was removed; else null. */
function writeLine(
  folder: string,
  line: string,
  head: AccessHead,
  fileBytesMax: number,
  filesMax: number,
): AccessHead | null {
  const files = accessFiles(folder)
  const newest = files.at(-1)
  const size = newest === undefined ? 0 : statSync(join(folder, newest.file)).size
  const isFull = newest === undefined || size + line.length > fileBytesMax
  const file = isFull ? `access-${String(head.count).padStart(8, '0')}.ndjson` : newest.file
  const path = join(folder, file)
  // In a folder that another account owns, a link could lead a privileged one anywhere.
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants
  const descriptor = openSync(path, O_APPEND | O_CREAT | O_NOFOLLOW | O_RDWR, FILE_MODE)
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw new Error('it is no file')
    giveTo(descriptor, folder)
    // Goes on after a part, unlike writeSync: a disk that fills up takes one.
    writeFileSync(descriptor, `${isTorn(descriptor, stat.size) ? '\n' : ''}${line}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  if (!isFull) return null
  syncDirectory(folder)
  return removeOldest(folder, [...files, { file, first: head.count }], filesMax)
}

function removeOldest(
  folder: string,
  files: readonly { file: string; first: number }[],
  filesMax: number,
): AccessHead | null {
  const [oldest, next] = files
  if (oldest === undefined || next === undefined || files.length <= filesMax) return null
  const text = lastLine(join(folder, oldest.file))
  rmSync(join(folder, oldest.file))
  return { count: next.first - 1, hash: hash('sha256', text) }
}

/** Whether the last line has no end: whoever wrote it was killed. */
function isTorn(descriptor: number, size: number): boolean {
  if (size === 0) return false
  const end = Buffer.alloc(1)
  readSync(descriptor, end, 0, 1, size - 1)
  return end[0] !== 0x0a
}

/** The last line that has an end, without it; '' when there is none, or it is longer than ours are. */
function lastLine(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size } = fstatSync(descriptor)
    const length = Math.min(size, LINE_BYTES_MAX)
    const bytes = Buffer.alloc(length)
    readSync(descriptor, bytes, 0, length, size - length)
    const text = bytes.toString('utf8')
    const end = text.lastIndexOf('\n')
    return end <= 0 ? '' : text.slice(text.lastIndexOf('\n', end - 1) + 1, end)
  } finally {
    closeSync(descriptor)
  }
}

function makeFolder(folder: string): void {
  refuseLink(folder)
  if (lstatSync(folder, { throwIfNoEntry: false }) !== undefined) return
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE })
  giveToOwner(dirname(folder), folder)
  syncDirectory(dirname(folder))
}

function refuseLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) throw new Error(`${path} is a link`)
}

/**
 * What root makes in the store of another account must not lock that account out. Trap: opening and closing the head here would free
 * SQLite's lock on it, as POSIX locks go with any descriptor of a file (fcntl(2)), so paths it is, and links are left alone.
 */
function giveToOwner(folder: string, path: string): void {
  const { uid, gid } = statSync(folder)
  const own = lstatSync(path)
  if (process.geteuid?.() === 0 && (own.uid !== uid || own.gid !== gid)) lchownSync(path, uid, gid)
}

function giveTo(descriptor: number, folder: string): void {
  const { uid, gid } = statSync(folder)
  const own = fstatSync(descriptor)
  if (process.geteuid?.() === 0 && (own.uid !== uid || own.gid !== gid)) fchownSync(descriptor, uid, gid)
}
