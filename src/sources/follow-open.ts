/** A member of a family, opened: is it still the file that was listed, how does it begin, does it hold a place that was reached. */
import { type At, BEFORE_BYTES, type Place } from './follow-cursor.ts'
import {
  closeFile,
  type FirstLine,
  fingerprint,
  firstLineOf,
  openFile,
  type Refusal,
  readAt,
  refusalOf,
  statFile,
} from './follow-disk.ts'
import type { Member } from './follow-family.ts'
import { createGzipReader, type GzipReader } from './follow-gzip.ts'

export type Opened = {
  readonly member: Member
  readonly fd: number
  /** Bytes when it was opened, compressed where it is. */
  readonly size: number
  readonly gzip: GzipReader | null
  readonly first: FirstLine
}

const LF = 10

/** Null: another file has this name by now. Close with `closeOpened`. */
export async function openMember(member: Member): Promise<Opened | Refusal | null> {
  const file = await openFile(member.path, member.isLive)
  if ('problem' in file) return file
  const { fd, stat } = file
  const gzip = member.isGzip ? createGzipReader(fd) : null
  const opened = { member, fd, size: stat.size, gzip }
  if (stat.key !== member.key) {
    await closeOpened(opened)
    return null
  }
  try {
    return { ...opened, first: gzip === null ? await firstLineOf(fd) : await gzip.first() }
  } catch (error) {
    if (gzip !== null) return { ...opened, first: { text: '', hash: fingerprint(Buffer.alloc(0)), isWhole: false } }
    await closeOpened(opened)
    return refusalOf(error)
  }
}

/** Closes the descriptor, and stops unpacking. */
export async function closeOpened({ fd, gzip }: Pick<Opened, 'fd' | 'gzip'>): Promise<void> {
  await (gzip === null ? closeFile(fd) : gzip.close())
}

/**
 * The bytes just before the place, where the file holds the content that the place is in; else null. A compressed file is
 * unpacked up to there and goes on there, so it can be asked once.
 */
export async function bytesBefore(opened: Opened, place: Place): Promise<Buffer | null> {
  if (opened.first.hash !== place.first) return null
  try {
    const bytes = await tailBefore(opened, place.offset)
    return bytes !== null && fingerprint(bytes) === place.before ? bytes : null
  } catch {
    return null
  }
}

/** Whether the file begins with the line, not yet whole, that was seen in another. Can be asked once. */
export async function beginsAs(
  opened: Opened,
  { held, heldBefore }: Pick<At, 'held' | 'heldBefore'>,
): Promise<boolean> {
  try {
    const bytes = await tailBefore(opened, held)
    return bytes !== null && (held === 0 || fingerprint(bytes) === heldBefore)
  } catch {
    return false
  }
}

async function tailBefore({ fd, gzip }: Opened, offset: number): Promise<Buffer | null> {
  if (gzip !== null) return gzip.skipTo(offset, BEFORE_BYTES)
  const from = Math.max(0, offset - BEFORE_BYTES)
  const bytes = await readAt(fd, from, offset - from)
  return bytes.length === offset - from ? bytes : null
}

/** The file's end as a place; null where it cannot be reached. Unpacks a compressed one. */
export async function endOf(opened: Opened): Promise<Place | null> {
  try {
    const first = opened.first.hash
    if (opened.gzip !== null) {
      const { offset, before } = await opened.gzip.skipToEnd(BEFORE_BYTES)
      return { first, offset, before: fingerprint(before) }
    }
    const before = await tailBefore(opened, opened.size)
    return before === null ? null : { first, offset: opened.size, before: fingerprint(before) }
  } catch {
    return null
  }
}

/** Whether the file is the same as what was read up to `place`, and no longer. */
export async function isCopyOf(opened: Opened, place: Place): Promise<boolean> {
  if ((await bytesBefore(opened, place)) === null) return false
  if (opened.gzip !== null) return (await opened.gzip.next().catch(() => null)) === null
  const now = await statFile(opened.fd)
  return !('problem' in now) && now.size === place.offset
}

/** The beginning of the line that `offset` lies in, with the bytes before it. A line longer than `lineBytesMax` is entered in its middle. */
export async function lineAround(
  { fd, first }: Opened,
  offset: number,
  lineBytesMax: number,
): Promise<{ readonly offset: number; readonly before: Buffer }> {
  const none = { offset: 0, before: Buffer.alloc(0) }
  if (!first.isWhole) return none
  try {
    const from = Math.max(0, offset - lineBytesMax - BEFORE_BYTES)
    const bytes = await readAt(fd, from, offset - from)
    const end = bytes.lastIndexOf(LF) + 1
    if (end === 0 && from === 0) return none
    const length = end === 0 ? bytes.length : end
    return { offset: from + length, before: Buffer.from(bytes.subarray(Math.max(0, length - BEFORE_BYTES), length)) }
  } catch {
    return none
  }
}
