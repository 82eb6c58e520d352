/** Every posture check, in the order of the screen within its area. A new check is a file beside the others and a line here. */
import type { PostureCheck, PostureKind } from './check.ts'
import { DIFFERENCE_CHECKS } from './difference-checks.ts'
import { EXCEPTION_KINDS } from './exceptions.ts'
import { noRequirement } from './no-requirement.ts'
import { oneWayPeer } from './one-way-peer.ts'
import { overbroad } from './overbroad.ts'
import { reachBeyondPolicy } from './reach-beyond-policy.ts'
import { runningNotStored } from './running-not-stored.ts'
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
]

/** Everything that a posture finding may be of: for documentation, and for the ids an exception may name. */
export const POSTURE_KINDS: readonly PostureKind[] = [...POSTURE_CHECKS, ...EXCEPTION_KINDS]
