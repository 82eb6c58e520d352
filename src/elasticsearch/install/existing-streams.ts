/**
 * Data streams that were made by an earlier release: a template holds for what is made after it, so what is there is given new
 * fields (our own objects take no others), or a new backing index where that cannot be.
 */
import type { Artefact, JsonObject } from '../artefact.ts'
import { STREAMS, streamName, streamPattern } from '../streams.ts'
import { askFor, type Cluster, pathOf } from './cluster.ts'
import { type Composed, composed } from './composed.ts'
import { isList, objectAt, textAt, textsOf } from './json-object.ts'
import { mappingDifference } from './mapping-difference.ts'
import type { Found } from './plan.ts'

export type Stream = {
  readonly name: string
  /** Takes new documents. */
  readonly writeIndex: string
}

export type StreamChange = {
  readonly name: string
  /** Dotted names. */
  readonly added: readonly string[]
  readonly changed: readonly string[]
  /** Of the mapping that is PUT; null = no field differs. */
  readonly mapping: JsonObject | null
  /** The index mode it has and the one it gets, where they differ: that takes a new backing index. */
  readonly mode: { readonly from: string; readonly to: string } | null
  /** It has no failure store, and nobody said that it shall have none. */
  readonly lacksFailureStore: boolean
}

export type Streams = {
  readonly streams: readonly Stream[]
  /** Only those that differ. */
  readonly changes: readonly StreamChange[]
  /** For people. */
  readonly notes: readonly string[]
}

/** Streams and indices by our patterns. */
export type Present = { readonly streams: readonly Stream[]; readonly indices: readonly string[] }

/** Streams looked at: one a namespace and kind. */
export const STREAMS_MAX = 1_000
const PATTERNS = STREAMS.map(streamPattern)

/** Throws AppError `refused`. */
export async function presentStreams(cluster: Cluster, patterns: readonly string[] = PATTERNS): Promise<Present> {
  const path = `/_resolve/index${pathOf(patterns.join(','))}`
  const answer = objectAt(await askFor(cluster, { method: 'GET', path }, 'see which data streams there are'))
  const { data_streams: streams, indices } = answer
  return {
    streams: (isList(streams) ? streams : []).slice(0, STREAMS_MAX).map((each) => {
      // By generation: the last one takes new documents.
      return { name: textAt(each, 'name'), writeIndex: textsOf(objectAt(each)['backing_indices']).at(-1) ?? '' }
    }),
    // Backing indices are listed with the stream they belong to.
    indices: (isList(indices) ? indices : [])
      .filter((each) => !('data_stream' in objectAt(each)))
      .map((each) => textAt(each, 'name')),
  }
}

/** What is to be done to streams when `artefacts` hold, and to those that `namespace` gets. Throws AppError `refused`. */
export async function planStreams(
  cluster: Cluster,
  artefacts: readonly Artefact[],
  found: Found,
  namespace: string,
): Promise<Streams> {
  const { streams, indices } = await presentStreams(cluster)
  const parts = (name: string): JsonObject | null =>
    artefacts.find((each) => each.kind === 'component-template' && each.name === name)?.body ??
    found.get('component-template')?.get(name) ??
    null
  const templates = artefacts.filter(({ kind }) => kind === 'index-template')
  const notes = indices.map(
    (name) =>
      `${name} is an index, not a data stream, and takes that name from us: it was made by documents that came before the templates. Reindex it elsewhere and delete it.`,
  )
  if (streams.length === STREAMS_MAX) notes.push(`only the first ${STREAMS_MAX} data streams were looked at`)
  const changes: StreamChange[] = []
  const withoutOptions: string[] = []
  for (const stream of streams) {
    const template = templates.find(({ body }) => governs(body, stream.name))
    if (template === undefined) continue
    const rival = rivalOf(template, stream.name, found)
    if (rival !== '') {
      notes.push(`${stream.name} follows the index template ${rival}, which goes before ours; it is left as it is`)
      continue
    }
    const { change, isUnknown } = await differenceOf(cluster, stream, composed(template.body, parts))
    if (change !== null) changes.push(change)
    if (isUnknown) withoutOptions.push(stream.name)
  }
  const present = new Set(streams.map(({ name }) => name))
  const future = STREAMS.map((each) => streamName(each, namespace)).filter((name) => !present.has(name))
  notes.push(...rivalNotes(future, templates, found))
  const [first] = withoutOptions
  if (first !== undefined)
    notes.push(
      withoutOptions.length === 1
        ? `whether ${first} has a failure store cannot be asked here; it keeps what it has`
        : `whether ${withoutOptions.length} streams have a failure store cannot be asked here; they keep what they have`,
    )
  return { streams, changes, notes }
}

