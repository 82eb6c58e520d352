/**
 * What one inventory says of each key over time, in stretches. As in documents (identity-facets.ts) a key names its device also outside
 * its documented dates; the dates only decide between two devices that list the same key.
 */
import type { Inventory } from '../../identity/inventory.ts'
import { holdsAt, type InventoryPeer } from '../../identity/inventory-entries.ts'
import { compareText } from '../../kql/text-match.ts'
import { ALL_TIME } from '../../store/event-reader.ts'
import type { Micros } from '../../time.ts'
import type { Holder, KnownHolder } from './names.ts'

export type KnownHolders = {
  /** Sorted by key and time. */
  readonly known: readonly KnownHolder[]
  at(publicKey: string, at: Micros): KnownHolder | null
  /** Keys, sorted, that two entries give to different holders at the same time: of those times nothing is known. */
  readonly disputed: readonly string[]
}

type Listing = { readonly peer: InventoryPeer; readonly since: Micros | null; readonly until: Micros | null }

/** Cost grows with keys and the dated changes of each. */
export function knownHolders(inventory: Inventory): KnownHolders {
  const people = new Map(inventory.people.map((person) => [person.email, person]))
  const byKey = new Map<string, KnownHolder[]>()
  const disputed = new Set<string>()
  for (const [publicKey, listings] of listingsOf(inventory)) {
    const cuts = new Set<Micros>([ALL_TIME.since])
    const note = (at: Micros | null) => {
      if (at !== null && at > ALL_TIME.since && at < ALL_TIME.until) cuts.add(at)
    }
    for (const { peer, since, until } of listings) {
      if (listings.length > 1) [since, until].forEach(note)
      for (const owner of peer.owners) {
        ;[owner.since, owner.until, people.get(owner.email)?.until ?? null].forEach(note)
      }
    }
    const stretches: KnownHolder[] = []
    for (const [i, since] of [...cuts].sort((a, b) => a - b).entries()) {
      const until = [...cuts].sort((a, b) => a - b)[i + 1] ?? ALL_TIME.until
      const holder = holderOf(inventory, publicKey, listings, since)
      const last = stretches.at(-1)
      if (holder === null) disputed.add(publicKey)
      else if (last !== undefined && last.until === since && holderIdentity(last) === holderIdentity(holder))
        stretches[stretches.length - 1] = { ...last, until }
      else stretches.push({ ...holder, since, until })
    }
    byKey.set(publicKey, stretches)
  }
  return {
    known: [...byKey].sort((a, b) => compareText(a[0], b[0])).flatMap(([, stretches]) => stretches),
    at: (publicKey, at) => byKey.get(publicKey)?.find(({ since, until }) => since <= at && at < until) ?? null,
    disputed: [...disputed].sort(compareText),
  }
}

/** The same text for holders that are alike. */
export function holderIdentity(holder: Holder): string {
  const { name, kind, device, groups, ownerName, ownerEmail } = holder
  return JSON.stringify([name, kind, device, groups, ownerName, ownerEmail])
}

function listingsOf(inventory: Inventory): Map<string, Listing[]> {
  const listings = new Map<string, Listing[]>()
  for (const peer of inventory.peers) {
    for (const { publicKey, since, until } of peer.keys) {
      const found = listings.get(publicKey)
      if (found === undefined) listings.set(publicKey, [{ peer, since, until }])
      else found.push({ peer, since, until })
    }
  }
  return listings
}

/** Null when two entries name different holders and the key's dates do not decide between them. */
function holderOf(inventory: Inventory, publicKey: string, listings: readonly Listing[], at: Micros): Holder | null {
  const only = (found: readonly Listing[]) => {
    const holders = found.map(({ peer }) => toHolder(inventory, publicKey, peer, at))
    const [first] = holders
    return first !== undefined && new Set(holders.map(holderIdentity)).size === 1 ? first : null
  }
  return only(listings) ?? only(listings.filter((listing) => holdsAt(listing, at)))
}

function toHolder(inventory: Inventory, publicKey: string, peer: InventoryPeer, at: Micros): Holder {
  const owner = inventory.ownerAt(peer, at)
  return {
    publicKey,
    name: peer.name,
    kind: peer.kind,
    device: peer.device,
    groups: inventory.groupsAt(peer, at),
    ownerName: owner?.name ?? '',
    ownerEmail: owner?.email ?? '',
  }
}
