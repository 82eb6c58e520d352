/**
 * What became of the keys of a report since the end of its period. A mend is a command for today: pasted after the peer was removed or
 * its addresses went to another, it would give access back, or take it away from somebody else.
 */
import type { Inventory } from '../../identity/inventory.ts'
import type { RunningInterface } from '../../identity/inventory-diff.ts'

export type KeyPlace = { readonly gateway: string; readonly interface: string; readonly publicKey: string }

/** In the place of lines that mend something. */
export const CHANGED_SINCE = '# changed since the end of the period: see what stands now before anything is done'

/** Keys of places (placeKey) that run, or are documented, otherwise in `after` than in `before`; of '' interfaces that came or went. */
export function changedKeys(before: Stand, after: Stand): string[] {
  const [was, is] = [rowsOf(before), rowsOf(after)]
  const places = new Map([...was, ...is].map(([key, { place }]) => [key, place]))
  return [...places].flatMap(([key, place]) => {
    const isSame = was.get(key)?.row === is.get(key)?.row && entryOf(before, place) === entryOf(after, place)
    return isSame ? [] : [key]
  })
}

export type Stand = {
  readonly gateway: string
  readonly running: readonly RunningInterface[]
  readonly inventory: Inventory | null
}

/** NUL stands in no name or key. */
export function placeKey({ gateway, interface: name, publicKey }: KeyPlace): string {
  return `${gateway}\0${name}\0${publicKey}`
}

type Row = { readonly place: KeyPlace; readonly row: string }

/** Of a key that is documented and does not run, the row is ''. */
function rowsOf({ gateway, running, inventory }: Stand): Map<string, Row> {
  const rows = new Map<string, Row>()
  const add = (place: KeyPlace, row: string) => rows.set(placeKey(place), { place, row })
  for (const peer of inventory?.peers ?? [])
    for (const { publicKey } of peer.gateway === gateway ? peer.keys : [])
      add({ gateway, interface: peer.interface, publicKey }, '')
  for (const { interface: name, peers } of running) {
    add({ gateway, interface: name, publicKey: '' }, 'up')
    for (const { publicKey, allowedIps } of peers)
      add({ gateway, interface: name, publicKey }, `runs ${allowedIps.toSorted().join(' ')}`)
  }
  return rows
}

/** What the inventory says of it, as one text. */
function entryOf({ inventory }: Stand, { gateway, interface: name, publicKey }: KeyPlace): string {
  const peer = publicKey === '' ? null : (inventory?.peerByKey(gateway, name, publicKey) ?? null)
  return peer === null ? '' : JSON.stringify(peer)
}
