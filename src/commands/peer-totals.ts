/**
 * What each peer did in a stretch of time, by key, out of the documents. Only what the peer itself began counts: documents that name it
 * as responsible and as their source. A flow or a denied packet towards a peer is somebody else's doing and is counted nowhere here.
 */
import type { FieldName } from '../fields.ts'
import { equals, exists } from '../kql/build.ts'
import { allOf } from '../kql/combine.ts'
import type { EventReader } from '../store/event-reader.ts'
import type { Micros } from '../time.ts'

export type PeerTotals = {
  /** Flows that have a document in the time, each once. */
  readonly flows: number
  /** Packets that a logging rule dropped or rejected: one a line. */
  readonly denied: number
  /** Sent by the peer and received by it in its flows: what was counted since the flows' previous documents. */
  readonly sourceBytes: number
  readonly destinationBytes: number
  /** Time of its newest document. */
  readonly lastSeen: Micros
}

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'event.dataset',
  'event.type',
  'wireguard.flow.delta.destination.bytes',
  'wireguard.flow.delta.source.bytes',
  'wireguard.flow.id',
  'wireguard.peer.public_key',
  'wireguard.peer.role',
]

/**
 * By public key; a key without traffic is not in it. Both times are included. Each event counts once: the reader never gives two rows of
 * one `event.id`. A key that runs on two gateways has one entry.
 */
export async function peerTotals(
  reader: EventReader,
  period: { readonly since: Micros; readonly until: Micros },
): Promise<Map<string, PeerTotals>> {
  const isFlow = `FILTER (WHERE "event.dataset" = 'wireguard.flow')`
  const { rows } = await reader.select(
    {
      datasets: ['wireguard.flow', 'wireguard.firewall'],
      ...period,
      columns: COLUMNS,
      filter: allOf([exists('wireguard.peer.public_key'), equals('wireguard.peer.role', ['source'])]),
    },
    `SELECT "wireguard.peer.public_key",
       count(DISTINCT "wireguard.flow.id") ${isFlow},
       count(*) FILTER (WHERE "event.dataset" = 'wireguard.firewall' AND list_contains("event.type", 'denied')),
       coalesce(sum("wireguard.flow.delta.source.bytes") ${isFlow}, 0)::BIGINT,
       coalesce(sum("wireguard.flow.delta.destination.bytes") ${isFlow}, 0)::BIGINT,
       epoch_us(max("@timestamp"))
     FROM events WHERE "wireguard.peer.public_key" IS NOT NULL AND "wireguard.peer.role" = 'source' GROUP BY 1 ORDER BY 1`,
  )
  return new Map(
    rows.map(([key, ...numbers]) => {
      const [flows = 0, denied = 0, sourceBytes = 0, destinationBytes = 0, lastSeen = 0] = numbers.map(Number)
      return [String(key), { flows, denied, sourceBytes, destinationBytes, lastSeen }]
    }),
  )
}
