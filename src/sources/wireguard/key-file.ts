/**
 * Looks for keys in one file of the disk, also inside gzip and tar. The bytes are read here and do not leave this folder; what
 * leaves is where a key lies and of which kind (design 2.7).
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { findKeyTraces, type KeySurroundings, type KeyTrace, TRIES_MAX } from './key-traces.ts'
import { isTar, tarMembers } from './tar-members.ts'

/** Bytes of a file that is looked into as it is: configurations are small. */
export const PLAIN_BYTES_MAX = 1024 * 1024
/** Of a member of an archive, which is in memory anyway: lists of packages and logs are compressed too. */
const MEMBER_BYTES_MAX = 16 * 1024 * 1024
/** Bytes of an archive as it lies, and unpacked. */
export const ARCHIVE_BYTES_MAX = 32 * 1024 * 1024
export const UNPACKED_BYTES_MAX = 64 * 1024 * 1024
/** Archives inside archives. */
const DEPTH_MAX = 2

export type FileTrace = KeyTrace & {
  /** Name inside the archive, with `!` between archives; '' outside of one. */
  readonly member: string
}

export type KeyFile = {
  readonly traces: readonly FileTrace[]
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Hard links to it: what is done to the bytes of one name is done to all. */
  readonly names: number
  /** Its bytes were looked at. */
  readonly isRead: boolean
  /** Why it was not looked into, or not wholly, each once; [] = it was. */
  readonly leftOut: readonly string[]
}

const OTHER_ARCHIVES: readonly (readonly [magic: string, name: string])[] = [
  ['fd377a585a00', 'xz'],
  ['28b52ffd', 'zstd'],
  ['425a68', 'bzip2'],
  ['504b0304', 'zip'],
  ['377abcaf271c', '7z'],
  ['04224d18', 'lz4'],
]

/** Never throws. `path` is opened without following a link at its end. */
export function searchKeyFile(path: string, surroundings: KeySurroundings): KeyFile {
  let fd = -1
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    const { mode, uid, gid, nlink: names, size } = fstatSync(fd)
    const found: Found = { traces: [], leftOut: new Set() }
    const head = readBytes(fd, Math.min(size, 512))
    const isArchive = isGzip(head) || isTar(head)
    const limit = isArchive ? ARCHIVE_BYTES_MAX : PLAIN_BYTES_MAX
    const isRead = size <= limit
    const tries = { left: TRIES_MAX }
    if (!isRead) found.leftOut.add(`larger than ${limit / 1024 / 1024} MiB`)
    else search(Buffer.concat([head, readBytes(fd, size - head.length)]), '', { ...surroundings, tries }, 0, found)
    if (tries.left < 0) found.leftOut.add('more keys than are tried out')
    return { traces: found.traces, mode: mode & 0o7777, uid, gid, names, isRead, leftOut: [...found.leftOut] }
  } catch (error) {
    return { traces: [], mode: 0, uid: 0, gid: 0, names: 0, isRead: false, leftOut: [problemOf(error)] }
  } finally {
    if (fd >= 0) closeSync(fd)
  }
}

type Found = { readonly traces: FileTrace[]; readonly leftOut: Set<string> }

function search(bytes: Buffer, member: string, surroundings: KeySurroundings, depth: number, found: Found): void {
  if (isGzip(bytes) || isTar(bytes)) {
    if (depth >= DEPTH_MAX) found.leftOut.add(`archives inside archives, more than ${DEPTH_MAX} deep`)
    else if (isGzip(bytes)) searchGzip(bytes, member, surroundings, depth, found)
    else searchTar(bytes, member, surroundings, depth, found)
    return
  }
  const other = OTHER_ARCHIVES.find(([magic]) => bytes.toString('hex', 0, 8).startsWith(magic))
  if (other !== undefined) found.leftOut.add(`compressed with ${other[1]}`)
  else if (bytes.length > MEMBER_BYTES_MAX) found.leftOut.add('members of archives larger than 16 MiB')
  else for (const trace of findKeyTraces(bytes, surroundings)) found.traces.push({ ...trace, member })
}

function searchGzip(bytes: Buffer, member: string, at: KeySurroundings, depth: number, found: Found): void {
  let unpacked: Buffer
  try {
    unpacked = gunzipSync(bytes, { maxOutputLength: UNPACKED_BYTES_MAX })
  } catch (error) {
    const isLarge = error instanceof RangeError
    found.leftOut.add(isLarge ? 'larger than 64 MiB when unpacked' : 'gzip that is damaged')
    return
  }
  // A gzip of a tar is one archive, not one in another.
  if (isTar(unpacked)) searchTar(unpacked, member, at, depth, found)
  else search(unpacked, member, { ...at, name: at.name.replace(/\.gz$/, '') }, depth + 1, found)
}

function searchTar(bytes: Buffer, member: string, at: KeySurroundings, depth: number, found: Found): void {
  const { members, isWhole } = tarMembers(bytes)
  if (!isWhole) found.leftOut.add('tar that is damaged or has too many members')
  const hasConf = members.some(({ name }) => name.endsWith('.conf'))
  for (const each of members) {
    const inner = member === '' ? each.name : `${member}!${each.name}`
    search(each.bytes, inner, { ...at, name: basename(each.name), isBesideConf: hasConf }, depth + 1, found)
  }
}

function isGzip(bytes: Buffer): boolean {
  return bytes.length > 18 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8
}

/** At most `length` bytes from where the file stands. */
function readBytes(fd: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, length))
  let filled = 0
  while (filled < bytes.length) {
    const read = readSync(fd, bytes, filled, bytes.length - filled, null)
    if (read === 0) break
    filled += read
  }
  return bytes.subarray(0, filled)
}

/** Codes and fixed words only. */
function problemOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'ENOENT' || code === 'ELOOP') return 'gone or a link meanwhile'
  return code === '' ? 'cannot be read' : code
}
