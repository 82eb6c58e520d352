/**
 * wg.snapshots to SnapshotRecords: before every dump one dated line, then the rows of `wg show all dump` (dump.ts):
 *
 *   # 2026-11-22T15:09:26.964+00:00 gw1
 *   wg0 <tab> (hidden) <tab> X5dVHU…JCc= <tab> 51820 <tab> off
 *
 * A snapshot goes out when the next header, or the end, is read. A header without rows is a complete snapshot: every
 * interface is down. No text of a row ever leaves this folder, also not of a row that could not be read: it may hold a
 * secret anywhere (design 2.7). What a change between two polls means is the ledger's business, not ours.
 */
import { HOUR, type Micros } from '../../time.ts'
import { parseDumpHeader } from '../dump-header.ts'
import { type Decoder, emptyTally, type Line, type Remark, type SourceFile, type Tally } from '../source.ts'
import type { InterfaceRow, PeerRow, SnapshotRecord } from './record.ts'
import { redactRow } from './redact.ts'
import { createRowCache, type RowCache, type SavedRowCache } from './row-cache.ts'

/** What one snapshot may hold: far above any real gateway, low enough to bound memory on a file that is none. */
export const SNAPSHOT_ROWS_MAX = 200_000
export const SNAPSHOT_CHARS_MAX = 128 * 1024 * 1024

/** Longest legal line for whoever splits the file: one peer may have thousands of AllowedIPs. */
export const SNAPSHOT_LINE_MAX = 4 * 1024 * 1024

/** A header further than this ahead of all before it needs the next one to agree before it moves the arrival time. */
export const CLOCK_JUMP_MAX: Micros = HOUR

/** Remarks held back until their snapshot's arrival is settled. */
const HELD_MAX = 1_000

/**
 * Why a line was not read. `no-time`: no dated header stands before it; `bad-header`; `bad-columns`; `bad-row`: a column
 * holds what wg never prints there; `no-interface`: a peer whose interface has no row before it; `cut`, `unterminated`: not a
 * whole line; `too-large`: the snapshot is beyond its limits. A dump whose date is contradicted is one suspect,
 * `unconfirmed-time`, and its lines are counted as such.
 */
export type SnapshotReason =
  | 'no-time'
  | 'bad-header'
  | 'bad-columns'
  | 'bad-row'
  | 'no-interface'
  | 'cut'
  | 'unterminated'
  | 'too-large'

export type SnapshotDecoderOptions = {
  readonly rowsMax?: number
  readonly charsMax?: number
}

type Held = {
  readonly reason: SnapshotReason
  readonly text: string
  readonly file: SourceFile
  readonly offset: number
}

/** The snapshot being read. */
type Pending = {
  readonly at: Micros
  readonly mustBeConfirmed: boolean
  readonly interfaces: Map<string, InterfaceRow>
  readonly peers: Map<string, PeerRow>
  isComplete: boolean
  records: number
  rows: number
  chars: number
  readonly held: Held[]
  readonly file: SourceFile
  readonly offset: number
}

type State = {
  readonly emit: (item: SnapshotRecord | Remark) => void
  readonly tally: Tally
  readonly rows: RowCache
  readonly rowsMax: number
  readonly charsMax: number
  pending: Pending | null
  hasArrival: boolean
  arrival: Micros
}

/** Holds rows and remarks as they will be emitted, so no more secrets than these: none. */
export type SavedSnapshotDecoder = {
  readonly tally: Tally
  readonly rows: SavedRowCache
  readonly pending: Pending | null
  readonly hasArrival: boolean
  readonly arrival: Micros
}

/**
 * Whoever calls `quiet` vouches that the writer is done with its dump: it appends a dump with one write, and no half line was
 * left. Rows that follow all the same have no header, and are unparsed.
 */
export function createSnapshotDecoder(
  options: SnapshotDecoderOptions,
  emit: (item: SnapshotRecord | Remark) => void,
  saved?: SavedSnapshotDecoder,
): Omit<Decoder, 'save'> & { save(): SavedSnapshotDecoder } {
  const state: State = {
    emit,
    tally: saved?.tally ?? emptyTally(),
    rows: createRowCache(saved?.rows),
    rowsMax: options.rowsMax ?? SNAPSHOT_ROWS_MAX,
    charsMax: options.charsMax ?? SNAPSHOT_CHARS_MAX,
    pending: saved?.pending ?? null,
    hasArrival: saved?.hasArrival ?? false,
    arrival: saved?.arrival ?? 0,
  }
  return {
    push: (line, file) => push(state, line, file),
    end: () => close(state, Number.POSITIVE_INFINITY),
    tally: state.tally,
    quiet: () => quiet(state),
    save: () => {
      const { tally, rows, pending, hasArrival, arrival } = state
      return { tally, rows: rows.save(), pending, hasArrival, arrival }
    },
  }
}

/**
 * Gives out the dump that is read when nothing that may follow could say otherwise. Not a date that the next header must
 * confirm. Not a header alone: that says that every interface is down, and is also what a poll leaves that died at once.
 */
function quiet(state: State): void {
  const { pending } = state
  if (pending === null || pending.mustBeConfirmed || !pending.isComplete || pending.rows === 0) return
  close(state, pending.at)
}

function push(state: State, line: Line, file: SourceFile): void {
  state.tally.lines++
  // A blank cannot be part of an interface name, a row always has tabs: whatever else starts with # is a (bad) header.
  if (line.text.startsWith('# ') || (line.text.startsWith('#') && !line.text.includes('\t')))
    pushHeader(state, line, file)
  else if (line.text === '' || line.text === '\r') state.tally.skipped++
  else pushRow(state, line, file)
}

