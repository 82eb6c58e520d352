/** What a data stream gets: the parts of its index template put together as the servers do, a later part over an earlier one. */
import type { Artefact, JsonObject } from '../../../src/elasticsearch/artefact.ts'
import type { StreamKind } from '../../../src/elasticsearch/streams.ts'

/** `mappings` of the stream's template; parts that are not in the list (hooks) are left out. */
export function composedMappings(artefacts: readonly Artefact[], stream: StreamKind): JsonObject {
  return partTemplates(artefacts, stream)
    .map((template) => objectAt(template, 'mappings'))
    .reduce(merged, {})
}

/** `settings.index` of the stream's template. */
export function composedSettings(artefacts: readonly Artefact[], stream: StreamKind): JsonObject {
  return partTemplates(artefacts, stream)
    .map((template) => objectAt(objectAt(template, 'settings'), 'index'))
    .reduce(merged, {})
}

/** Mapping of every field and sub-field by dotted name; objects are left out. */
export function leavesOf(mappings: JsonObject, before = ''): ReadonlyMap<string, JsonObject> {
  const leaves = new Map<string, JsonObject>()
  for (const name of Object.keys(objectAt(mappings, 'properties'))) {
    const mapping = objectAt(objectAt(mappings, 'properties'), name)
    if (mapping['properties'] !== undefined) {
      for (const [inner, leaf] of leavesOf(mapping, `${before}${name}.`)) leaves.set(inner, leaf)
      continue
    }
    leaves.set(before + name, mapping)
    for (const sub of Object.keys(objectAt(mapping, 'fields')))
      leaves.set(`${before}${name}.${sub}`, objectAt(objectAt(mapping, 'fields'), sub))
  }
  return leaves
}

/** As `index.mapping.total_fields.limit` counts: objects, fields, sub-fields. The root is none. */
export function mapperCount(mappings: JsonObject): number {
  let count = 0
  for (const name of Object.keys(objectAt(mappings, 'properties'))) {
    const mapping = objectAt(objectAt(mappings, 'properties'), name)
    count += 1 + Object.keys(objectAt(mapping, 'fields')).length + mapperCount(mapping)
  }
  return count
}

/** {} where there is none. */
export function objectAt(object: JsonObject, name: string): JsonObject {
  const value = object[name]
  return isObject(value) ? value : {}
}

/** '' where there is none. */
export function textAt(object: JsonObject | undefined, name: string): string {
  const value = object?.[name]
  return typeof value === 'string' ? value : ''
}

/** The body of the one artefact with this name. */
export function bodyOf(artefacts: readonly Artefact[], name: string): JsonObject {
  const found = artefacts.filter((each) => each.name === name)
  if (found.length !== 1) throw new Error(`${found.length} artefacts ${name}`)
  return found[0]?.body ?? {}
}

function partTemplates(artefacts: readonly Artefact[], { type, dataset }: StreamKind): readonly JsonObject[] {
  const { composed_of: parts } = bodyOf(artefacts, `${type}-${dataset}`)
  const names: readonly unknown[] = Array.isArray(parts) ? parts : []
  return names.flatMap((name) =>
    artefacts.filter((each) => each.name === name).map(({ body }) => objectAt(body, 'template')),
  )
}

/** A field replaces the field of that name; objects are merged. */
function merged(a: JsonObject, b: JsonObject): JsonObject {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  return Object.fromEntries(
    names.map((name) => {
      const [one, other] = [a[name], b[name]]
      const isField = isObject(other) && typeof other['type'] === 'string'
      return [name, isObject(one) && isObject(other) && !isField ? merged(one, other) : (other ?? one ?? null)]
    }),
  )
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
