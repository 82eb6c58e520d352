/**
 * The tar archive of an evidence pack, as it comes: byte by byte what our packs have (reports/pack/tar-header.ts), and nothing else. A pack
 * may come from anyone: extensions, links, folders, devices, sparse files and sizes that no ustar header can state are refused, and
 * nothing is ever written to a disk. Owners, modes and the order of files carry no content, so nothing else would show their change.
 */

import { compareText } from '../kql/text-match.ts'
import { tarHeader } from '../reports/pack/tar-header.ts'
import { SECOND } from '../time.ts'
import type { FileSink, Intake } from './evidence-intake.ts'

/** Why the rest of a pack is not read. */
export class BadPack extends Error {}

export type TarReader = {
  /** Throws BadPack. */
  push(bytes: Buffer): void
  /** Throws BadPack when the archive was not whole. */
  end(): void
}

const BLOCK = 512
/** Blocks of zeros at the end. */
const END_BLOCKS = 2
const FILE = '0'

type State = {
  readonly intake: Intake
  /** The folder all members lie in; '' before the first. */
  top: string
  /** Name of the member before; '' before the first. */
  before: string
  /** What all members are dated, in seconds; -1 before the first. */
  date: number
  header: Buffer
  /** Bytes of the member that are to come, and of the zeros after it. */
  left: number
  padding: number
  sink: FileSink | null
  isMember: boolean
  /** Zero blocks at the end. */
  zeros: number
}

/** Members are handed to `intake` without the folder they lie in. */
export function createTarReader(intake: Intake): TarReader {
  const state: State = {
    intake,
    top: '',
    before: '',
    date: -1,
    header: Buffer.alloc(0),
    left: 0,
    padding: 0,
    sink: null,
    isMember: false,
    zeros: 0,
  }
  return {
    push(bytes) {
      for (let at = 0; at < bytes.length; ) at += step(state, bytes.subarray(at))
    },
    end() {
      if (state.isMember || state.header.length > 0 || state.zeros < END_BLOCKS) throw new BadPack('ends too early')
    },
  }
}

/** Bytes that were taken. */
function step(state: State, bytes: Buffer): number {
  if (!state.isMember) return takeHeader(state, bytes)
  if (state.left > 0) {
    const part = bytes.subarray(0, state.left)
    state.sink?.push(part)
    state.left -= part.length
    if (state.left === 0) endMember(state)
    return part.length
  }
  const part = bytes.subarray(0, state.padding)
  if (!isZero(part)) throw new BadPack('holds bytes between two files')
  state.padding -= part.length
  if (state.padding === 0) state.isMember = false
  return part.length
}

function endMember(state: State): void {
  state.sink?.end()
  state.sink = null
  if (state.padding === 0) state.isMember = false
}

function takeHeader(state: State, bytes: Buffer): number {
  const part = bytes.subarray(0, BLOCK - state.header.length)
  state.header = Buffer.concat([state.header, part])
  if (state.header.length < BLOCK) return part.length
  const header = state.header
  state.header = Buffer.alloc(0)
  if (isZero(header)) {
    if (++state.zeros > END_BLOCKS) throw new BadPack('goes on after its end')
    return part.length
  }
  if (state.zeros > 0) throw new BadPack('goes on after its end')
  beginMember(state, header)
  return part.length
}

function beginMember(state: State, header: Buffer): void {
  const name = nameOf(header)
  if (checksumOf(header) !== octal(header, 148, 8, name)) throw new BadPack(`has a damaged header (${name})`)
  if (header.toString('latin1', 257, 263) !== 'ustar\0')
    throw new BadPack(`has a header of another kind of archive (${name})`)
  const type = String.fromCharCode(header[156] ?? 0)
  if (type !== FILE) throw new BadPack(`holds something that is no file (${name})`)
  const size = octal(header, 124, 12, name)
  const inside = insideTop(state, name)
  if (inside === '') throw new BadPack(`holds a file beside its folder (${name})`)
  // A refused name ends it: whoever unpacks by other means would get what is not looked at here.
  const sink = state.intake.begin(inside)
  if (sink === null) throw new BadPack(`holds a file that no pack has (${name})`)
  if (compareText(inside, state.before) <= 0) throw new BadPack(`holds its files in another order (${name})`)
  const date = octal(header, 136, 12, name)
  if ((state.date >= 0 && state.date !== date) || !tarHeader(name, size, date * SECOND).equals(header))
    throw new BadPack(`has a header that no pack has (${name})`)
  state.before = inside
  state.date = date
  state.sink = sink
  state.left = size
  state.padding = (BLOCK - (size % BLOCK)) % BLOCK
  state.isMember = true
  if (size === 0) endMember(state)
}

/** The name without the one folder all members lie in; '' for that folder itself. */
function insideTop(state: State, name: string): string {
  const cut = name.indexOf('/')
  const top = cut < 0 ? '' : name.slice(0, cut)
  if (state.top === '' && /^[A-Za-z\d][A-Za-z\d._-]{0,127}$/.test(top)) state.top = top
  if (top === '' || top !== state.top) throw new BadPack(`holds more than one folder (${name})`)
  return name.slice(cut + 1)
}

function nameOf(header: Buffer): string {
  const name = textOf(header, 0, 100)
  const prefix = textOf(header, 345, 155)
  return prefix === '' ? name : `${prefix}/${name}`
}

function textOf(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? length : end)
}

/** Sizes beyond 8 GiB are written in another form, with the first bit set: no file of a pack is that large. */
function octal(header: Buffer, at: number, length: number, name: string): number {
  const text = header.toString('latin1', at, at + length)
  const [, digits] = /^([0-7]+)[\0 ]*$/.exec(text) ?? []
  if (digits === undefined) throw new BadPack(`has a header with a number that is none (${name})`)
  return Number.parseInt(digits, 8)
}

/** The sum of the header's bytes, its own field taken as blanks. */
function checksumOf(header: Buffer): number {
  let sum = 0
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : (header[i] ?? 0)
  return sum
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0)
}
