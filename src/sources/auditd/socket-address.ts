/**
 * The memory of a socket address, as SOCKADDR holds it: `saddr=0200A44C0A4D01020000000000000000` is 10.77.1.2, port 42060.
 *
 * Authority: kernel/auditsc.c (audit_log_n_hex of what the process handed over: any length up to 128 bytes, whatever it means),
 * struct sockaddr_in, sockaddr_in6, sockaddr_un. The family is a number in the machine's byte order, ports and addresses are in
 * network order. What follows a short address is memory nobody cleared, and is not read.
 */
import { canonicalAddress } from '../../address.ts'
import { decodeBytes } from '../../event-json.ts'
import { isHex } from './encoding.ts'
import type { SocketAddress } from './facts.ts'
import { isLittleEndian } from './syscall-name.ts'

/** AF_* of include/linux/socket.h. */
const AF_LOCAL = 1
const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
const AF_PACKET = 17
const AF_VSOCK = 40

/** Hex digits up to the end of sin_addr and sin6_addr: family, port, (flow label,) address. */
const INET_DIGITS = 16
const INET6_DIGITS = 48
const INET6_ADDRESS_AT = 16
/** Hex digits before sun_path. */
const PATH_AT = 4
/** What auditd prints of an abstract name, in bytes (auparse/interpret.c: `%.108s`). */
const ABSTRACT_PRINTED_MAX = 108

/** The address, whatever the memory holds. `arch` is that of the SYSCALL record ('': unknown, little endian). */
export function socketAddress(saddr: string, arch: string, canonical = canonicalAddress): SocketAddress {
  switch (familyOf(saddr, arch)) {
    case AF_INET:
      return hasDigits(saddr, INET_DIGITS) ? inet('inet', saddr, dottedQuad(saddr, 8)) : bare('inet')
    case AF_INET6:
      return hasDigits(saddr, INET6_DIGITS) ? inet('inet6', saddr, colonAddress(saddr, canonical)) : bare('inet6')
    case AF_LOCAL:
      return { family: 'local', address: '', port: -1, path: decodeBytes(localPath(saddr)) }
    case AF_NETLINK:
      return bare('netlink')
    case AF_PACKET:
      return bare('packet')
    case AF_VSOCK:
      return bare('vsock')
    default:
      return bare('other')
  }
}

/**
 * Line feeds in the path as auditd (ENRICHED) prints it, unescaped, behind the record: so many lines that follow in the file
 * are part of this one, written by whoever chose the path (formats.md 3.8 trap 1). Counts what auparse/interpret.c
 * print_sockaddr prints: a path up to its first NUL, of an abstract name at most 108 bytes.
 *
 * Trap: without `arch` only little endian counts. Were both orders taken, any user of a little endian machine could have the
 * next 126 lines of others taken for its own, by a connect to family 256.
 */
export function lineFeedsOf(saddr: string, arch = ''): number {
  if (familyOf(saddr, arch) !== AF_LOCAL || !isHex(saddr)) return 0
  const isAbstract = isNul(saddr, PATH_AT)
  const from = isAbstract ? PATH_AT + 2 : PATH_AT
  const end = isAbstract ? Math.min(saddr.length, from + 2 * ABSTRACT_PRINTED_MAX) : saddr.length
  let feeds = 0
  for (let i = from; i + 1 < end && !isNul(saddr, i); i += 2) if (byteAt(saddr, i) === 10) feeds++
  return feeds
}

/** -1 when it is no memory of an address. */
function familyOf(saddr: string, arch: string): number {
  if (!hasDigits(saddr, 4)) return -1
  const first = byteAt(saddr, 0)
  const second = byteAt(saddr, 2)
  return isLittleEndian(arch) ? first | (second << 8) : (first << 8) | second
}

/** Whether the first `count` characters are there and hex. */
function hasDigits(saddr: string, count: number): boolean {
  return saddr.length >= count && isHex(saddr, count)
}

function bare(family: SocketAddress['family']): SocketAddress {
  return { family, address: '', port: -1, path: '' }
}

function inet(family: 'inet' | 'inet6', saddr: string, address: string): SocketAddress {
  return { family, address, port: (byteAt(saddr, 4) << 8) | byteAt(saddr, 6), path: '' }
}

function dottedQuad(hex: string, at: number): string {
  return `${byteAt(hex, at)}.${byteAt(hex, at + 2)}.${byteAt(hex, at + 4)}.${byteAt(hex, at + 6)}`
}

/** Eight groups of the 16 bytes; `canonical` shortens them, and unmaps ::ffff:0:0/96. */
function colonAddress(hex: string, canonical: (text: string) => string | null): string {
  let text = hex.substring(INET6_ADDRESS_AT, INET6_ADDRESS_AT + 4)
  for (let at = INET6_ADDRESS_AT + 4; at < INET6_DIGITS; at += 4) text += `:${hex.substring(at, at + 4)}`
  return canonical(text) ?? ''
}

/** Bytes of sun_path as latin1, up to the first NUL; an abstract name (its first byte is NUL) behind `@`. */
function localPath(saddr: string): string {
  const isAbstract = isNul(saddr, PATH_AT)
  const from = isAbstract ? PATH_AT + 2 : PATH_AT
  let end = from
  while (end < saddr.length && !isNul(saddr, end)) end += 2
  // Buffer.from stops at the first character that is no hex, which the kernel never writes.
  const name = Buffer.from(saddr.substring(from, end), 'hex').toString('latin1')
  return isAbstract ? `@${name}` : name
}

function isNul(hex: string, at: number): boolean {
  return hex.charCodeAt(at) === 48 && hex.charCodeAt(at + 1) === 48
}

function byteAt(hex: string, at: number): number {
  return (digit(hex.charCodeAt(at)) << 4) | digit(hex.charCodeAt(at + 1))
}

/** Of an upper-case hex digit (isHex). */
function digit(code: number): number {
  return code < 58 ? code - 48 : code - 55
}
