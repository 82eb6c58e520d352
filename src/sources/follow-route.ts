/**
 * Which file comes next, and where a position lies by now. Answers by content: names move, inodes are used again, copies have
 * other inodes; so a file is what it was when its first line and the bytes before the place are the same.
 */
import { type At, BEFORE_BYTES, DONE_MAX, type Place } from './follow-cursor.ts'
import type { Member } from './follow-family.ts'
import {
  beginsAs,
  bytesBefore,
  closeOpened,
  endOf,
  isCopyOf,
  lineAround,
  type Opened,
  openMember,
} from './follow-open.ts'

export type Start = {
  readonly opened: Opened
  readonly offset: number
  /** Up to BEFORE_BYTES before `offset`. */
  readonly before: Buffer
  /** Of a file that was begun before; null = to be counted. */
  readonly ordinal: number | null
}

export type Search =
  | { readonly kind: 'found'; readonly start: Start }
  | { readonly kind: 'none' }
  /** Nothing of it was read: go on as if it had not been there. */
  | { readonly kind: 'anew' }
  /** A rotated file that may not be read, and this is not going to change by itself. */
  | { readonly kind: 'unreadable'; readonly member: Member }
  /** Try again later; `problem` = '' where names moved meanwhile. */
  | { readonly kind: 'later'; readonly problem: string }

/** Finds the place among the members (oldest first): in the file with its inode, else in one with the same content. */
export async function findPlace(
  members: readonly Member[],
  at: At,
  done: readonly At[],
  lineBytesMax: number,
): Promise<Search> {
  if (at.first === '' && at.offset === 0) return untouched(members, at)
  const same = members.find((member) => isSameInode(member, at))
  if (same !== undefined) {
    const search = await inMember(same, at, lineBytesMax)
    const copy = search.kind === 'found' && same.isLive ? await cutCopy(members, search.start.opened, at, done) : null
    if (copy === null || search.kind !== 'found') {
      if (search.kind !== 'none') return search
    } else {
      await closeOpened(search.start.opened)
      return inMember(copy, at, lineBytesMax)
    }
  }
  if (at.first === '') return { kind: 'none' }
  const last = await youngestDone(members, done)
  if (last === null) return { kind: 'later', problem: '' }
  // What was read to its end before comes into question only as a copy that ends at the place itself.
  const elder = members[last]
  const opened = elder === undefined ? null : await openMember(elder)
  if (elder !== undefined && opened !== null && !('problem' in opened) && (await originalOf(opened, [at])) !== null)
    return inMember(elder, at, lineBytesMax)
  // The oldest that fits: what is read twice has the same ids, what is passed over is lost.
  for (const member of members.slice(last + 1)) {
    const search = member === same ? null : await inMember(member, at, lineBytesMax)
    if (search?.kind === 'found') return search
  }
  return { kind: 'none' }
}

/** Nothing was given of the file yet: what was not read is read from its beginning, if what was seen lies there still. */
async function untouched(members: readonly Member[], at: At): Promise<Search> {
  if (at.held === 0) return { kind: 'anew' }
  for (const member of members) {
    const opened = await openMember(member)
    if (opened === null) return { kind: 'later', problem: '' }
    const isThere = 'problem' in opened || (await beginsAs(opened, at))
    if (!('problem' in opened)) await closeOpened(opened)
    if (isThere) return { kind: 'anew' }
  }
  return { kind: 'none' }
}

/**
 * A rotated file that fits as well as the live file with the right inode: where files begin alike, it is the copy of what the
 * live file was before it was cut; unless the live file still holds all that the copy does.
 */
async function cutCopy(members: readonly Member[], live: Opened, at: At, done: readonly At[]): Promise<Member | null> {
  const last =
    at.first === ''
      ? null
      : await youngestDone(
          members.filter(({ isLive }) => !isLive),
          done,
        )
  if (last === null) return null
  for (const member of members.slice(last + 1)) {
    if (member.isLive) continue
    const copy = await openMember(member)
    if (copy === null || 'problem' in copy) continue
    try {
      const fits = copy.first.isWhole && (await bytesBefore(copy, at)) !== null
      const end = fits ? await endOf(copy) : null
      if (end !== null && end.offset > at.offset && (await bytesBefore(live, end)) === null) return member
    } finally {
      await closeOpened(copy)
    }
  }
  return null
}

async function inMember(member: Member, at: At, lineBytesMax: number): Promise<Search> {
  const opened = await openMember(member)
  if (opened === null) return { kind: 'later', problem: '' }
  if ('problem' in opened) {
    if (opened.isLasting && !member.isLive) return { kind: 'unreadable', member }
    return { kind: 'later', problem: opened.problem }
  }
  if (at.first === '') {
    // Nothing was read of it yet. An offset says where the end was when following began.
    const around = await lineAround(opened, Math.min(at.offset, opened.size), lineBytesMax)
    return { kind: 'found', start: { opened, ...around, ordinal: null } }
  }
  const holds = member.isGzip || at.held === 0 || (await bytesBefore(opened, heldPlace(at))) !== null
  const before = holds ? await bytesBefore(opened, at) : null
  if (before !== null) return { kind: 'found', start: { opened, offset: at.offset, before, ordinal: at.ordinal } }
  await closeOpened(opened)
  return { kind: 'none' }
}

