/** Who stands behind a document of a host, named by the mode asked for, and the cells of a row that say so. */
import type { FieldName, Fields } from '../../fields.ts'
import type { Dispute } from '../disputes.ts'
import type { Holder, Names } from '../names/names.ts'
import type { Row } from '../rows/row-lines.ts'
import { FOUND_FIELDS, HOLDER_FIELDS } from './access-columns.ts'

/** What has to be read of a document. */
export const PERSON_FIELDS: readonly FieldName[] = [...HOLDER_FIELDS, ...FOUND_FIELDS, 'wireguard.attribution.hops']

/** Columns of a file, named as the fields where there is one. */
export const PERSON_COLUMNS: readonly string[] = [
  ...HOLDER_FIELDS,
  'names_now',
  'key_disputed',
  ...FOUND_FIELDS,
  'wireguard.attribution.hops',
]

/** What is needed to name somebody. */
export type Naming = { readonly names: Names; readonly disputes: readonly Dispute[] }

/** `now`: what the newest inventory says where that differs from the document; null = the same, or it knows nothing. */
export type Person = { readonly holder: Holder; readonly now: Holder | null; readonly disputed: readonly string[] }

/** Of a document without a key the holder is empty. */
export function personOf(document: Fields, { names, disputes }: Naming): Person {
  const recorded: Holder = {
    publicKey: document['wireguard.peer.public_key'] ?? '',
    name: document['wireguard.peer.name'] ?? '',
    kind: document['wireguard.peer.kind'] ?? '',
    device: document['wireguard.peer.device'] ?? '',
    groups: document['wireguard.peer.groups'] ?? [],
    ownerName: document['wireguard.peer.owner.name'] ?? '',
    ownerEmail: document['wireguard.peer.owner.email'] ?? '',
  }
  const at = document['@timestamp'] ?? 0
  const { publicKey } = recorded
  const known = publicKey === '' ? null : names.at(publicKey, at)
  const now = known !== null && differs(known, recorded) ? known : null
  const disputed = disputes.filter((each) => each.publicKey === publicKey && each.from <= at && at <= each.to)
  return {
    holder: names.mode === 'as-known-now' && known !== null ? known : recorded,
    now,
    disputed: disputed.map(({ finding }) => finding),
  }
}

function differs(a: Holder, b: Holder): boolean {
  return a.name !== b.name || a.device !== b.device || a.ownerName !== b.ownerName || a.ownerEmail !== b.ownerEmail
}

/** Cells of PERSON_COLUMNS. */
export function personRow(document: Fields, naming: Naming): Row {
  const { holder, now, disputed } = personOf(document, naming)
  return {
    'wireguard.peer.public_key': holder.publicKey || null,
    'wireguard.peer.name': holder.name || null,
    'wireguard.peer.kind': holder.kind || null,
    'wireguard.peer.groups': holder.groups.length === 0 ? null : holder.groups,
    'wireguard.peer.device': holder.device || null,
    'wireguard.peer.owner.name': holder.ownerName || null,
    'wireguard.peer.owner.email': holder.ownerEmail || null,
    names_now: now === null ? null : holderText(now),
    key_disputed: disputed.length === 0 ? null : disputed,
    'wireguard.attribution.status': document['wireguard.attribution.status'],
    'wireguard.attribution.method': document['wireguard.attribution.method'],
    'wireguard.attribution.reason': document['wireguard.attribution.reason'],
    'wireguard.attribution.candidates': document['wireguard.attribution.candidates'],
    'wireguard.attribution.hops': document['wireguard.attribution.hops'],
  }
}

/** `Alice Example (alice@example.com), alice-laptop, ThinkPad T14`; what is not documented is left out. */
export function holderText(holder: Holder): string {
  const parts = [ownerText(holder), holder.name, holder.device].filter((text) => text !== '')
  return parts.length === 0 ? 'nobody is documented' : parts.join(', ')
}

/** `Alice Example (alice@example.com)`; '' = nobody is documented. */
export function ownerText({ ownerName, ownerEmail }: Pick<Holder, 'ownerName' | 'ownerEmail'>): string {
  if (ownerName === '' || ownerEmail === '') return ownerName || ownerEmail
  return `${ownerName} (${ownerEmail})`
}
