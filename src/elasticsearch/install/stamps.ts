/** Whose a thing on a cluster is: nothing without our stamp is ever changed or deleted, whatever its name. */
import { ARTEFACT_VERSION, type Artefact, type ArtefactKind, type JsonObject, MANAGED_BY } from '../artefact.ts'
import type { Engine } from '../server.ts'
import { objectAt } from './json-object.ts'

/** OpenSearch's pipelines take no `_meta`; there the description ends with this. */
const MARK = /\[managed by peertrail, version (\d{1,9})\]$/

/** Version of our stamp, null = not ours. `body` as the server gives it. */
export function stampedVersion(kind: ArtefactKind, body: JsonObject): number | null {
  const stamp = objectAt(body, kind === 'role' ? 'metadata' : '_meta')
  if (stamp['managed_by'] === MANAGED_BY) {
    const version = Number(stamp['version'])
    return Number.isInteger(version) ? version : 0
  }
  const { description } = body
  const [, version = ''] =
    kind === 'ingest-pipeline' && typeof description === 'string' ? (MARK.exec(description) ?? []) : []
  return version === '' ? null : Number(version)
}

/** As an engine takes it. */
export function stampedFor(engine: Engine, artefact: Artefact): Artefact {
  if (engine === 'elasticsearch' || artefact.kind !== 'ingest-pipeline') return artefact
  const { _meta: _, description = '', ...body } = artefact.body
  const mark = `[managed by peertrail, version ${ARTEFACT_VERSION}]`
  const text = typeof description === 'string' ? description : ''
  if (MARK.test(text)) return { ...artefact, body: { ...body, description: text } }
  return { ...artefact, body: { ...body, description: text === '' ? mark : `${text} ${mark}` } }
}
