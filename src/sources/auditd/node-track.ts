/** What the assembler keeps of one node: its boot, its clock, its open events, and what waits for a doubt to be decided. */
import type { Micros } from '../../time.ts'
import type { SourceFile } from '../source.ts'
import type { Doubt } from './doubt.ts'
import { createGivenEvents, type GivenEvents } from './given-events.ts'
import type { Head } from './head.ts'
import { createOpenEvents, type OpenEvents } from './open-events.ts'
import type { AuditRecord } from './record.ts'
import { TYPE_KERNEL, TYPE_SYSTEM_BOOT } from './record-type.ts'
import { createSerials, type Serials } from './serials.ts'

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
  isSparseTold: boolean
  /** The record that began its newest event. */
  latest: LocatedRecord | null
}

/** A node nothing is known of yet. `boot` is the number of its first boot. */
export function createNodeTrack(node: string, boot: number): NodeTrack {
  return {
    // A copy: a part of the line would keep the whole read buffer alive.
    node: Buffer.from(node, 'latin1').toString('latin1'),
    boot,
    clock: Number.NaN,
    serials: createSerials(),
    given: createGivenEvents(),
    open: createOpenEvents(),
    doubt: null,
    held: [],
    heldBytes: 0,
    heardAt: Number.NaN,
    heardSerial: -1,
    heldSince: Number.NaN,
    hasDaemonStarted: false,
    hasTitles: false,
    isSparseTold: false,
    latest: null,
  }
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
