/**
 * Lines that a writer adds to a rotated file after its successor had begun: a daemon that was not told yet, or a second process
 * with the old file still open. They come late, but they come.
 */
import { fileIdentity } from '../event-id.ts'
import { type At, BEFORE_BYTES } from './follow-cursor.ts'
import { closeFile, fingerprint, firstLineOf, openFile, readAt, statPath } from './follow-disk.ts'
import { isSameInode } from './follow-route.ts'
import { READ_BYTES } from './follow-seat.ts'
import type { FollowOptions } from './line-source.ts'
import { createLineSplitter } from './read-lines.ts'
import type { Line, SourceFile } from './source.ts'

export type LateLines = { readonly lines: Line[]; readonly file: SourceFile; readonly done: At }

/** Complete lines behind the place up to which the file was read; null when there are none. `path`: where it lay last. */
export async function readLate(path: string, done: At, options: FollowOptions): Promise<LateLines | null> {
  const now = await statPath(path, false)
  if ('problem' in now || !isSameInode(now, done) || now.size <= done.offset) return null
  const opened = await openFile(path, false)
  if ('problem' in opened) return null
  try {
    return isSameInode(opened.stat, done) ? await linesBehind(opened.fd, done, options) : null
  } catch {
    // It is looked at again with the next tick.
    return null
  } finally {
    await closeFile(opened.fd)
  }
}

async function linesBehind(fd: number, done: At, options: FollowOptions): Promise<LateLines | null> {
  const first = await firstLineOf(fd)
  const overlap = Math.min(BEFORE_BYTES, done.offset)
  const bytes = await readAt(fd, done.offset - overlap, overlap + READ_BYTES)
  if (first.hash !== done.first || fingerprint(bytes.subarray(0, overlap)) !== done.before) return null
  const end = bytes.lastIndexOf(LF) + 1
  if (end <= overlap) return null
  const offset = done.offset + end - overlap
  const text = done.ordinal === 0 ? first.text : `${first.text}\0${done.ordinal}`
  return {
    lines: createLineSplitter(options.lineBytesMax, done.offset).push(bytes.toString('latin1', overlap, end)),
    file: { name: done.name, identity: fileIdentity(`${options.host}\0${options.kind}`, text) },
    done: { ...done, offset, before: fingerprint(bytes.subarray(Math.max(0, end - BEFORE_BYTES), end)) },
  }
}

const LF = 10
