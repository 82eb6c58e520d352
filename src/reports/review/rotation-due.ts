/** When the keys that run have to be replaced by their rotate_every: what is overdue, and what comes due before the next review. */
import type { Micros } from '../../time.ts'
import type { Standing } from '../standing/standing-gateways.ts'

export type RotationDue = {
  readonly gateway: string
  readonly interface: string
  readonly publicKey: string
  readonly peer: string
  readonly ownerName: string
  readonly ownerEmail: string
  /** Documented start of the key; null = not documented, so that nobody knows its age. */
  readonly since: Micros | null
  readonly rotateEvery: Micros
  /** Null = not known. */
  readonly due: Micros | null
  readonly isOverdue: boolean
}

export type Rotations = {
  /** Overdue at the last poll, due within a period's length behind the end, or of unknown age; the earliest first, unknown ones last. */
  readonly due: readonly RotationDue[]
  /** Running keys with a rotate_every, whenever it is due. */
  readonly count: number
}

/** `ahead`: how far behind the end of the period is looked. */
export function rotationsDue({ gateways, inventory, at }: Standing, ahead: Micros): Rotations {
  if (inventory === null) return { due: [], count: 0 }
  const all = gateways.flatMap(({ gateway, poll, running }) =>
    running.flatMap(({ interface: name, peers }) =>
      peers.flatMap(({ publicKey }): RotationDue[] => {
        const peer = inventory.peerByKey(gateway, name, publicKey)
        if (peer === null || peer.rotateEvery === 0) return []
        const since = peer.keys.find((key) => key.publicKey === publicKey)?.since ?? null
        const due = since === null ? null : since + peer.rotateEvery
        const owner = inventory.ownerAt(peer, poll)
        return [
          {
            gateway,
            interface: name,
            publicKey,
            peer: peer.name,
            ownerName: owner?.name ?? '',
            ownerEmail: owner?.email ?? '',
            since,
            rotateEvery: peer.rotateEvery,
            due,
            isOverdue: due !== null && due < poll,
          },
        ]
      }),
    ),
  )
  const due = all.filter((each) => each.due === null || each.isOverdue || each.due <= at + ahead)
  return { due: due.sort(byDue), count: all.length }
}

function byDue(a: RotationDue, b: RotationDue): number {
  const [first, second] = [a.due ?? Number.POSITIVE_INFINITY, b.due ?? Number.POSITIVE_INFINITY]
  if (first !== second) return first < second ? -1 : 1
  const [left, right] = [a, b].map((each) => `${each.gateway}\0${each.interface}\0${each.publicKey}`)
  return (left ?? '') < (right ?? '') ? -1 : 1
}
