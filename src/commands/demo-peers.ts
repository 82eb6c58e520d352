/** The demo's table of peers: what each did in the capture, most traffic first. */
import { toDocuments } from '../store/documents.ts'
import type { Cell } from '../store/duckdb.ts'
import { ALL_TIME, type StoreReader } from '../store/reader.ts'
import type { Micros } from '../time.ts'
import type { NamedPeer } from './demo-story.ts'

export type PeerRow = NamedPeer & {
  readonly flows: number
  /** Packets that a rule refused. */
  readonly denied: number
  /** Both directions. */
  readonly bytes: number
  readonly lastSeen: Micros
}

/** Peers with any flow or denied packet. Flows count by their id, packets by `event.id`, bytes are the sums of deltas (design 4.1). */
export async function readPeerRows(store: StoreReader): Promise<PeerRow[]> {
  const { names, rows } = await store.select(
    {
      datasets: ['wireguard.firewall', 'wireguard.flow'],
      ...ALL_TIME,
      columns: [
        '@timestamp',
        'event.id',
        'wireguard.flow.delta.destination.bytes',
        'wireguard.flow.delta.source.bytes',
        'wireguard.flow.id',
        'wireguard.flow.outcome',
        'event.dataset',
        'wireguard.peer.device',
        'wireguard.peer.name',
        'wireguard.peer.owner.name',
        'wireguard.peer.public_key',
      ],
    },
    `SELECT "wireguard.peer.public_key", max("wireguard.peer.name") AS "wireguard.peer.name", max("wireguard.peer.device") AS "wireguard.peer.device",
       max("wireguard.peer.owner.name") AS "wireguard.peer.owner.name",
       count(DISTINCT "wireguard.flow.id") FILTER (WHERE "event.dataset" = 'wireguard.flow') AS flows,
       count(DISTINCT "event.id") FILTER (WHERE "event.dataset" = 'wireguard.firewall' AND "wireguard.flow.outcome" = 'denied') AS denied,
       sum(coalesce("wireguard.flow.delta.source.bytes", 0) + coalesce("wireguard.flow.delta.destination.bytes", 0)) AS bytes,
       max("@timestamp") AS seen
     FROM events WHERE "wireguard.peer.public_key" IS NOT NULL GROUP BY 1 ORDER BY bytes DESC, flows DESC, denied DESC, 1`,
  )
  const column = (row: readonly Cell[], name: string) => Number(row[names.indexOf(name)] ?? 0)
  return toDocuments({ names, rows }).map((document, i) => {
    const row = rows[i] ?? []
    return {
      key: document['wireguard.peer.public_key'] ?? '',
      name: document['wireguard.peer.name'] ?? '',
      device: document['wireguard.peer.device'] ?? '',
      owner: document['wireguard.peer.owner.name'] ?? '',
      flows: column(row, 'flows'),
      denied: column(row, 'denied'),
      bytes: column(row, 'bytes'),
      lastSeen: column(row, 'seen'),
    }
  })
}
