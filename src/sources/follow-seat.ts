/**
 * The one file that is being read, plain or compressed: bytes to lines, and proof that it still is the file it was. Every read
 * of a plain file begins up to 1 KiB before the place reached, so that a file that was cut and written anew shows itself in the
 * same read, however long it is by then.
 */
import { fileIdentity } from '../event-id.ts'
import type { Micros } from '../time.ts'
import { type At, BEFORE_BYTES, type Ordinals } from './follow-cursor.ts'
import { fingerprint, firstLineOf, readAt, refusalOf, statFile } from './follow-disk.ts'
import type { Opened } from './follow-open.ts'
import type { FollowedTail } from './follow-tail.ts'
import type { FollowOptions } from './line-source.ts'
import { createLineSplitter } from './read-lines.ts'
import type { Line, SourceFile } from './source.ts'

/** Text of one read (line-source.ts), in bytes. */
export const READ_BYTES = 256 * 1024
/** See TEXT_BYTES in read-lines.ts. */
const TEXT_BYTES = 64 * 1024
const LF = 10

export type SeatRead =
  | { readonly kind: 'lines'; readonly lines: Line[]; readonly file: SourceFile }
  /** Read, but no line is complete yet. */
  | { readonly kind: 'more' }
  | { readonly kind: 'end'; readonly writtenAt: Micros }
  /** The file holds other content than it did. */
  | { readonly kind: 'changed'; readonly isShorter: boolean }
  | { readonly kind: 'failed'; readonly problem: string; readonly isBroken: boolean }

export type Seat = {
  readonly opened: Opened
  next(): Promise<SeatRead>
  /**
   * The unterminated line at the end, if any; of a file with no whole first line, all there is. Unless it is `isLast` of the
   * file, the seat is read again from that line's beginning afterwards.
   */
  rest(isLast: boolean): Promise<{ readonly lines: Line[]; readonly file: SourceFile | null }>
  /** Behind every line given. */
  at(): At
  /** Where reading stands, behind an unterminated line too. */
  end(): At
  /** Bytes known to lie behind the place reached. */
  behind(): number
}

export type SeatDeps = { readonly options: FollowOptions; readonly tail: FollowedTail; readonly ordinals: Ordinals }

