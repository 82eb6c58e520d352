/**
 * Counters of each peer as points in time: every peer in the first poll of each minute of event time, and between two
 * minutes on change. Counters and handshakes change with every packet, so such a change makes at most one point a minute; a
 * new endpoint or new AllowedIPs make one at once. Counters are as wg shows them: whoever subtracts must see to resets.
 */
import type { Event } from '../event.ts'
import type { LedgerChange } from '../identity/ledger.ts'
import { DUMP_DURATION_MAX } from '../identity/poll-clock.ts'
import type { PeerRow, SnapshotRecord } from '../sources/wireguard/record.ts'
import { MINUTE, SECOND } from '../time.ts'
import type { PeerDocuments } from './peer-documents.ts'

export type SavedPeerMetrics = { readonly minute: number; readonly moved: Set<string> }

export function createPeerMetrics(documents: PeerDocuments, emit: (event: Event) => void, saved?: SavedPeerMetrics) {
  let minute = saved?.minute ?? Number.NEGATIVE_INFINITY
  /** Peers that had their point on change of counters in this minute: never more than the minute's snapshots held. */
  let moved = saved?.moved ?? new Set<string>()

  function observe(snapshot: SnapshotRecord, changes: readonly LedgerChange[]): void {
    const now = Math.floor(snapshot.at / MINUTE)
    if (now !== minute) {
      minute = now
      moved = new Set()
      for (const row of snapshot.peers) emit(toPoint(row, snapshot))
      return
    }
    const rows = new Set<PeerRow>()
    for (const change of changes) {
      if (change.what === 'row-changed') {
        const { row } = change.peer
        const name = `${row.interface}\t${row.publicKey}`
        if (!hasMoved(change.old, row) || moved.has(name)) continue
        moved.add(name)
        rows.add(row)
      } else if (
        change.what === 'peer-added' ||
        change.what === 'allowed-ips-changed' ||
        change.what === 'endpoint-changed'
      ) {
        rows.add(change.peer.row)
      }
    }
    for (const row of rows) emit(toPoint(row, snapshot))
  }

  function toPoint(row: PeerRow, { at }: SnapshotRecord): Event {
    const handshake = row.latestHandshakeAt
    // The dump is a moment younger than its stamp. Further ahead the clock was set, and the age is not known.
    const hasAge = handshake !== 0 && handshake <= at + DUMP_DURATION_MAX
    return documents.ofMetrics(at, row, {
      'wireguard.peer.rx.bytes': row.received,
      'wireguard.peer.tx.bytes': row.sent,
      'wireguard.peer.last_handshake': handshake === 0 ? undefined : handshake,
      'wireguard.peer.handshake_age': hasAge ? Math.max(0, Math.floor((at - handshake) / SECOND)) : undefined,
    })
  }

  return { observe, save: (): SavedPeerMetrics => ({ minute, moved }) }
}

function hasMoved(old: PeerRow, row: PeerRow): boolean {
  return old.received !== row.received || old.sent !== row.sent || old.latestHandshakeAt !== row.latestHandshakeAt
}
