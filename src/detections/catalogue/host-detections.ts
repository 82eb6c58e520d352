/** What sessions of peers do on hosts and gateways. In order of names: a new one is a file in the folder above and a line here. */
import { firewallChanged } from '../firewall-changed.ts'
import { hostileLogin } from '../hostile-login.ts'
import { hostileProcessName } from '../hostile-process-name.ts'
import { privilegeFromPeer } from '../privilege-from-peer.ts'
import { watchedFile } from '../watched-file.ts'
import { wireguardKeysTouched } from '../wireguard-keys-touched.ts'
import type { DetectionKind } from './detection.ts'

export const HOST_DETECTIONS: readonly DetectionKind[] = [
  firewallChanged,
  hostileLogin,
  hostileProcessName,
  privilegeFromPeer,
  watchedFile,
  wireguardKeysTouched,
]
