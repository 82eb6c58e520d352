/** What a server answered, as far as it is JSON. */
import type { Json, JsonObject } from '../artefact.ts'

/** For values out of `JSON.parse` and of ours: an object of them holds nothing but JSON. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** As isObject; `readonly` arrays need their own test. */
export function isList(value: unknown): value is readonly Json[] {
  return Array.isArray(value)
}

/** The object at a path of member names, {} where there is none. */
export function objectAt(value: unknown, ...path: readonly string[]): JsonObject {
  let at: unknown = value
  for (const name of path) at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined
  return isObject(at) ? at : {}
}

/** The text of that name, '' where there is none. */
export function textAt(value: unknown, name: string): string {
  const { [name]: text } = objectAt(value)
  return typeof text === 'string' ? text : ''
}

/** The texts of a list, or one text as a list; everything else is left out. */
export function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return isList(value) ? value.filter((each) => typeof each === 'string') : []
}

/** With names in order at every depth, so that two servers' texts can be compared. */
export function sorted(value: Json): Json {
  if (isList(value)) return value.map(sorted)
  if (!isObject(value)) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]))
}
