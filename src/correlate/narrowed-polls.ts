/**
 * What the polls would have shown, had there been one just before and one just after the programs that changed the peers ran
 * (design 5.2): a change between two polls is then known to lie between those two moments. Only where the audit log shows such a
 * program; peers changed by another way in the same time would be dated with it, which the documents of method say.
 */
import type { PeerRow, SnapshotRecord } from '../sources/wireguard/record.ts'
import type { ChangeWindow } from './change-times.ts'

/** Polls in order of time, `next` the last of them; alone where nothing narrows it. */
export function narrowPolls(
  previous: SnapshotRecord | null,
  next: SnapshotRecord,
  window: ChangeWindow | null,
): readonly SnapshotRecord[] {
  if (previous === null || window === null || !next.isComplete || !hasMovedPeers(previous, next)) return [next]
  const polls: SnapshotRecord[] = []
  if (window.from > previous.at && window.from < next.at)
    polls.push({ ...previous, at: window.from, arrival: next.arrival })
  if (window.to > Math.max(window.from, previous.at) && window.to < next.at) {
    polls.push({ ...next, at: window.to, peers: holdersOf(previous, next) })
  }
  return [...polls, next]
}

/** The peers and prefixes of the later poll; counters and endpoints as they were known then. */
function holdersOf(previous: SnapshotRecord, next: SnapshotRecord): readonly PeerRow[] {
  const before = byPeer(previous)
  return next.peers.map((row) => {
    const known = before.get(nameOf(row))
    if (known === undefined) return row
    return known.allowedIps.join() === row.allowedIps.join() ? known : { ...known, allowedIps: row.allowedIps }
  })
}

/** Whether prefixes have another holder than before; an interface that came or went is no change of peers. */
function hasMovedPeers(previous: SnapshotRecord, next: SnapshotRecord): boolean {
  if (previous.interfaces.length !== next.interfaces.length) return false
  const before = byPeer(previous)
  if (before.size !== next.peers.length) return true
  return next.peers.some((row) => before.get(nameOf(row))?.allowedIps.join() !== row.allowedIps.join())
}

function byPeer({ peers }: SnapshotRecord): ReadonlyMap<string, PeerRow> {
  return new Map(peers.map((row) => [nameOf(row), row]))
}

function nameOf({ interface: name, publicKey }: PeerRow): string {
  return `${name} ${publicKey}`
}
