/** The kernels a machine was seen running, oldest first: patch cadence is read from them. */
import type { Micros } from '../time.ts'
import type { KernelSighting } from './check.ts'

/** Reboots into another kernel that are remembered: years of monthly updates. */
export const KERNELS_MAX = 64

/** `known` with one more look at it; a look that is older than the newest is passed over. */
export function withKernel(known: readonly KernelSighting[], release: string, at: Micros): readonly KernelSighting[] {
  const newest = known.at(-1)
  if (newest !== undefined && at < newest.until) return known
  if (newest?.release === release) return [...known.slice(0, -1), { ...newest, until: at }]
  return [...known, { release, since: at, until: at }].slice(-KERNELS_MAX)
}