/** Behind the unterminated line. */
function heldPlace({ first, offset, held, heldBefore }: At): Place {
  return { first, offset: offset + held, before: heldBefore }
}

/** Index of the youngest member that was read, -1 = none was; null = names moved meanwhile. */
export async function youngestDone(members: readonly Member[], done: readonly At[]): Promise<number | null> {
  for (let i = members.length - 1; i >= 0; i--) {
    const member = members[i]
    if (member === undefined || member.size === 0) continue
    const isDone = await wasRead(member, done)
    if (isDone === null) return null
    if (isDone) return i
  }
  return -1
}

async function wasRead(member: Member, done: readonly At[]): Promise<boolean | null> {
  const opened = await openMember(member)
  if (opened === null) return null
  if ('problem' in opened) return done.some((each) => wasUnreadable(each, member))
  const alike = done.filter(({ first }) => first === opened.first.hash)
  for (const each of alike) {
    if (!isSameInode(member, each)) continue
    // A compressed file is not written again: its inode is proof enough, unpacking it is dear.
    const isDone = each.offset < 0 || member.isGzip || (await bytesBefore(opened, each)) !== null
    if (!isDone) continue
    await closeOpened(opened)
    return true
  }
  // The live file goes on growing: what it has in common with another says nothing about what comes.
  if (!member.isLive) return (await originalOf(opened, alike)) !== null
  await closeOpened(opened)
  return false
}

/** Opens the first of `members` that has something new; `passed` is told what was gone over. */
export async function firstUnread(
  members: readonly Member[],
  done: readonly At[],
  passed: (member: Member, why: 'copy' | 'unreadable', first: string) => void,
): Promise<Search> {
  for (const member of members) {
    if (member.size === 0 || done.some((each) => wasUnreadable(each, member))) continue
    const opened = await openMember(member)
    if (opened === null) return { kind: 'later', problem: '' }
    if ('problem' in opened) {
      if (member.isLive || !opened.isLasting) return { kind: 'later', problem: opened.problem }
      passed(member, 'unreadable', '')
      continue
    }
    const alike = done.filter(({ first }) => first === opened.first.hash)
    if (alike.length === 0) return { kind: 'found', start: { opened, ...BEGINNING } }
    const original = await originalOf(opened, alike)
    if (original !== null && !member.isLive) {
      passed(member, 'copy', original.first)
      continue
    }
    const again = await openMember(member)
    if (again === null || 'problem' in again) return { kind: 'later', problem: '' }
    // The live file was copied and is not cut yet: what follows is new. Short files may begin alike by chance.
    const before = original !== null && original.offset >= BEFORE_BYTES ? await bytesBefore(again, original) : null
    if (original === null || before === null) return { kind: 'found', start: { opened: again, ...BEGINNING } }
    return { kind: 'found', start: { opened: again, offset: original.offset, before, ordinal: original.ordinal } }
  }
  return { kind: 'none' }
}

const BEGINNING = { offset: 0, before: Buffer.alloc(0), ordinal: null }

/** Of which of `done`, whose first lines are alike, the file is a copy; closes it. */
async function originalOf(opened: Opened, done: readonly At[]): Promise<At | null> {
  let looked = opened
  for (const each of done) {
    const isCopy = each.offset < 0 ? isSameInode(looked.member, each) : await isCopyOf(looked, each)
    if (isCopy) {
      await closeOpened(looked)
      return each
    }
    if (looked.gzip === null || each.offset < 0) continue
    // What was unpacked is gone.
    await closeOpened(looked)
    const again = await openMember(looked.member)
    if (again === null || 'problem' in again) return null
    looked = again
  }
  await closeOpened(looked)
  return null
}

/** Keeps the youngest DONE_MAX. */
export function rememberDone(done: readonly At[], next: At): At[] {
  return [...done.filter((each) => !isSameInode(each, next) || each.first !== next.first), next].slice(-DONE_MAX)
}

/** What is kept of a member that is passed over without reading it; `first` = '' when it could not be looked at. */
export function passedOver({ key, birth, name }: Member, first: string): At {
  return { key, birth, name, first, ordinal: 0, offset: -1, before: '', ...UNHELD }
}

/** No unterminated line was seen. */
export const UNHELD = { held: 0, heldBefore: '' }

function wasUnreadable({ key, birth, first, offset }: At, member: Member): boolean {
  return first === '' && offset < 0 && isSameInode(member, { key, birth })
}

/** '0' = the file system keeps no birth times: then an inode that is used again shows by its content only. */
export function isSameInode(a: Inode, b: Inode): boolean {
  return a.key === b.key && (a.birth === b.birth || a.birth === '0' || b.birth === '0')
}

type Inode = { readonly key: string; readonly birth: string }
