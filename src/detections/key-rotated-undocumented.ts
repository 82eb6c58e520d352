/**
 * A key was added that runs with the prefixes of a documented device, and the inventory does not give that device the key at that time:
 * a rotation nobody wrote down, or somebody else who takes the device's place.
 */
import { addKey, correctKeyDates, removePeer } from '../identity/inventory-diff-mend.ts'
import { keyText, periodText, placeText, prefixesText } from '../identity/inventory-diff-text.ts'
import { DAY } from '../time.ts'
import { createChangeCheck, isChange } from './catalogue/change-check.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import {
  documentedPeer,
  documentsPeers,
  isDocumentedHere,
  isKeyDocumentedAt,
  rotatedDevice,
} from './catalogue/documented-peer.ts'
import { ACCOUNT_MANIPULATION, VALID_ACCOUNTS } from './catalogue/key-techniques.ts'

const ABOUT: DetectionAbout = {
  id: 'key-rotated-undocumented',
  title: 'Key rotated without an inventory change',
  severity: 2,
  origin: 'detection',
  description:
    'A key was added with the prefixes of a documented device, and the inventory does not document that key for the device at that ' +
    'time. Most often a rotation was not written down. It is also how somebody with access to the gateway takes a device’s place.',
  runbook: [
    'Ask the owner of the device whether it has a new key, and compare its first characters.',
    'Ask who changed the gateway then: `peertrail search "event.dataset : wireguard.audit and process.name : (wg or wg-quick)"`.',
    'Document the key with its first day, and end the old one; or remove it: `wg set INTERFACE peer KEY remove`.',
  ],
  attack: [ACCOUNT_MANIPULATION, VALID_ACCOUNTS],
  limits: { slack: '5 min around documented dates' },
  suppression: DAY,
  baseline: 0,
  query: 'event.dataset : "wireguard.session" and event.action : "peer-added"',
  knownGaps: [
    'A key that takes over only some of the prefixes is told as peer-added-undocumented or allowed-ips-moved.',
    'A rotation between two runs of the collector is not seen as one: unknown-peer tells the key when it is used.',
    'Without an inventory nothing is said.',
  ],
}

export const keyRotatedUndocumented: DetectionKind = {
  about: ABOUT,
  reads: ['wireguard.session'],
  wants: isChange('peer-added'),
  open: (context) =>
    createChangeCheck(ABOUT, context, ({ at, fields }, place) => {
      const { inventory } = context
      if (!documentsPeers(inventory)) return null
      const prefixes = fields['wireguard.peer.allowed_ips'] ?? []
      const known = documentedPeer(inventory, place)
      const key = known?.keys.find(({ publicKey }) => publicKey === place.publicKey)
      const added = `Key ${keyText(place.publicKey)} was added to ${placeText(place.gateway, place.interface)} with ${prefixesText(prefixes)}`
      if (known !== null && key !== undefined) {
        if (!isDocumentedHere(known, place) || isKeyDocumentedAt(known, place.publicKey, at)) return null
        const isEarly = key.since !== null && at < key.since
        return {
          what: 'rotated',
          peer: known,
          // A key that had ended comes back: its device has another one now.
          severity: isEarly ? 2 : 3,
          summary: `${added}: a key of ${known.name} that is documented ${periodText(key)}`,
          mend: [removePeer(place.interface, place.publicKey), correctKeyDates(key, isEarly)],
        }
      }
      const device = rotatedDevice(inventory, place, prefixes, at)
      if (device === null) return null
      return {
        what: 'rotated',
        peer: device,
        summary: `${added}, documented for ${device.name}, which has no such key`,
        mend: [removePeer(place.interface, place.publicKey), addKey(place.publicKey)],
      }
    }),
}
