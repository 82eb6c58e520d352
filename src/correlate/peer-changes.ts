/**
 * What a poll changed on the gateway, as documents: peers added and removed, AllowedIPs, endpoints, interfaces up and down.
 * `@timestamp` is the poll that showed it; `event.start` and `event.end` are the two polls it lies between.
 *
 * Not said: the peers of the very first poll (nothing is known of before), the first endpoint of a peer (its session's start
 * tells it) and the loss of one (`(none)` comes only with removal and re-adding). Peers that come with an interface never
 * seen in this run carry the reason `new-interface`: it may have been configured long ago and only now brought up.
 */
import type { Event } from '../event.ts'
import type { Fields } from '../fields.ts'
import type { LedgerChange } from '../identity/ledger.ts'
import type { PeerRow } from '../sources/wireguard/record.ts'
import type { PeerDocuments } from './peer-documents.ts'
import { changedSince, isFirst, type Poll } from './peer-poll.ts'

export function createPeerChanges(documents: PeerDocuments, emit: (event: Event) => void) {
  return {
    apply(change: LedgerChange, poll: Poll, evidenceIds: readonly string[]): void {
      if (isFirst(poll)) return
      const evidence: Fields = { 'wireguard.change.evidence_ids': evidenceIds.length > 0 ? evidenceIds : undefined }
      switch (change.what) {
        case 'interface-up':
        case 'interface-down':
          // The interface was seen gone, or up, by the poll just before: no need to look back any further.
          emit(
            documents.ofInterface(change.what, poll.at, change.interface, {
              'event.start': poll.before,
              'event.end': poll.at,
            }),
          )
          break
        case 'peer-added':
        case 'peer-removed': {
          const { interface: name, row } = change.peer
          const isNew = change.what === 'peer-added' && poll.arrived.get(name) === null
          emit(
            documents.ofPeer(change.what, poll.at, row, poll.at, {
              ...between(poll, name),
              'event.outcome': 'success',
              'event.reason': isNew ? 'new-interface' : undefined,
              ...evidence,
            }),
          )
          break
        }
        case 'allowed-ips-changed':
          emit(
            documents.ofPeer(change.what, poll.at, change.peer.row, poll.at, {
              ...between(poll, change.peer.interface),
              'event.outcome': 'success',
              'wireguard.change.before': change.old.allowedIps,
              'wireguard.change.after': change.peer.row.allowedIps,
              ...evidence,
            }),
          )
          break
        case 'endpoint-changed':
          if (change.old.endpointIp === '' || change.peer.row.endpointIp === '') break
          emit(
            documents.ofPeer(change.what, poll.at, change.peer.row, poll.at, {
              ...between(poll, change.peer.interface),
              'related.ip': [...new Set([change.old.endpointIp, change.peer.row.endpointIp])],
              'wireguard.change.before': [endpointText(change.old)],
              'wireguard.change.after': [endpointText(change.peer.row)],
            }),
          )
          break
        case 'row-changed':
          break
        default:
          change satisfies never
      }
    },
  }
}

function between(poll: Poll, interfaceName: string): Fields {
  return { 'event.start': changedSince(poll, interfaceName), 'event.end': poll.at }
}

/** As wg prints it: `10.77.1.2:51479`, `[fd77:2::2]:42174`. */
function endpointText(row: PeerRow): string {
  return row.endpointIp.includes(':')
    ? `[${row.endpointIp}]:${row.endpointPort}`
    : `${row.endpointIp}:${row.endpointPort}`
}
