/**
 * What an audited host adds to a flow: the process and the login that took the connection, on a `flow-progress` at once and on
 * every document of the flow after it (design 4.1, 6).
 */
import { createFacet, type Event, type Facet } from '../../event.ts'
import { createHashedIds } from '../../event-id.ts'
import type { Fields } from '../../fields.ts'
import type { Micros } from '../../time.ts'
import type { CarriedFlow } from './carried-flows.ts'
import type { HostProcess } from './origin.ts'

/** The taker of a connection; `session` and `user` once somebody logged in over it. */
export type Taker = {
  readonly host: string
  readonly process: HostProcess
  readonly session: string
  readonly user: string
}

/** `wireguard.host.*` of the process, and the login, that took a connection. */
export function createTakerFacet({ host, process, session, user }: Taker): Facet {
  return createFacet({
    'wireguard.host.name': host,
    'wireguard.host.process.name': process.name || undefined,
    'wireguard.host.process.executable': process.executable || undefined,
    'wireguard.host.process.pid': process.pid < 0 ? undefined : process.pid,
    'wireguard.host.login_session': session || undefined,
    'wireguard.host.user.name': user || undefined,
  })
}

/** The document with what the host told, where it did. */
export function withHost(event: Event, host: Facet | null): Event {
  if (host === null) return event
  return { dataset: event.dataset, own: withEvidence(event.own), facets: [...event.facets, host] }
}

/** Makes the `flow-progress` that says what the host told; `flow.host` is set before. */
export function createHostProgress(): (flow: CarriedFlow, at: Micros, reason: HostReason) => Event {
  const hashedId = createHashedIds()
  const header = createFacet({
    'event.kind': 'event',
    'event.category': ['network'],
    'event.type': ['connection', 'info'],
    'event.action': 'flow-progress',
    'event.dataset': 'wireguard.flow',
    'event.module': 'wireguard',
    'event.provider': 'auditd',
  })
  return (flow, at, reason) => {
    const { event, host } = flow
    const own = {
      ...event.own,
      ...NOT_REPEATED,
      '@timestamp': at,
      'event.id': hashedId(at, 'flow-host', flow.id, host?.fields['wireguard.host.name'] ?? '', reason),
      'event.reason': reason,
    }
    const facets = event.facets.map((facet) => (facet.fields['event.action'] === undefined ? facet : header))
    return withHost({ dataset: 'wireguard.flow', own, facets }, host)
  }
}

/** `host-accepted`: a process took the connection. `host-login`: somebody logged in over it. */
export type HostReason = 'host-accepted' | 'host-login'

/** Totals belong to the end alone, deltas to the document that counted them. */
const NOT_REPEATED: Fields = Object.freeze({
  'event.end': undefined,
  'event.duration': undefined,
  'event.outcome': undefined,
  'source.bytes': undefined,
  'source.packets': undefined,
  'destination.bytes': undefined,
  'destination.packets': undefined,
  'network.bytes': undefined,
  'network.packets': undefined,
  'wireguard.flow.delta.source.bytes': undefined,
  'wireguard.flow.delta.source.packets': undefined,
  'wireguard.flow.delta.destination.bytes': undefined,
  'wireguard.flow.delta.destination.packets': undefined,
})

function withEvidence(own: Fields): Fields {
  const evidence = own['wireguard.flow.evidence'] ?? []
  return evidence.includes('auditd') ? own : { ...own, 'wireguard.flow.evidence': [...evidence, 'auditd'] }
}
