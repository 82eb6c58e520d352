/**
 * Maps of rules: verdicts by key, addresses by key. A packet whose key stands in none leaves the rule, as the kernel has it; the
 * catch-all `*` takes the rest.
 *
 *   {"vmap": {"key": {"concat": [{"payload": …}, {"payload": …}]}, "data": {"set": [[{"concat": ["10.0.0.5", 22]}, {"accept": null}]]}}}
 *
 * Authority: libnftables-json(5), nft(8) VERDICT MAPS; nft_lookup.c.
 */
import type { Split, Traveller } from './reach-traveller.ts'
import type { Scope } from './rule-condition.ts'
import { keyOf, listOf, type NamedSet, property } from './ruleset-document.ts'

export type MapEntry = { readonly key: unknown; readonly value: unknown }

export type MapBody = {
  readonly entries: readonly MapEntry[]
  /** Value of `*`; undefined without. */
  readonly rest: unknown
  /** Filled by packets, missing, or with elements that are no pairs: what it leads to is not known. */
  readonly isOpen: boolean
}

/** Parts of the travellers by the entry they meet, those of which it cannot be told, and those that meet none. */
export type MapSplit = {
  readonly found: readonly { readonly value: unknown; readonly travellers: readonly Traveller[] }[]
  /** May meet any entry, or none. */
  readonly unknown: readonly Traveller[]
  readonly missed: readonly Traveller[]
}

/** Entries looked at for one rule. */
export const MAP_ENTRIES_MAX = 4_096

/** `data` is a list of pairs in place, or the name of a map. */
export function readMap(data: unknown, scope: Scope, sets: ReadonlyMap<string, NamedSet>): MapBody {
  const isNamed = typeof data === 'string' && data.startsWith('@')
  const named = isNamed ? sets.get(keyOf(scope.family, scope.table, data.slice(1))) : null
  const elements = named === null ? listOf(property(data, 'set')) : (named?.elements ?? [])
  const entries: MapEntry[] = []
  let rest: unknown
  let isOpen = named === undefined || named?.isDynamic === true || elements.length > MAP_ENTRIES_MAX
  for (const element of elements.slice(0, MAP_ENTRIES_MAX)) {
    if (!Array.isArray(element) || element.length !== 2) isOpen = true
    else {
      const key: unknown = property(property(element[0], 'elem'), 'val') ?? element[0]
      if (key === '*') rest = element[1]
      else entries.push({ key, value: element[1] })
    }
  }
  return { entries, rest, isOpen }
}

/** The body of a match that holds for one entry of a map, for a ConditionReader. */
export function keyMatch(key: unknown, value: unknown): unknown {
  return { op: '==', left: key, right: { set: [value] } }
}

/** `ask` parts travellers by `key == value`. */
export function splitByMap(
  { entries, rest, isOpen }: MapBody,
  travellers: readonly Traveller[],
  ask: (traveller: Traveller, key: unknown) => Split,
): MapSplit {
  if (isOpen) return { found: [], unknown: travellers, missed: [] }
  const found: { value: unknown; travellers: readonly Traveller[] }[] = []
  const unknown: Traveller[] = []
  let left = travellers
  for (const { key, value } of entries) {
    const splits = left.map((each) => ask(each, key))
    const holds = splits.flatMap((split) => split.holds)
    if (holds.length > 0) found.push({ value, travellers: holds })
    unknown.push(...splits.flatMap((split) => split.unknown))
    left = splits.flatMap((split) => split.fails)
    if (left.length === 0) break
  }
  return rest === undefined
    ? { found, unknown, missed: left }
    : { found: [...found, { value: rest, travellers: left }], unknown, missed: [] }
}