function pushHeader(state: State, line: Line, file: SourceFile): void {
  const header = line.flaw === 'cut' ? null : parseDumpHeader(line.text)
  // A header that lost its end may have lost digits of its zone too; one with a host name has all of its time.
  const isDated = header !== null && (line.flaw === '' || header.host !== '')
  if (isDated && state.pending?.at === header.at && state.pending.rows === 0) dropRepeated(state, state.pending)
  close(state, isDated ? header.at : Number.NaN)
  if (!isDated) {
    refuse(state, 'bad-header', 'a header without a readable time', line, file)
    return
  }
  state.tally.records++
  state.pending = {
    at: header.at,
    mustBeConfirmed: !state.hasArrival || header.at > state.arrival + CLOCK_JUMP_MAX,
    interfaces: new Map(),
    peers: new Map(),
    isComplete: line.flaw === '',
    records: 1,
    rows: 0,
    chars: 0,
    held: [],
    file,
    offset: line.offset,
  }
  state.rows.turn()
}

/** The same header twice: the first of them is no dump in which every interface is down. */
function dropRepeated(state: State, repeated: Pending): void {
  state.tally.records -= repeated.records
  state.tally.skipped += repeated.records
  release(state, repeated)
  state.pending = null
}

function pushRow(state: State, line: Line, file: SourceFile): void {
  const into = state.pending
  // Rows that go on in another file: whether that file was the next one is not known, so neither is their time.
  if (into !== null && into.file.identity !== file.identity) {
    into.isComplete = false
    close(state, Number.NaN)
  }
  if (state.pending === null || into === null) {
    refuse(state, 'no-time', '', line, file)
    return
  }
  into.rows++
  into.chars += line.text.length
  if (line.flaw !== '') refuse(state, line.flaw, '', line, file)
  else if (into.rows > state.rowsMax || into.chars > state.charsMax) refuse(state, 'too-large', '', line, file)
  else readRow(state, line, file, into)
}

function readRow(state: State, line: Line, file: SourceFile, into: Pending): void {
  const redacted = redactRow(line.text)
  if (redacted.kind === 'malformed') {
    refuse(state, 'bad-columns', `${redacted.columns} columns`, line, file)
    return
  }
  const found = state.rows.read(redacted.kind, redacted.text)
  if (found.row === null) {
    refuse(state, 'bad-row', `${redacted.kind} row`, line, file)
    return
  }
  // wg prints an interface before its peers. Where a piece of the file is missing, a torn interface row and the rest of a
  // peer row can look like a peer whose public key is the private key: its interface is then the one that was never seen.
  if (found.kind === 'peer' && !into.interfaces.has(found.row.interface)) {
    refuse(state, 'no-interface', '', line, file)
    return
  }
  state.rows.keep(found)
  state.tally.records++
  into.records++
  if (found.kind === 'interface') into.interfaces.set(found.row.interface, found.row)
  else into.peers.set(`${found.row.interface}\t${found.row.publicKey}`, found.row)
}

function refuse(state: State, reason: SnapshotReason, text: string, line: Line, file: SourceFile): void {
  state.tally.unparsed++
  const remark = { reason, text, file, offset: line.offset }
  if (state.pending === null) {
    state.emit({ kind: 'unparsed', arrival: state.arrival, ...remark })
    return
  }
  state.pending.isComplete = false
  state.pending.held.push(remark)
  if (state.pending.held.length >= HELD_MAX) release(state, state.pending)
}

function release(state: State, from: Pending): void {
  for (const remark of from.held) state.emit({ kind: 'unparsed', arrival: state.arrival, ...remark })
  from.held.length = 0
}

/** `nextAt`: time of the header that follows, NaN when there is none to be had, Infinity at the end of the input. */
function close(state: State, nextAt: Micros): void {
  const closing = state.pending
  if (closing === null) return
  state.pending = null
  const isConfirmed = !closing.mustBeConfirmed || nextAt >= closing.at - CLOCK_JUMP_MAX
  const isLast = nextAt === Number.POSITIVE_INFINITY
  // Nobody follows the last one: it is kept, but only as a first one may it set the arrival time alone.
  if (isConfirmed && !(isLast && closing.mustBeConfirmed && state.hasArrival)) {
    state.arrival = state.hasArrival ? Math.max(state.arrival, closing.at) : closing.at
    state.hasArrival = true
  }
  release(state, closing)
  if (isConfirmed) state.emit(toRecord(closing, state.arrival))
  else suspect(state, closing)
}

/** A dump whose stamp its neighbour contradicts: one remark for all of it, every line counted. */
function suspect(state: State, closing: Pending): void {
  state.tally.records -= closing.records
  state.tally.suspect += closing.records
  const text = `a dump of ${closing.rows} rows`
  state.emit({
    kind: 'suspect',
    arrival: state.arrival,
    reason: 'unconfirmed-time',
    text,
    file: closing.file,
    offset: closing.offset,
  })
}

function toRecord(closing: Pending, arrival: Micros): SnapshotRecord {
  return {
    kind: 'snapshot',
    arrival,
    at: closing.at,
    interfaces: [...closing.interfaces.values()],
    peers: [...closing.peers.values()],
    isComplete: closing.isComplete,
    file: closing.file,
    offset: closing.offset,
  }
}
