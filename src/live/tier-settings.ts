/** What a tier is told by its pipeline file and inventory, read and checked as a whole. */
import { basename, dirname, resolve } from 'node:path'
import { type PipelineConfig, parsePipeline } from '../config.ts'
import { emptyInventory, parseInventory } from '../identity/inventory.ts'
import { readText } from '../read-text.ts'
import { loadFindingInputs } from './finding-inputs.ts'
import { stateDirOf } from './state-place.ts'
import type { TierSettings } from './tiers/tier.ts'

/** Null for a pipeline that reads logs. `state`: --state, '' = as the pipeline says. Throws AppError `cannot-read`, `bad-pipeline`, `bad-inventory`. */
export async function loadTierSettings(path: string, machine: string, state: string): Promise<TierSettings | null> {
  const base = dirname(resolve(path))
  const config = parsePipeline(await readText(path), basename(path))
  const { tier, kafka } = config
  if (tier === '' || kafka === null) return null
  const stateDir = state === '' ? stateDirOf(config, base) : resolve(state)
  const inventory = await inventoryOf(config, base)
  const findings = await loadFindingInputs(config, base)
  return { path, base, machine, tier, kafka, config, inventory, findings, stateDir }
}

async function inventoryOf({ inventory }: PipelineConfig, base: string) {
  if (inventory === '') return emptyInventory()
  const path = resolve(base, inventory)
  return parseInventory(await readText(path), basename(path))
}
