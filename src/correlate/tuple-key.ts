/**
 * One text for a 5-tuple, the same for both directions: firewall lines and conntrack entries meet under it. For ICMP the echo
 * id stands for both ports (design 6); protocols without ports use -1.
 */
export function tupleKey(protocol: number, a: string, aPort: number, b: string, bPort: number): string {
  return a < b || (a === b && aPort <= bPort)
    ? `${protocol} ${a} ${aPort} ${b} ${bPort}`
    : `${protocol} ${b} ${bPort} ${a} ${aPort}`
}

/** What a key says. */
export type Tuple = {
  readonly protocol: number
  readonly a: string
  readonly aPort: number
  readonly b: string
  readonly bPort: number
}

/** Back from the text; only for texts that `tupleKey` made. */
export function tupleOf(key: string): Tuple {
  const first = key.indexOf(' ')
  const second = key.indexOf(' ', first + 1)
  const third = key.indexOf(' ', second + 1)
  const fourth = key.indexOf(' ', third + 1)
  return {
    protocol: Number(key.slice(0, first)),
    a: key.slice(first + 1, second),
    aPort: Number(key.slice(second + 1, third)),
    b: key.slice(third + 1, fourth),
    bPort: Number(key.slice(fourth + 1)),
  }
}

const ICMP = 1
const ICMP6 = 58

/** ICMP or ICMPv6: no ports, the echo id tells conversations apart. */
export function isIcmp(protocol: number): boolean {
  return protocol === ICMP || protocol === ICMP6
}
