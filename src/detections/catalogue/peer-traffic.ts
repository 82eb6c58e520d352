/**
 * What detections of traffic ask of lines of the packet log and of flows, in the cheapest order: they are asked of every document.
 * Nothing is said of traffic that is not proven to be a key's (design 5): everything else is null or false.
 */
import { FirewallEvent } from '../../correlate/firewall-events.ts'
import type { Event } from '../../event.ts'
import { destinationOf, destinationPortOf, facetOf, hasTcpFlag, icmpTypeOf, sourcePortOf } from './document-parts.ts'

/** Ports that the system gives to clients (Linux, ip_local_port_range). */
const EPHEMERAL_FROM = 32_768
/** A TCP connection with no more bytes, both ways, was opened and closed, and carried no data: six or seven headers. */
export const EMPTY_BYTES_MAX = 400
/** `network.transport` of ICMP, and what an echo request is. */
const ECHO_REQUESTS: ReadonlyMap<string, number> = new Map([
  ['icmp', 8],
  ['ipv6-icmp', 128],
])

/** Key of the peer that certainly sent the packet, or opened the flow; null = not a peer, or not certain. */
export function senderOf(event: Event): string | null {
  if (facetOf(event, 'wireguard.peer.role') !== 'source') return null
  return provenKeyOf(event)
}

/** Key of the peer on either side, where it is certain. */
export function provenKeyOf(event: Event): string | null {
  if (facetOf(event, 'wireguard.attribution.status') !== 'exact') return null
  return facetOf(event, 'wireguard.peer.public_key') ?? null
}

/** Whether the firewall refused this packet. */
export function isDenied(event: Event): boolean {
  if (event.dataset !== 'wireguard.firewall') return false
  const action = facetOf(event, 'event.action')
  return action === 'firewall-drop' || action === 'firewall-reject'
}

/** Whether the firewall let this packet through, and no flow is known that tells what came of it. */
export function isAcceptedAlone(event: Event): boolean {
  if (event.dataset !== 'wireguard.firewall' || facetOf(event, 'event.action') !== 'firewall-accept') return false
  if (event instanceof FirewallEvent) return event.line.flowId === ''
  return event.own['wireguard.flow.id'] === undefined
}

/** `wireguard.policy.result: violation`. */
export function isAgainstPolicy(event: Event): boolean {
  if (event instanceof FirewallEvent) return event.line.shape.policy === 'violation'
  return event.own['wireguard.policy.result'] === 'violation'
}

/** Whether the flow's responder answered, by what is known when the document was made. */
export function isConnected(event: Event): boolean {
  return (
    event.dataset === 'wireguard.flow' &&
    event.own['wireguard.flow.outcome'] === 'connected' &&
    // What an audited host tells of a flow has the stamp of its system call, which may be minutes before the connection.
    facetOf(event, 'event.provider') !== 'auditd'
  )
}

/** How an attempt to reach something went, where it went nowhere. */
export type Attempt = 'denied' | 'refused' | 'unanswered' | 'empty'

/**
 * `denied` by the firewall, `refused` by the server, `unanswered`, or `empty`: answered, and closed without any data. Null for what is a
 * connection like any other, and for packets that answer somebody.
 */
export function attemptOf(event: Event): Attempt | null {
  if (event.dataset === 'wireguard.firewall') return isDenied(event) && !isReply(event) ? 'denied' : null
  const { own } = event
  switch (own['wireguard.flow.outcome'] ?? '') {
    case 'refused':
      return 'refused'
    case 'no-answer':
      return isRequest(event) ? 'unanswered' : null
    case 'connected':
      return facetOf(event, 'network.transport') === 'tcp' && (own['network.bytes'] ?? Infinity) <= EMPTY_BYTES_MAX
        ? 'empty'
        : null
    default:
      // `unknown`: not known yet. Where only NEW and DESTROY are subscribed to, every connection begins so; its end tells.
      return null
  }
}

/** Where the packet or flow went in the end, after destination NAT. */
export function targetOf(event: Event): string | undefined {
  if (event instanceof FirewallEvent) return destinationOf(event)
  return event.own['destination.nat.ip'] ?? event.own['destination.ip']
}

/** Port of `targetOf`; undefined where the protocol has none. */
export function targetPortOf(event: Event): number | undefined {
  if (event instanceof FirewallEvent) return destinationPortOf(event)
  return event.own['destination.nat.port'] ?? event.own['destination.port']
}

/** `tcp/443`, `icmp`. */
export function serviceOf(event: Event): string {
  const transport = facetOf(event, 'network.transport') ?? 'unknown'
  const port = targetPortOf(event)
  return port === undefined ? transport : `${transport}/${port}`
}

/** Canonical text of a multicast address, or of IPv4's limited broadcast. */
export function isMulticast(address: string): boolean {
  if (address.startsWith('ff') || address === '255.255.255.255') return true
  const first = Number(address.slice(0, address.indexOf('.')))
  return first >= 224 && first <= 239
}

/** A packet that is late for, or answers, a connection that another end opened: no attempt of its sender. */
function isReply(event: Event): boolean {
  if (!isRequest(event)) return true
  if ((destinationPortOf(event) ?? 0) < EPHEMERAL_FROM) return false
  if (facetOf(event, 'network.transport') === 'udp') return (sourcePortOf(event) ?? 0) < EPHEMERAL_FROM
  return hasTcpFlag(event, 'ACK') || hasTcpFlag(event, 'RST')
}

/** Of ICMP only echo requests ask for something. */
function isRequest(event: Event): boolean {
  const request = ECHO_REQUESTS.get(facetOf(event, 'network.transport') ?? '')
  if (request === undefined) return true
  return icmpTypeOf(event) === request
}
