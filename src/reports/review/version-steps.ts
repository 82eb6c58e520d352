/** Steps from one version of the inventory to another that gateways took in a period, and what each changed. Who edited the file is in no record. */
import type { Inventory } from '../../identity/inventory.ts'
import type { Micros } from '../../time.ts'
import type { InventoryUse, InventoryVersions } from '../names/inventory-versions.ts'
import type { ReportPeriod } from '../report-question.ts'
import { type InventoryChange, inventoryChanges } from './inventory-changes.ts'

export type VersionStep = {
  /** When a gateway first took it, and which. */
  readonly at: Micros
  readonly gateway: string
  /** Hashes; '' = nothing was recorded of that gateway before. */
  readonly before: string
  readonly after: string
  /** At most STEP_CHANGES_MAX; null = one of both versions cannot be read any more, or there is none before. */
  readonly changes: readonly InventoryChange[] | null
  readonly changeCount: number
}

export type VersionSteps = {
  /** Oldest first, each pair once; at most STEPS_MAX. */
  readonly steps: readonly VersionStep[]
  readonly count: number
  /** Of them those from a version that was recorded: where records begin, nothing came into use. */
  readonly changedCount: number
  /** Resources that some version in use in the period catalogues otherwise than the inventory of the report, or lacks. */
  readonly renamed: ReadonlySet<string>
}

export const STEPS_MAX = 100
export const STEP_CHANGES_MAX = 2_000

/** `standing`: the inventory that names the resources of this report. */
export function versionSteps(
  { versions, uses }: InventoryVersions,
  { from, to }: ReportPeriod,
  standing: Inventory | null,
): VersionSteps {
  const byHash = new Map(versions.map((version) => [version.hash, version.inventory]))
  const { taken, inUse } = usesOf(uses, { from, to })
  const steps = taken.slice(0, STEPS_MAX).map(({ before, after, at, gateway }): VersionStep => {
    const [was, is] = [byHash.get(before) ?? null, byHash.get(after) ?? null]
    const changes = was === null || is === null ? null : inventoryChanges(was, is)
    const told = changes?.slice(0, STEP_CHANGES_MAX) ?? null
    return { at, gateway, before, after, changes: told, changeCount: changes?.length ?? 0 }
  })
  const catalogues = [...inUse].map((hash) => byHash.get(hash) ?? null)
  const changedCount = taken.filter(({ before }) => before !== '').length
  return { steps, count: taken.length, changedCount, renamed: renamedIn(standing, catalogues) }
}

type Step = Pick<VersionStep, 'at' | 'gateway' | 'before' | 'after'>

function usesOf(uses: readonly InventoryUse[], { from, to }: ReportPeriod): { taken: Step[]; inUse: Set<string> } {
  const current = new Map<string, string>()
  const taken = new Map<string, Step>()
  const inUse = new Set<string>()
  for (const { gateway, at, hash } of uses) {
    if (at >= to) break
    const before = current.get(gateway) ?? ''
    if (at >= from) {
      // What was in force before the first step of the period was in use in it too.
      inUse.add(before).add(hash)
      const step = `${before} ${hash}`
      if (before !== hash && !taken.has(step)) taken.set(step, { at, gateway, before, after: hash })
    }
    current.set(gateway, hash)
  }
  for (const hash of current.values()) inUse.add(hash)
  inUse.delete('')
  return { taken: [...taken.values()], inUse }
}

/** Records without any catalogue, or with one nobody can read, name no resource that could be counted on. */
function renamedIn(standing: Inventory | null, catalogues: readonly (Inventory | null)[]): Set<string> {
  const renamed = new Set<string>()
  if (standing === null) return renamed
  for (const other of catalogues.length === 0 ? [null] : catalogues) {
    if (other === null) for (const { name } of standing.resources) renamed.add(name)
    else if (other.hash !== standing.hash)
      // Who owns it, and how it is classified, changes nothing in what is counted under a name.
      for (const { part, name, field } of inventoryChanges(standing, other))
        if (part === 'resource' && ['', 'addresses', 'ports'].includes(field)) renamed.add(name)
  }
  return renamed
}
