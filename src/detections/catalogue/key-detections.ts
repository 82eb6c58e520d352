/** What keys, their addresses and their endpoints show. In order of names: a new one is a file in the folder above and a line here. */
import { allowedIpsMoved } from '../allowed-ips-moved.ts'
import { allowedIpsWidened } from '../allowed-ips-widened.ts'
import { alternatingEndpoints } from '../alternating-endpoints.ts'
import { impossibleTravel } from '../impossible-travel.ts'
import { keyExpired } from '../key-expired.ts'
import { keyOverdue } from '../key-overdue.ts'
import { keyRotatedUndocumented } from '../key-rotated-undocumented.ts'
import { leaverKey } from '../leaver-key.ts'
import { newNetwork } from '../new-network.ts'
import { oneWayTraffic } from '../one-way-traffic.ts'
import { overbroadAllowedIps } from '../overbroad-allowed-ips.ts'
import { peerAddedUndocumented } from '../peer-added-undocumented.ts'
import { silentKeyWoke } from '../silent-key-woke.ts'
import { survivedRemoval } from '../survived-removal.ts'
import { unknownPeer } from '../unknown-peer.ts'
import type { DetectionKind } from './detection.ts'

export const KEY_DETECTIONS: readonly DetectionKind[] = [
  allowedIpsMoved,
  allowedIpsWidened,
  alternatingEndpoints,
  impossibleTravel,
  keyExpired,
  keyOverdue,
  keyRotatedUndocumented,
  leaverKey,
  newNetwork,
  oneWayTraffic,
  overbroadAllowedIps,
  peerAddedUndocumented,
  silentKeyWoke,
  survivedRemoval,
  unknownPeer,
]
