/**
 * One text for what means the same: what we send and what a server gives back differ in order, nesting of settings, numbers as
 * texts, and defaults that are spelled out or left out.
 */
import type { ArtefactKind, Json, JsonObject } from '../artefact.ts'
import { isList, isObject, objectAt, sorted } from './json-object.ts'

/** When it was made: nothing that anybody wrote. */
const DATES = ['created_date', 'created_date_millis', 'modified_date', 'modified_date_millis']
/** Of a lifecycle, what can be asked for; servers add what follows from it. */
const LIFECYCLE = ['data_retention', 'downsampling', 'downsampling_method']
/** What servers put into `data_stream`: `allow_custom_routing` and `hidden` Elasticsearch, the other OpenSearch. */
const DATA_STREAM_DEFAULTS: { readonly [name: string]: string } = {
  hidden: 'false',
  allow_custom_routing: 'false',
  timestamp_field: '{"name":"@timestamp"}',
}
const ROLE_DEFAULTS: { readonly [name: string]: string } = {
  transient_metadata: '{"enabled":true}',
  description: '""',
}

/** Indented JSON that ends with a line end. `body` as it is PUT, or as the server gives it back. */
export function normalText(kind: ArtefactKind, body: JsonObject): string {
  return `${JSON.stringify(sorted(normalBody(kind, body)), null, 2)}\n`
}

function normalBody(kind: ArtefactKind, body: JsonObject): JsonObject {
  const dated = without(body, DATES)
  switch (kind) {
    case 'component-template':
      return { ...dated, template: normalTemplate(objectAt(body, 'template')) }
    case 'index-template':
      return withoutEmpty({
        ...dated,
        template: normalTemplate(objectAt(body, 'template')),
        // Empty it still says that this is a template of data streams.
        data_stream:
          'data_stream' in body ? [withoutDefaults(objectAt(body, 'data_stream'), DATA_STREAM_DEFAULTS)] : [],
      })
    case 'ingest-pipeline':
      return dated
    case 'role':
      return normalRole(dated)
  }
}

function normalTemplate(template: JsonObject): JsonObject {
  const { settings = {}, mappings = {}, lifecycle = {}, ...rest } = template
  return withoutEmpty({
    ...rest,
    settings: flatSettings(settings),
    mappings: dynamicAsText(mappings),
    lifecycle: normalLifecycle(lifecycle),
  })
}

/** By dotted name, which begins with `index.`; values are texts, as servers keep them. */
export function flatSettings(settings: Json): { readonly [name: string]: string | readonly string[] } {
  const flat: { [name: string]: string | readonly string[] } = {}
  const visit = (value: Json, path: string): void => {
    if (isObject(value))
      for (const [name, each] of Object.entries(value)) visit(each, path === '' ? name : `${path}.${name}`)
    else if (value !== null)
      flat[path.startsWith('index.') ? path : `index.${path}`] = isList(value) ? value.map(String) : String(value)
  }
  visit(settings, '')
  return flat
}

/** `dynamic` may be given as true and comes back as "true". */
function dynamicAsText(value: Json): Json {
  if (isList(value)) return value.map(dynamicAsText)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      name === 'dynamic' && typeof each === 'boolean' ? String(each) : dynamicAsText(each),
    ]),
  )
}

function normalLifecycle(lifecycle: Json): JsonObject {
  if (!isObject(lifecycle)) return {}
  const kept = Object.entries(lifecycle).filter(([name, value]) => LIFECYCLE.includes(name) && value !== null)
  return { ...Object.fromEntries(kept), ...(lifecycle['enabled'] === false ? { enabled: false } : {}) }
}

function normalRole(body: JsonObject): JsonObject {
  const { indices, cluster, ...rest } = body
  const grants = isList(indices) ? indices.filter((each) => isObject(each)).map(normalGrant) : []
  return withoutEmpty({ ...withoutDefaults(rest, ROLE_DEFAULTS), indices: grants, cluster: inOrder(cluster) })
}

function normalGrant(grant: JsonObject): JsonObject {
  const { names, privileges, ...rest } = grant
  return {
    ...withoutDefaults(rest, { allow_restricted_indices: 'false' }),
    names: inOrder(names),
    privileges: inOrder(privileges),
  }
}

/** Lists whose order means nothing. */
function inOrder(value: Json | undefined): readonly Json[] {
  return isList(value) ? value.map(String).sort() : []
}

function without(body: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)))
}

/** `defaults`: JSON by name. */
function withoutDefaults(body: JsonObject, defaults: { readonly [name: string]: string }): JsonObject {
  return Object.fromEntries(
    Object.entries(body).filter(
      ([name, value]) => !Object.hasOwn(defaults, name) || JSON.stringify(value) !== defaults[name],
    ),
  )
}

function withoutEmpty(body: JsonObject): JsonObject {
  const isEmpty = (value: Json) =>
    value === null || (isList(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0)
  return Object.fromEntries(Object.entries(body).filter(([, value]) => !isEmpty(value)))
}
