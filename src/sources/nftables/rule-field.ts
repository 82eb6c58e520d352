/**
 * The packet fields that a log line shows too, and how nft writes their values in JSON:
 *
 *   {"meta": {"key": "iifname"}}  "wg0"        {"payload": {"protocol": "ip", "field": "daddr"}}  {"prefix": {"addr": "10.8.0.0", "len": 24}}
 *
 * Authority: libnftables-json(5); names of ICMP types from nft's proto.c and datatype.c, protocol numbers from IANA. A value
 * that is not certain to be read right (a service name, an interface index, a time) is not read at all.
 */
import { addressBits, parseIpv4 } from '../../address.ts'
import { property, toBytes } from './ruleset-document.ts'

export type Value = number | bigint | string

/** Inclusive. Names are spans too: `wg*` runs from `wg` to `wg\uffff`. */
export type Span = { readonly low: Value; readonly high: Value }

/** `ct state` is not in a log line, but two rules can be compared by it. */
export type Field =
  | 'iifname'
  | 'oifname'
  | 'family'
  | 'l4proto'
  | 'ip saddr'
  | 'ip daddr'
  | 'ip6 saddr'
  | 'ip6 daddr'
  | 'sport'
  | 'dport'
  | 'icmp type'
  | 'icmpv6 type'
  | 'ct state'

const META: ReadonlyMap<string, Field> = new Map([
  ['iifname', 'iifname'],
  ['iif', 'iifname'],
  ['oifname', 'oifname'],
  ['oif', 'oifname'],
  ['l4proto', 'l4proto'],
  ['nfproto', 'family'],
  ['protocol', 'family'],
])

const TRANSPORTS: ReadonlyMap<string, number> = new Map([
  ['tcp', 6],
  ['udp', 17],
  ['udplite', 136],
  ['sctp', 132],
  ['dccp', 33],
])

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ...TRANSPORTS,
  ['icmp', 1],
  ['igmp', 2],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['icmpv6', 58],
  ['ipv6-icmp', 58],
])

const FAMILIES: ReadonlyMap<string, number> = new Map([
  ['ipv4', 4],
  ['ipv6', 6],
  ['ip', 4],
  ['ip6', 6],
])

const ICMP_TYPES: ReadonlyMap<string, number> = new Map([
  ['echo-reply', 0],
  ['destination-unreachable', 3],
  ['source-quench', 4],
  ['redirect', 5],
  ['echo-request', 8],
  ['router-advertisement', 9],
  ['router-solicitation', 10],
  ['time-exceeded', 11],
  ['parameter-problem', 12],
  ['timestamp-request', 13],
  ['timestamp-reply', 14],
])

const ICMPV6_TYPES: ReadonlyMap<string, number> = new Map([
  ['destination-unreachable', 1],
  ['packet-too-big', 2],
  ['time-exceeded', 3],
  ['parameter-problem', 4],
  ['echo-request', 128],
  ['echo-reply', 129],
  ['mld-listener-query', 130],
  ['mld-listener-report', 131],
  ['mld-listener-done', 132],
  ['nd-router-solicit', 133],
  ['nd-router-advert', 134],
  ['nd-neighbor-solicit', 135],
  ['nd-neighbor-advert', 136],
  ['nd-redirect', 137],
])

/** A packet has exactly one of them: include/linux/netfilter/nf_conntrack_common.h and NF_CT_STATE_INVALID_BIT. */
const CT_STATES = new Set(['new', 'established', 'related', 'untracked', 'invalid'])

/** Null for what stays opaque. */
export function fieldOf(left: unknown): Field | null {
  const meta = property(property(left, 'meta'), 'key')
  if (typeof meta === 'string') return META.get(meta) ?? null
  const ct = property(left, 'ct')
  if (ct !== undefined) return property(ct, 'key') === 'state' ? 'ct state' : null
  const payload = property(left, 'payload')
  const protocol = property(payload, 'protocol')
  const name = property(payload, 'field')
  if (protocol === 'ip' && name === 'protocol') return 'l4proto'
  if (protocol === 'ip' && name === 'saddr') return 'ip saddr'
  if (protocol === 'ip' && name === 'daddr') return 'ip daddr'
  if (protocol === 'ip6' && name === 'saddr') return 'ip6 saddr'
  if (protocol === 'ip6' && name === 'daddr') return 'ip6 daddr'
  if (protocol === 'icmp' && name === 'type') return 'icmp type'
  if (protocol === 'icmpv6' && name === 'type') return 'icmpv6 type'
  const hasPorts = protocol === 'th' || (typeof protocol === 'string' && TRANSPORTS.has(protocol))
  return hasPorts && name === 'sport' ? 'sport' : hasPorts && name === 'dport' ? 'dport' : null
}