/** Of streams that are not there yet: made after somebody else's template, they would look like ours and be mapped otherwise. */
function rivalNotes(names: readonly string[], templates: readonly Artefact[], found: Found): string[] {
  const behind = new Map<string, string[]>()
  for (const name of names) {
    const template = templates.find(({ body }) => governs(body, name))
    const rival = template === undefined ? '' : rivalOf(template, name, found)
    if (rival !== '') behind.set(rival, [...(behind.get(rival) ?? []), name])
  }
  return [...behind].map(
    ([rival, streams]) =>
      `the index template ${rival} goes before ours: ${streams.join(', ')} would be made after it, without our mapping. Lower its priority, or narrow its patterns, before documents come`,
  )
}

async function differenceOf(
  cluster: Cluster,
  { name, writeIndex }: Stream,
  wanted: Composed,
): Promise<{ change: StreamChange | null; isUnknown: boolean }> {
  const at = pathOf(writeIndex)
  const read = async (what: string) =>
    objectAt(
      await askFor(cluster, { method: 'GET', path: `${at}/_${what}` }, `read the ${what} of ${name}`),
      writeIndex,
    )
  const mappings = objectAt(await read('mapping'), 'mappings')
  const settings = objectAt(await read('settings'), 'settings', 'index')
  const { added, changed, properties } = mappingDifference(wanted.properties, objectAt(mappings, 'properties'))
  const from = typeof settings['mode'] === 'string' ? settings['mode'] : ''
  const isOtherMode = normalMode(from) !== normalMode(wanted.mode)
  const store = wanted.hasFailureStore ? await failureStoreOf(cluster, name) : 'on'
  const hasFields = added.length + changed.length > 0
  const change: StreamChange = {
    name,
    added,
    changed,
    mapping: hasFields ? { properties } : null,
    mode: isOtherMode ? { from: modeText(from), to: modeText(wanted.mode) } : null,
    lacksFailureStore: store === 'unset',
  }
  const isSame = !hasFields && !isOtherMode && store !== 'unset'
  return { change: isSame ? null : change, isUnknown: store === 'unknown' }
}

/** `off`: somebody switched it off, and that holds. */
async function failureStoreOf(cluster: Cluster, name: string): Promise<'on' | 'off' | 'unset' | 'unknown'> {
  const answer = await cluster.ask({ method: 'GET', path: `/_data_stream${pathOf(name)}/_options` })
  if (answer.kind !== 'done') return 'unknown'
  const { data_streams: streams } = objectAt(answer.body)
  const [first] = isList(streams) ? streams : []
  const { enabled } = objectAt(first, 'options', 'failure_store')
  return enabled === true ? 'on' : enabled === false ? 'off' : 'unset'
}

/** An index template of somebody else that goes before ours for a stream of this name, '' = none. Of one priority there cannot be two. */
export function rivalOf(template: Artefact, stream: string, found: Found): string {
  const priority = Number(template.body['priority'] ?? 0)
  for (const [name, body] of found.get('index-template') ?? [])
    if (
      name !== template.name &&
      Number(body['priority'] ?? 0) > priority &&
      textsOf(body['index_patterns']).some((each) => isMatch(each, stream))
    )
      return name
  return ''
}

/** `*` is the only sign that means something in a pattern of index names. */
export function isMatch(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return pattern === name
  if (!name.startsWith(first)) return false
  let at = first.length
  for (const piece of rest) {
    const next = name.indexOf(piece, at)
    if (next < 0) return false
    at = next + piece.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}

function normalMode(mode: string): string {
  return mode === 'standard' ? '' : mode
}

function modeText(mode: string): string {
  return normalMode(mode) === '' ? 'standard' : mode
}

/** True when a template of this body is what new documents of `stream` meet. */
export function governs(body: JsonObject, stream: string): boolean {
  return textsOf(body['index_patterns']).some((each) => isMatch(each, stream))
}
