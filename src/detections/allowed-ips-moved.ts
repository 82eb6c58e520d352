/**
 * A peer got a prefix that the inventory documents for another peer of the interface. WireGuard gives each address to one key only
 * (cryptokey routing, wireguard.com): what is sent to that address goes to this peer now, and what this peer sends looks like the other.
 */

import { setAllowedIps } from '../identity/inventory-diff-mend.ts'
import { prefixesText } from '../identity/inventory-diff-text.ts'
import { DAY } from '../time.ts'
import { createChangeCheck, isChange } from './catalogue/change-check.ts'
import type { DetectionAbout, DetectionKind, SeenDocument } from './catalogue/detection.ts'
import {
  documentedPeer,
  documentedPrefixes,
  documentsPeers,
  otherHolder,
  uncovered,
} from './catalogue/documented-peer.ts'
import { ACCOUNT_MANIPULATION, VALID_ACCOUNTS } from './catalogue/key-techniques.ts'
import { peerName } from './catalogue/thresholds.ts'

const ABOUT: DetectionAbout = {
  id: 'allowed-ips-moved',
  title: 'Tunnel address moved to another peer',
  severity: 3,
  origin: 'detection',
  description:
    'A key holds a prefix that is documented for another peer. On one interface an address belongs to one key: the other peer lost it, ' +
    'and everything that goes by addresses (firewall rules, servers’ logs) takes this peer for the other.',
  runbook: [
    'See who held the address before and who holds it now: `peertrail who ADDRESS`.',
    'Ask who changed the gateway then: `peertrail search "event.dataset : wireguard.audit and process.name : (wg or wg-quick)"`.',
    'Look at what came from the address since: `peertrail timeline PEER`.',
    'Set the documented list again on both peers, or document that the address moved.',
  ],
  attack: [ACCOUNT_MANIPULATION, VALID_ACCOUNTS],
  limits: { documented: 'for another peer of the interface, the prefix or one around it' },
  suppression: DAY,
  baseline: 0,
  query: 'event.dataset : "wireguard.session" and event.action : ("allowed-ips-changed" or "peer-added")',
  knownGaps: [
    'Whether the other peer runs at that time is not looked at: an address that is handed on without an inventory change is told.',
    'Of a new key that is documented nowhere, peer-added-undocumented and key-rotated-undocumented tell whose addresses it has.',
    'Where the inventory documents neither peer for the prefix, a move is told as allowed-ips-widened.',
    'A prefix wider than the other’s documented one moves no address of it and is told as allowed-ips-widened.',
    'Without an inventory nothing is said.',
  ],
}

const isAdded = isChange('peer-added')
const isChanged = isChange('allowed-ips-changed')

export const allowedIpsMoved: DetectionKind = {
  about: ABOUT,
  reads: ['wireguard.session'],
  wants: (event) => isChanged(event) || isAdded(event),
  open: (context) =>
    createChangeCheck(ABOUT, context, (document, place) => {
      const { inventory } = context
      if (!documentsPeers(inventory)) return null
      const { at, fields } = document
      const peer = documentedPeer(inventory, place)
      const gained = gainedBy(document)
      // A new key that nobody documented is told as that, with whose addresses it took.
      if (peer === null && isNew(document)) return null
      const owed = uncovered(gained, documentedPrefixes(peer, place, at)).map((prefix) => ({
        prefix,
        other: otherHolder(inventory, place, prefix, peer),
      }))
      const moved = owed.filter(({ other }) => other !== null)
      if (moved.length === 0) return null
      const others = [...new Set(moved.map(({ other }) => other?.name ?? ''))]
      const mend = peer === null ? '' : setAllowedIps(place.interface, place.publicKey, peer, at)
      return {
        what: `moved ${moved.map(({ prefix }) => prefix).join(' ')}`,
        peer,
        summary: `${peerName(fields)} got ${prefixesText(moved.map(({ prefix }) => prefix))}, documented for ${others.slice(0, 3).join(', ')}${others.length > 3 ? ` and ${others.length - 3} more` : ''}`,
        ...(mend === '' ? {} : { mend: [mend] }),
      }
    }),
}

function isNew({ fields }: SeenDocument): boolean {
  return fields['event.action'] === 'peer-added'
}

function gainedBy(document: SeenDocument): string[] {
  const { fields } = document
  if (isNew(document)) return [...(fields['wireguard.peer.allowed_ips'] ?? [])]
  const before = new Set(fields['wireguard.change.before'])
  return (fields['wireguard.change.after'] ?? []).filter((prefix) => !before.has(prefix))
}
