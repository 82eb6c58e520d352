/**
 * Records to events: all records of one (node, boot, time, serial), however they are interleaved (formats.md 3.2, design 6).
 *
 * An event is whole with its EOE, with PROCTITLE, or as soon as it is there when its type makes events of one record. Else it
 * is given out when END_OF_EVENT of event time passed since its last record, measured on the running maximum of stamps:
 * a stamp itself can be minutes old, for it is the entry of a system call. Records that come for an event already given out
 * become its further part.
 *
 * Events of a node are given out in the order they began: an accept whose last record comes late still stands before the login
 * it led to. Arrivals never run backwards, whatever the nodes' clocks do.
 */
import { type Micros, SECOND } from '../../time.ts'
import { type Notice, type SourceFile, TEXT_MAX } from '../source.ts'
import { END_OF_EVENT, UNTITLED_MIN } from './completeness.ts'
import { createDoubt, isBootLike, isJump, type Verdict } from './doubt.ts'
import { expire, expireCertain, giveOutAll } from './expiry.ts'
import { createLimitHits, type LimitHits, type SavedLimitHits } from './limit-hits.ts'
import {
  beginBoot,
  believedClock,
  createNodeTrack,
  type HeldRecord,
  isBootRecord,
  type LocatedRecord,
  type NodeTrack,
  noteTitles,
  oldestOpen,
  type SavedNodeTrack,
  saveNodeTrack,
} from './node-track.ts'
import { addRecord, beginEvent, type OpenEvent, toAuditEvent } from './open-events.ts'
import type { AuditEvent } from './record.ts'
import {
  isDaemonType,
  isSingleRecordType,
  TYPE_DAEMON_ABORT,
  TYPE_DAEMON_END,
  TYPE_DAEMON_START,
  TYPE_EOE,
  TYPE_PROCTITLE,
} from './record-type.ts'
import { endSerials, noteSerial } from './serial-remarks.ts'

export type Assembler = {
  push(located: LocatedRecord): void
  /** The source knows by itself that the node was booted (journald's `_BOOT_ID`). */
  boot(node: string): void
  end(): void
  /** Nothing came for a while, and the time is `at`: gives out the events whose time has passed (see decoder.ts). */
  quiet(at: Micros): void
  /** Greatest arrival so far; 0 before any time is known. */
  readonly arrival: Micros
  /** Where the oldest event begins that was not given out; null when none is open. A cursor must not pass it. */
  readonly oldestOpen: { readonly file: SourceFile; readonly offset: number } | null
  /** How often each limit was hit. */
  limits(): readonly LimitHits[]
  save(): SavedAssembler
}

export type SavedAssembler = {
  readonly tracks: readonly SavedNodeTrack[]
  readonly limits: SavedLimitHits
  readonly arrival: Micros
  readonly sweptAt: Micros
  readonly openCount: number
  readonly openBytes: number
  readonly order: number
  readonly evictedNodes: number
}

export type AssemblerOptions = {
  /** Boots are told by `boot`: serials say nothing about them. */
  readonly hasBootIds: boolean
}

/** Open events of all nodes together; 2 s of a server that writes nothing but events without an end. */
export const OPEN_MAX = 8192
/** Bytes of lines of all open events together. */
export const OPEN_BYTES_MAX = 64 * 1024 * 1024
/** Names in one file of a central log host. */
export const NODES_MAX = 256
/** Records and bytes of one node that wait while a doubt is decided. */
export const HELD_MAX = 2048
export const HELD_BYTES_MAX = 8 * 1024 * 1024

