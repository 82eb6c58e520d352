/**
 * Fields of an event that came as JSON: every name is one of fields.ts, every value of its type. Facets come as text and are made
 * once for all events that share one.
 */
import { createFacet, type Facet } from '../event.ts'
import { FIELDS, type Field, type Fields } from '../fields.ts'
import { type JsonObject, objectOf, parseObject } from './json-shape.ts'

/** Facets by their text; one that was forgotten is made again. */
export type FacetShelf = {
  /** Throws Error with a short reason. */
  of(text: string): ShelvedFacet
}

/** `text` is the one that is kept: who keeps many messages keeps it once. */
export type ShelvedFacet = { readonly text: string; readonly facet: Facet }

/** Facets kept, about 2 kB each; and as many of those that were used before. */
export const FACETS_MAX = 10_000
/** Values of one field. */
const VALUES_MAX = 10_000

const BY_NAME: ReadonlyMap<string, Field> = new Map(Object.entries(FIELDS))

/** Throws Error with a short reason. */
export function readFields(value: unknown): Fields {
  return checked(objectOf(value, 'fields'))
}

/** An empty shelf; nothing of it is saved. */
export function createFacetShelf(): FacetShelf {
  let young = new Map<string, ShelvedFacet>()
  let old = new Map<string, ShelvedFacet>()

  function add(shelved: ShelvedFacet): ShelvedFacet {
    if (young.size >= FACETS_MAX) {
      old = young
      young = new Map()
    }
    young.set(shelved.text, shelved)
    return shelved
  }

  return {
    of(text) {
      const known = young.get(text)
      if (known !== undefined) return known
      return add(old.get(text) ?? { text, facet: createFacet(checked(parseObject(text))) })
    },
  }
}

function checked(fields: JsonObject): Fields {
  for (const name in fields) {
    const field = BY_NAME.get(name)
    if (field === undefined) throw new Error(`field ${shown(name)} is none of ours`)
    if (!isOf(field, fields[name])) throw new Error(`field ${name} is no ${field.many ? 'list of ' : ''}${field.type}`)
  }
  // Every member was found in FIELDS, and its value is of the type it has there.
  return fields as Fields
}

function isOf({ type, many }: Field, value: unknown): boolean {
  if (!many) return isValue(type, value)
  return Array.isArray(value) && value.length <= VALUES_MAX && value.every((each) => isValue(type, each))
}

function isValue(type: Field['type'], value: unknown): boolean {
  switch (type) {
    case 'keyword':
    case 'ip':
    case 'wildcard':
      return typeof value === 'string'
    case 'long':
      // Counters of the kernel have 64 bits, also where a number here no longer counts them by one.
      return Number.isInteger(value)
    case 'date':
      // Each of them can be printed (json-shape.ts, instantOf).
      return Number.isSafeInteger(value)
    case 'boolean':
      return typeof value === 'boolean'
    default:
      return type satisfies never
  }
}

function shown(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}…` : name
}
