/**
 * Endpoint, handshake and counters of peers as of a time, from the points of `wireguard.peer`: one a minute for each peer, and one at
 * every change of its endpoint. The ledger's records have none of these but the endpoint, and that only of peers that still run.
 */
import type { FieldName } from '../fields.ts'
import { equals, exists } from '../kql/build.ts'
import { allOf } from '../kql/combine.ts'
import { toDocuments } from '../store/documents.ts'
import type { EventReader } from '../store/event-reader.ts'
import { MINUTE, type Micros } from '../time.ts'

export type PeerStateThen = {
  /** As the newest point at or before the time has it; null = none known. */
  readonly endpoint: { readonly ip: string; readonly port: number } | null
  /** The newest handshake at or before the time; null = none known. */
  readonly lastHandshake: Micros | null
}

const COLUMNS: readonly FieldName[] = [
  '@timestamp',
  'host.name',
  'wireguard.interface.name',
  'wireguard.peer.public_key',
  'wireguard.peer.endpoint.ip',
  'wireguard.peer.endpoint.port',
  'wireguard.peer.last_handshake',
]
/** Points come every minute; several may be missing where polls are. */
const BEFORE: Micros = 10 * MINUTE
/** A handshake of before the time may stand in the next point only. */
const AFTER: Micros = 2 * MINUTE

/**
 * By `gateway\0interface\0key` (see stateKey). `lastPoll` is the gateway's last poll at or before `at`; `publicKey` narrows it to one,
 * null = all.
 */
export async function peerStatesAt(
  reader: EventReader,
  gateway: string,
  at: Micros,
  lastPoll: Micros,
  publicKey: string | null,
): Promise<Map<string, PeerStateThen>> {
  const then = `FILTER (WHERE "@timestamp" <= make_timestamp($2::BIGINT))`
  const result = await reader.select(
    {
      datasets: ['wireguard.peer'],
      isAside: true,
      since: Math.min(lastPoll, at) - BEFORE,
      until: at + AFTER,
      columns: COLUMNS,
      filter: allOf([
        equals('host.name', [gateway]),
        publicKey === null ? exists('wireguard.peer.public_key') : equals('wireguard.peer.public_key', [publicKey]),
      ]),
    },
    `SELECT "host.name", "wireguard.interface.name", "wireguard.peer.public_key",
       max_by("wireguard.peer.endpoint.ip", "@timestamp") ${then} AS "wireguard.peer.endpoint.ip",
       max_by("wireguard.peer.endpoint.port", "@timestamp") ${then} AS "wireguard.peer.endpoint.port",
       max("wireguard.peer.last_handshake") FILTER (WHERE "wireguard.peer.last_handshake" <= make_timestamp($2::BIGINT)) AS "wireguard.peer.last_handshake"
     FROM events WHERE "host.name" = $1 AND "wireguard.peer.public_key" IS NOT NULL
       ${publicKey === null ? '' : 'AND "wireguard.peer.public_key" = $3'} GROUP BY ALL`,
    [gateway, BigInt(Math.round(at)), ...(publicKey === null ? [] : [publicKey])],
  )
  const states = new Map<string, PeerStateThen>()
  for (const document of toDocuments(result)) {
    const ip = document['wireguard.peer.endpoint.ip']
    states.set(
      stateKey(gateway, document['wireguard.interface.name'] ?? '', document['wireguard.peer.public_key'] ?? ''),
      {
        endpoint: ip === undefined ? null : { ip, port: document['wireguard.peer.endpoint.port'] ?? 0 },
        lastHandshake: document['wireguard.peer.last_handshake'] ?? null,
      },
    )
  }
  return states
}

/** NUL stands in no name or key. */
export function stateKey(gateway: string, interfaceName: string, publicKey: string): string {
  return `${gateway}\0${interfaceName}\0${publicKey}`
}