export function createAssembler(
  options: AssemblerOptions,
  emit: (item: AuditEvent | Notice) => void,
  saved?: SavedAssembler,
): Assembler {
  const tracks = new Map<string, NodeTrack>()
  for (const each of saved?.tracks ?? []) tracks.set(each.node, createNodeTrack(each.node, each.boot, each))
  const limits = createLimitHits(emit, saved?.limits)
  let last: NodeTrack | null = null
  let arrival: Micros = saved?.arrival ?? 0
  let sweptAt: Micros = saved?.sweptAt ?? 0
  let openCount = saved?.openCount ?? 0
  let openBytes = saved?.openBytes ?? 0
  let order = saved?.order ?? 0
  let evictedNodes = saved?.evictedNodes ?? 0

  function push(located: LocatedRecord): void {
    const { node } = located.head
    const track = last !== null && last.node === node ? last : trackOf(node, located)
    order++
    if (track.doubt !== null) hold(track, { located, order })
    else take(track, located, order, null)
  }

  function trackOf(node: string, located: LocatedRecord): NodeTrack {
    let track = tracks.get(node)
    if (track === undefined) {
      if (tracks.size >= NODES_MAX) {
        const [oldest] = tracks.values()
        if (oldest !== undefined) {
          conclude(oldest)
          flush(oldest, arrival)
          tracks.delete(oldest.node)
          evictedNodes++
          limits.hit('audit-nodes', located, arrival)
        }
      }
      // A node that comes back after it was forgotten must not continue its old boots.
      track = createNodeTrack(node, evictedNodes)
      tracks.set(track.node, track)
    }
    last = track
    return track
  }

  /** `verdict`: what was decided about the event this record begins or belongs to; null = not asked yet. */
  function take(track: NodeTrack, located: LocatedRecord, recordOrder: number, verdict: Verdict | null): void {
    const { head } = located
    const { type, serial, at } = head
    if (isDaemonType(type)) {
      if (verdict === null && isJump(at, believedClock(track, arrival))) startDoubt(track, located, recordOrder, false)
      else giveDaemon(track, located, verdict)
      return
    }
    let event = track.open.find(serial, at)
    if (event === null) {
      if (type === TYPE_EOE) return
      if (!options.hasBootIds && isBootRecord(track, located)) newBoot(track)
      else if (verdict?.isBoot === true) newBoot(track)
      if (verdict === null) {
        const boots =
          !options.hasBootIds && isBootLike(at, serial, { clock: track.clock, greatest: track.serials.greatest })
        const isLate = boots && track.given.parts(serial, at) > 0
        if ((boots && !isLate) || isJump(at, believedClock(track, arrival))) {
          startDoubt(track, located, recordOrder, boots && !isLate)
          return
        }
      }
      event = openEvent(track, located, recordOrder, verdict)
    } else track.open.touch(event)
    add(track, event, located)
  }

  function add(track: NodeTrack, event: OpenEvent, located: LocatedRecord): void {
    const { record } = located
    const { type } = record
    event.touchedAt = track.clock
    event.touchedAtAll = arrival
    if (type !== TYPE_EOE) {
      const { bytes, dropped } = event
      addRecord(event, record)
      openBytes += event.bytes - bytes
      if (event.dropped > dropped) limits.hit('audit-event-size', located, arrival)
    }
    if (!track.hasTitles) noteTitles(track, type)
    if (type === TYPE_EOE || type === TYPE_PROCTITLE || isSingleRecordType(type)) giveOut(track, event, 'complete')
    const oldest = track.open.oldest
    if (oldest !== null && oldest.touchedAt + END_OF_EVENT <= track.clock) expire(track, arrival, giveOut)
    if (openCount > OPEN_MAX || openBytes > OPEN_BYTES_MAX) makeRoom(located)
    if (arrival >= sweptAt + SECOND) sweep(track)
  }

  function openEvent(
    track: NodeTrack,
    located: LocatedRecord,
    recordOrder: number,
    verdict: Verdict | null,
  ): OpenEvent {
    const { head, file, offset } = located
    const { at, serial } = head
    advance(track, at, verdict)
    noteSerial(track, located, say)
    const { clock } = track
    const part = track.given.parts(serial, at)
    const isUntitled = !track.hasTitles && track.untitled >= UNTITLED_MIN
    const touched = { isUntitled, touchedAt: clock, touchedAtAll: arrival }
    const event = beginEvent({ at, serial, part, placeAt: clock, file, offset, order: recordOrder, ...touched })
    track.open.add(event)
    openCount++
    return event
  }

  /** A stamp beyond an hour ahead counts only when it was believed. */
  function advance(track: NodeTrack, at: Micros, verdict: Verdict | null): void {
    const isBelieved = verdict === null || verdict.isJump || !isJump(at, believedClock(track, arrival))
    if (isBelieved && !(at <= track.clock)) track.clock = at
    // Never given a time of its own: it stands where the source stands.
    if (Number.isNaN(track.clock)) track.clock = arrival
    if (track.clock > arrival) arrival = track.clock
  }

  function giveOut(track: NodeTrack, event: OpenEvent, completeness: 'complete' | 'incomplete'): void {
    track.open.end(event, completeness)
    track.given.add(event.serial, event.at)
    for (let next = track.open.takeEnded(); next !== null; next = track.open.takeEnded()) tell(track, next)
  }

  function tell(track: NodeTrack, event: OpenEvent): void {
    openCount--
    openBytes -= event.bytes
    // Only an EOE: all its records were dropped.
    if (event.records.length > 0 || event.dropped > 0) emit(toAuditEvent(event, track, arrival))
  }

  /** auditd's own records: events of one record, with serials of their own. */
  function giveDaemon(track: NodeTrack, located: LocatedRecord, verdict: Verdict | null): void {
    const { head, record, file, offset } = located
    const { at, type } = head
    advance(track, at, verdict)
    // On a central log host the one that stopped may be another machine's.
    const reason = tracks.size > 1 ? 'auditd-node' : 'auditd'
    if (type === TYPE_DAEMON_START) {
      track.hasDaemonStarted = track.serials.greatest >= 0
      say(located, 'started', reason, 0, record.raw)
    }
    const { node, serial } = head
    const place = { placeAt: track.clock, at, serial, node, boot: track.boot, part: 0, file, offset }
    emit({ kind: 'audit', arrival, ...place, records: [record], completeness: 'complete', dropped: 0 })
    if (type === TYPE_DAEMON_END || type === TYPE_DAEMON_ABORT) say(located, 'stopped', reason, 0, record.raw)
  }

  function newBoot(track: NodeTrack): void {
    // No machine is up again before END_OF_EVENT has passed, whatever its clock says then.
    flush(track, Number.POSITIVE_INFINITY)
    beginBoot(track)
  }

  function startDoubt(track: NodeTrack, located: LocatedRecord, recordOrder: number, boots: boolean): void {
    const { at, serial } = located.head
    const shown = { clock: track.clock, greatest: track.serials.greatest }
    track.doubt = createDoubt({ at, serial }, shown, isJump(at, believedClock(track, arrival)), boots)
    track.held = [{ located, order: recordOrder }]
    track.heldBytes = located.record.raw.length
    track.heldSince = arrival
    track.heardAt = at
    track.heardSerial = serial
  }

  function hold(track: NodeTrack, held: HeldRecord): void {
    const { head, record } = held.located
    const first = track.held[0]?.located.head
    track.held.push(held)
    track.heldBytes += record.raw.length
    const isOfFirst = head.at === first?.at && head.serial === first.serial
    const isHeard = head.at === track.heardAt && head.serial === track.heardSerial
    if (!isOfFirst && !isHeard) {
      track.heardAt = head.at
      track.heardSerial = head.serial
      const verdict = track.doubt?.hear(head.at, isDaemonType(head.type) ? -1 : head.serial) ?? null
      if (verdict !== null) {
        decide(track, verdict)
        return
      }
    }
    if (track.held.length < HELD_MAX && track.heldBytes < HELD_BYTES_MAX) return
    limits.hit('audit-held', held.located, arrival)
    conclude(track)
  }

  function conclude(track: NodeTrack): void {
    // Each turn decides at least one event, so it ends.
    while (track.doubt !== null) decide(track, track.doubt.conclude())
  }

  /** Takes the records of the event in doubt as decided, and those behind it as if they came now. */
  function decide(track: NodeTrack, verdict: Verdict): void {
    const { held, doubt } = track
    const first = held[0]
    track.doubt = null
    track.held = []
    track.heldBytes = 0
    if (first === undefined || doubt === null) return
    const { at, serial, type } = first.located.head
    if (
      !verdict.isJump &&
      Number.isNaN(track.clock) &&
      isJump(at, believedClock(track, arrival)) &&
      !Number.isNaN(doubt.nextAt)
    ) {
      track.clock = Math.max(doubt.nextAt, arrival)
      arrival = track.clock
    }
    if (!verdict.isJump && isJump(at, believedClock(track, arrival)))
      say(first.located, 'remark', 'wild-stamp', 0, first.located.record.raw)
    take(track, first.located, first.order, verdict)
    for (const each of held.slice(1)) {
      const { head } = each.located
      const isOfFirst = head.at === at && head.serial === serial && isDaemonType(head.type) === isDaemonType(type)
      if (track.doubt !== null) hold(track, each)
      else take(track, each.located, each.order, isOfFirst ? { isJump: verdict.isJump, isBoot: false } : null)
    }
  }

  /** Once a second of event time: other nodes may have gone silent with events open. */
  function sweep(current: NodeTrack): void {
    sweptAt = arrival
    for (const track of tracks.values()) {
      if (track === current) continue
      if (track.doubt !== null && track.heldSince + END_OF_EVENT <= arrival) conclude(track)
      expire(track, arrival, giveOut)
    }
  }

  function makeRoom(located: LocatedRecord): void {
    limits.hit(openCount > OPEN_MAX ? 'audit-open-events' : 'audit-open-bytes', located, arrival)
    while (openCount > OPEN_MAX || openBytes > OPEN_BYTES_MAX) {
      let fullest: NodeTrack | null = null
      for (const track of tracks.values()) if (fullest === null || track.open.size > fullest.open.size) fullest = track
      const event = fullest?.open.first ?? null
      if (fullest === null || event === null) return
      giveOut(fullest, event, 'incomplete')
    }
  }

  /** Nothing more of this boot will come; `at` is the time where that was seen. */
  function flush(track: NodeTrack, at: Micros): void {
    giveOutAll(track, at, giveOut)
    endSerials(track, say)
  }

  function say(
    { file, offset }: LocatedRecord,
    what: Notice['what'],
    reason: string,
    lost: number,
    text: string,
  ): void {
    emit({ kind: 'notice', arrival, what, reason, lost, text: text.slice(0, TEXT_MAX), file, offset })
  }

  return {
    push,
    boot(node) {
      const track = tracks.get(node)
      if (track === undefined) return
      conclude(track)
      newBoot(track)
    },
    end() {
      for (const track of tracks.values()) conclude(track)
      for (const track of tracks.values()) flush(track, arrival)
      limits.end(arrival)
    },
    quiet(at) {
      // What is held may belong to an open event.
      for (const track of tracks.values()) if (track.doubt === null) expireCertain(track, at, giveOut)
    },
    get arrival() {
      return arrival
    },
    get oldestOpen() {
      return oldestOpen(tracks.values())
    },
    limits: limits.all,
    save() {
      const counts = { arrival, sweptAt, openCount, openBytes, order, evictedNodes }
      return { tracks: Array.from(tracks.values(), saveNodeTrack), limits: limits.save(), ...counts }
    },
  }
}
