/** What the assembler keeps of one node: its boot, its clock, its open events, and what waits for a doubt to be decided. */
import type { Micros } from '../../time.ts'
import type { SourceFile } from '../source.ts'
import { UNTITLED_MIN } from './completeness.ts'
import { type Doubt, resumeDoubt, type SavedDoubt } from './doubt.ts'
import { createGivenEvents, type GivenEvents, type SavedGivenEvents } from './given-events.ts'
import type { Head } from './head.ts'
import { createOpenEvents, type OpenEvents, type SavedOpenEvents } from './open-events.ts'
import type { AuditRecord } from './record.ts'
import { TYPE_KERNEL, TYPE_PROCTITLE, TYPE_SYSCALL, TYPE_SYSTEM_BOOT } from './record-type.ts'
import { createSerials, type SavedSerials, type Serials } from './serials.ts'

/** A record and where its line lies. */
export type LocatedRecord = {
  readonly head: Head
  readonly record: AuditRecord
  readonly file: SourceFile
  readonly offset: number
}

export type HeldRecord = { readonly located: LocatedRecord; readonly order: number }

export type NodeTrack = {
  readonly node: string
  boot: number
  /** Running maximum of believed stamps in this boot; NaN before the first. */
  clock: Micros
  serials: Serials
  given: GivenEvents
  readonly open: OpenEvents
  doubt: Doubt | null
  /** Records since the one in doubt, that one first. */
  held: HeldRecord[]
  heldBytes: number
  /** Key of the event heard last while in doubt. */
  heardAt: Micros
  heardSerial: number
  /** Time of the whole source when the doubt began. */
  heldSince: Micros
  /** auditd started in this boot, after events of it: with a SYSTEM_BOOT behind it, the machine did. */
  hasDaemonStarted: boolean
  /** PROCTITLE is not filtered out here: a system call without one is not whole. */
  hasTitles: boolean
  /** SYSCALL records before the first PROCTITLE, counted up to UNTITLED_MIN. */
  untitled: number
  isSparseTold: boolean
  /** The record that began its newest event. */
  latest: LocatedRecord | null
}

export type SavedNodeTrack = Omit<NodeTrack, 'serials' | 'given' | 'open' | 'doubt'> & {
  readonly serials: SavedSerials
  readonly given: SavedGivenEvents
  readonly open: SavedOpenEvents
  readonly doubt: SavedDoubt | null
}

/** A node nothing is known of yet but what is `saved`. `boot` is the number of its first boot. */
export function createNodeTrack(node: string, boot: number, saved?: SavedNodeTrack): NodeTrack {
  const doubt = saved?.doubt ?? null
  return {
    // A copy: a part of the line would keep the whole read buffer alive.
    node: Buffer.from(node, 'latin1').toString('latin1'),
    boot: saved?.boot ?? boot,
    clock: saved?.clock ?? Number.NaN,
    serials: createSerials(saved?.serials),
    given: createGivenEvents(saved?.given),
    open: createOpenEvents(saved?.open),
    doubt: doubt === null ? null : resumeDoubt(doubt),
    held: saved?.held ?? [],
    heldBytes: saved?.heldBytes ?? 0,
    heardAt: saved?.heardAt ?? Number.NaN,
    heardSerial: saved?.heardSerial ?? -1,
    heldSince: saved?.heldSince ?? Number.NaN,
    hasDaemonStarted: saved?.hasDaemonStarted ?? false,
    hasTitles: saved?.hasTitles ?? false,
    untitled: saved?.untitled ?? 0,
    isSparseTold: saved?.isSparseTold ?? false,
    latest: saved?.latest ?? null,
  }
}

/** For `createNodeTrack`. */
export function saveNodeTrack(track: NodeTrack): SavedNodeTrack {
  const { serials, given, open, doubt } = track
  return {
    ...track,
    serials: serials.save(),
    given: given.save(),
    open: open.save(),
    doubt: doubt === null ? null : doubt.save(),
  }
}

/** Whether PROCTITLE is filtered out: a record of this type came. */
export function noteTitles(track: NodeTrack, type: number): void {
  if (type === TYPE_PROCTITLE) track.hasTitles = true
  else if (type === TYPE_SYSCALL && track.untitled < UNTITLED_MIN) track.untitled++
}

/** Serials, sessions and clocks of two boots have nothing to do with each other. Open events must have been given out. */
export function beginBoot(track: NodeTrack): void {
  track.boot++
  track.clock = Number.NaN
  track.serials = createSerials()
  track.given = createGivenEvents()
  track.hasDaemonStarted = false
}

/** What a stamp is measured against: the node's clock, or where the whole source stands; NaN when neither is known. */
export function believedClock({ clock }: NodeTrack, arrival: Micros): Micros {
  if (Number.isNaN(clock)) return arrival === 0 ? Number.NaN : arrival
  return clock > arrival ? clock : arrival
}

/**
 * The kernel's first record, or SYSTEM_BOOT after auditd started anew. SYSTEM_BOOT alone is a user-space message that anyone
 * with CAP_AUDIT_WRITE may send, and would cut every login session in two.
 */
export function isBootRecord(track: NodeTrack, { head, record }: LocatedRecord): boolean {
  if (track.serials.greatest < 0) return false
  if (head.type === TYPE_KERNEL) return record.body.startsWith('state=initialized')
  return head.type === TYPE_SYSTEM_BOOT && track.hasDaemonStarted
}

/** Where the first of all events begins that were not given out; null when there is none. */
export function oldestOpen(tracks: Iterable<NodeTrack>): { readonly file: SourceFile; readonly offset: number } | null {
  let first: { readonly order: number; readonly file: SourceFile; readonly offset: number } | null = null
  for (const { open, held } of tracks) {
    const [waiting] = held
    if (waiting !== undefined && (first === null || waiting.order < first.order))
      first = { order: waiting.order, file: waiting.located.file, offset: waiting.located.offset }
    const event = open.first
    if (event !== null && (first === null || event.order < first.order)) first = event
  }
  return first === null ? null : { file: first.file, offset: first.offset }
}
