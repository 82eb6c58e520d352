/** Who a line of the story is about: the holder as the document of the time names it, or as the newest inventory does. */
import type { Fields } from '../../fields.ts'
import type { Micros } from '../../time.ts'
import type { Holder, Names } from '../names/names.ts'

export type NamedHolder = {
  /** By the mode that was asked for; all '' where the document names nobody. */
  readonly holder: Holder
  /** What the other mode says where that differs; null = the same. */
  readonly other: Holder | null
}

/** The peer a document names, as namedAt has it. */
export function namedHolder(document: Fields, names: Names): NamedHolder {
  return namedAt(recordedHolder(document), document['@timestamp'] ?? 0, names)
}

/** `recorded`: as documents of that time have it. */
export function namedAt(recorded: Holder, at: Micros, names: Names): NamedHolder {
  const known = recorded.publicKey === '' ? null : names.at(recorded.publicKey, at)
  if (known === null || isAlike(recorded, known)) return { holder: recorded, other: null }
  return names.mode === 'as-known-now' ? { holder: known, other: recorded } : { holder: recorded, other: known }
}

/** As the document itself has it; all '' where it names nobody. */
export function recordedHolder(document: Fields): Holder {
  return {
    publicKey: document['wireguard.peer.public_key'] ?? '',
    name: document['wireguard.peer.name'] ?? '',
    kind: document['wireguard.peer.kind'] ?? '',
    device: document['wireguard.peer.device'] ?? '',
    groups: document['wireguard.peer.groups'] ?? [],
    ownerName: document['wireguard.peer.owner.name'] ?? '',
    ownerEmail: document['wireguard.peer.owner.email'] ?? '',
  }
}

function isAlike(a: Holder, b: Holder): boolean {
  return a.name === b.name && a.device === b.device && a.ownerEmail === b.ownerEmail && a.ownerName === b.ownerName
}

/** Characters of a key that tell peers apart for eyes. */
const KEY_SHOWN = 8

/** `alice-laptop, Alice Example`; the beginning of the key where nobody gave a name; '' without a key. */
export function holderText({ name, publicKey, ownerName, ownerEmail }: Holder): string {
  const called = name === '' ? keyText(publicKey) : name
  return [called, ownerName === '' ? ownerEmail : ownerName].filter((text) => text !== '').join(', ')
}

/** `e3WudW7m…` */
export function keyText(publicKey: string): string {
  return publicKey.length > KEY_SHOWN ? `${publicKey.slice(0, KEY_SHOWN)}…` : publicKey
}
