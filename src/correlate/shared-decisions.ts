/**
 * One decision object for all flows that were decided alike: a million open flows have a few thousand different ones. Claims are
 * shared between two polls already, so each claim remembers the decisions made of it.
 */
import type { Claim } from '../identity/attribute.ts'
import type { InnerDecision } from './flow.ts'

/** Remembered of one claim; a peer that talks to more resources between two polls gets some objects twice. */
const DECISIONS_MAX = 16

export function createSharedDecisions(): (decision: InnerDecision) => InnerDecision {
  const byClaim = new WeakMap<Claim, InnerDecision[]>()
  return (decision) => {
    const known = byClaim.get(decision.claim)
    if (known === undefined) {
      byClaim.set(decision.claim, [decision])
      return decision
    }
    const same = known.find((each) => isSame(each, decision))
    if (same !== undefined) return same
    if (known.length < DECISIONS_MAX) known.push(decision)
    return decision
  }
}

function isSame(a: InnerDecision, b: InnerDecision): boolean {
  return (
    a.identity === b.identity &&
    a.resource === b.resource &&
    a.policy === b.policy &&
    a.role === b.role &&
    a.target === b.target
  )
}
