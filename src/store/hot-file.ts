/**
 * One file of rows that are not sealed yet. Lines are collected into blocks, written at once, and synced when the writer commits.
 * A kill can leave a torn last line; `trimHot` cuts it off, everything before it is whole.
 */
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { lastLineEnd } from '../last-line-end.ts'
import { FILE_MODE } from './layout.ts'
import { toWriteError } from './write-error.ts'

/**
 * Every method but `close` throws AppError `cannot-write`, and goes on throwing it: after a failed write a block is lost, and after
 * a failed sync nobody knows what is on the disk, so nothing later may look acknowledged.
 */
export type HotFile = {
  /** Adds whole lines of ASCII. */
  append(lines: string): void
  /** Everything appended is in the file. */
  flush(): void
  /** Everything appended survives a power loss. */
  sync(): void
  close(): void
  readonly bytes: number
}

/** Collected before a write: from half a MiB on a write costs its bytes only. */
const BLOCK_BYTES = 512 * 1024

/** Creates the file; it must not be there. `beforeWrite` is called before bytes become visible to readers. */
export function createHotFile(path: string, beforeWrite: () => void): HotFile {
  const descriptor = openNew(path)
  const block = Buffer.allocUnsafe(BLOCK_BYTES)
  let used = 0
  let written = 0
  let isDirty = false
  let failure: { readonly error: unknown } | null = null

  function attempt(work: () => void): void {
    if (failure !== null) throw failure.error
    try {
      work()
    } catch (error) {
      failure = { error: toWriteError(path, error) }
      throw failure.error
    }
  }

  function put(bytes: Buffer): void {
    attempt(() => {
      beforeWrite()
      isDirty = true
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at)
      written += bytes.length
    })
  }

  function flush(): void {
    if (used === 0) return
    const bytes = block.subarray(0, used)
    used = 0
    put(bytes)
  }

  return {
    append(lines) {
      if (failure !== null) throw failure.error
      if (used + lines.length > BLOCK_BYTES) flush()
      // Lines are printable ASCII (event-json quote): one byte a character.
      if (lines.length > BLOCK_BYTES) put(Buffer.from(lines, 'latin1'))
      else used += block.write(lines, used, 'latin1')
    },
    flush,
    sync() {
      flush()
      attempt(() => {
        if (isDirty) fsyncSync(descriptor)
        isDirty = false
      })
    },
    close: () => closeSync(descriptor),
    get bytes() {
      return written + used
    },
  }
}

function openNew(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, FILE_MODE)
  } catch (error) {
    throw toWriteError(path, error)
  }
}

/** Cuts a torn last line off; returns the bytes it had. Throws what the file system throws. */
export function trimHot(path: string): number {
  const descriptor = openSync(path, 'r+')
  try {
    const { size } = fstatSync(descriptor)
    const end = lastLineEnd(descriptor, size)
    if (end < size) {
      ftruncateSync(descriptor, end)
      fsyncSync(descriptor)
    }
    return size - end
  } finally {
    closeSync(descriptor)
  }
}
