/**
 * Community ID 1.0 (corelight/community-id-spec): SHA-1 over seed, both ends in canonical order, protocol and ports, so that
 * any sensor computes the same id for the same flow in either direction. ICMP uses type and code as ports, with the
 * specification's pairing of requests and replies; types without a counterpart are one-way.
 */
import { hash } from 'node:crypto'
import type { KnownAddress } from './address-book.ts'

/** Pairs (type, counterpart) of the specification for ICMP and ICMPv6. */
const ICMP_PAIRS: ReadonlyMap<number, number> = new Map([[8, 0], [0, 8], [13, 14], [14, 13], [15, 16], [16, 15], [17, 18], [18, 17], [9, 10], [10, 9]]) // biome-ignore format: a table
const ICMP6_PAIRS: ReadonlyMap<number, number> = new Map([[128, 129], [129, 128], [133, 134], [134, 133], [135, 136], [136, 135], [130, 131], [131, 130], [144, 145], [145, 144], [139, 140], [140, 139]]) // biome-ignore format: a table

const ICMP = 1
const ICMP6 = 58
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132])

/**
 * `1:` and 28 characters of base64. `sport`/`dport` are ports, or type and code for ICMP; protocols without ports leave
 * them out of the hash, as the specification says.
 */
export function communityId(
  protocol: number,
  source: KnownAddress,
  sport: number,
  destination: KnownAddress,
  dport: number,
): string {
  let a = sport
  let b = dport
  let isOneWay = false
  if (protocol === ICMP || protocol === ICMP6) {
    const counterpart = (protocol === ICMP ? ICMP_PAIRS : ICMP6_PAIRS).get(sport)
    if (counterpart === undefined) isOneWay = true
    else b = counterpart
  }
  const swap = !isOneWay && (source.bytes > destination.bytes || (source.bytes === destination.bytes && a > b))
  const first = swap ? destination.bytes : source.bytes
  const second = swap ? source.bytes : destination.bytes
  if (swap) [a, b] = [b, a]
  const hasPorts = WITH_PORTS.has(protocol) || protocol === ICMP || protocol === ICMP6
  const isShort = first.length === 4 && second.length === 4
  const scratch = isShort ? (hasPorts ? V4_WITH_PORTS : V4) : hasPorts ? V6_WITH_PORTS : V6
  // A mapped address is IPv4 text: beside an IPv6 one it would leave bytes of the scratch unset.
  if (!isShort && (first.length !== 16 || second.length !== 16)) return ''
  scratch.write(first, 2, 'latin1')
  scratch.write(second, 2 + first.length, 'latin1')
  const at = 2 + first.length + second.length
  scratch[at] = protocol
  if (hasPorts) {
    scratch[at + 2] = a >> 8
    scratch[at + 3] = a
    scratch[at + 4] = b >> 8
    scratch[at + 5] = b
  }
  return `1:${hash('sha1', scratch, 'base64')}`
}

/** What is hashed: seed (2 bytes, zero), addresses, protocol, a zero byte, ports. Reused: hashing is synchronous. */
const V4 = Buffer.alloc(12)
const V4_WITH_PORTS = Buffer.alloc(16)
const V6 = Buffer.alloc(36)
const V6_WITH_PORTS = Buffer.alloc(40)
