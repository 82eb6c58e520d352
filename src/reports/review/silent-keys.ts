/** Keys that run and gave no sign in the period. Silence is only told where points were recorded; how long that was is part of it. */

import type { Inventory } from '../../identity/inventory.ts'
import { removePeer } from '../../identity/inventory-diff-mend.ts'
import { STALE_AFTER, stalePeer } from '../../posture/stale-peer.ts'
import type { Micros } from '../../time.ts'
import { documentedHolder } from '../standing/documented-holder.ts'
import type { KeySigns } from '../standing/key-signs.ts'
import { mendNow, type Standing } from '../standing/standing-gateways.ts'
import { lastOf, type UsedPlace } from '../standing/used-places.ts'

export type SilentKey = {
  readonly gateway: string
  readonly interface: string
  readonly publicKey: string
  readonly peer: string
  readonly ownerName: string
  readonly ownerEmail: string
  readonly allowedIps: readonly string[]
  /** Null = none is recorded. */
  readonly lastHandshake: Micros | null
  /** Newest document of a connection of it, at whichever end; null = none is recorded. */
  readonly lastFlow: Micros | null
  /** First point that tells of the key; null = none does. */
  readonly recordedSince: Micros | null
  /** Points of the period tell of it. False: whether it had a handshake is not known. */
  readonly isKnown: boolean
  /** It is silent for at least this long, by what is recorded; 0 where that is not known. */
  readonly silentFor: Micros
  /** Long enough to be called stale, as posture does. */
  readonly isStale: boolean
  readonly mend: readonly string[]
  /** Why the inventory accepts it, by its exception from `stale-peer`; '' = it does not. */
  readonly accepted: string
}

/** The longest silence first. Those without a point in the period come last: of them nobody knows. */
export function silentKeys(
  standing: Standing,
  signs: KeySigns,
  used: readonly UsedPlace[],
  from: Micros,
): readonly SilentKey[] {
  const byKey = Map.groupBy(used, ({ gateway, publicKey }) => `${gateway}\0${publicKey}`)
  const found = standing.gateways.flatMap(({ gateway, poll, running }) =>
    running.flatMap(({ interface: name, peers }) =>
      peers.flatMap(({ publicKey, allowedIps }): SilentKey[] => {
        const sign = signs.of(gateway, name, publicKey)
        const lastHandshake = sign?.lastHandshake ?? null
        if (lastHandshake !== null && lastHandshake >= from) return []
        const since = lastHandshake ?? sign?.firstSeen ?? null
        const isKnown = sign !== null && sign.lastSeen >= from
        const silentFor = since === null || !isKnown ? 0 : Math.max(0, poll - since)
        const holder = documentedHolder(standing.inventory, { gateway, interface: name, publicKey }, poll)
        return [
          {
            gateway,
            interface: name,
            publicKey,
            ...holder,
            allowedIps,
            lastHandshake,
            lastFlow: lastOf(byKey.get(`${gateway}\0${publicKey}`) ?? []),
            recordedSince: sign?.firstSeen ?? null,
            isKnown,
            silentFor,
            isStale: silentFor >= STALE_AFTER,
            mend: mendNow(standing, { gateway, interface: name, publicKey }, [removePeer(name, publicKey)]),
            accepted: acceptedText(standing.inventory, holder.peer, poll),
          },
        ]
      }),
    ),
  )
  return found.sort(
    (a, b) =>
      Number(b.isKnown) - Number(a.isKnown) ||
      b.silentFor - a.silentFor ||
      compare(a.gateway, b.gateway) ||
      compare(a.interface, b.interface) ||
      compare(a.publicKey, b.publicKey),
  )
}

function acceptedText(inventory: Inventory | null, peer: string, at: Micros): string {
  const found = inventory?.exceptions.find(
    (each) => each.check === stalePeer.id && each.peer === peer && (each.until === null || at < each.until),
  )
  return found === undefined || peer === '' ? '' : `${found.reason} (${found.approvedBy})`
}

/** By code unit: the same order on every machine. */
function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
