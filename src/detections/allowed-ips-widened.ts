/**
 * A running peer's AllowedIPs grew by prefixes the inventory does not document for it. Prefixes that are documented for another peer
 * are told by allowed-ips-moved.ts; what stood before a run, by overbroad-allowed-ips.ts.
 */
import { setAllowedIps } from '../identity/inventory-diff-mend.ts'
import { prefixesText } from '../identity/inventory-diff-text.ts'
import { DAY } from '../time.ts'
import { createChangeCheck, isChange } from './catalogue/change-check.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import {
  documentedPeer,
  documentedPrefixes,
  documentsPeers,
  otherHolder,
  prefixLength,
  uncovered,
} from './catalogue/documented-peer.ts'
import { ACCOUNT_MANIPULATION } from './catalogue/key-techniques.ts'
import { peerName } from './catalogue/thresholds.ts'

const ABOUT: DetectionAbout = {
  id: 'allowed-ips-widened',
  title: 'AllowedIPs widened without an inventory change',
  severity: 3,
  origin: 'detection',
  description:
    'A peer may send from, and receives what goes to, addresses that it was not given in the inventory. AllowedIPs are both the ' +
    'routing and the only access control of WireGuard itself.',
  runbook: [
    'Ask who changed the gateway then: `peertrail search "event.dataset : wireguard.audit and process.name : (wg or wg-quick)"`.',
    'Look at what came from the new addresses: `peertrail timeline PEER`.',
    'Set the documented list again with the command of the finding, or document the prefix with its requirement.',
  ],
  attack: [ACCOUNT_MANIPULATION],
  limits: { documented: 'a prefix of the peer, or part of one' },
  suppression: DAY,
  baseline: 0,
  query: 'event.dataset : "wireguard.session" and event.action : "allowed-ips-changed"',
  knownGaps: [
    'What ran with too much before the first poll is told by overbroad-allowed-ips, once a day.',
    'A prefix within one that ran before is not new to the peer, though it takes precedence over wider ones of other peers.',
    'A change undone between two polls is invisible.',
    'Without an inventory nothing is said.',
  ],
}

export const allowedIpsWidened: DetectionKind = {
  about: ABOUT,
  reads: ['wireguard.session'],
  wants: isChange('allowed-ips-changed'),
  open: (context) =>
    createChangeCheck(ABOUT, context, ({ at, fields }, place) => {
      const { inventory } = context
      if (!documentsPeers(inventory)) return null
      const peer = documentedPeer(inventory, place)
      const before = fields['wireguard.change.before'] ?? []
      const after = fields['wireguard.change.after'] ?? []
      const added = uncovered(after, [...before, ...documentedPrefixes(peer, place, at)]).filter(
        (prefix) => otherHolder(inventory, place, prefix, peer) === null,
      )
      if (added.length === 0) return null
      const mend = peer === null ? '' : setAllowedIps(place.interface, place.publicKey, peer, at)
      return {
        what: `widened ${added.join(' ')}`,
        peer,
        // Every address there is.
        ...(added.some((prefix) => prefixLength(prefix) <= 1) ? { severity: 4 } : {}),
        summary: `${peerName(fields)} got ${prefixesText(added)}, which ${added.length === 1 ? 'is' : 'are'} not documented for it`,
        ...(mend === '' ? {} : { mend: [mend] }),
      }
    }),
}
