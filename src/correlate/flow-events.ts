/**
 * Flow documents: `flow-started`, `flow-progress`, `flow-ended`, all with one `wireguard.flow.id`. Totals stand only on the end;
 * progress and end carry the delta since the previous document, so that any sum over a window adds up (design 4.1).
 */
import { createFacet, type Event, type Facet } from '../event.ts'
import { createDerivedIds } from '../event-id.ts'
import { decodeBytes } from '../event-json.ts'
import type { AddressBook } from '../identity/address-book.ts'
import { communityId } from '../identity/community-id.ts'
import type { Micros } from '../time.ts'
import { type Counters, type Flow, outcomeOf } from './flow.ts'
import { isIcmp } from './tuple-key.ts'

export type FlowAction = 'flow-started' | 'flow-progress' | 'flow-ended'

export type FlowParts = {
  readonly observer: Facet
  readonly protocol: Facet
  readonly identity: Facet
  readonly resource: Facet
  readonly policy: 'allowed' | 'violation' | ''
}

const ECS_OUTCOMES = { connected: 'success', unknown: 'unknown', refused: 'failure', 'no-answer': 'failure' } as const
const TYPES = { 'flow-started': 'start', 'flow-progress': 'info', 'flow-ended': 'end' } as const

/** What the flow's document can be about, for its id: one action for one reason. New kinds go to the end. */
const KINDS: readonly string[] = [
  'flow-started',
  'flow-progress',
  'flow-progress late-end',
  'flow-progress holder-changed',
  'flow-ended',
  'flow-ended reused-id',
  'flow-ended reused-tuple',
  'flow-ended absent-from-dump',
  'flow-ended idle',
  'flow-ended userspace',
]

/** Makes documents as of now: the flow goes on changing, the document does not. */
export function createFlowEvents(
  addresses: AddressBook,
): (action: FlowAction, flow: Flow, at: Micros, reason: string, parts: FlowParts) => Event {
  const derivedId = createDerivedIds()
  const headers = {
    'flow-started': createHeader('flow-started'),
    'flow-progress': createHeader('flow-progress'),
    'flow-ended': createHeader('flow-ended'),
  } as const

  return (action, flow, at, reason, parts) => {
    const isEnd = action === 'flow-ended'
    const outcome = outcomeOf(flow)
    const isSourceNat = hasSourceNat(flow)
    const isDestinationNat = hasDestinationNat(flow)
    const counters = flow.counters
    const delta = action === 'flow-started' ? null : deltaOf(counters, flow.reported)
    if (delta !== null) flow.reported = counters
    return {
      dataset: 'wireguard.flow',
      own: {
        '@timestamp': at,
        'event.id': derivedId(at, flow.id, KINDS.indexOf(reason === '' ? action : `${action} ${reason}`)),
        'event.start': flow.startAt,
        'event.end': isEnd ? flow.endAt : undefined,
        'event.duration': isEnd ? Math.max(0, flow.endAt - flow.startAt) * 1000 : undefined,
        'event.reason': reason || undefined,
        'event.outcome': isEnd ? ECS_OUTCOMES[outcome] : undefined,
        'source.ip': flow.src,
        'source.port': port(flow.sport),
        'source.nat.ip': isSourceNat ? flow.seenSrc : undefined,
        'source.nat.port': isSourceNat ? port(flow.seenSport) : undefined,
        'source.bytes': isEnd ? count(counters.sourceBytes) : undefined,
        'source.packets': isEnd ? count(counters.sourcePackets) : undefined,
        'destination.ip': flow.dst,
        'destination.port': port(flow.dport),
        'destination.nat.ip': isDestinationNat ? flow.seenDst : undefined,
        'destination.nat.port': isDestinationNat ? port(flow.seenDport) : undefined,
        'destination.bytes': isEnd ? count(counters.destinationBytes) : undefined,
        'destination.packets': isEnd ? count(counters.destinationPackets) : undefined,
        'network.bytes': isEnd ? sum(counters.sourceBytes, counters.destinationBytes) : undefined,
        'network.packets': isEnd ? sum(counters.sourcePackets, counters.destinationPackets) : undefined,
        'network.community_id': communityOf(flow, flow.src, flow.sport, flow.dst, flow.dport),
        'related.ip': addressesOf(flow),
        'wireguard.flow.id': flow.id,
        'wireguard.flow.verdict': flow.verdict ?? 'unknown',
        'wireguard.flow.evidence': flow.verdict === null ? ['conntrack'] : ['conntrack', 'nftables'],
        'wireguard.flow.state': isEnd || reason === 'late-end' ? stateOf(flow) : 'open',
        'wireguard.flow.outcome': outcome,
        'wireguard.flow.start_basis': flow.startBasis,
        'wireguard.flow.nat.community_id':
          isSourceNat || isDestinationNat
            ? communityOf(flow, flow.seenSrc, flow.seenSport, flow.seenDst, flow.seenDport)
            : undefined,
        'wireguard.flow.delta.source.bytes': delta === null ? undefined : count(delta.sourceBytes),
        'wireguard.flow.delta.source.packets': delta === null ? undefined : count(delta.sourcePackets),
        'wireguard.flow.delta.destination.bytes': delta === null ? undefined : count(delta.destinationBytes),
        'wireguard.flow.delta.destination.packets': delta === null ? undefined : count(delta.destinationPackets),
        'wireguard.policy.result': parts.policy || undefined,
        'conntrack.id': flow.conntrackId || undefined,
        'conntrack.zone': flow.zone || undefined,
        'conntrack.state': flow.state || undefined,
        'conntrack.mark': flow.mark || undefined,
        'conntrack.helper': flow.helper === '' ? undefined : decodeBytes(flow.helper),
        'conntrack.labels': flow.labels === '' ? undefined : decodeBytes(flow.labels),
        'conntrack.flags': flagsOf(flow),
        'conntrack.icmp.type': port(flow.icmpType),
        'conntrack.icmp.code': port(flow.icmpCode),
        'conntrack.icmp.id': port(flow.icmpId),
        'conntrack.userspace.portid': flow.userspacePortid || undefined,
        'conntrack.userspace.program':
          flow.userspacePortid === '' || flow.userspaceProgram === '' ? undefined : decodeBytes(flow.userspaceProgram),
      },
      facets: [headers[action], parts.observer, parts.protocol, parts.identity, parts.resource],
    }
  }

  function communityOf(flow: Flow, src: string, sport: number, dst: string, dport: number): string | undefined {
    const source = addresses.of(src)
    const destination = addresses.of(dst)
    if (source === null || destination === null || flow.protocol < 0) return undefined
    const first = isIcmp(flow.protocol) ? flow.icmpType : sport
    const second = isIcmp(flow.protocol) ? flow.icmpCode : dport
    return communityId(flow.protocol, source, Math.max(0, first), destination, Math.max(0, second)) || undefined
  }
}

