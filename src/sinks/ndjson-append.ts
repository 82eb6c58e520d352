/**
 * Documents appended to a file of NDJSON that others follow. Its position is the length it had when everything before was
 * accepted: what a killed run wrote beyond it is cut off at the next start and comes again, so every document stands there once.
 */
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { z } from 'zod'
import { createEventWriter } from '../correlate/event-printer.ts'
import { AppError } from '../errors.ts'
import type { Event } from '../event.ts'
import { lastLineEnd } from '../last-line-end.ts'
import { safeText } from '../safe-text.ts'
import type { Sink } from './sink.ts'

/** Written at a time: from half a MiB on a write costs its bytes only (design 12). */
const BLOCK_BYTES = 1024 * 1024
const FILE_MODE = 0o640

const positionSchema = z.strictObject({ inode: z.string(), bytes: z.number().int().nonnegative() })

/** `position`: what the sink said before (Sink.position), '' = never. Throws AppError `cannot-write`. */
export function openNdjsonAppend(path: string, position: string): Sink {
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw new AppError('cannot-write', `cannot write ${safeText(path)}`, {
        cause,
        advice: 'Check the directory, the space on the disk, and that this user may write there.',
      })
    }
  }
  const file = attempt(() =>
    openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NOCTTY, FILE_MODE),
  )
  if (!fstatSync(file).isFile()) {
    closeSync(file)
    throw new AppError('cannot-write', `cannot write ${safeText(path)}: it is no regular file`, {
      advice:
        'Documents are cut off and written again after a kill, which only a file can do; `command` takes a program.',
    })
  }
  const writer = createEventWriter()
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
  const inode = attempt(() => String(fstatSync(file, { bigint: true }).ino))
  let bytes = attempt(() => begin(file, inode, position))

  function write(piece: Buffer): void {
    for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at, piece.length - at, bytes + at)
    bytes += piece.length
  }

  return {
    name: 'ndjson',
    keepsLedger: false,
    async deliver(events: readonly Event[]) {
      const before = bytes
      try {
        attempt(() => {
          for (const piece of blocksOf(events, writer, block)) write(piece)
          fsyncSync(file)
        })
      } catch (error) {
        // The same events come again: what is there of them must not stand twice.
        bytes = before
        ftruncateSync(file, before)
        throw error
      }
    },
    position: () => JSON.stringify({ inode, bytes }),
    async close() {
      closeSync(file)
    },
  }
}

/** Length to go on from. */
function begin(file: number, inode: string, position: string): number {
  const { size } = fstatSync(file)
  const known = parsePosition(position)
  const isSame = known !== undefined && known.inode === inode && known.bytes <= size
  const end = isSame ? known.bytes : lastLineEnd(file, size)
  if (end < size) ftruncateSync(file, end)
  return end
}

/** Undefined where there is none, or none of ours. */
function parsePosition(position: string): z.infer<typeof positionSchema> | undefined {
  try {
    return positionSchema.safeParse(JSON.parse(position)).data
  } catch {
    return undefined
  }
}

/** Pieces are parts of `block`, valid until the next. */
function* blocksOf(
  events: readonly Event[],
  writer: ReturnType<typeof createEventWriter>,
  block: Buffer,
): Generator<Buffer> {
  let used = 0
  for (const event of events) {
    let end = writer.write(event, block, used)
    if (end < 0) {
      if (used > 0) yield block.subarray(0, used)
      used = 0
      end = writer.write(event, block, 0)
    }
    if (end < 0) yield writer.toBytes(event)
    else used = end
  }
  if (used > 0) yield block.subarray(0, used)
}
