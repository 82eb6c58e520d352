/**
 * Whether a segment's file is what was sealed. Its size is looked at always: that costs a microsecond and shows a file that is
 * gone, cut off or grown. Its hash costs a second for half a GB. Trap: of a few flipped bytes DuckDB notices about half (the
 * pages carry no checksum), so a value changed in place is found by the hash alone.
 */
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { join } from 'node:path'
import type { StoreLayout } from './layout.ts'
import type { Segment } from './manifest.ts'

/** What is wrong with the file by its size, as `is gone`; '' when nothing is. */
export function sizeProblem(layout: StoreLayout, { file, bytes }: Segment): string {
  const size = fileSize(join(layout.dir, file))
  if (size === bytes) return ''
  return size < 0 ? 'is gone' : `has ${size} bytes instead of ${bytes}`
}

/** The same, by size and hash. */
export async function fileProblem(layout: StoreLayout, segment: Segment): Promise<string> {
  const problem = sizeProblem(layout, segment)
  if (problem !== '') return problem
  try {
    return (await fileSha256(join(layout.dir, segment.file))) === segment.sha256 ? '' : 'was changed'
  } catch {
    return 'cannot be read'
  }
}

/** Those of the segments that are what was sealed, by their hash. */
export async function soundSegments(layout: StoreLayout, segments: readonly Segment[]): Promise<Segment[]> {
  const sound: Segment[] = []
  for (const segment of segments) if ((await fileProblem(layout, segment)) === '') sound.push(segment)
  return sound
}

/** Bytes of a file; -1 when it is not there or cannot be looked at. */
export function fileSize(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? -1
  } catch {
    return -1
  }
}

/** Hex. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(bytes)
  return hash.digest('hex')
}