function createHeader(action: FlowAction): Facet {
  return createFacet({
    'event.kind': 'event',
    'event.category': ['network'],
    'event.type': ['connection', TYPES[action]],
    'event.action': action,
    'event.dataset': 'wireguard.flow',
    'event.module': 'wireguard',
    'event.provider': 'conntrack',
  })
}

function hasSourceNat(flow: Flow): boolean {
  return flow.seenSrc !== flow.src || flow.seenSport !== flow.sport
}

function hasDestinationNat(flow: Flow): boolean {
  return flow.seenDst !== flow.dst || flow.seenDport !== flow.dport
}

/** Documents wait for their evidence, so the flow may have ended meanwhile: only the documents of its end say so. */
function stateOf(flow: Flow): string {
  return flow.endReason === '' || flow.endReason === 'userspace' ? 'ended' : 'ended-inferred'
}

function flagsOf(flow: Flow): readonly string[] | undefined {
  const flags: string[] = []
  if (flow.isAssured) flags.push('assured')
  if (!flow.hasReply) flags.push('unreplied')
  return flags.length > 0 ? flags : undefined
}

/** Counters only grow while an entry lives; after a reset the new value itself is the difference. */
function deltaOf(now: Counters, before: Counters): Counters {
  const minus = (a: number, b: number) => (a < 0 ? -1 : b < 0 || a < b ? a : a - b)
  return {
    sourcePackets: minus(now.sourcePackets, before.sourcePackets),
    sourceBytes: minus(now.sourceBytes, before.sourceBytes),
    destinationPackets: minus(now.destinationPackets, before.destinationPackets),
    destinationBytes: minus(now.destinationBytes, before.destinationBytes),
  }
}

/** Each once, in the order of the tuples. */
function addressesOf({ src, dst, seenSrc, seenDst }: Flow): readonly string[] {
  const addresses = dst === src ? [src] : [src, dst]
  if (!addresses.includes(seenSrc)) addresses.push(seenSrc)
  if (!addresses.includes(seenDst)) addresses.push(seenDst)
  return addresses
}

function port(value: number): number | undefined {
  return value < 0 ? undefined : value
}

function count(value: number): number | undefined {
  return value < 0 ? undefined : value
}

function sum(a: number, b: number): number | undefined {
  return a < 0 || b < 0 ? undefined : a + b
}
