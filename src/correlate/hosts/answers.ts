/** Makes answers: the peer of a flow, carried over to what happened on the host behind it, with how and how sure. */
import { createFacet, sharedFieldOf } from '../../event.ts'
import { FIELD_NAMES, type FieldName, type Fields } from '../../fields.ts'
import type { CarriedFlow } from './carried-flows.ts'
import { type Answer, type Origin, programOf } from './origin.ts'

/** What a document on a host takes over from the flow's: who the peer is and how long the mapping held. */
const TAKEN_OVER: readonly FieldName[] = FIELD_NAMES.filter(
  (name) =>
    name === 'wireguard.interface.name' ||
    name.startsWith('wireguard.attribution.') ||
    (name.startsWith('wireguard.peer.') && !name.startsWith('wireguard.peer.rx.')),
)

/** Carried by this flow; as sure as the flow itself. */
export function answerOfFlow(origin: Origin, flow: CarriedFlow, method: Answer['method']): Answer {
  if (!flow.isFromPeer) return answerUnknown(origin, 'client-is-no-peer', [])
  const taken = takenOver(flow)
  const status = taken['wireguard.attribution.status'] ?? 'unknown'
  return toAnswer(origin, {
    fields: taken,
    status: status === 'exact' || status === 'ambiguous' ? status : 'unknown',
    method,
    reason: status === 'exact' ? '' : (taken['wireguard.attribution.reason'] ?? ''),
    flow,
    candidates: taken['wireguard.attribution.candidates'] ?? [],
    from: flow,
    hops: [],
  })
}

/** One of several flows of the same key: which of them is not known, whose they are is. */
export function answerOfSameKey(origin: Origin, flows: readonly CarriedFlow[]): Answer | null {
  const first = flows[0]
  if (first === undefined || first.publicKey === '') return null
  if (flows.some((flow) => flow.publicKey !== first.publicKey || flow.gateway !== first.gateway)) return null
  const fields = takenOver(first)
  return toAnswer(origin, {
    fields,
    status: 'exact',
    method: 'client-address',
    reason: '',
    flow: flows.length === 1 ? first : null,
    candidates: [],
    from: first,
    hops: [],
  })
}

/** Several flows fit, of different keys or of unknown ones. */
export function answerAmbiguous(origin: Origin, flows: readonly CarriedFlow[], reason: string): Answer {
  const keys = flows.flatMap((flow) =>
    flow.publicKey === '' ? (sharedFieldOf(flow.event, 'wireguard.attribution.candidates') ?? []) : [flow.publicKey],
  )
  return toAnswer(origin, {
    fields: {},
    status: keys.length > 0 ? 'ambiguous' : 'unknown',
    method: 'client-address',
    reason,
    flow: null,
    candidates: [...new Set(keys)].sort(),
    from: null,
    hops: [],
  })
}

/** `hops` are the machines up to which the trail is known. */
export function answerUnknown(origin: Origin, reason: string, hops: readonly string[]): Answer {
  return toAnswer(origin, {
    fields: {},
    status: 'unknown',
    method: hops.length > 0 ? 'via-host' : '',
    reason,
    flow: null,
    candidates: [],
    from: null,
    hops,
  })
}

/** It came out of a login on another host: what is known of that login holds here, one hop further. */
export function answerViaHost(origin: Origin, login: Answer, hop: string): Answer {
  return toAnswer(origin, {
    fields: login.identity.fields,
    status: login.status,
    method: 'via-host',
    reason: login.reason,
    flow: login.flow,
    candidates: login.candidates,
    from: login.flow,
    hops: [...login.hops, hop],
  })
}

type Parts = {
  readonly fields: Fields
  readonly status: Answer['status']
  readonly method: Answer['method']
  readonly reason: string
  readonly flow: CarriedFlow | null
  readonly candidates: readonly string[]
  /** Whose people and hosts are named. */
  readonly from: CarriedFlow | null
  readonly hops: readonly string[]
}

function toAnswer(origin: Origin, parts: Parts): Answer {
  const { status, method, reason, flow, candidates, from, hops } = parts
  const isExact = status === 'exact'
  const identity = createFacet({
    ...(isExact ? parts.fields : withoutPeer(parts.fields)),
    'wireguard.attribution.status': status,
    'wireguard.attribution.method': method || undefined,
    'wireguard.attribution.reason': reason || undefined,
    'wireguard.attribution.candidates': candidates.length > 0 ? candidates : undefined,
    'wireguard.attribution.hops': hops.length > 0 ? hops : undefined,
    'wireguard.flow.id': flow?.basis === 'conntrack' ? flow.id : undefined,
    'process.entry_leader.entry_meta.type': programOf(origin.process) || undefined,
    'process.entry_leader.entry_meta.source.ip': origin.clientIp || undefined,
  })
  return {
    status,
    method,
    reason,
    flow,
    publicKey: isExact ? (identity.fields['wireguard.peer.public_key'] ?? '') : '',
    candidates,
    hops,
    identity,
    people: isExact && from !== null ? (sharedFieldOf(from.event, 'related.user') ?? []) : [],
    hosts: [...(from === null ? [] : (sharedFieldOf(from.event, 'related.hosts') ?? [])), ...hops.map(machineOf)],
    addresses: [origin.clientIp, ...(from === null ? [] : addressesOf(from))].filter((address) => address !== ''),
  }
}

function takenOver(flow: CarriedFlow): Fields {
  const taken = new Map<string, unknown>()
  for (const name of TAKEN_OVER) {
    const value = sharedFieldOf(flow.event, name)
    if (value !== undefined) taken.set(name, value)
  }
  // Names are field names, and each value came out of a Fields under the same name.
  return Object.fromEntries(taken) as Fields
}

/** Whose it may be is said by the candidates alone. */
function withoutPeer(fields: Fields): Fields {
  // The same entries, fewer of them.
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !name.startsWith('wireguard.peer.'))) as Fields
}

function addressesOf({ event: { own } }: CarriedFlow): string[] {
  return [own['source.ip'] ?? '', own['source.nat.ip'] ?? '']
}

function machineOf(hop: string): string {
  return hop.slice(0, hop.lastIndexOf('/'))
}
