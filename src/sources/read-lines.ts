/**
 * Lines of a file with their byte offsets, in batches of one read. Bytes become latin1 text, one character a byte: nothing is
 * decoded before it is split, offsets stay exact, and V8 handles one-byte strings fastest (formats.md 0.1).
 *
 * A CR before the LF belongs to the line's end: captures pass through Windows, and no source here writes one itself.
 * Compressed files are read as they unpack; where one is damaged, what came before the damage is kept and the damage is told.
 */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import type { Line } from './source.ts'

export type LineBatch = { readonly lines: readonly Line[]; readonly damage: string }

/** One read of a plain file: a trip to the thread pool costs as much as decoding some dozen lines. */
const READ_BYTES = 256 * 1024
/**
 * Text of one batch. V8 keeps strings beyond half a page of its young generation apart, on pages that are mapped anew for each:
 * with 128 KiB reading took twice the time.
 */
const TEXT_BYTES = 64 * 1024

/**
 * `lineBytesMax` bounds memory: of a longer line the first part is kept and marked `cut`. Throws what the file system throws
 * on open; a read error in the middle, or broken compression, ends the file with `damage` said.
 */
export async function* readLines(path: string, isGzip: boolean, lineBytesMax: number): AsyncGenerator<LineBatch> {
  const splitter = createLineSplitter(lineBytesMax)
  let hasRead = false
  try {
    for await (const text of isGzip ? unpackTexts(path) : readTexts(path)) {
      hasRead = true
      yield { lines: splitter.push(text), damage: '' }
    }
  } catch (error) {
    if (!hasRead && !isGzip) throw error
    yield { lines: splitter.end(), damage: error instanceof Error ? error.message : String(error) }
    return
  }
  yield { lines: splitter.end(), damage: '' }
}

async function* readTexts(path: string): AsyncGenerator<string> {
  await using file = await open(path)
  const bytes = Buffer.allocUnsafeSlow(READ_BYTES)
  for (;;) {
    const { bytesRead } = await file.read(bytes, 0, READ_BYTES, null)
    if (bytesRead === 0) return
    for (let from = 0; from < bytesRead; from += TEXT_BYTES)
      yield bytes.toString('latin1', from, Math.min(from + TEXT_BYTES, bytesRead))
  }
}

async function* unpackTexts(path: string): AsyncGenerator<string> {
  const file = createReadStream(path, { highWaterMark: TEXT_BYTES })
  const bytes = file.pipe(createGunzip({ chunkSize: TEXT_BYTES }))
  file.on('error', (error) => bytes.destroy(error))
  try {
    // Streams without an encoding hand out Buffers.
    for await (const chunk of bytes) yield (chunk as Buffer).toString('latin1')
  } finally {
    file.destroy()
  }
}

const CR = 13

export type LineSplitter = { push(text: string): Line[]; end(): Line[] }

/** Splits latin1 text at LF, however it is cut into pieces. The text begins at byte `start` of its file, with a line. */
export function createLineSplitter(lineBytesMax: number, start = 0): LineSplitter {
  let held = ''
  let isCut = false
  let lineOffset = start
  let offset = start

  function push(text: string): Line[] {
    const lines: Line[] = []
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      if (held === '' && !isCut && end - from <= lineBytesMax) {
        const textEnd = end > from && text.charCodeAt(end - 1) === CR ? end - 1 : end
        lines.push({ text: text.slice(from, textEnd), offset: lineOffset, flaw: '' })
      } else {
        take(text.slice(from, end))
        lines.push({ text: withoutCr(held), offset: lineOffset, flaw: isCut ? 'cut' : '' })
        held = ''
        isCut = false
      }
      from = end + 1
      lineOffset = offset + from
    }
    take(from === 0 ? text : text.slice(from))
    offset += text.length
    return lines
  }

  function take(piece: string): void {
    if (held.length + piece.length <= lineBytesMax) {
      held = held === '' ? piece : held + piece
    } else {
      held += piece.slice(0, Math.max(0, lineBytesMax - held.length))
      isCut = true
    }
  }

  return {
    push,
    end() {
      if (held === '' && !isCut) return []
      const last: Line = { text: held, offset: lineOffset, flaw: isCut ? 'cut' : 'unterminated' }
      held = ''
      return [last]
    },
  }
}

function withoutCr(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text
}
