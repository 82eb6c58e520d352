/**
 * The running side of an inventory diff: every interface and key that runs, against what documents it. A key names its device also
 * outside its documented place and dates (design 5.2), so what ended for the device is told wherever its key runs.
 */

import { quoted, safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import type { Difference, RunningInterface, RunningPeer } from './inventory-diff.ts'
import {
  addAllowedIp,
  addInterface,
  addKey,
  addPeer,
  changeExpiry,
  changeOwner,
  changePlace,
  changePrefixExpiry,
  correctKeyDates,
  nextKey,
  removePeer,
  setAllowedIps,
} from './inventory-diff-mend.ts'
import { relatePrefixes } from './inventory-diff-prefixes.ts'
import { difference, hasEnded, type Sides } from './inventory-diff-sides.ts'
import { dateText, keyText, periodText, placeText, prefixesText } from './inventory-diff-text.ts'
import { holdsAt, type InventoryPeer } from './inventory-entries.ts'

/** One running key, with the entry that documents it. */
type Known = {
  readonly place: RunningInterface
  readonly row: RunningPeer
  readonly peer: InventoryPeer
  readonly sides: Sides
}

/** In no particular order. */
export function runningDifferences(place: RunningInterface, sides: Sides): Difference[] {
  const ofPeers = place.peers.flatMap((row) => {
    const peer = sides.inventory.peerByKey(place.gateway, place.interface, row.publicKey)
    return peer === null ? [unknownPeer(place, row, sides)] : knownPeer({ place, row, peer, sides })
  })
  return [unknownInterface(place, sides), ...ofPeers].filter((each) => each !== null)
}

function knownPeer(known: Known): (Difference | null)[] {
  const { place, peer } = known
  const isHere = peer.gateway === place.gateway && peer.interface === place.interface
  const ended = [keyOutsideDates(known), peerExpired(known), ownerDifference(known)]
  // AllowedIPs documented for another interface say nothing about this one.
  if (!isHere) return [...ended, keyElsewhere(known)]
  return [...ended, rotationOverdue(known), ...prefixDifferences(known)]
}

function unknownInterface(place: RunningInterface, sides: Sides): Difference | null {
  const { gateway, interface: name, peers } = place
  if (sides.isDocumentedInterface(gateway, name)) return null
  const held = `${peers.length} ${peers.length === 1 ? 'peer' : 'peers'}`
  return difference('unknown-interface', {
    gateway,
    interface: name,
    running: held,
    text: `Interface ${safeText(name)} runs with ${held} and is not documented.`,
    mend: { inventory: addInterface(gateway, name), command: '' },
  })
}

function unknownPeer(place: RunningInterface, row: RunningPeer, sides: Sides): Difference {
  const device = addressesDocumentedFor(place, row, sides)
  const hint = device === null ? '' : `; its addresses are documented for ${quoted(device.name)}`
  return difference('unknown-peer', {
    ...rowParts(place, row),
    running: row.allowedIps.join(', '),
    text: `Key ${keyText(row.publicKey)} runs with ${prefixesText(row.allowedIps)} and is documented nowhere${hint}.`,
    mend: {
      // A new key on the addresses of a documented device is most often a rotation nobody wrote down.
      inventory: device === null ? addPeer(place, row) : addKey(row.publicKey),
      command: removePeer(place.interface, row.publicKey),
    },
  })
}

/** The first peer of this interface that is documented with all the prefixes the key runs with. */
function addressesDocumentedFor(place: RunningInterface, row: RunningPeer, sides: Sides): InventoryPeer | null {
  const [first, ...rest] = row.allowedIps.map((prefix) => sides.documentedFor(place.gateway, place.interface, prefix))
  return first?.find((peer) => rest.every((others) => others.includes(peer))) ?? null
}

function keyOutsideDates(known: Known): Difference | null {
  const { place, row, peer, sides } = known
  const key = peer.keys.find(({ publicKey }) => publicKey === row.publicKey)
  if (key === undefined || holdsAt(key, sides.at)) return null
  const isEarly = key.since !== null && sides.at < key.since
  const next = peer.keys.find((other) => other !== key && holdsAt(other, sides.at))
  const successor = isEarly || next === undefined ? '' : `; key ${keyText(next.publicKey)} replaced it`
  const when = isEarly
    ? `already runs, documented only from ${dateText(key.since)} on`
    : `still runs, documented until ${dateText(key.until)}`
  return difference('key-outside-dates', {
    ...knownParts(known),
    documented: periodText(key),
    running: row.allowedIps.join(', '),
    text: `Key ${keyText(row.publicKey)} of ${quoted(peer.name)} ${when}${successor}.`,
    mend: {
      inventory: correctKeyDates(key, isEarly),
      command: removePeer(place.interface, row.publicKey),
    },
  })
}

function peerExpired(known: Known): Difference | null {
  const { place, row, peer, sides } = known
  if (peer.expires === null || sides.at < peer.expires) return null
  return difference('peer-expired', {
    ...knownParts(known),
    documented: `expires ${dateText(peer.expires)}`,
    running: row.allowedIps.join(', '),
    text: `${quoted(peer.name)} expired on ${dateText(peer.expires)} and still runs.`,
    mend: { inventory: changeExpiry(), command: removePeer(place.interface, row.publicKey) },
  })
}

function ownerDifference(known: Known): Difference | null {
  const { place, row, peer, sides } = known
  const owner = sides.inventory.ownerAt(peer, sides.at)
  if (owner === null) {
    const last = peer.owners.at(-1)
    return difference('no-owner', {
      ...knownParts(known),
      documented: last === undefined ? '' : `${last.email} ${periodText(last)}`.trim(),
      running: row.allowedIps.join(', '),
      text: `${quoted(peer.name)} runs, and nobody is documented as its owner${last === undefined ? '' : ' now'}.`,
      mend: { inventory: changeOwner(peer, null), command: '' },
    })
  }
  if (owner.until === null || sides.at < owner.until) return null
  return difference('owner-left', {
    ...knownParts(known),
    documented: `${owner.email} until ${dateText(owner.until)}`,
    running: row.allowedIps.join(', '),
    text: `${quoted(peer.name)} still runs; its owner ${quoted(owner.email)} left on ${dateText(owner.until)}.`,
    mend: { inventory: changeOwner(peer, owner.until), command: removePeer(place.interface, row.publicKey) },
  })
}

function keyElsewhere(known: Known): Difference {
  const { place, row, peer } = known
  const documented = placeText(peer.gateway, peer.interface)
  return difference('key-elsewhere', {
    ...knownParts(known),
    documented,
    running: row.allowedIps.join(', '),
    text: `Key ${keyText(row.publicKey)} of ${quoted(peer.name)} runs on ${placeText(place.gateway, place.interface)} and is documented for ${documented}.`,
    mend: {
      inventory: changePlace(place.gateway, place.interface),
      command: removePeer(place.interface, row.publicKey),
    },
  })
}

function rotationOverdue(known: Known): Difference | null {
  const { row, peer, sides } = known
  const key = peer.keys.find(({ publicKey }) => publicKey === row.publicKey)
  // Without a start nobody knows how old the key is; a key outside its dates is told as that.
  if (peer.rotateEvery === 0 || key === undefined || key.since === null || !holdsAt(key, sides.at)) return null
  const due: Micros = key.since + peer.rotateEvery
  if (due >= sides.at) return null
  return difference('rotation-overdue', {
    ...knownParts(known),
    documented: `rotation by ${dateText(due)}`,
    running: row.allowedIps.join(', '),
    text: `Key ${keyText(row.publicKey)} of ${quoted(peer.name)} is used since ${dateText(key.since)} and was to be replaced by ${dateText(due)}.`,
    mend: { inventory: nextKey(), command: '' },
  })
}

function prefixDifferences(known: Known): Difference[] {
  const { place, row, peer, sides } = known
  const documented = new Map(peer.allowedIps.map((entry) => [entry.prefix, entry]))
  const undocumented = row.allowedIps.filter((prefix) => !documented.has(prefix))
  const relation = relatePrefixes(undocumented, [...documented.keys()])
  const isOver = hasEnded(peer, row.publicKey, sides)
  const command = isOver ? '' : setAllowedIps(place.interface, row.publicKey, peer, sides.at)
  const added = undocumented.map((prefix) => {
    const others = sides.documentedFor(place.gateway, place.interface, prefix)
    const [other] = others
    const how = other === undefined ? relation(prefix) : `it is documented for ${quoted(other.name)}`
    return difference('prefix-undocumented', {
      ...knownParts(known),
      prefix,
      documented: others.map(({ name }) => name).join(', '),
      running: prefix,
      text: `${quoted(peer.name)} runs with ${prefix}, which is not documented for it${how === '' ? '' : `: ${how}`}.`,
      mend: { inventory: addAllowedIp(prefix), command },
    })
  })
  const isRunning = new Set(row.allowedIps)
  const expired = [...documented.values()]
    .filter(({ prefix, expires }) => expires !== null && expires <= sides.at && isRunning.has(prefix))
    .map(({ prefix, expires }) =>
      difference('prefix-expired', {
        ...knownParts(known),
        prefix,
        documented: `expires ${dateText(expires)}`,
        running: prefix,
        text: `${prefix} of ${quoted(peer.name)} expired on ${dateText(expires)} and still runs.`,
        mend: { inventory: changePrefixExpiry(prefix), command },
      }),
    )
  return [...added, ...expired]
}

function knownParts({ place, row, peer }: Known) {
  return { ...rowParts(place, row), peer: peer.name }
}

function rowParts(place: RunningInterface, row: RunningPeer) {
  return {
    gateway: place.gateway,
    interface: place.interface,
    publicKey: row.publicKey,
    lastHandshake: row.lastHandshake,
  }
}
