/** Which source of its machine a document came from: heartbeats count documents by it. */
import { type Event, fieldOf, sharedFieldOf } from '../event.ts'
import type { SourceName } from './intake.ts'

/** Which source a document speaks for; '' for those of our own making. */
export function sourceOfDocument(event: Event): SourceName | '' {
  switch (event.dataset) {
    case 'wireguard.firewall':
      return 'nftables'
    case 'wireguard.flow':
      // What a host told about it is the host's.
      return sharedFieldOf(event, 'event.provider') === 'auditd' ? 'auditd' : 'conntrack'
    case 'wireguard.peer':
      return 'wireguard'
    case 'wireguard.session': {
      const provider = fieldOf(event, 'event.provider')
      return provider === 'conntrack' || provider === 'auditd' ? provider : 'wireguard'
    }
    case 'wireguard.audit':
      return 'auditd'
    case 'wireguard.finding':
    case 'wireguard.coverage':
    case 'peertrail.ledger':
    case 'peertrail.relay':
      return ''
    default:
      return event.dataset satisfies never
  }
}
