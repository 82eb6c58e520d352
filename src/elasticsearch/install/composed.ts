/** What a stream gets that is made now: an index template with its parts laid over each other, as the server does it. */
import type { Json, JsonObject } from '../artefact.ts'
import { isList, isObject, objectAt, textsOf } from './json-object.ts'
import { flatSettings } from './normal-form.ts'

export type Composed = {
  /** Without dotted names: `a.b` is b in the properties of a. */
  readonly properties: JsonObject
  readonly dynamicTemplates: readonly Json[]
  /** `logsdb`, `time_series`; '' = the usual one. */
  readonly mode: string
  readonly hasFailureStore: boolean
}

/** `partOf` gives a component template by name, null where there is none: a hook that nobody made. */
export function composed(indexTemplate: JsonObject, partOf: (name: string) => JsonObject | null): Composed {
  const bodies = [...textsOf(indexTemplate['composed_of']).map(partOf), indexTemplate]
  let properties: JsonObject = {}
  let mode = ''
  let hasFailureStore = false
  // Of one name the later one holds, in the place of the first.
  const dynamic = new Map<string, Json>()
  for (const body of bodies) {
    const { settings = {}, data_stream_options: options } = objectAt(body, 'template')
    properties = merged(properties, nested(objectAt(body, 'template', 'mappings', 'properties')))
    const { 'index.mode': named } = flatSettings(settings)
    if (typeof named === 'string') mode = named
    const { enabled } = objectAt(options, 'failure_store')
    if (typeof enabled === 'boolean') hasFailureStore = enabled
    const { dynamic_templates: templates } = objectAt(body, 'template', 'mappings')
    for (const each of isList(templates) ? templates : []) dynamic.set(Object.keys(objectAt(each))[0] ?? '', each)
  }
  return { properties, dynamicTemplates: [...dynamic.values()], mode, hasFailureStore }
}

/** True for what holds other fields instead of a value. */
export function isObjectField(field: JsonObject): boolean {
  return (
    field['type'] === 'object' || field['type'] === 'nested' || (field['type'] === undefined && 'properties' in field)
  )
}

function nested(properties: JsonObject): JsonObject {
  let tree: JsonObject = {}
  for (const [path, field] of Object.entries(properties)) {
    const own = objectAt(field)
    const body = 'properties' in own ? { ...own, properties: nested(objectAt(own, 'properties')) } : own
    const [first = path, ...rest] = path.split('.')
    const inside = rest.reduceRight<JsonObject>((within, name) => ({ properties: { [name]: within } }), body)
    tree = merged(tree, { [first]: inside })
  }
  return tree
}

/** A field that is given twice is the later one; objects are laid over each other. */
function merged(before: JsonObject, after: JsonObject): JsonObject {
  const all: { [name: string]: Json } = { ...before }
  for (const [name, field] of Object.entries(after)) {
    const old = all[name]
    all[name] =
      isObject(old) && isObject(field) && isObjectField(old) && isObjectField(field)
        ? { ...old, ...field, properties: merged(objectAt(old, 'properties'), objectAt(field, 'properties')) }
        : field
  }
  return all
}
