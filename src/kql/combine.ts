/**
 * Builds `and`, `or` and `not` in a normal form: no chain inside a chain of the same kind, no constants, and in an `or` one
 * list of values for each field, which is an IN for a database and a set for a predicate.
 */
import type { FieldName } from '../fields.ts'
import type { Match, Query, Scalar } from './ast.ts'

const ALL: Query = Object.freeze({ kind: 'all' })
const NONE: Query = Object.freeze({ kind: 'none' })

/** True where all parts are; of no parts it is everything. */
export function allOf(parts: readonly Query[]): Query {
  const flat = parts.flatMap((part) => (part.kind === 'and' ? part.parts : [part])).filter(({ kind }) => kind !== 'all')
  if (flat.some(({ kind }) => kind === 'none')) return NONE
  const [first = ALL, ...rest] = flat
  return rest.length === 0 ? first : { kind: 'and', parts: flat }
}

/** True where any part is; of no parts it is nothing. */
export function anyOf(parts: readonly Query[]): Query {
  const flat = parts.flatMap((part) => (part.kind === 'or' ? part.parts : [part])).filter(({ kind }) => kind !== 'none')
  if (flat.some(({ kind }) => kind === 'all')) return ALL
  const merged = mergeEquals(flat)
  const [first = NONE, ...rest] = merged
  return rest.length === 0 ? first : { kind: 'or', parts: merged }
}

/** True where the part is false. */
export function negate(part: Query): Query {
  if (part.kind === 'not') return part.part
  if (part.kind === 'all') return NONE
  return part.kind === 'none' ? ALL : { kind: 'not', part }
}

type Merging = { readonly values: Set<Scalar>; spread: boolean }

function mergeEquals(parts: readonly Query[]): Query[] {
  const byField = new Map<FieldName, Merging>()
  for (const part of parts) {
    if (part.kind !== 'match' || part.test.kind !== 'equals') continue
    const found = byField.get(part.field) ?? { values: new Set(), spread: true }
    for (const value of part.test.values) found.values.add(value)
    found.spread &&= part.spread
    byField.set(part.field, found)
  }
  const merged: Query[] = []
  for (const part of parts) {
    if (part.kind !== 'match' || part.test.kind !== 'equals') {
      merged.push(part)
      continue
    }
    const found = byField.get(part.field)
    // The first one of a field stands for all of them.
    if (found !== undefined) merged.push(equalsAny(part.field, found))
    byField.delete(part.field)
  }
  return merged
}

function equalsAny(field: FieldName, { values, spread }: Merging): Match {
  return { kind: 'match', field, test: { kind: 'equals', values: [...values] }, spread }
}