/** `before`: the bytes just before `offset`; `ordinal`: of a file that was read before, else null. */
export function createSeat(
  { options, tail, ordinals }: SeatDeps,
  opened: Opened,
  { offset, before, ordinal }: { offset: number; before: Buffer; ordinal: number | null },
): Seat {
  const { fd, gzip, member } = opened
  let file: SourceFile | null = null
  let first = ''
  let number = ordinal ?? 0
  let size = opened.size
  let readTo = offset
  let lineAt = offset
  let readBefore = before
  let lineBefore = before
  let hasWaited = false
  /** The beginning of a file without a whole first line: nothing of it is given yet. */
  let glimpse: Buffer = Buffer.alloc(0)
  let splitter = createLineSplitter(options.lineBytesMax, offset)
  if (opened.first.isWhole || offset > 0) identify(opened.first.text, opened.first.hash)

  function identify(text: string, hash: string, isLasting = true): void {
    first = isLasting ? hash : ''
    number = ordinal ?? (isLasting ? ordinals.next(hash) : ordinals.peek(hash))
    file = {
      name: member.name,
      identity: fileIdentity(`${options.host}\0${options.kind}`, number === 0 ? text : `${text}\0${number}`),
    }
  }

  /** `bytes`: the overlap and what follows it. */
  function take(bytes: Buffer, overlap: number): Line[] {
    let lines: Line[] = []
    for (let from = overlap; from < bytes.length; from += TEXT_BYTES) {
      const some = splitter.push(bytes.toString('latin1', from, Math.min(from + TEXT_BYTES, bytes.length)))
      if (lines.length === 0) lines = some
      else for (const line of some) lines.push(line)
    }
    const lineEnd = bytes.lastIndexOf(LF) + 1
    if (lineEnd > overlap) {
      lineAt = readTo + lineEnd - overlap
      lineBefore = Buffer.from(bytes.subarray(Math.max(0, lineEnd - BEFORE_BYTES), lineEnd))
    }
    readTo += bytes.length - overlap
    readBefore = Buffer.from(bytes.subarray(-BEFORE_BYTES))
    return lines
  }

  async function nextPlain(): Promise<SeatRead> {
    if (file === null) {
      const beginning = await readAt(fd, 0, BEFORE_BYTES)
      if (!beginning.subarray(0, glimpse.length).equals(glimpse)) return changed()
      glimpse = beginning
      const known = await firstLineOf(fd)
      if (!known.isWhole) return atEnd()
      identify(known.text, known.hash)
    }
    const overlap = readBefore.length
    const wanted = size > readTo ? Math.min(READ_BYTES, size - readTo) : hasWaited ? TEXT_BYTES : READ_BYTES
    const bytes = await tail.readChunk(fd, readTo - overlap, overlap + wanted)
    if (bytes.length < overlap || !bytes.subarray(0, overlap).equals(readBefore)) return changed()
    if (bytes.length === overlap) return atEnd()
    // While nothing was read anything may have happened to the file; lines that repeat, or NULs, overlap by chance.
    if (hasWaited && readTo > 0 && (await firstLineOf(fd)).hash !== first) return changed()
    hasWaited = false
    return given(take(bytes, overlap))
  }

  /** What a file without a whole first line has: LFs and less than 1 KiB of text. */
  async function beginning(isLast: boolean): Promise<Line[]> {
    try {
      const known = gzip === null ? await firstLineOf(fd) : await gzip.first()
      const bytes = gzip === null ? await readAt(fd, 0, READ_BYTES) : ((await gzip.next()) ?? Buffer.alloc(0))
      if (bytes.length === 0) return []
      identify(known.text, known.hash, isLast)
      return take(bytes, 0)
    } catch {
      return []
    }
  }

  async function nextGzip(): Promise<SeatRead> {
    if (file === null) {
      const known = await gzip?.first()
      identify(known?.text ?? '', known?.hash ?? '')
    }
    const fresh = (await gzip?.next()) ?? null
    if (fresh === null) return { kind: 'end', writtenAt: member.writtenAt }
    return given(take(Buffer.concat([readBefore, fresh]), readBefore.length))
  }

  function given(lines: Line[]): SeatRead {
    return lines.length === 0 || file === null ? { kind: 'more' } : { kind: 'lines', lines, file }
  }

  async function atEnd(): Promise<SeatRead> {
    const now = await statFile(fd)
    if ('problem' in now) return { kind: 'failed', problem: now.problem, isBroken: false }
    size = now.size
    if (size < readTo) return { kind: 'changed', isShorter: true }
    // With a first line that is not whole yet there is nothing to give, however much it grows.
    if (file !== null && size > readTo) return { kind: 'more' }
    // A log that grows is read again at once.
    if (hasWaited) tail.rest()
    hasWaited = true
    return { kind: 'end', writtenAt: now.writtenAt }
  }

  async function changed(): Promise<SeatRead> {
    const now = await statFile(fd)
    return { kind: 'changed', isShorter: !('problem' in now) && now.size < Math.max(readTo, glimpse.length) }
  }

  const at = (offsetNow: number, bytesBefore: Buffer): At => ({
    key: member.key,
    birth: member.birth,
    first,
    ordinal: number,
    name: member.name,
    offset: offsetNow,
    before: fingerprint(bytesBefore),
    ...(file === null ? heldOf(glimpse.length, glimpse) : heldOf(readTo - offsetNow, readBefore)),
  })

  return {
    opened,
    async next() {
      try {
        return await (gzip === null ? nextPlain() : nextGzip())
      } catch (error) {
        return { kind: 'failed', problem: refusalOf(error).problem, isBroken: gzip !== null }
      }
    },
    async rest(isLast) {
      const isNamed = file !== null
      const lines = isNamed ? [] : await beginning(isLast)
      const given = { lines: [...lines, ...splitter.end()], file }
      if (!isLast) {
        if (!isNamed) {
          file = null
          lineAt = 0
          lineBefore = Buffer.alloc(0)
        }
        splitter = createLineSplitter(options.lineBytesMax, lineAt)
        readTo = lineAt
        readBefore = lineBefore
      }
      return given
    },
    at: () => at(lineAt, lineBefore),
    end: () => at(readTo, readBefore),
    behind: () => Math.max(0, size - readTo),
  }
}

function heldOf(held: number, bytes: Buffer) {
  return { held, heldBefore: held === 0 ? '' : fingerprint(bytes) }
}
