/**
 * Outer flows: WireGuard's own UDP between an endpoint and a listen port, as conntrack shows it. They bound a peer's presence
 * better than handshakes do, and they must never be taken for inner traffic. After a peer roamed the gateway may speak first,
 * so neither direction is "the client" (design 6).
 */
import { createFacet } from '../event.ts'
import { createHashedIds } from '../event-id.ts'
import type { Micros } from '../time.ts'
import type { Decision, Flow } from './flow.ts'
import type { FlowAction } from './flow-events.ts'
import type { Room } from './gateway.ts'

const UDP = 17

export function createOuterFlows(room: Room) {
  const { attributor, identities, shared } = room
  const hashedId = createHashedIds()
  const headers = { start: createHeader('start'), info: createHeader('info'), end: createHeader('end') }

  /** The decision when one port is a listen port of this gateway, else null. */
  function recognise(flow: Flow): Extract<Decision, { scope: 'outer' }> | null {
    if (flow.protocol !== UDP) return null
    for (const state of attributor.ledger.interfaces.values()) {
      const isToUs = flow.seenDport === state.listenPort
      if (!isToUs && flow.sport !== state.listenPort) continue
      const far = isToUs ? { ip: flow.src, port: flow.sport } : { ip: flow.seenDst, port: flow.seenDport }
      attributor.noteOwnAddress(isToUs ? flow.seenDst : flow.src)
      const holders = [...state.peers.values()].filter((peer) =>
        peer.endpoints.some((each) => each.ip === far.ip && each.port === far.port && each.at <= flow.seenAt),
      )
      const peer = holders.length === 1 ? holders[0] : undefined
      return {
        scope: 'outer',
        interface: state.name,
        peer:
          peer === undefined
            ? null
            : identities.peerFacet(peer.publicKey, state.name, peer.row.allowedIps, flow.startAt, far),
      }
    }
    return null
  }

  function say(action: FlowAction, flow: Flow, decision: Extract<Decision, { scope: 'outer' }>, at: Micros): void {
    const type = action === 'flow-started' ? 'start' : action === 'flow-ended' ? 'end' : 'info'
    const isEnd = action === 'flow-ended'
    const whole = (value: number) => (isEnd && value >= 0 ? value : undefined)
    const nobody = createFacet({
      'wireguard.interface.name': decision.interface,
      'wireguard.attribution.status': 'unknown',
      'wireguard.attribution.method': 'endpoint',
      'related.hosts': [room.host],
    })
    room.emit({
      dataset: 'wireguard.session',
      own: {
        '@timestamp': at,
        'event.id': hashedId(at, 'outer-flow', flow.id, action, at),
        'event.start': flow.startAt,
        'event.end': isEnd ? flow.endAt : undefined,
        'event.duration': isEnd ? Math.max(0, flow.endAt - flow.startAt) * 1000 : undefined,
        'source.ip': flow.src,
        'source.port': flow.sport,
        'destination.ip': flow.dst,
        'destination.port': flow.dport,
        'source.bytes': whole(flow.counters.sourceBytes),
        'source.packets': whole(flow.counters.sourcePackets),
        'destination.bytes': whole(flow.counters.destinationBytes),
        'destination.packets': whole(flow.counters.destinationPackets),
        'related.ip': [...new Set([flow.src, flow.dst])],
        'wireguard.flow.id': flow.id,
        'wireguard.flow.start_basis': flow.startBasis,
        'conntrack.id': flow.conntrackId || undefined,
      },
      facets: [
        headers[type],
        shared.observer('', ''),
        shared.protocol(flow.family, flow.protocol, null, null),
        decision.peer ?? nobody,
      ],
    })
  }

  return { recognise, say }
}

function createHeader(type: 'start' | 'info' | 'end') {
  return createFacet({
    'event.kind': 'event',
    'event.category': ['session', 'network'],
    'event.type': [type],
    'event.action': 'outer-flow',
    'event.dataset': 'wireguard.session',
    'event.module': 'wireguard',
    'event.provider': 'conntrack',
  })
}
