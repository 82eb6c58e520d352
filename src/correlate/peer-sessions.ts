/**
 * Peer sessions, inferred: WireGuard has none, but a peer that has traffic shakes hands every 120 s and its keys are refused
 * after 180 s (drivers/net/wireguard/messages.h). Handshakes less than 180 s apart belong to one session; it ends 180 s after
 * the last one, or with the poll that shows the peer gone.
 *
 * `event.reason` of a start: `first-snapshot` = it may have begun earlier; `clock-differs` = the handshake's reading
 * contradicts the polls, which are believed. Of an end: `peer-removed`, `interface-down`, `re-added`; `not-observed` = no poll
 * after the end saw the peer still without a newer handshake, so one may have been missed. None: a poll confirmed it.
 * An idle peer without keepalive has no session though its tunnel would work; the end of the input ends nothing.
 */
import type { Event } from '../event.ts'
import { hashDigits } from '../event-id.ts'
import type { LedgerChange } from '../identity/ledger.ts'
import { DUMP_DURATION_MAX, type PollClock } from '../identity/poll-clock.ts'
import type { PeerRow } from '../sources/wireguard/record.ts'
import { type Micros, SECOND } from '../time.ts'
import type { PeerDocuments } from './peer-documents.ts'
import { changedSince, handshakeTime, isFirst, type Poll } from './peer-poll.ts'

/** REJECT_AFTER_TIME of drivers/net/wireguard/messages.h. */
export const SESSION_GAP: Micros = 180 * SECOND

type Session = {
  readonly id: string
  readonly startAt: Micros
  /** The poll that showed the first handshake. */
  readonly shownAt: Micros
  lastAt: Micros
  /** The peer as last seen while the session lasted. */
  row: PeerRow
  /** Seconds; undefined while one poll only is known. */
  pollPeriod: number | undefined
}

export type SavedPeerSessions = { readonly sessions: Map<string, Session>; readonly dueAt: Micros }

