/**
 * What `--remove` may take away: only what carries our stamp under a name of ours, and nothing that a data stream or a template that stays lives by. Data streams stay: the
 * documents are not ours to delete.
 */
import type { ArtefactKind, Json, JsonObject } from '../artefact.ts'
import { governs } from './existing-streams.ts'
import { isList, isObject, objectAt, textsOf } from './json-object.ts'
import { flatSettings } from './normal-form.ts'
import { type Found, stamped } from './plan.ts'

export type Removal = {
  readonly kind: ArtefactKind
  readonly name: string
  /** Why it must stay, '' = it goes. */
  readonly kept: string
}

/** What is named by another goes after it. */
const ORDER: readonly ArtefactKind[] = ['index-template', 'component-template', 'ingest-pipeline', 'role']

/** Why a thing with our stamp stays that has none of our names. */
export const COPIED = 'it has our stamp and none of our names: somebody’s copy'

/** `streams`: names of the data streams that exist; `isOwn`: own-names.ts. */
export function planRemoval(
  found: Found,
  streams: readonly string[],
  isOwn: (kind: ArtefactKind, name: string) => boolean,
): Removal[] {
  const all = stamped(found).sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
  const going = new Set(all.filter(({ kind, name }) => isOwn(kind, name)).map(keyOf))
  const removals: Removal[] = []
  // In this order what is asked of a thing is settled for everything that may name it.
  for (const { kind, name } of all) {
    const kept = going.has(keyOf({ kind, name })) ? userOf(kind, name, found, going, streams) : COPIED
    if (kept !== '') going.delete(keyOf({ kind, name }))
    removals.push({ kind, name, kept })
  }
  return removals
}

/** Who lives by it, '' = nobody. `going`: what is taken away, as far as that is known. */
function userOf(
  kind: ArtefactKind,
  name: string,
  found: Found,
  going: ReadonlySet<string>,
  streams: readonly string[],
): string {
  const staying = (each: ArtefactKind) =>
    [...(found.get(each) ?? [])].filter(([other]) => !going.has(keyOf({ kind: each, name: other })))
  switch (kind) {
    case 'index-template': {
      const body = found.get(kind)?.get(name) ?? {}
      const stream = streams.find((each) => governs(body, each))
      return stream === undefined ? '' : `the data stream ${stream} uses it`
    }
    case 'component-template': {
      // Also templates of other people may be composed of a part of ours.
      const [user] = staying('index-template').find(([, body]) => textsOf(body['composed_of']).includes(name)) ?? []
      return user === undefined ? '' : `the index template ${user} uses it`
    }
    case 'ingest-pipeline': {
      // Documents sent to an index whose pipeline is gone are refused.
      if (streams.length > 0) return 'data streams send their documents through it'
      const templates = [...staying('index-template'), ...staying('component-template')]
      const [user] = templates.find(([, body]) => pipelinesOf(body).includes(name)) ?? []
      if (user !== undefined) return `the template ${user} sends documents through it`
      const [caller] = staying(kind).find(([other, body]) => other !== name && calls(body, name)) ?? []
      return caller === undefined ? '' : `the ingest pipeline ${caller} calls it`
    }
    case 'role':
      return ''
  }
}

function pipelinesOf(template: JsonObject): readonly string[] {
  const { settings = {} } = objectAt(template, 'template')
  const { 'index.default_pipeline': first, 'index.final_pipeline': final } = flatSettings(settings)
  return [first, final].filter((name) => typeof name === 'string')
}

/** At any depth: processors stand in `foreach`, `on_failure` and lists. */
function calls(value: Json, pipeline: string): boolean {
  if (isList(value)) return value.some((each) => calls(each, pipeline))
  if (!isObject(value)) return false
  return objectAt(value, 'pipeline')['name'] === pipeline || Object.values(value).some((each) => calls(each, pipeline))
}

function keyOf({ kind, name }: { readonly kind: ArtefactKind; readonly name: string }): string {
  return `${kind} ${name}`
}
