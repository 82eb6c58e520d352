/** What peers' packets and connections show. In order of names: a new one is a file in the folder above and a line here. */
import { deniedBurst } from '../denied-burst.ts'
import { firstAccess } from '../first-access.ts'
import { holderChanged } from '../holder-changed.ts'
import { hostSweep } from '../host-sweep.ts'
import { largeTransfer } from '../large-transfer.ts'
import { lateralMovement } from '../lateral-movement.ts'
import { longConnection } from '../long-connection.ts'
import { offHours } from '../off-hours.ts'
import { portScan } from '../port-scan.ts'
import { undocumentedAccess } from '../undocumented-access.ts'
import type { DetectionKind } from './detection.ts'

export const TRAFFIC_DETECTIONS: readonly DetectionKind[] = [
  deniedBurst,
  firstAccess,
  holderChanged,
  hostSweep,
  largeTransfer,
  lateralMovement,
  longConnection,
  offHours,
  portScan,
  undocumentedAccess,
]
