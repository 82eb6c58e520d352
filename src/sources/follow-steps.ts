/**
 * The steps of following: which file is read now, when it is done with, what comes after it, what is lost. See follow-file.ts for
 * the whole.
 */
import { basename, dirname, join } from 'node:path'
import { type At, type Cursor, createOrdinals } from './follow-cursor.ts'
import { type FileStat, statPath } from './follow-disk.ts'
import { type Family, listFamily, type Member, NAMES_CHEAP_MAX } from './follow-family.ts'
import { readLate } from './follow-late.ts'
import { closeOpened, openMember } from './follow-open.ts'
import {
  findPlace,
  firstUnread,
  isSameInode,
  passedOver,
  rememberDone,
  type Start,
  UNHELD,
  youngestDone,
} from './follow-route.ts'
import { createSeat, type Seat, type SeatRead } from './follow-seat.ts'
import type { Wake } from './follow-wake.ts'
import type { FileGap, FollowOptions, LineRead } from './line-source.ts'
import type { Line, SourceFile } from './source.ts'

/** Rotated files that are noted as old when following begins at the end. */
const SKIPPED_MAX = 16

/** Reasons of a FileGap (docs/operations.md). */
type GapReason = 'truncated-before-read' | 'copied-and-cut' | 'rotated-away' | 'replaced' | 'unreadable' | 'damaged'

/** A place whose file is not open: of a cursor, or of content that was cut away under the reader. */
type Lost = {
  readonly at: At
  /** First byte that was not read. */
  readonly from: number
  /** null = told by what lies there now. */
  readonly reason: GapReason | null
  /** The unterminated line that was held back when it happened. */
  readonly held: { readonly lines: Line[]; readonly file: SourceFile | null }
}

export type Follower = {
  /** One step: lines, or nothing there (`isAtEnd`); null = take another step. */
  step(): Promise<LineRead | null>
  /** What is told when there is not even that. */
  nothing(isAtEnd: boolean): LineRead
  finish(): Promise<LineRead>
  cursor(): Cursor
  problem(): string
  close(): Promise<void>
}

