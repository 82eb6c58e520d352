/**
 * A running peer holds more addresses than it should: more than the inventory documents for it, a default route, or prefixes too wide
 * for one device. What is added while it is watched is told at once by allowed-ips-widened.ts; this tells what stands.
 */

import { fieldOf } from '../event.ts'
import type { Severity } from '../finding-document.ts'
import type { Inventory } from '../identity/inventory.ts'
import { setAllowedIps } from '../identity/inventory-diff-mend.ts'
import { relatePrefixes } from '../identity/inventory-diff-prefixes.ts'
import { prefixesText } from '../identity/inventory-diff-text.ts'
import type { InventoryPeer } from '../identity/inventory-entries.ts'
import { DAY, type Micros } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import {
  documentedPeer,
  documentedPrefixes,
  documentsPeers,
  isDocumentedHere,
  prefixLength,
  uncovered,
} from './catalogue/documented-peer.ts'
import { ACCOUNT_MANIPULATION } from './catalogue/key-techniques.ts'
import { createPeerCheck, type PeerFound, type PeerStretch } from './catalogue/peer-check.ts'
import { POINTS_TALLY } from './catalogue/peer-points.ts'
import { peerName } from './catalogue/thresholds.ts'

/** Prefix lengths: a device needs an address or a few. Shorter ones are a network, whatever the inventory says of it. */
const DEVICE_V4_LENGTH_MIN = 28
const DEVICE_V6_LENGTH_MIN = 64
/** Two halves of everything are everything. */
const DEFAULT_LENGTH_MAX = 1

const ABOUT: DetectionAbout = {
  id: 'overbroad-allowed-ips',
  title: 'Overbroad AllowedIPs',
  severity: 2,
  origin: 'detection',
  description:
    'A running peer may send from more addresses than it should, and gets what is sent to them when no other peer holds them: more than ' +
    'is documented, a default route, or a whole network for one device. High for an undocumented default route.',
  runbook: [
    'Compare both sides: `peertrail inventory diff`.',
    'Look whether addresses beyond the documented ones were used: `peertrail timeline PEER`.',
    'Set the documented list again with the command of the finding, or document the prefix with its requirement.',
    'If it must stay, document an exception with its end: `check: overbroad-allowed-ips`.',
  ],
  attack: [ACCOUNT_MANIPULATION],
  limits: {
    device: `wider than /${DEVICE_V4_LENGTH_MIN} (IPv4) or /${DEVICE_V6_LENGTH_MIN} (IPv6)`,
    documented: 'a prefix of the peer, or part of one',
    again: 'after 1 day',
  },
  suppression: DAY,
  baseline: 0,
  query: 'event.dataset : "wireguard.peer" and wireguard.peer.allowed_ips : *',
  knownGaps: [
    'A peer with one single address, another than documented, is told by `peertrail posture`.',
    'Of a key that no inventory knows only prefixes too wide for a device are told; unknown-peer tells the rest.',
    'Without an inventory only default routes are told.',
    'What firewall rules make of the addresses is not looked at.',
  ],
}

export const overbroadAllowedIps: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      ...POINTS_TALLY,
      // Most peers hold one address, and are not kept.
      keyOf: (event) => {
        const prefixes = fieldOf(event, 'wireguard.peer.allowed_ips')
        if (prefixes === undefined || (prefixes.length < 2 && prefixes.every(isOneAddress))) return null
        return POINTS_TALLY.keyOf(event)
      },
    },
  ],
  open: (context) =>
    createPeerCheck<never>(ABOUT, context, (stretch) => {
      const { place, fields } = stretch
      const { inventory } = context
      const running = fields['wireguard.peer.allowed_ips'] ?? []
      const peer = documentedPeer(inventory, place)
      // An expired prefix was documented: key-expired.ts tells it.
      const documented = documentedPrefixes(peer, place, Number.NEGATIVE_INFINITY)
      // AllowedIPs documented for another interface say nothing about this one.
      const isHeld = peer !== null && isDocumentedHere(peer, place)
      const undocumented = isHeld ? uncovered(running, documented) : []
      const wide = running.filter((prefix) => isTooWide(prefix, peer, inventory))
      const told = [...new Set([...undocumented, ...wide])]
      if (told.length === 0) return { memory: null, found: [] }
      return {
        memory: null,
        found: [toFound(stretch, peer, { told, undocumented, documented, isHeldAgainst: documentsPeers(inventory) })],
      }
    }),
}

type Prefixes = {
  readonly told: readonly string[]
  readonly undocumented: readonly string[]
  readonly documented: readonly string[]
  /** There is an inventory that could document them. */
  readonly isHeldAgainst: boolean
}

function toFound({ place, points, fields }: PeerStretch, peer: InventoryPeer | null, prefixes: Prefixes): PeerFound {
  const { told, undocumented, documented } = prefixes
  const relation = relatePrefixes(told, documented)
  const [only, ...more] = told
  const how = only === undefined || more.length > 0 ? '' : relation(only)
  const why =
    undocumented.length > 0
      ? `, which ${told.length === 1 ? 'is' : 'are'} not documented for it`
      : documented.length > 0
        ? ', as documented: a network for one device'
        : ''
  const mend =
    undocumented.length === 0 || peer === null ? '' : mendOf(place.interface, place.publicKey, peer, points[0].at)
  return {
    peer,
    points: [points[0]],
    what: told.join(' '),
    severity: severityOf(prefixes, peer),
    summary: `${peerName(fields)} runs with ${prefixesText(told)}${why}${how === '' ? '' : `: ${how}`}`,
    ...(mend === '' ? {} : { mend: [mend] }),
  }
}

/** What is documented is meant, and told as a reminder. A default route that nobody documented is the worst of it. */
function severityOf({ told, undocumented, documented, isHeldAgainst }: Prefixes, peer: InventoryPeer | null): Severity {
  if (undocumented.some(isDefault)) return 3
  if (peer !== null) return undocumented.length === 0 && documented.length > 0 ? 1 : 2
  return isHeldAgainst && told.some(isDefault) ? 3 : 2
}

/** Nobody is brought back by the command: an ended peer is removed instead, which other findings say. */
function mendOf(interfaceName: string, publicKey: string, peer: InventoryPeer, at: Micros): string {
  return peer.expires !== null && peer.expires <= at ? '' : setAllowedIps(interfaceName, publicKey, peer, at)
}

function isTooWide(prefix: string, peer: InventoryPeer | null, inventory: Inventory): boolean {
  if (!documentsPeers(inventory)) return isDefault(prefix)
  if (peer !== null && peer.kind !== 'device') return false
  return prefixLength(prefix) < (prefix.includes(':') ? DEVICE_V6_LENGTH_MIN : DEVICE_V4_LENGTH_MIN)
}

function isDefault(prefix: string): boolean {
  return prefixLength(prefix) <= DEFAULT_LENGTH_MAX
}

function isOneAddress(prefix: string): boolean {
  return prefix.endsWith(prefix.includes(':') ? '/128' : '/32')
}
