/**
 * IP addresses as text and as numbers. Every source spells them differently (the packet log writes IPv6 in full, conntrack
 * and wg the short form, any of them may hold ::ffff:10.1.2.3), so all text is brought to one form before it is compared:
 * dotted quad, RFC 5952 for IPv6, IPv4-mapped IPv6 as the IPv4 address it stands for.
 */
import ipaddr from 'ipaddr.js'

/** An address as bits: IPv4 in `d` with `family` 4; IPv6 in a, b, c, d (unsigned 32-bit words, most significant first). */
export type AddressBits = { family: 4 | 6; a: number; b: number; c: number; d: number }

/** The canonical text, or null when `text` is no address. Zones (`%eth0`) are not part of an address and are refused. */
export function canonicalAddress(text: string): string | null {
  const v4 = parseIpv4(text)
  if (v4 >= 0) return text
  const address = parseIpv6(text)
  if (address === null) return null
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toRFC5952String()
}

/**
 * A strict dotted quad as an unsigned 32-bit number, -1 when `text` is something else. No leading zeros: `010` is octal to
 * some readers and decimal to others.
 */
export function parseIpv4(text: string): number {
  const length = text.length
  if (length < 7 || length > 15) return -1
  let value = 0
  let part = 0
  let digits = 0
  let dots = 0
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) {
      if (digits === 0 || dots === 3) return -1
      value = value * 256 + part
      part = 0
      digits = 0
      dots++
    } else {
      if (code < 48 || code > 57) return -1
      if (digits > 0 && part === 0) return -1
      part = part * 10 + code - 48
      digits++
      if (part > 255) return -1
    }
  }
  return dots === 3 && digits > 0 ? value * 256 + part : -1
}

/**
 * Trap: inet_ntop writes ::a01:203 as `::10.1.2.3`, and ipaddr.js takes that for the mapped ::ffff:10.1.2.3. It is another
 * address (RFC 4291 2.5.5.1), which anyone behind ::/0 may send from; so a dotted ending becomes two groups beforehand.
 */
function parseIpv6(text: string): ipaddr.IPv6 | null {
  const colon = text.lastIndexOf(':')
  if (colon < 0 || text.length > 45 || text.includes('%')) return null
  let groups = text
  if (text.includes('.')) {
    const v4 = parseIpv4(text.slice(colon + 1))
    if (v4 < 0) return null
    groups = `${text.slice(0, colon + 1)}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`
  }
  return ipaddr.IPv6.isValid(groups) ? ipaddr.IPv6.parse(groups) : null
}

/** Bits of a canonical address (what canonicalAddress returned); null when it is none. */
export function addressBits(text: string): AddressBits | null {
  const v4 = parseIpv4(text)
  if (v4 >= 0) return { family: 4, a: 0, b: 0, c: 0, d: v4 }
  const parts = parseIpv6(text)?.parts
  if (parts === undefined) return null
  const word = (i: number) => (((parts[i] ?? 0) << 16) | (parts[i + 1] ?? 0)) >>> 0
  return { family: 6, a: word(0), b: word(2), c: word(4), d: word(6) }
}

/** A prefix with host bits masked, canonical: `10.0.0.1/24` gives `10.0.0.0/24`, `10.0.0.1` gives `10.0.0.1/32`. Null when it is none. */
export function canonicalPrefix(text: string): string | null {
  const slash = text.indexOf('/')
  const address = canonicalAddress(slash < 0 ? text : text.slice(0, slash))
  if (address === null) return null
  const family = address.includes(':') ? 6 : 4
  const bitsMax = family === 4 ? 32 : 128
  const lengthText = slash < 0 ? String(bitsMax) : text.slice(slash + 1)
  if (!/^\d{1,3}$/.test(lengthText)) return null
  const mapped = family === 4 && text.includes(':')
  const length = Number(lengthText) - (mapped && slash >= 0 ? 96 : 0)
  if (length < 0 || length > bitsMax) return null
  if (length === bitsMax) return `${address}/${length}`
  const network =
    family === 4
      ? ipaddr.IPv4.networkAddressFromCIDR(`${address}/${length}`).toString()
      : ipaddr.IPv6.networkAddressFromCIDR(`${address}/${length}`).toRFC5952String()
  return `${network}/${length}`
}
