/**
 * Session and metric documents of one gateway's peers, from what the ledger saw change (design 6, 13). The three makers see
 * the same polls: what changed on the gateway, which peers are there, what they have moved.
 */
import type { Event } from '../event.ts'
import type { Inventory } from '../identity/inventory.ts'
import type { LedgerChange } from '../identity/ledger.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import type { Micros } from '../time.ts'
import type { Gateway } from './gateway.ts'
import { createPeerChanges } from './peer-changes.ts'
import { createPeerDocuments } from './peer-documents.ts'
import { createPeerMetrics, type SavedPeerMetrics } from './peer-metrics.ts'
import { toPoll } from './peer-poll.ts'
import { createPeerSessions, type SavedPeerSessions } from './peer-sessions.ts'

export type SavedPeerEvents = {
  readonly sessions: SavedPeerSessions
  readonly metrics: SavedPeerMetrics
  readonly seen: Set<string>
  readonly newest: Micros
}

export function createPeerEvents(
  { gateway }: { readonly gateway: Gateway; readonly inventory: Inventory },
  emit: (event: Event) => void,
  saved?: SavedPeerEvents,
) {
  const documents = createPeerDocuments(gateway)
  const changed = createPeerChanges(documents, emit)
  const sessions = createPeerSessions(gateway.host, gateway.ledger.polls, documents, emit, saved?.sessions)
  const metrics = createPeerMetrics(documents, emit, saved?.metrics)
  /** Interfaces of earlier polls. The ledger keeps them all too. */
  const seen = saved?.seen ?? new Set<string>()
  let newest: Micros = saved?.newest ?? Number.NEGATIVE_INFINITY

  return {
    /** `changes` is what the gateway's ledger answered to this very snapshot; `evidenceIds` the audit events that show who made them. */
    observe(snapshot: SnapshotRecord, changes: readonly LedgerChange[], evidenceIds: readonly string[] = []): void {
      // The ledger did not take it either: absent rows of an incomplete dump prove nothing, an older one comes too late.
      if (!snapshot.isComplete || snapshot.at <= newest) return
      const poll = toPoll(snapshot.at, newest, changes, seen)
      newest = snapshot.at
      for (const name of poll.arrived.keys()) seen.add(name)
      for (const change of changes) {
        changed.apply(change, poll, evidenceIds)
        sessions.apply(change, poll)
      }
      sessions.polled()
      metrics.observe(snapshot, changes)
    },
    tick(watermark: Micros): void {
      sessions.tick(watermark)
    },
    /** Open peer sessions. */
    get open(): number {
      return sessions.open
    },
    save: (): SavedPeerEvents => ({ sessions: sessions.save(), metrics: metrics.save(), seen, newest }),
  }
}
