/** Who is documented for a key at a time, and where the newest inventory says otherwise: marked, whichever of both is shown. */
import type { Inventory } from '../../identity/inventory.ts'
import type { Micros } from '../../time.ts'
import type { RichCell } from '../document/report-document.ts'
import type { Names } from '../names/names.ts'

/** '' = nobody is documented. */
export type ShownHolder = {
  readonly peer: string
  readonly ownerName: string
  readonly ownerEmail: string
  /** What the other side says where it differs: `now: oak, Bob Example`; '' = the same, or nothing is known. */
  readonly note: string
}

type Recorded = Omit<ShownHolder, 'note'>

/** By the mode asked for: as the records name it, or as the newest inventory does. */
export function shownHolder(recorded: Recorded, publicKey: string, at: Micros, names: Names): ShownHolder {
  const known = publicKey === '' ? null : names.at(publicKey, at)
  if (known === null) return { ...recorded, note: '' }
  const now = { peer: known.name, ownerName: known.ownerName, ownerEmail: known.ownerEmail }
  const isSame =
    now.peer === recorded.peer && now.ownerEmail === recorded.ownerEmail && now.ownerName === recorded.ownerName
  if (names.mode === 'as-known-now')
    return { ...now, note: isSame ? '' : `recorded as: ${holderText(recorded) || 'nobody'}` }
  return { ...recorded, note: isSame ? '' : `now: ${holderText(now) || 'nobody'}` }
}

/** By an inventory, at a time. */
export function documentedHolder(
  inventory: Inventory | null,
  place: { readonly gateway: string; readonly interface: string; readonly publicKey: string },
  at: Micros,
): Recorded {
  const peer = inventory?.peerByKey(place.gateway, place.interface, place.publicKey) ?? null
  if (inventory === null || peer === null) return { peer: '', ownerName: '', ownerEmail: '' }
  const owner = inventory.ownerAt(peer, at)
  return { peer: peer.name, ownerName: owner?.name ?? '', ownerEmail: owner?.email ?? '' }
}

/** `oak, Bob Example`; '' = nobody. */
function holderText({ peer, ownerName, ownerEmail }: Recorded): string {
  return [peer, ownerName || ownerEmail].filter((text) => text !== '').join(', ')
}

/** Owner and e-mail one above the other. */
export function ownerCell({
  ownerName,
  ownerEmail,
  note = '',
}: Omit<ShownHolder, 'peer' | 'note'> & { note?: string }): RichCell {
  if (ownerName === '' && ownerEmail === '')
    return { text: 'nobody', tone: 'warning', ...(note === '' ? {} : { note }) }
  const below = [ownerName === '' ? '' : ownerEmail, note].filter((text) => text !== '').join('; ')
  return { text: ownerName || ownerEmail, ...(below === '' ? {} : { note: below }) }
}
