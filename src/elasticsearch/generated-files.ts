/**
 * The files of this repository that are generated: what the installer sends, for those who read it first or have other means to send
 * it. Each file is the body of one PUT, named after the thing. They are made for a server that has all that its kind ships.
 */
import type { Artefact, Target } from './artefact.ts'
import { artefactsFor } from './artefacts.ts'
import { prettyJson } from './pretty-json.ts'
import { roles } from './roles.ts'
import { abilitiesOf, type Engine } from './server.ts'

/** Folders that hold nothing else but generated JSON, with `/` between their steps. */
export const GENERATED_FOLDERS: readonly string[] = ['mappings', 'pipelines/ingest']

type Variant = { readonly folder: string; readonly target: Target }

/** The first variant of an engine is complete; of the others only what differs is written. */
const VARIANTS: readonly (readonly [first: Variant, ...rest: Variant[]])[] = [
  [
    variant('elasticsearch', 'elasticsearch', '9.5.0', 'time-series'),
    variant('elasticsearch-standard-metrics', 'elasticsearch', '9.5.0', 'standard'),
    variant('elasticsearch-8.19', 'elasticsearch', '8.19.0', 'time-series'),
  ],
  [variant('opensearch', 'opensearch', '3.0.0', 'time-series')],
]

/** Text of every generated file by its path below the repository, with `/`. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const [first, ...rest] of VARIANTS) {
    const whole = new Map(artefactsFor(first.target).map((each) => [keyOf(each), textOf(each)]))
    for (const each of artefactsFor(first.target)) files.set(pathOf(first.folder, each), textOf(each))
    for (const { folder, target } of rest) {
      for (const each of artefactsFor(target)) {
        if (whole.get(keyOf(each)) !== textOf(each)) files.set(pathOf(folder, each), textOf(each))
      }
    }
  }
  for (const each of roles()) files.set(pathOf('roles', each), textOf(each))
  return files
}

function variant(folder: string, engine: Engine, version: string, metrics: Target['metrics']): Variant {
  return { folder, target: { engine, can: abilitiesOf(engine, version), metrics, processors: null } }
}

function pathOf(folder: string, { kind, name }: Artefact): string {
  switch (kind) {
    case 'ingest-pipeline':
      return `pipelines/ingest/${folder}/${name}.json`
    case 'component-template':
      return `mappings/${folder}/component-templates/${name}.json`
    case 'index-template':
      return `mappings/${folder}/index-templates/${name}.json`
    case 'role':
      return `mappings/${folder}/${name}.json`
  }
}

function keyOf({ kind, name }: Artefact): string {
  return `${kind} ${name}`
}

function textOf({ body }: Artefact): string {
  return prettyJson(body)
}
