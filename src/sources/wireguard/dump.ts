/**
 * One row of `wg show all dump`, its secret already taken out (redact.ts), to an InterfaceRow or a PeerRow:
 *
 *   wg0 <tab> (hidden) <tab> X5dVHU…JCc= <tab> 51820 <tab> off
 *   wg0 <tab> JMRe9W…3Fjc= <tab> (none) <tab> [fd77:2::2]:42174 <tab> 10.8.0.14/32,fd09::2/128 <tab> 1795345602 <tab> 420 <tab> 364 <tab> off
 *
 * Authority: wireguard-tools src/show.c (dump_print). Every column is checked in full, for two reasons: a row shifted by a
 * column must not put a key where another value belongs, and the ledger proves identities with what is read here.
 */
import { canonicalAddress, canonicalPrefix } from '../../address.ts'
import { INSTANT_MAX, SECOND } from '../../time.ts'
import type { InterfaceRow, PeerRow } from './record.ts'

/** 32 bytes in base64: 43 digits, the last with two zero bits, and one `=`. */
const KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/

/** dev_valid_name() of net/core/dev.c: at most 15 bytes, no slash, colon or white space. */
const INTERFACE = /^[^\s/:]{1,15}$/

/** A Curve25519 key in base64: public, private and preshared look alike. */
export function isKey(text: string): boolean {
  return text.length === 44 && KEY.test(text)
}

/** Null when any column is not what wg prints there. */
export function parseInterfaceRow(redacted: string): InterfaceRow | null {
  const [name = '', , key = '', port = '', mark = ''] = redacted.split('\t')
  const listenPort = parsePort(port)
  if (!INTERFACE.test(name) || listenPort < 0) return null
  if (key !== '(none)' && !isKey(key)) return null
  if (mark !== 'off' && !/^0x[0-9a-f]{1,8}$/.test(mark)) return null
  return { interface: name, publicKey: key === '(none)' ? '' : key, listenPort, fwmark: mark === 'off' ? '' : mark }
}

/** Null when any column is not what wg prints there. */
export function parsePeerRow(redacted: string): PeerRow | null {
  const [
    name = '',
    publicKey = '',
    preshared = '',
    endpoint = '',
    prefixes = '',
    handshake = '',
    rx = '',
    tx = '',
    alive = '',
  ] = redacted.split('\t')
  if (!INTERFACE.test(name) || !isKey(publicKey)) return null
  const outer = parseEndpoint(endpoint)
  const allowedIps = parseAllowedIps(prefixes)
  const latestHandshakeAt = parseCount(handshake) * SECOND
  const received = parseCount(rx)
  const sent = parseCount(tx)
  const keepalive = alive === 'off' ? 0 : parsePort(alive)
  if (outer === null || allowedIps === null || keepalive < 0) return null
  if (latestHandshakeAt < 0 || latestHandshakeAt > INSTANT_MAX || received < 0 || sent < 0) return null
  return {
    interface: name,
    publicKey,
    hasPresharedKey: preshared !== '(none)',
    endpointIp: outer.ip,
    endpointPort: outer.port,
    allowedIps,
    latestHandshakeAt,
    received,
    sent,
    keepalive,
  }
}

/** `10.77.1.2:51479`, `[fd77:2::2]:42174`, `[fe80::1%eth0]:51820`, `(none)`. The zone is dropped: no other source has it. */
function parseEndpoint(text: string): { ip: string; port: number } | null {
  if (text === '(none)') return { ip: '', port: 0 }
  const colon = text.lastIndexOf(':')
  const port = parsePort(text.slice(colon + 1))
  if (colon < 0 || port < 0) return null
  let host = text.slice(0, colon)
  if (host.startsWith('[') !== host.endsWith(']')) return null
  if (host.startsWith('[')) {
    const zone = host.indexOf('%')
    host = host.slice(1, zone < 0 ? -1 : zone)
    if (!host.includes(':')) return null
  }
  const ip = canonicalAddress(host)
  return ip === null ? null : { ip, port }
}

function parseAllowedIps(text: string): readonly string[] | null {
  if (text === '(none)') return []
  const prefixes = new Set<string>()
  for (const entry of text.split(',')) {
    const prefix = entry.includes('/') ? allowedPrefix(entry) : null
    if (prefix === null) return null
    prefixes.add(prefix)
  }
  return [...prefixes].sort()
}

/**
 * One AllowedIPs entry, canonical. `::ffff:10.0.0.1/128` stays IPv6: WireGuard keeps one trie a family, so such an entry
 * never matches an IPv4 packet, and to unmap it would credit another peer's address to this one.
 */
export function allowedPrefix(text: string): string | null {
  const prefix = canonicalPrefix(text)
  if (prefix === null || prefix.includes(':') || !text.includes(':')) return prefix
  const slash = prefix.indexOf('/')
  return `::ffff:${prefix.slice(0, slash)}/${Number(prefix.slice(slash + 1)) + 96}`
}

/** 0 to 65535, else -1. */
export function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text)) return -1
  const value = Number(text)
  return value <= 0xffff ? value : -1
}

/** A 64-bit counter, else -1. Above 2^53 the last digits are lost, which no byte counter of a tunnel reaches. */
function parseCount(text: string): number {
  return /^\d{1,20}$/.test(text) ? Number(text) : -1
}