/** `saved`: null = from the beginning or the end, as the options say. `isForeign`: there was a cursor that cannot be read. */
export function createFollower(options: FollowOptions, wake: Wake, saved: Cursor | null, isForeign: boolean): Follower {
  const { due, tail } = wake
  const ordinals = createOrdinals(saved?.counts ?? [])
  let done: readonly At[] = saved?.done ?? []
  let seat: Seat | null = null
  let lost: Lost | null = saved?.at ? { at: saved.at, from: saved.at.offset, reason: null, held: NOTHING } : null
  let hasBegun = saved?.hasBegun ?? (isForeign || options.from === 'beginning')
  const gaps: FileGap[] = []
  let problem = ''
  /** Of the seat's file: the copy of one that was cut; at its end for good, being broken or unreadable from here. */
  let isCopy = saved?.isCopy ?? false
  let isOver = false
  /** The file after the seat's, and the bytes of all after it, when the seat was taken. */
  let successor: Member | null = null
  let younger = 0
  let names = 0
  /** What was the live file when the directory was looked at and nothing was to be had, and why. */
  const looked = { at: '', blockedBy: '' }

  function gap(file: string, reason: GapReason, from: number, to: number): void {
    gaps.push({ file, reason, from, to, bytes: from < 0 || to < 0 ? -1 : to - from })
  }

  function result(file: SourceFile | null, lines: readonly Line[], isAtEnd: boolean, writtenAt = 0): LineRead {
    const told = gaps.splice(0)
    const behind = seat === null ? 0 : seat.behind() + younger
    return { file: lines.length === 0 ? null : file, lines, isAtEnd, writtenAt, gaps: told, behind }
  }

  const waiting = () => result(null, [], true)
  /** The files as they lie now; null = later (then `problem` may say why). */
  async function look(): Promise<readonly Member[] | null> {
    if (names > NAMES_CHEAP_MAX && !due.tick) return null
    due.listing = false
    due.tick = false
    const family: Family | null | { readonly problem: string } = await listFamily(options.path)
    if (family === null) return null
    if ('problem' in family) {
      problem = family.problem
      return null
    }
    names = family.names
    return family.members
  }

  /** Following begins at the end: what lies there is old, the live file from its present end on is new. */
  async function begin(): Promise<LineRead | null> {
    const members = await look()
    if (members === null && problem !== 'no such file') return waiting()
    hasBegun = true
    for (const member of (members ?? []).filter(({ isLive }) => !isLive).slice(-SKIPPED_MAX)) {
      const opened = await openMember(member)
      const isOpen = opened !== null && !('problem' in opened)
      done = rememberDone(done, passedOver(member, isOpen ? opened.first.hash : ''))
      if (isOpen) await closeOpened(opened)
    }
    const live = members?.find(({ isLive }) => isLive)
    if (live === undefined || live.size === 0) return null
    const at = {
      key: live.key,
      birth: live.birth,
      name: live.name,
      first: '',
      before: '',
      ordinal: 0,
      offset: live.size,
      ...UNHELD,
    }
    lost = { at, from: live.size, reason: null, held: NOTHING }
    return null
  }

  function sit(members: readonly Member[], start: Start): void {
    const i = members.indexOf(start.opened.member)
    successor = members[i + 1] ?? null
    younger = members.slice(i + 1).reduce((sum, { size }) => sum + size, 0)
    seat = createSeat({ options, tail, ordinals }, start.opened, start)
    isOver = false
    looked.at = ''
    problem = ''
  }

  /** Looks for the content that was being read; what is not found is a gap. */
  async function search(place: Lost): Promise<LineRead | null> {
    const { at, from, reason, held } = place
    const members = await look()
    if (members === null) return waiting()
    const search = await findPlace(members, at, done, options.lineBytesMax)
    if (search.kind === 'later') {
      problem = search.problem
      return waiting()
    }
    if (search.kind === 'none' && held.lines.length > 0) {
      // The gap is told with the next read: until then the position must not be behind it.
      lost = { ...place, held: NOTHING }
      due.listing = true
      return result(held.file, held.lines, false)
    }
    lost = null
    due.listing = true
    if (search.kind === 'anew') return null
    if (search.kind === 'found') {
      const cut = members.find((member) => member.isLive && isSameInode(member, at))
      isCopy ||= cut !== undefined && search.start.opened.member !== cut
      sit(members, search.start)
      return null
    }
    if (search.kind === 'unreadable') {
      const { member } = search
      gap(member.name, 'unreadable', from, member.isGzip ? -1 : member.size)
      done = rememberDone(done, passedOver(member, ''))
      return null
    }
    const inPlace = members.find((member) => isSameInode(member, at) && !member.isGzip)
    const why = inPlace === undefined ? 'rotated-away' : inPlace.size < from ? 'truncated-before-read' : 'replaced'
    gap(at.name, reason ?? why, from, -1)
    if (at.first !== '') done = rememberDone(done, at)
    return null
  }

  /** To the next file that has something new, if there is one; else null. Gives the unterminated last line of the old one. */
  async function moveOn(): Promise<LineRead | null> {
    const members = await look()
    if (members === null) return waiting()
    const left = seat
    const known = left === null ? done : [...done, left.end()]
    const own = left === null ? -1 : members.findIndex(({ key }) => key === left.opened.member.key)
    const i = own >= 0 ? own : await youngestDone(members, known)
    if (i === null) return waiting()
    const found = await firstUnread(members.slice(i + 1), known, (member, why, first) => {
      if (why === 'unreadable') gap(member.name, 'unreadable', 0, member.isGzip ? -1 : member.size)
      done = rememberDone(done, passedOver(member, first))
    })
    if (found.kind !== 'found') {
      if (found.kind === 'later') problem = found.problem
      else await lookAtLive()
      return waiting()
    }
    // Whoever writes the new file has done with the old one; but that was written to until then.
    const more = left === null || isOver || left.opened.gzip !== null ? null : await left.next()
    if (left !== null && more !== null && more.kind !== 'end') {
      await closeOpened(found.start.opened)
      due.listing = true
      return after(left, more)
    }
    if (left !== null && own < 0) await tellMissing(left, members, i)
    const held = left === null ? NOTHING : await left.rest(true)
    const read = held.lines.length > 0 ? result(held.file, held.lines, false) : null
    if (left !== null) await leave(left, members[i]?.name ?? '')
    // The live file was never replaced meanwhile: whatever lies between is a copy of it, too.
    isCopy &&= !found.start.opened.member.isLive
    sit(members, found.start)
    return read
  }

  /**
   * The seat's file has no name any more. It was read to its end, but others may have come and gone between it and what lies there
   * now; only the one that was seen behind it proves that there were none.
   */
  async function tellMissing(left: Seat, members: readonly Member[], i: number): Promise<void> {
    if ((await youngestDone(members.slice(Math.max(0, i), i + 1), [left.end()])) === 0) return
    const next = successor
    if (next === null || !members.some((member) => isSameInode(member, next)))
      gap(left.end().name, 'rotated-away', -1, -1)
  }

  async function leave(left: Seat, name: string): Promise<void> {
    const end = left.end()
    if (end.first !== '') done = rememberDone(done, { ...end, name })
    await closeOpened(left.opened)
    seat = null
    // Nobody can know what was written between the copy and the cut.
    if (isCopy) gap(basename(options.path), 'copied-and-cut', -1, -1)
  }

  /** The live file if there is one; `problem` says what is there instead. */
  async function lookAtLive(): Promise<FileStat | null> {
    const live = await statPath(options.path, true)
    problem = 'problem' in live ? live.problem : ''
    return 'problem' in live ? null : live
  }

  /** The seat's file is at its end: is it still the live one? */
  async function atEnd(at: Seat, writtenAt: number): Promise<LineRead | null> {
    const live = await lookAtLive()
    const member = at.opened.member
    if (live?.key === member.key) {
      const late = due.tick ? await lateLines() : null
      due.tick = false
      younger = 0
      return late ?? result(null, [], true, writtenAt)
    }
    const seen = live === null ? problem : `${live.key} ${live.size > 0}`
    if (seen === looked.at && !due.listing) {
      if (problem === '') problem = looked.blockedBy
      return result(null, [], true, writtenAt)
    }
    const read = await moveOn()
    if (seat !== at || read === null) return read
    looked.at = seen
    looked.blockedBy = problem
    return { ...read, writtenAt }
  }

  async function lateLines(): Promise<LineRead | null> {
    const last = done.at(-1)
    if (last === undefined || last.offset < 0 || last.name === '' || last.name.endsWith('.gz')) return null
    const late = await readLate(join(dirname(options.path), last.name), last, options)
    if (late === null) return null
    done = rememberDone(done, late.done)
    return result(late.file, late.lines, false)
  }

  async function after(at: Seat, read: SeatRead): Promise<LineRead | null> {
    if (read.kind === 'lines') {
      problem = ''
      return result(read.file, read.lines, false)
    }
    if (read.kind === 'more') return null
    if (read.kind === 'end') return atEnd(at, read.writtenAt)
    if (read.kind === 'changed') {
      const [place, end] = [at.at(), at.end()]
      const held = place.first === '' ? NOTHING : await at.rest(true)
      await closeOpened(at.opened)
      seat = null
      const reason = read.isShorter ? 'truncated-before-read' : 'replaced'
      lost = { at: place, from: end.offset, reason, held }
      return null
    }
    const live = await lookAtLive()
    if (live?.key === at.opened.member.key) {
      problem = read.problem
      return waiting()
    }
    gap(at.opened.member.name, 'damaged', at.end().offset, at.opened.gzip === null ? at.opened.size : -1)
    isOver = true
    return null
  }

  async function step(): Promise<LineRead | null> {
    if (!hasBegun) return begin()
    if (lost !== null) return search(lost)
    if (seat === null) return withoutSeat()
    return isOver ? atEnd(seat, 0) : after(seat, await seat.next())
  }

  async function withoutSeat(): Promise<LineRead | null> {
    if (due.listing) return moveOn()
    if (problem !== '' && problem !== 'no such file') return waiting()
    const live = await lookAtLive()
    return live === null || live.size === 0 ? waiting() : moveOn()
  }

  async function finish(): Promise<LineRead> {
    const held = seat === null ? NOTHING : await seat.rest(false)
    return result(held.file, held.lines, true)
  }

  async function close(): Promise<void> {
    if (seat !== null) await closeOpened(seat.opened)
  }

  function cursor(): Cursor {
    return { hasBegun, isCopy, at: lost?.at ?? seat?.at() ?? null, done, counts: ordinals.save() }
  }

  if (isForeign) gap(basename(options.path), 'rotated-away', 0, -1)
  return { step, nothing: (isAtEnd) => result(null, [], isAtEnd), finish, cursor, problem: () => problem, close }
}

const NOTHING: Lost['held'] = { lines: [], file: null }
