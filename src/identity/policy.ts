/**
 * Documented access: which groups may reach which resources, and when (design 8.2). Lines add up, none takes away; no line means
 * undocumented access. It says nothing about what the firewall does: that is the rule's verdict.
 */
import type { Micros } from '../time.ts'
import { holdsAt, type PolicyLine } from './inventory-entries.ts'

export type PolicyFor = (groups: readonly string[], resourceName: string, at: Micros) => 'allowed' | 'violation'

export function createPolicyFor(policy: readonly PolicyLine[]): PolicyFor {
  const linesOf = new Map<string, PolicyLine[]>()
  for (const line of policy) {
    for (const name of new Set(line.resources)) {
      const lines = linesOf.get(name)
      if (lines === undefined) linesOf.set(name, [line])
      else lines.push(line)
    }
  }
  return (groups, resourceName, at) => {
    const lines = linesOf.get(resourceName) ?? []
    const isAllowed = lines.some((line) => holdsAt(line, at) && line.groups.some((group) => groups.includes(group)))
    return isAllowed ? 'allowed' : 'violation'
  }
}
