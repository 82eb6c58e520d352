/** Documents about keys for tests: points of `wireguard.peer` and changes of `wireguard.session`, as the gateways' polls give them. */
import type { Event } from '../../src/event.ts'
import type { Fields } from '../../src/fields.ts'
import { type Micros, SECOND } from '../../src/time.ts'

export const KEYS = {
  alice: 'QUxJQ0UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  bob: 'Qk9CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  mallory: 'TUFMTE9SWQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
} as const

export type MadePoint = {
  readonly at: Micros
  readonly key: string
  readonly gateway?: string
  readonly handshake?: Micros | null
  readonly rx?: number
  readonly tx?: number
  readonly endpoint?: string
  readonly allowedIps?: readonly string[]
  readonly name?: string
}

export function madePoint(point: MadePoint): Event {
  const { at, key, gateway = 'gw1', handshake = null, rx = 0, tx = 0, endpoint = '' } = point
  return toEvent('wireguard.peer', at, `point ${at} ${key} ${gateway}`, {
    'event.kind': 'metric',
    'event.category': ['network'],
    'event.type': ['info'],
    'event.provider': 'wireguard',
    'host.name': gateway,
    'wireguard.interface.name': 'wg0',
    'wireguard.peer.public_key': key,
    'wireguard.peer.name': point.name,
    'wireguard.peer.allowed_ips': point.allowedIps ?? ['10.8.0.2/32'],
    'wireguard.peer.endpoint.ip': endpoint === '' ? undefined : endpoint,
    'wireguard.peer.rx.bytes': rx,
    'wireguard.peer.tx.bytes': tx,
    'wireguard.peer.last_handshake': handshake ?? undefined,
    'wireguard.attribution.status': 'exact',
  })
}

export type MadeChange = {
  readonly at: Micros
  readonly key: string
  readonly action: 'peer-added' | 'peer-removed' | 'allowed-ips-changed'
  readonly gateway?: string
  readonly before?: readonly string[]
  readonly after?: readonly string[]
}

export function madeChange({ at, key, action, gateway = 'gw1', before = [], after = [] }: MadeChange): Event {
  return toEvent('wireguard.session', at, `${action} ${at} ${key} ${gateway} ${after.join(' ')}`, {
    'event.kind': 'event',
    'event.category': ['configuration'],
    'event.type': ['change'],
    'event.action': action,
    'event.provider': 'wireguard',
    'event.start': at - SECOND,
    'event.end': at,
    'host.name': gateway,
    'wireguard.interface.name': 'wg0',
    'wireguard.peer.public_key': key,
    'wireguard.peer.allowed_ips': after,
    'wireguard.change.before': before,
    'wireguard.change.after': after,
    'wireguard.attribution.status': 'exact',
  })
}

export type MadeFlow = {
  readonly at: Micros
  readonly key: string
  readonly flow: string
  readonly state?: string
  readonly fromPeer?: number
  readonly isEnd?: boolean
}

/** A flow whose key lost its address. */
export function madeLostFlow({ at, key, flow, state = 'ESTABLISHED', fromPeer, isEnd = false }: MadeFlow): Event {
  return toEvent('wireguard.flow', at, `flow ${at} ${key} ${flow}`, {
    'event.kind': 'event',
    'event.category': ['network'],
    'event.type': ['connection'],
    'event.action': isEnd ? 'flow-ended' : 'flow-progress',
    'event.provider': 'conntrack',
    'host.name': 'gw1',
    'wireguard.interface.name': 'wg0',
    'wireguard.flow.id': flow,
    'wireguard.flow.delta.source.bytes': fromPeer,
    'wireguard.peer.public_key': key,
    'wireguard.peer.role': 'source',
    'wireguard.attribution.status': 'exact',
    'wireguard.attribution.reason': 'holder-changed',
    'conntrack.state': state,
  })
}

/** Ids look like those of documents, and sort as `id` does among documents of one time. */
function toEvent(dataset: Event['dataset'], at: Micros, id: string, fields: Fields): Event {
  const digits = Buffer.from(id).toString('hex').slice(-26)
  return {
    dataset,
    own: {
      ...fields,
      '@timestamp': at,
      'event.id': `${digits}${at.toString(32).slice(-8)}`.padStart(34, '0'),
      'event.module': 'wireguard',
      'event.dataset': dataset,
    },
    facets: [],
  }
}
