/** Every posture check, in the order of the screen within its area. A new check is a file beside the others and a line here. */
import { auditRules } from './audit-rules.ts'
import { auditState } from './audit-state.ts'
import type { PostureCheck, PostureKind } from './check.ts'
import { clockSynchronised } from './clock-synchronised.ts'
import { conntrackNotrack } from './conntrack-notrack.ts'
import { conntrackOffload } from './conntrack-offload.ts'
import { conntrackSettings } from './conntrack-settings.ts'
import { conntrackTable } from './conntrack-table.ts'
import { DIFFERENCE_CHECKS } from './difference-checks.ts'
import { EXCEPTION_KINDS } from './exceptions.ts'
import { fileWireguardModes } from './file-wireguard-modes.ts'
import { kernelPatchWindow } from './kernel-patch-window.ts'
import { kernelReboot } from './kernel-reboot.ts'
import { kernelRollback } from './kernel-rollback.ts'
import { kernelUpdate } from './kernel-update.ts'
import { kernelWireguard } from './kernel-wireguard.ts'
import { loggingRules } from './logging-rules.ts'
import { noRequirement } from './no-requirement.ts'
import { oneWayPeer } from './one-way-peer.ts'
import { overbroad } from './overbroad.ts'
import { privateKeyCopies } from './private-key-copies.ts'
import { reachBeyondPolicy } from './reach-beyond-policy.ts'
import { runningNotStored } from './running-not-stored.ts'
import { sensorPlacement } from './sensor-placement.ts'
import { stalePeer } from './stale-peer.ts'
import { storedNotRunning } from './stored-not-running.ts'
import { storedNotUp } from './stored-not-up.ts'
import { storedPrefixes } from './stored-prefixes.ts'

export const POSTURE_CHECKS: readonly PostureCheck[] = [
  // Running, stored, documented
  ...DIFFERENCE_CHECKS,
  storedNotRunning,
  runningNotStored,
  storedPrefixes,
  storedNotUp,
  // Peers
  overbroad,
  oneWayPeer,
  stalePeer,
  noRequirement,
  // Reach
  reachBeyondPolicy,
  // Private keys
  fileWireguardModes,
  privateKeyCopies,
  // Kernel
  kernelReboot,
  kernelUpdate,
  kernelPatchWindow,
  kernelWireguard,
  kernelRollback,
  // Logging rules
  loggingRules,
  // Connection tracking
  conntrackSettings,
  conntrackTable,
  conntrackNotrack,
  conntrackOffload,
  // Audit
  auditState,
  auditRules,
  // Sensors
  sensorPlacement,
  // Clock
  clockSynchronised,
]

/** Everything that a posture finding may be of: for documentation, and for the ids an exception may name. */
export const POSTURE_KINDS: readonly PostureKind[] = [...POSTURE_CHECKS, ...EXCEPTION_KINDS]
