/**
 * Lines of a file with their byte offsets, in batches of one read. Bytes become latin1 text, one character a byte: nothing is
 * decoded before it is split, offsets stay exact, and V8 handles one-byte strings fastest (formats.md 0.1).
 *
 * A CR before the LF belongs to the line's end: captures pass through Windows, and no source here writes one itself.
 * Compressed files are read as they unpack; where one is damaged, what came before the damage is kept and the damage is told.
 */
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import type { Line } from './source.ts'

export type LineBatch = { readonly lines: readonly Line[]; readonly damage: string }

/** One read. Larger batches keep more short-lived objects alive than the young generation likes. */
const READ_BYTES = 128 * 1024

/**
 * `lineBytesMax` bounds memory: of a longer line the first part is kept and marked `cut`. Throws what the file system throws
 * on open; a read error in the middle, or broken compression, ends the file with `damage` said.
 */
export async function* readLines(path: string, isGzip: boolean, lineBytesMax: number): AsyncGenerator<LineBatch> {
  const file = createReadStream(path, { highWaterMark: READ_BYTES })
  const bytes = isGzip ? file.pipe(createGunzip({ chunkSize: READ_BYTES })) : file
  if (bytes !== file) file.on('error', (error) => bytes.destroy(error))
  const splitter = createLineSplitter(lineBytesMax)
  let hasRead = false
  try {
    for await (const chunk of bytes) {
      hasRead = true
      // Streams without an encoding hand out Buffers.
      yield { lines: splitter.push((chunk as Buffer).toString('latin1')), damage: '' }
    }
  } catch (error) {
    if (!hasRead && !isGzip) throw error
    yield { lines: splitter.end(), damage: error instanceof Error ? error.message : String(error) }
    return
  } finally {
    file.destroy()
  }
  yield { lines: splitter.end(), damage: '' }
}

export type LineSplitter = { push(text: string): Line[]; end(): Line[] }

/** Splits latin1 text at LF, however it is cut into pieces. */
export function createLineSplitter(lineBytesMax: number): LineSplitter {
  let held = ''
  let isCut = false
  let lineOffset = 0
  let offset = 0

  function push(text: string): Line[] {
    const lines: Line[] = []
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      take(text.slice(from, end))
      lines.push({ text: withoutCr(held), offset: lineOffset, flaw: isCut ? 'cut' : '' })
      held = ''
      isCut = false
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
