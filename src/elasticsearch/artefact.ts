/** What is installed on a cluster: the things we generate, each stamped as ours. */
import type { Abilities, Engine } from './server.ts'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }
export type JsonObject = { readonly [name: string]: Json }

export type ArtefactKind = 'component-template' | 'index-template' | 'ingest-pipeline' | 'role'

export type Artefact = {
  readonly kind: ArtefactKind
  readonly name: string
  /** What is PUT; holds the stamp (`stamp`). */
  readonly body: JsonObject
}

/** What the artefacts are made for. */
export type Target = {
  readonly engine: Engine
  readonly can: Abilities
  /** `standard`: a plain metrics stream, which takes points of any age. */
  readonly metrics: 'time-series' | 'standard'
  /** Ingest processors the server has; null = all that its kind ships. */
  readonly processors: ReadonlySet<string> | null
}

/** In `_meta` (of a role: `metadata`) of everything we install; without it a thing is not ours, whatever its name. */
export const MANAGED_BY = 'peertrail'
/** Raised with every change of what is generated; a cluster with a higher one was set up by a later release. */
export const ARTEFACT_VERSION = 1
export const ECS_VERSION = '9.4.0'

/** The stamp. */
export function stamp(): JsonObject {
  return { managed_by: MANAGED_BY, version: ARTEFACT_VERSION, ecs_version: ECS_VERSION }
}
