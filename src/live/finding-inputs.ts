/** What detections are given beside documents and inventory: users' own rules, and where addresses are. */
import { resolve } from 'node:path'
import type { PipelineConfig } from '../config.ts'
import type { DetectionKind } from '../detections/catalogue/detection.ts'
import { loadRules } from '../detections/rules/load-rules.ts'
import { type Locate, openGeoDatabase } from '../identity/geo.ts'
import { readBytes } from '../read-text.ts'
import { safeText } from '../safe-text.ts'

export type FindingInputs = {
  readonly rules: readonly DetectionKind[]
  /** Absent without a database. */
  readonly locate?: Locate
}

/** `base`: directory of the pipeline file. Throws AppError `cannot-read`, and `bad-pipeline` for rules that are none. */
export async function loadFindingInputs(
  { rules, geo }: Pick<PipelineConfig, 'rules' | 'geo'>,
  base: string,
): Promise<FindingInputs> {
  const loaded = await loadRules(rules.map((path) => resolve(base, path)))
  if (geo === '') return { rules: loaded }
  const path = resolve(base, geo)
  return { rules: loaded, locate: openGeoDatabase(await readBytes(path), safeText(path)) }
}
