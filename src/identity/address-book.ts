/**
 * What is known about an address beside its text, computed once: bits for the trie, whether it is public, its bytes for
 * the community id. The same few thousand addresses occur in millions of lines.
 */
import { type AddressBits, addressBits } from '../address.ts'

export type KnownAddress = {
  readonly text: string
  readonly bits: AddressBits
  readonly isPublic: boolean
  /** 4 or 16 bytes, one latin1 character each. */
  readonly bytes: string
}

export type AddressBook = {
  /** Null for text that is no canonical address. */
  of(text: string): KnownAddress | null
}

/** Addresses remembered; a scan through more than this only costs time. About 300 bytes each. */
const ADDRESSES_MAX = 65_536

/** Two generations: what was not asked for while half of ADDRESSES_MAX others were is forgotten. */
export function createAddressBook(): AddressBook {
  let recent = new Map<string, KnownAddress>()
  let older = new Map<string, KnownAddress>()
  return {
    of(text) {
      const hit = recent.get(text)
      if (hit !== undefined) return hit
      const old = older.get(text)
      const known = old ?? describe(text)
      if (known === null) return null
      recent.set(known.text, known)
      if (recent.size > ADDRESSES_MAX / 2) {
        older = recent
        recent = new Map()
      }
      return known
    },
  }
}

function describe(text: string): KnownAddress | null {
  const bits = addressBits(text)
  if (bits === null) return null
  const words = bits.family === 4 ? [bits.d] : [bits.a, bits.b, bits.c, bits.d]
  const bytes = words
    .map((word) => String.fromCharCode(word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255))
    .join('')
  return { text: detach(text), bits, isPublic: isPublic(bits), bytes }
}

/** A copy that does not keep the read buffer alive: V8 slices share their parent's memory. */
export function detach(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/** IANA special-purpose registries (RFC 6890 and updates): everything that is not routed on the internet counts as inside. */
function isPublic(bits: AddressBits): boolean {
  if (bits.family === 6) {
    const top = bits.a >>> 16
    if (bits.a === 0 && bits.b === 0 && bits.c === 0) return false // ::, ::1
    if ((top & 0xfe00) === 0xfc00 || (top & 0xffc0) === 0xfe80 || (top & 0xff00) === 0xff00) return false // ULA, link-local, multicast
    return bits.a !== 0x20010db8 // documentation
  }
  const address = bits.d
  return !PRIVATE_V4.some(([network, length]) => address >>> (32 - length) === network >>> (32 - length))
}

const PRIVATE_V4: readonly (readonly [number, number])[] = [
  [0x00000000, 8], // this network
  [0x0a000000, 8],
  [0x64400000, 10], // carrier-grade NAT, RFC 6598
  [0x7f000000, 8],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0000200, 24], // TEST-NET-1
  [0xc0a80000, 16],
  [0xc6120000, 15], // benchmarking
  [0xc6336400, 24], // TEST-NET-2
  [0xcb007100, 24], // TEST-NET-3
  [0xe0000000, 3], // multicast and reserved, broadcast
]
