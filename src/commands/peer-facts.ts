/** What the inventory says of a running key at a time, and how it is called in a line. Documentation: none of it proves anything. */
import type { Inventory } from '../identity/inventory.ts'
import { holdsAt, type Period } from '../identity/inventory-entries.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import { shorten } from './wrap-text.ts'

/** Texts are '' where nothing is documented; all of them as they came, not yet fit for a terminal. */
export type PeerFacts = {
  readonly publicKey: string
  readonly gateway: string
  readonly interface: string
  readonly name: string
  readonly kind: string
  readonly device: string
  readonly owner: { readonly name: string; readonly email: string } | null
  /** Null: the key is documented nowhere. */
  readonly documented: Documented | null
}

export type Documented = {
  /** Dates of this key. */
  readonly key: Period
  readonly isWithinDates: boolean
  /** When the peer is to be looked at again. */
  readonly expires: Micros | null
  readonly isExpired: boolean
}

const KEY_CHARS = 8

/** The peer behind a key as of `at`, names as documents of that time carry them. */
export function peerFacts(
  inventory: Inventory,
  gateway: string,
  interfaceName: string,
  publicKey: string,
  at: Micros,
): PeerFacts {
  const place = { publicKey, gateway, interface: interfaceName }
  const peer = inventory.peerByKey(gateway, interfaceName, publicKey)
  if (peer === null) return { ...place, name: '', kind: '', device: '', owner: null, documented: null }
  const owner = inventory.ownerAt(peer, at)
  const periods = peer.keys.filter((key) => key.publicKey === publicKey)
  const current = periods.find((key) => holdsAt(key, at))
  const { since, until } = current ?? periods[0] ?? { since: null, until: null }
  return {
    ...place,
    name: peer.name,
    kind: peer.kind,
    device: peer.device,
    owner: owner === null ? null : { name: owner.name, email: owner.email },
    documented: {
      key: { since, until },
      isWithinDates: current !== undefined,
      expires: peer.expires,
      isExpired: peer.expires !== null && peer.expires <= at,
    },
  }
}

/** `nmnC8Awz…` */
export function shortKey(publicKey: string): string {
  return safeText(publicKey.length > KEY_CHARS ? `${publicKey.slice(0, KEY_CHARS)}…` : publicKey)
}

/** `pine (Latitude 5440), Release Manager 14`; `key fvNaBA39… (not documented)`. Fit for a terminal, at most `width` characters. */
export function peerTitle(
  { name, device, owner, publicKey }: Pick<PeerFacts, 'name' | 'device' | 'owner' | 'publicKey'>,
  width: number,
): string {
  if (name === '') return `key ${shortKey(publicKey)} (not documented)`
  const person = owner === null ? '' : `, ${owner.name || owner.email}`
  return shorten(`${name}${device === '' ? '' : ` (${device})`}${person}`, width)
}

/** `pine` or `key fvNaBA39…`: for lists. At most `width` characters. */
export function peerName({ name, publicKey }: Pick<PeerFacts, 'name' | 'publicKey'>, width: number): string {
  return name === '' ? `key ${shortKey(publicKey)}` : shorten(name, width)
}
