/** What detections are given beside documents and inventory: users' own rules, and where addresses are. */
import { resolve } from 'node:path'
import type { PipelineConfig } from '../config.ts'
import type { DetectionKind } from '../detections/catalogue/detection.ts'
import type { Locate } from '../identity/geo.ts'
import { readBytes } from '../read-text.ts'
import { safeText } from '../safe-text.ts'

export type FindingInputs = {
  readonly rules: readonly DetectionKind[]
  /** Absent without a database. */
  readonly locate?: Locate
}

/** `base`: directory of the pipeline file. Throws AppError `cannot-read`, and `bad-rules` for rules that are none. */
export async function loadFindingInputs(
  { rules, geo }: Pick<PipelineConfig, 'rules' | 'geo'>,
  base: string,
): Promise<FindingInputs> {
  const loaded = await loadOwnRules(rules.map((path) => resolve(base, path)))
  if (geo === '') return { rules: loaded }
  const { openGeoDatabase } = await import('../identity/geo.ts')
  const path = resolve(base, geo)
  return { rules: loaded, locate: openGeoDatabase(await readBytes(path), safeText(path)) }
}

/** Who has none does without the 7 MB that reading them takes. */
async function loadOwnRules(paths: readonly string[]): Promise<readonly DetectionKind[]> {
  if (paths.length === 0) return []
  const { loadRules } = await import('../detections/rules/load-rules.ts')
  return loadRules(paths)
}
