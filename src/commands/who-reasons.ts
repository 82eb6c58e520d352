/** Why an attribution is not exact, and what would make it so: one sentence each for people (docs/operations.md has the codes). */
import type { Reason } from '../identity/attribute.ts'

export type ReasonWords = {
  /** What is the matter. */
  readonly why: string
  /** What would make it certain; '' where it is. */
  readonly remedy: string
}

const REASONS: { readonly [reason in Exclude<Reason, ''>]: ReasonWords } = {
  'holder-changing': {
    why: 'The address changed hands, or the interface was down, between the polls around that time.',
    remedy:
      'A more exact time, or a time outside of these two polls, names one key; shorter polls make the doubt shorter.',
  },
  'ledger-gap': {
    why: 'The polls around that time are further apart than three periods, so a change could have come and gone unseen.',
    remedy: 'Nothing can make this time certain any more; see the gap of the wireguard source.',
  },
  'ledger-stale': {
    why: 'No poll came within three periods after that time, so nothing shows that the holder was still the same.',
    remedy: 'A poll soon after it would; of a time just past it is still to come.',
  },
  'not-observed': {
    why: 'That time is before the first poll, so nobody looked.',
    remedy: 'Older snapshots of `wg show all dump`, replayed too, would tell.',
  },
  'no-holder': {
    why: 'The polls around that time show nobody with a prefix for it: a packet from it was forged, came from the gateway itself, or came through a default route.',
    remedy: '',
  },
  'no-interface-evidence': {
    why: 'Several interfaces have peers with this address, and nothing says which one is meant.',
    remedy: 'A log rule with `iifname`, or a mark or zone for each interface, tells them apart.',
  },
  'default-route': {
    why: "Only a peer's 0.0.0.0/0 or ::/0 covers it: a packet to it went into that tunnel, but the address is not the peer's.",
    remedy: 'Narrower AllowedIPs would name the peer.',
  },
}

/** Null for '' and for a word no release has written. */
export function reasonWords(reason: string): ReasonWords | null {
  // hasOwn proves that `reason` is a key of the table.
  return Object.hasOwn(REASONS, reason) ? REASONS[reason as Exclude<Reason, ''>] : null
}

/** What is missing while a source of the gateway was silent. */
export function unseenBy(source: string): string {
  if (source === 'wireguard') return 'who held which address was not looked at'
  if (source === 'conntrack') return 'connections may be missing, with their ends, bytes and NAT'
  return source === 'nftables' ? 'accepted and denied packets may be missing' : 'what it would have told is missing'
}
