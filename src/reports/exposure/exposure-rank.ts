/**
 * Keys by how much would be open if they leaked: first those whose rules are known, by the number of restricted resources they reach,
 * then of all resources, then whether addresses beyond the catalogue are open and how many, then other peers. What a rule leaves
 * open to doubt counts as reached: a leak is judged by the worst.
 */
import { allAddresses, rangeSize } from '../../address-range.ts'
import type { Access } from '../../posture/reach-access.ts'
import { classRank, type Exposure } from './exposure.ts'

export type Ranked = {
  readonly exposure: Exposure
  /** Reached by rules; null = rules are not known. */
  readonly counts: ReachCounts | null
  /** Reached, and granted by nothing. */
  readonly overreach: number
}

export type ReachCounts = {
  readonly restricted: number
  readonly resources: number
  /** Share of all addresses of the family that is open widest, beyond resources and peers: 0 to 1. */
  readonly space: number
  readonly peers: number
}

/** Restricted, secret, confidential. */
const RESTRICTED_RANK = classRank('confidential')

/** The most exposed first; equal ones by gateway, interface, name and key. */
export function rankExposures(exposures: readonly Exposure[]): Ranked[] {
  return exposures
    .map((exposure) => ({ exposure, counts: countsOf(exposure), overreach: overreachOf(exposure) }))
    .sort((a, b) => compare(b.counts, a.counts) || (placeOf(a) < placeOf(b) ? -1 : 1))
}

function overreachOf({ resources }: Exposure): number {
  return resources.filter(({ byRules, isDocumented }) => (byRules === 'yes' || byRules === 'maybe') && !isDocumented)
    .length
}

function countsOf({ access, resources }: Exposure): ReachCounts | null {
  if (access === null) return null
  const reached = resources.filter(({ byRules }) => byRules === 'yes' || byRules === 'maybe')
  const peers = new Set(access.peers.map(({ interface: name, publicKey }) => `${name} ${publicKey}`))
  return {
    restricted: reached.filter(({ resource }) => classRank(resource.classification) <= RESTRICTED_RANK).length,
    resources: reached.length,
    space: spaceOf(access),
    peers: peers.size,
  }
}

/** Of boxes that differ in services only, the widest stretch of addresses counts. */
function spaceOf({ beyond }: Access): number {
  return ([4, 6] as const).reduce((most, family) => {
    const ranges = new Map(
      beyond
        .filter((each) => each.family === family)
        .map(({ box }) => [`${box.destination.low}-${box.destination.high}`, box.destination]),
    )
    const sum = [...ranges.values()].reduce((total, range) => total + rangeSize(range), 0)
    return Math.max(most, Math.min(1, sum / rangeSize(allAddresses(family))))
  }, 0)
}

/** Above 0 where `a` is the more exposed. */
function compare(a: ReachCounts | null, b: ReachCounts | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null)
  return a.restricted - b.restricted || a.resources - b.resources || a.space - b.space || a.peers - b.peers
}

function placeOf({ exposure: { peer } }: Ranked): string {
  return [peer.gateway, peer.interface, peer.name === '' ? '1' : '0', peer.name, peer.publicKey].join('\0')
}
