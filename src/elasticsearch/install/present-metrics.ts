/** Which kind of metrics stream a cluster was set up with, so that an install that does not say leaves it so. */
import type { Target } from '../artefact.ts'
import { METRICS_DATASET, STREAMS } from '../streams.ts'
import { composed } from './composed.ts'
import { governs } from './existing-streams.ts'
import type { Found } from './plan.ts'
import { stampedVersion } from './stamps.ts'

/** Time series where nothing of ours is there. */
export function presentMetrics(found: Found): Target['metrics'] {
  const stream = STREAMS.find(({ dataset }) => dataset === METRICS_DATASET)
  const name = `${stream?.type}-${stream?.dataset}-default`
  const bodies = [...(found.get('index-template')?.values() ?? [])]
  const ours = bodies.find((body) => stampedVersion('index-template', body) !== null && governs(body, name))
  if (ours === undefined) return 'time-series'
  const { mode } = composed(ours, (part) => found.get('component-template')?.get(part) ?? null)
  return mode === 'time_series' ? 'time-series' : 'standard'
}
