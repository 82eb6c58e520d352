/**
 * IPv6 addresses as the kernel's `%pI6` prints them, `fd77:0001:0000:0000:0000:0000:0000:0002`, to the canonical text of
 * src/address.ts (RFC 5952; IPv4-mapped as the IPv4 address). The same answer as canonicalAddress, of which it is the
 * fast path: a log of IPv6 traffic holds two of these in every line. Shorter spellings are not read here.
 */
import { hexByte, hexEnd } from './packet-scan.ts'

/** Characters of an address in full. */
export const FULL_IPV6_CHARACTERS = 39

const COLON = 58
const ZERO = 48
const GROUPS = 8
/** Four digits and a colon. */
const GROUP_STEP = 5

/** The canonical text of the 39 characters at `at`, or null when they are no address in full. */
export function canonicalFullIpv6(text: string, at: number): string | null {
  let runStart = -1
  // A single zero group is written out (RFC 5952 4.2.2), so a run must be longer than one to be shortened.
  let runLength = 1
  let zeros = 0
  for (let i = 0; i < GROUPS; i++) {
    const group = at + i * GROUP_STEP
    if (i < GROUPS - 1 && text.charCodeAt(group + 4) !== COLON) return null
    if (text.startsWith('0000', group)) zeros++
    else if (hexEnd(text, group, 4) === group + 4) zeros = 0
    else return null
    if (zeros > runLength) {
      runLength = zeros
      runStart = i - zeros + 1
    }
  }
  if (runStart < 0) return joined(text, at, 0, GROUPS).toLowerCase()
  if (runStart === 0 && runLength === 5 && text.slice(at + 25, at + 29).toLowerCase() === 'ffff')
    return mapped(text, at)
  return `${joined(text, at, 0, runStart)}::${joined(text, at, runStart + runLength, GROUPS)}`.toLowerCase()
}

/** Where the four digits at `at` begin without their leading zeros. */
function firstDigit(text: string, at: number): number {
  if (text.charCodeAt(at) !== ZERO) return at
  if (text.charCodeAt(at + 1) !== ZERO) return at + 1
  return text.charCodeAt(at + 2) !== ZERO ? at + 2 : at + 3
}

function joined(text: string, at: number, start: number, end: number): string {
  let result = ''
  for (let i = start; i < end; i++) {
    const group = at + i * GROUP_STEP
    const next = i === end - 1 ? group + 4 : group + GROUP_STEP
    result += text.slice(firstDigit(text, group), next)
  }
  return result
}

function mapped(text: string, at: number): string {
  return `${hexByte(text, at + 30)}.${hexByte(text, at + 32)}.${hexByte(text, at + 35)}.${hexByte(text, at + 37)}`
}
