/**
 * A bounded memory in front of canonicalAddress. A gateway sees the same few thousand addresses over and over; looking one
 * up is cheaper than reading IPv6 again, and records then share one short string each instead of slices that would keep
 * their whole line in memory for as long as the flow is open.
 *
 * Only a cache: dropping it changes nothing but speed.
 */
import { canonicalAddress } from '../../address.ts'
import type { Canonical } from './tuple.ts'

/** Addresses kept, about 100 bytes each; all are dropped when a scan fills it. */
const ADDRESSES_MAX = 16_384
/** Longest text of an address (IPv6 with a dotted tail); longer texts are not remembered. */
const ADDRESS_LENGTH_MAX = 45

export function createAddressCache(): Canonical {
  const known = new Map<string, string>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    if (text.length > ADDRESS_LENGTH_MAX) return null
    const address = canonicalAddress(text)
    if (address === null) return null
    // The way through bytes makes a string of its own out of a slice.
    const key = Buffer.from(text, 'latin1').toString('latin1')
    const value = address === text ? key : address
    if (known.size >= ADDRESSES_MAX) known.clear()
    known.set(key, value)
    return value
  }
}
