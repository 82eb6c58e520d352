/** IANA protocol numbers as `network.transport` spells them (ECS: lower case). Others keep their number. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [2, 'igmp'],
  [4, 'ipv4'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [41, 'ipv6'],
  [47, 'gre'],
  [50, 'esp'],
  [51, 'ah'],
  [58, 'ipv6-icmp'],
  [132, 'sctp'],
  [136, 'udplite'],
])

export function protocolName(protocol: number): string {
  return NAMES.get(protocol) ?? String(protocol)
}
