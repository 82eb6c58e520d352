/**
 * The shape that all session documents about one peer or interface share: who said it, where, which peer with its owner, and
 * its outer address as `source.*` (design 4.1, 13). What happened and when is the caller's.
 */
import { createFacet, type Event, type Facet } from '../event.ts'
import { createHashedIds } from '../event-id.ts'
import type { Fields } from '../fields.ts'
import type { InterfaceState } from '../identity/ledger.ts'
import type { PeerRow } from '../sources/wireguard/record.ts'
import type { Micros } from '../time.ts'
import type { Gateway } from './gateway.ts'

export type PeerAction =
  | 'peer-added'
  | 'peer-removed'
  | 'allowed-ips-changed'
  | 'endpoint-changed'
  | 'peer-session-started'
  | 'peer-session-ended'
export type InterfaceAction = 'interface-up' | 'interface-down'

export type PeerDocuments = ReturnType<typeof createPeerDocuments>

export function createPeerDocuments(gateway: Pick<Gateway, 'host' | 'identities'>) {
  const { host, identities } = gateway
  const hashedId = createHashedIds()
  const headers = createHeaders()
  const place = createFacet({ 'host.name': host, 'observer.name': host })

  /** `poll` is the one that showed it: with host, interface, key and action the identity of the document. */
  function ofPeer(action: PeerAction, at: Micros, row: PeerRow, poll: Micros, fields: Fields): Event {
    const endpoint = endpointOf(row)
    return {
      dataset: 'wireguard.session',
      own: {
        '@timestamp': at,
        'event.id': hashedId(at, 'peer', host, row.interface, row.publicKey, action, poll),
        'source.ip': endpoint?.ip,
        'source.port': endpoint?.port,
        'related.ip': endpoint === null ? undefined : [endpoint.ip],
        ...fields,
      },
      facets: [headers[action], place, identityOf(row, at)],
    }
  }

  function ofInterface(action: InterfaceAction, at: Micros, state: InterfaceState, fields: Fields): Event {
    return {
      dataset: 'wireguard.session',
      own: {
        '@timestamp': at,
        'event.id': hashedId(at, 'interface', host, state.name, action, at),
        'related.hosts': [host],
        'wireguard.interface.name': state.name,
        'wireguard.interface.public_key': state.publicKey || undefined,
        'wireguard.interface.listen_port': state.listenPort,
        ...fields,
      },
      facets: [headers[action], place],
    }
  }

  /** A point holds `wireguard.peer.*` of its own, so the peer's fields stand beside them and not in a facet. */
  function ofMetrics(at: Micros, row: PeerRow, fields: Fields): Event {
    return {
      dataset: 'wireguard.peer',
      own: {
        '@timestamp': at,
        'event.id': hashedId(at, 'peer-metrics', host, row.interface, row.publicKey),
        'related.ip': row.endpointIp === '' ? undefined : [row.endpointIp],
        ...identityOf(row, at).fields,
        ...fields,
      },
      facets: [headers['peer-metrics'], place],
    }
  }

  function identityOf(row: PeerRow, at: Micros): Facet {
    return identities.peerFacet(row.publicKey, row.interface, row.allowedIps, at, endpointOf(row))
  }

  return { ofPeer, ofInterface, ofMetrics }
}

/** Null for `(none)`. */
function endpointOf(row: PeerRow): { ip: string; port: number } | null {
  return row.endpointIp === '' ? null : { ip: row.endpointIp, port: row.endpointPort }
}

function createHeaders() {
  const header = (action: PeerAction | InterfaceAction, category: readonly string[], type: string): Facet =>
    createFacet({
      'event.kind': 'event',
      'event.category': category,
      'event.type': [type],
      'event.action': action,
      'event.dataset': 'wireguard.session',
      'event.module': 'wireguard',
      'event.provider': 'wireguard',
    })
  const settings = ['configuration', 'iam']
  return {
    'peer-added': header('peer-added', settings, 'creation'),
    'peer-removed': header('peer-removed', settings, 'deletion'),
    'allowed-ips-changed': header('allowed-ips-changed', settings, 'change'),
    'endpoint-changed': header('endpoint-changed', ['session', 'network'], 'info'),
    // A handshake authenticates the key, and only the key.
    'peer-session-started': header('peer-session-started', ['authentication', 'session', 'network'], 'start'),
    'peer-session-ended': header('peer-session-ended', ['session', 'network'], 'end'),
    'interface-up': header('interface-up', ['configuration'], 'change'),
    'interface-down': header('interface-down', ['configuration'], 'change'),
    'peer-metrics': createFacet({
      'event.kind': 'metric',
      'event.category': ['network'],
      'event.type': ['info'],
      'event.dataset': 'wireguard.peer',
      'event.module': 'wireguard',
      'event.provider': 'wireguard',
    }),
  } as const
}