/** What a match on this expression says about the packet besides its value: nft adds these checks and hides them again. */
export function protocolsOf(left: unknown): [Field, number][] {
  const concat = property(left, 'concat')
  if (Array.isArray(concat)) return concat.flatMap(protocolsOf)
  const mask = property(left, '&')
  if (Array.isArray(mask)) return protocolsOf(mask[0])
  const protocol = property(property(left, 'payload'), 'protocol')
  if (protocol === 'ip') return [['family', 4]]
  if (protocol === 'ip6') return [['family', 6]]
  if (protocol === 'icmp') return [['l4proto', 1]]
  if (protocol === 'icmpv6') return [['l4proto', 58]]
  const number = typeof protocol === 'string' ? TRANSPORTS.get(protocol) : undefined
  return number === undefined ? [] : [['l4proto', number]]
}

/** Values that `field` may have by `compare` (`==`, `flag`, `<`, `>`, `<=`, `>=`) with `value`; null when it cannot be told. */
export function spanOf(field: Field, value: unknown, compare: string): Span | null {
  // A bit test on anything but the state is no comparison of whole values.
  if (compare === 'flag' && field !== 'ct state') return null
  const prefix = property(value, 'prefix')
  if (prefix !== undefined)
    return compare === '==' ? prefixSpan(field, property(prefix, 'addr'), property(prefix, 'len')) : null
  const range = property(value, 'range')
  if (Array.isArray(range)) {
    const low = readValue(field, range[0])
    const high = readValue(field, range[1])
    return compare === '==' && low !== null && high !== null && typeof low === typeof high ? { low, high } : null
  }
  if (field === 'iifname' || field === 'oifname') return compare === '==' ? nameSpan(value) : null
  const single = readValue(field, value)
  return single === null ? null : compareSpan(single, compare)
}

function compareSpan(value: Value, compare: string): Span | null {
  if (compare === '==' || compare === 'flag') return { low: value, high: value }
  if (typeof value === 'string') return null
  const isWide = typeof value === 'bigint'
  const [first, last] = isWide ? [0n, 2n ** 128n] : [0, 2 ** 32]
  if (compare === '<=') return { low: first, high: value }
  if (compare === '>=') return { low: value, high: last }
  if (compare === '<') return { low: first, high: isWide ? value - 1n : value - 1 }
  return { low: isWide ? value + 1n : value + 1, high: last }
}

/** A trailing `*` is a wildcard, `\*` a star. A number is an index whose interface was gone when the rules were listed. */
function nameSpan(value: unknown): Span | null {
  if (typeof value !== 'string') return null
  const name = toBytes(value)
  if (!name.endsWith('*')) return { low: name, high: name }
  const stem = name.slice(0, -1)
  if (stem.endsWith('\\')) return { low: `${stem.slice(0, -1)}*`, high: `${stem.slice(0, -1)}*` }
  return { low: stem, high: `${stem}\uffff` }
}

function prefixSpan(field: Field, address: unknown, length: unknown): Span | null {
  const low = readValue(field, address)
  if (low === null || typeof length !== 'number' || !Number.isInteger(length) || length < 0) return null
  if (typeof low === 'bigint') return length > 128 ? null : { low, high: low | (2n ** BigInt(128 - length) - 1n) }
  if ((field !== 'ip saddr' && field !== 'ip daddr') || typeof low !== 'number' || length > 32) return null
  const size = 2 ** (32 - length)
  return low % size === 0 ? { low, high: low + size - 1 } : null
}

function readValue(field: Field, value: unknown): Value | null {
  switch (field) {
    case 'iifname':
    case 'oifname':
      return null
    case 'family':
      return typeof value === 'string' ? (FAMILIES.get(value) ?? null) : null
    case 'l4proto':
      return numberOr(value, PROTOCOLS, 0xff)
    case 'icmp type':
      return numberOr(value, ICMP_TYPES, 0xff)
    case 'icmpv6 type':
      return numberOr(value, ICMPV6_TYPES, 0xff)
    case 'sport':
    case 'dport':
      return numberOr(value, new Map(), 0xffff)
    case 'ip saddr':
    case 'ip daddr':
      return typeof value === 'string' ? ipv4Value(value) : null
    case 'ip6 saddr':
    case 'ip6 daddr':
      return typeof value === 'string' ? ipv6Value(value) : null
    case 'ct state':
      return typeof value === 'string' && CT_STATES.has(value) ? value : null
    default:
      return field satisfies never
  }
}

function numberOr(value: unknown, names: ReadonlyMap<string, number>, max: number): number | null {
  if (typeof value === 'string') return names.get(value) ?? null
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max ? value : null
}

/** Null when it is no dotted quad. */
export function ipv4Value(text: string): number | null {
  const value = parseIpv4(text)
  return value < 0 ? null : value
}

/** A dotted quad is the IPv4-mapped address that our canonical form made of it. */
export function ipv6Value(text: string): bigint | null {
  const bits = addressBits(text)
  if (bits === null) return null
  if (bits.family === 4) return 0xffff_0000_0000n | BigInt(bits.d)
  return (BigInt(bits.a) << 96n) | (BigInt(bits.b) << 64n) | (BigInt(bits.c) << 32n) | BigInt(bits.d)
}
