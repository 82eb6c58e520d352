/**
 * What `--remove` may take away: only what carries our stamp, and nothing that a data stream still lives by. Data streams stay: the
 * documents are not ours to delete.
 */
import type { ArtefactKind, JsonObject } from '../artefact.ts'
import { governs } from './existing-streams.ts'
import { textsOf } from './json-object.ts'
import { type Found, stamped } from './plan.ts'

export type Removal = {
  readonly kind: ArtefactKind
  readonly name: string
  /** Why it must stay, '' = it goes. */
  readonly kept: string
}

/** What is named by another goes after it. */
const ORDER: readonly ArtefactKind[] = ['index-template', 'component-template', 'ingest-pipeline', 'role']

/** `streams`: names of the data streams that exist. */
export function planRemoval(found: Found, streams: readonly string[]): Removal[] {
  const templates = found.get('index-template') ?? new Map<string, JsonObject>()
  const stays = (name: string): string => {
    const stream = streams.find((each) => governs(templates.get(name) ?? {}, each))
    return stream === undefined ? '' : `the data stream ${stream} uses it`
  }
  const ours = stamped(found).sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
  const keeping = new Set(
    ours.filter(({ kind, name }) => kind === 'index-template' && stays(name) !== '').map(({ name }) => name),
  )
  const user = (part: string): string => {
    // Also templates of other people may be composed of a part of ours.
    const [name = ''] =
      [...templates].find(
        ([template, body]) =>
          textsOf(body['composed_of']).includes(part) &&
          (keeping.has(template) || !ours.some((each) => each.kind === 'index-template' && each.name === template)),
      ) ?? []
    return name === '' ? '' : `the index template ${name} uses it`
  }
  return ours.map(({ kind, name }) => {
    if (kind === 'index-template') return { kind, name, kept: stays(name) }
    if (kind === 'component-template') return { kind, name, kept: user(name) }
    // Documents sent to an index whose pipeline is gone are refused.
    const [stream] = streams
    if (kind === 'ingest-pipeline')
      return { kind, name, kept: stream === undefined ? '' : 'data streams send their documents through it' }
    return { kind, name, kept: '' }
  })
}
