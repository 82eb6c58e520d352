/**
 * Address translation as the two tuples of a conntrack entry show it: without NAT the reply tuple is the original one the
 * other way round. `src=10.77.1.2 dst=10.77.2.2 sport=45440 dport=9090 … src=10.77.2.2 dst=10.77.2.1 sport=9090 dport=40005`
 * is source NAT to 10.77.2.1:40005.
 *
 * Masquerade and SNAT cannot be told apart. Says nothing about who is the client: after a mid-stream pick-up the first tuple
 * may be the server's (formats.md 2.7, trap 6).
 */
import type { Tuple } from './record.ts'

/** The translated ends, address and port together wherever either was changed; '' and -1 where nothing was, and no port where the protocol has none. */
export type Nat = {
  readonly sourceIp: string
  readonly sourcePort: number
  readonly destinationIp: string
  readonly destinationPort: number
}

/** Both kinds of NAT, '' and -1 where there is none. */
export function natOf(record: { readonly original: Tuple; readonly reply: Tuple }): Nat {
  const isSource = hasSourceNat(record)
  const isDestination = hasDestinationNat(record)
  return {
    sourceIp: isSource ? record.reply.dst : '',
    sourcePort: isSource ? record.reply.dport : -1,
    destinationIp: isDestination ? record.reply.src : '',
    destinationPort: isDestination ? record.reply.sport : -1,
  }
}

/** For ICMP the id plays the part of the source port; types differ between the directions by nature. */
export function hasSourceNat({ original, reply }: { readonly original: Tuple; readonly reply: Tuple }): boolean {
  return reply.dst !== original.src || reply.dport !== original.sport || reply.icmpId !== original.icmpId
}

/** The replies come from another end than the initiator asked for. */
export function hasDestinationNat({ original, reply }: { readonly original: Tuple; readonly reply: Tuple }): boolean {
  return reply.src !== original.dst || reply.sport !== original.dport
}
