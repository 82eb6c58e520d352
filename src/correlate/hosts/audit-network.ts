/**
 * Addresses of an audit event. A SOCKADDR record does not say whose address it is, only the call does: connect and send name the other
 * side as destination, accept and receive as source, bind the own side. A user-space message names its client.
 */
import type { Fields } from '../../fields.ts'
import type { AuditFacts, SocketAddress, UserMessage } from '../../sources/auditd/facts.ts'
import { CUT_DATA, type Cuts, keyword } from './audit-text.ts'

type Side = 'source' | 'destination' | 'server'

const SIDES: ReadonlyMap<string, Side> = new Map([
  ...'accept accept4 recv recvfrom recvmsg recvmmsg'.split(' ').map((name) => [name, 'source'] as const),
  ...'connect send sendto sendmsg sendmmsg'.split(' ').map((name) => [name, 'destination'] as const),
  ['bind', 'server'],
])

/** Fields of source, destination, server and network; null when the event has none. Adds its addresses to `seen`, once each. */
export function networkOf(facts: AuditFacts, cuts: Cuts, seen: string[]): Fields | null {
  const { socket, message } = facts
  if (socket !== null) {
    const side = SIDES.get(facts.syscallName)
    return side === undefined || socket.address === '' ? null : ofSocket(socket, side, seen)
  }
  return message === null ? null : ofMessage(message, cuts, seen)
}

function ofSocket({ address, port, family }: SocketAddress, side: Side, seen: string[]): Fields {
  note(seen, address)
  const number = port < 0 ? undefined : port
  return {
    'source.address': undefined,
    'source.ip': side === 'source' ? address : undefined,
    'source.port': side === 'source' ? number : undefined,
    'destination.ip': side === 'destination' ? address : undefined,
    'destination.port': side === 'destination' ? number : undefined,
    'server.ip': side === 'server' ? address : undefined,
    'server.port': side === 'server' ? number : undefined,
    'network.direction': side === 'server' ? undefined : side === 'source' ? 'ingress' : 'egress',
    'network.type': family === 'inet6' ? 'ipv6' : 'ipv4',
  }
}

function ofMessage(message: UserMessage, cuts: Cuts, seen: string[]): Fields | null {
  const { addr, laddr, lport, rport } = message
  const name = shownHost(message)
  if (addr === '' && laddr === '' && name === '') return null
  note(seen, addr)
  note(seen, laddr)
  return {
    'source.address': name === addr ? undefined : keyword(name, cuts, CUT_DATA),
    'source.ip': addr || undefined,
    'source.port': addr === '' || rport < 0 ? undefined : rport,
    'destination.ip': laddr || undefined,
    'destination.port': laddr === '' || lport < 0 ? undefined : lport,
    'server.ip': undefined,
    'server.port': undefined,
    'network.direction': addr === '' ? undefined : 'ingress',
    'network.type': addr === '' ? undefined : addr.includes(':') ? 'ipv6' : 'ipv4',
  }
}

/** The client's host name as the message gives it, '' where it gives none. */
export function shownHost(message: UserMessage): string {
  return message.hostname === '?' ? '' : message.hostname
}

const FAMILIES: Readonly<Record<SocketAddress['family'], string>> = {
  inet: 'ipv4',
  inet6: 'ipv6',
  local: 'unix',
  netlink: 'netlink',
  vsock: 'vsock',
  packet: 'packet',
  other: 'other',
}

/** auditd.data.socket.family, in Elastic's words. */
export function familyName(socket: SocketAddress): string {
  return FAMILIES[socket.family]
}

function note(seen: string[], address: string): void {
  if (address !== '' && !seen.includes(address)) seen.push(address)
}
