/** What an index lacks of the mapping its stream would get today. */
import type { Json, JsonObject } from '../artefact.ts'
import { isObjectField } from './composed.ts'
import { isObject, objectAt, sorted } from './json-object.ts'

export type MappingDifference = {
  /** Dotted names of fields the index does not have. */
  readonly added: readonly string[]
  /** … of fields it has otherwise; the server tells whether that can be changed. */
  readonly changed: readonly string[]
  /** `properties` of a mapping that holds just these. */
  readonly properties: JsonObject
}

/**
 * Types of one family are searched alike and cannot be changed into each other: another one of them comes with the next backing
 * index, which is soon enough.
 */
const FAMILIES: ReadonlyMap<string, string> = new Map([
  ['constant_keyword', 'keyword'],
  ['wildcard', 'keyword'],
  ['match_only_text', 'text'],
])

/**
 * `wanted` and `actual`: properties without dotted names. What a server leaves out because it is the default of its mode
 * (`ignore_above` of logsdb, for one) counts as there: only what is said differently differs.
 */
export function mappingDifference(wanted: JsonObject, actual: JsonObject): MappingDifference {
  const added: string[] = []
  const changed: string[] = []

  function compare(fields: JsonObject, there: JsonObject, path: string): JsonObject {
    const different: { [name: string]: Json } = {}
    for (const [name, each] of Object.entries(fields)) {
      const field = objectAt(each)
      const full = path === '' ? name : `${path}.${name}`
      const old = there[name]
      if (!isObject(old)) {
        added.push(...leavesOf(field, full))
        different[name] = field
      } else if (isObjectField(field) && isObjectField(old)) {
        const within = compare(objectAt(field, 'properties'), objectAt(old, 'properties'), full)
        const isOther = !saysSame(without(field), without(old))
        if (isOther) changed.push(full)
        if (isOther || Object.keys(within).length > 0)
          different[name] = { ...(isOther ? without(field) : {}), properties: within }
      } else if (!saysSame(field, old)) {
        changed.push(full)
        different[name] = field
      }
    }
    return different
  }

  const properties = compare(wanted, actual, '')
  return { added, changed, properties }
}

function leavesOf(field: JsonObject, path: string): string[] {
  const within = Object.entries(objectAt(field, 'properties'))
  return within.length === 0 ? [path] : within.flatMap(([name, each]) => leavesOf(objectAt(each), `${path}.${name}`))
}

function without(field: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(field).filter(([name]) => name !== 'properties'))
}

/** Every parameter that both name is the same, and so is the type. Texts and numbers of one value are. */
function saysSame(field: JsonObject, old: JsonObject): boolean {
  const [type, oldType] = [typeOf(field), typeOf(old)]
  if (type !== oldType) return familyOf(type) === familyOf(oldType)
  return Object.entries(field).every(([name, value]) => {
    const there = old[name]
    if (there === undefined)
      return name !== 'fields' && name !== 'time_series_dimension' && name !== 'time_series_metric'
    return plainText(value) === plainText(there)
  })
}

function typeOf(field: JsonObject): string {
  const { type } = field
  return typeof type === 'string' ? type : 'object'
}

function familyOf(type: string): string {
  return FAMILIES.get(type) ?? type
}

function plainText(value: Json): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(sorted(value)) : String(value)
}
