/** Everything that is installed on a cluster but its roles (roles.ts). */
import type { Artefact, Target } from './artefact.ts'
import { stampedFor } from './install/stamps.ts'
import { componentTemplates } from './mappings/component-templates.ts'
import { indexTemplates } from './mappings/index-templates.ts'
import { ingestPipelines } from './mappings/ingest-pipelines.ts'

/** Each as the engine takes it, in the order of installation: what is named by another comes before it. Removal goes the other way round. */
export function artefactsFor(target: Target): Artefact[] {
  return [...ingestPipelines(target), ...componentTemplates(target), ...indexTemplates(target)].map((each) =>
    stampedFor(target.engine, each),
  )
}
