/**
 * One text for a 5-tuple, the same for both directions: firewall lines and conntrack entries meet under it. For ICMP the echo
 * id stands for both ports (design 6); protocols without ports use -1.
 */
export function tupleKey(protocol: number, a: string, aPort: number, b: string, bPort: number): string {
  return a < b || (a === b && aPort <= bPort)
    ? `${protocol} ${a} ${aPort} ${b} ${bPort}`
    : `${protocol} ${b} ${bPort} ${a} ${aPort}`
}

const ICMP = 1
const ICMP6 = 58

/** ICMP or ICMPv6: no ports, the echo id tells conversations apart. */
export function isIcmp(protocol: number): boolean {
  return protocol === ICMP || protocol === ICMP6
}