export function createPeerSessions(
  host: string,
  polls: PollClock,
  documents: PeerDocuments,
  emit: (event: Event) => void,
  saved?: SavedPeerSessions,
) {
  /** Open ones only, and an absent peer's is closed at once: never more than the rows of one snapshot. */
  const sessions = saved?.sessions ?? new Map<string, Session>()
  /** No session ends before this. */
  let dueAt = saved?.dueAt ?? Number.POSITIVE_INFINITY

  function apply(change: LedgerChange, poll: Poll): void {
    switch (change.what) {
      case 'peer-added':
        added(change.peer.row, poll)
        break
      case 'row-changed':
        changed(change.old, change.peer.row, poll)
        break
      case 'peer-removed':
        close(change.peer.row, poll, 'peer-removed')
        break
      case 'interface-down':
        for (const peer of change.interface.peers.values()) close(peer.row, poll, 'interface-down')
        break
      case 'interface-up':
      case 'allowed-ips-changed':
      case 'endpoint-changed':
        break
      default:
        change satisfies never
    }
  }

  /** The peer was not in the poll before: its handshake is news only if it took place since, or if it still holds. */
  function added(row: PeerRow, poll: Poll): void {
    const reading = row.latestHandshakeAt
    if (reading === 0) return
    const seen = handshakeTime(reading, poll.before, poll.at)
    const isFresh = reading > poll.at - SESSION_GAP && reading <= poll.at + DUMP_DURATION_MAX
    if (isFirst(poll)) {
      if (isFresh) open(row, reading, poll, 'first-snapshot')
    } else if (seen.isReading || isFresh) open(row, reading, poll, '')
    else if (reading > poll.at) open(row, seen.at, poll, 'clock-differs')
  }

  function changed(old: PeerRow, row: PeerRow, poll: Poll): void {
    const session = sessions.get(nameOf(row))
    if (row.latestHandshakeAt === old.latestHandshakeAt) {
      if (session !== undefined && poll.at < endOf(session)) session.row = row
      return
    }
    if (session !== undefined && isReAdded(old, row)) close(old, poll, 're-added')
    if (row.latestHandshakeAt === 0) return
    const seen = handshakeTime(row.latestHandshakeAt, changedSince(poll, row.interface), poll.at)
    const current = sessions.get(nameOf(row))
    // What the poll before confirmed as ended stays ended, whether or not a tick has said so in the meantime.
    if (current !== undefined && poll.before < endOf(current) && seen.at - current.lastAt < SESSION_GAP) {
      current.lastAt = Math.max(current.lastAt, seen.at)
      current.row = row
      current.pollPeriod = pollPeriod()
      return
    }
    if (current !== undefined) close(old, poll, 'not-observed')
    open(row, seen.at, poll, seen.isReading ? '' : 'clock-differs')
  }

  function open(row: PeerRow, at: Micros, poll: Poll, reason: string): void {
    const id = hashDigits(`session\0${host}\0${row.interface}\0${row.publicKey}\0${at}`, 16)
    const session: Session = { id, startAt: at, shownAt: poll.at, lastAt: at, row, pollPeriod: pollPeriod() }
    sessions.set(nameOf(row), session)
    dueAt = Math.min(dueAt, endOf(session))
    emit(
      documents.ofPeer('peer-session-started', at, row, poll.at, {
        'event.start': at,
        'event.outcome': 'success',
        'event.reason': reason || undefined,
        'wireguard.session.id': id,
        'wireguard.session.start': at,
        'wireguard.session.inferred': true,
        'wireguard.session.poll_period': session.pollPeriod,
      }),
    )
  }

  /** This poll ends the peer's session, if it has one that did not already end of age. */
  function close(row: PeerRow, poll: Poll, cause: string): void {
    const session = sessions.get(nameOf(row))
    if (session === undefined) return
    sessions.delete(nameOf(row))
    const agedAt = endOf(session)
    sayEnd(session, Math.min(agedAt, poll.at), poll.before >= agedAt ? '' : cause)
  }

  function sayEnd(session: Session, at: Micros, reason: string): void {
    // A poll may be stamped a moment before the handshake it shows.
    const end = Math.max(session.startAt, at)
    emit(
      documents.ofPeer('peer-session-ended', end, session.row, session.shownAt, {
        'event.start': session.startAt,
        'event.end': end,
        'event.duration': (end - session.startAt) * 1000,
        'event.reason': reason || undefined,
        'wireguard.session.id': session.id,
        'wireguard.session.start': session.startAt,
        'wireguard.session.end': end,
        'wireguard.session.inferred': true,
        'wireguard.session.poll_period': session.pollPeriod,
      }),
    )
  }

  function pollPeriod(): number | undefined {
    return polls.count < 2 ? undefined : Math.max(1, Math.round(polls.period / SECOND))
  }

  return {
    apply,
    /** All changes of a poll were applied. */
    polled(): void {
      if (polls.count === 2) for (const session of sessions.values()) session.pollPeriod ??= pollPeriod()
    },
    /** Says the ends that both the watermark and the newest poll have passed without a new handshake. */
    tick(watermark: Micros): void {
      const limit = Math.min(watermark, polls.newest)
      if (limit < dueAt) return
      dueAt = Number.POSITIVE_INFINITY
      for (const [name, session] of sessions) {
        const end = endOf(session)
        if (end > limit) dueAt = Math.min(dueAt, end)
        else {
          sessions.delete(name)
          sayEnd(session, end, '')
        }
      }
    },
    get open(): number {
      return sessions.size
    },
    save: (): SavedPeerSessions => ({ sessions, dueAt }),
  }
}

function endOf(session: Session): Micros {
  return session.lastAt + SESSION_GAP
}

/** Removed and added again between two polls: everything begins anew. The same handshake shows that it was not. */
function isReAdded(old: PeerRow, row: PeerRow): boolean {
  return row.latestHandshakeAt === 0 || row.received < old.received || row.sent < old.sent
}

/** A tab is part of neither. */
function nameOf(row: PeerRow): string {
  return `${row.interface}\t${row.publicKey}`
}
