/**
 * Cuts what a pipe delivers at line ends, as bytes: what goes into a journal is whole lines only, however the command's writes
 * and our reads fell. A line longer than the limit is kept up to it and the rest thrown away, so that memory is bounded.
 */

export type WholeLines = {
  /** Everything up to the last LF so far; empty when no line ended. */
  push(chunk: Buffer): Buffer
  /** What is left without a LF, with one put behind it; empty when there is nothing. */
  end(): Buffer
  /** Lines that were cut. */
  readonly cut: number
}

const LF = 0x0a
const LINE_END = Buffer.from('\n')
const NOTHING = Buffer.alloc(0)

/** `lineBytesMax` without the LF. */
export function createWholeLines(lineBytesMax: number): WholeLines {
  /** The beginning of a line whose end has not come. */
  let parts: Buffer[] = []
  let held = 0
  let isCutting = false
  let cut = 0

  function hold(piece: Buffer): void {
    const room = lineBytesMax - held
    if (piece.length > room && !isCutting) {
      isCutting = true
      cut++
    }
    if (room <= 0 || piece.length === 0) return
    // A copy: the pipe's buffer is given back.
    parts.push(Buffer.from(piece.subarray(0, room)))
    held += Math.min(room, piece.length)
  }

  function take(): Buffer[] {
    const whole = parts
    parts = []
    held = 0
    isCutting = false
    return whole
  }

  function pushSlowly(chunk: Buffer): Buffer {
    const out: Buffer[] = []
    let from = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      hold(chunk.subarray(from, end))
      out.push(...take(), LINE_END)
      from = end + 1
    }
    hold(chunk.subarray(from))
    return Buffer.concat(out)
  }

  return {
    push(chunk) {
      // Only where a line might be too long each of them is looked at.
      if (isCutting || held + chunk.length > lineBytesMax) return pushSlowly(chunk)
      const end = chunk.lastIndexOf(LF) + 1
      if (end === 0) {
        hold(chunk)
        return NOTHING
      }
      const whole = held === 0 ? chunk.subarray(0, end) : Buffer.concat([...take(), chunk.subarray(0, end)])
      hold(chunk.subarray(end))
      return whole
    },
    end() {
      return held === 0 && !isCutting ? NOTHING : Buffer.concat([...take(), LINE_END])
    },
    get cut() {
      return cut
    },
  }
}
