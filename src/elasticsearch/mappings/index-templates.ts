/** One index template a stream. */
import { ARTEFACT_VERSION, type Artefact, stamp, type Target } from '../artefact.ts'
import { STREAMS, type StreamKind, streamPattern } from '../streams.ts'
import { hookName, partsOf } from './component-templates.ts'

/** Above the stock templates (100) and those of Elastic's packages (200). */
const PRIORITY = 250

/** `logs-wireguard.flow` */
export function templateName({ type, dataset }: StreamKind): string {
  return `${type}-${dataset}`
}

/** One a stream; their parts must be there before. */
export function indexTemplates(target: Target): readonly Artefact[] {
  return STREAMS.map((stream) => {
    const hook = target.engine === 'elasticsearch' ? hookName(stream.type) : null
    const parts = partsOf(stream)
    return {
      kind: 'index-template',
      name: templateName(stream),
      body: {
        version: ARTEFACT_VERSION,
        _meta: { ...stamp(), description: `peertrail: ${stream.about}.` },
        index_patterns: [streamPattern(stream)],
        priority: PRIORITY,
        data_stream: {},
        composed_of: hook === null ? parts : [...parts, hook],
        // OpenSearch refuses parts that are not there, so it has no hook.
        ...(hook === null ? {} : { ignore_missing_component_templates: [hook] }),
      },
    }
  })
}
