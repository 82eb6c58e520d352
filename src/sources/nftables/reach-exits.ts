/**
 * The ways out that rules tell apart. Which interface a packet leaves by is the routing table's decision, which no ruleset shows; so
 * every way is followed that the destination may take. What AllowedIPs cover leaves by that WireGuard interface, as wg-quick has it,
 * and nothing else does: WireGuard drops what no peer holds.
 */
import { after, around, contains, type Family, overlap, prefixRange, type Range } from '../../address-range.ts'
import { keyMatch, readMap } from './reach-map.ts'
import { cut } from './reach-space.ts'
import { OTHER, type Traveller } from './reach-traveller.ts'
import type { Condition, ConditionReader } from './rule-condition.ts'
import { property, type RulesetDocument } from './ruleset-document.ts'

/** A destination whose way out is known. */
export type Route = { readonly prefix: string; readonly interface: string }

/** Bits of a number that is used as a set. More names than this: no way out is told apart. */
const EXITS_MAX = 30

/** The ways out of one ruleset, and what is routed to them. */
export type Exits = {
  /** Names that stand for all interfaces. Empty: too many to tell apart; conditions on the way out stay undecided then. */
  readonly names: readonly string[]
  /** By family: stretches apart from each other, and the index of their exit. */
  readonly routes: { readonly [family in Family]: readonly { readonly range: Range; readonly exit: number }[] }
  /** Ways out for everything no route is for, as bits. */
  readonly rest: number
}

/** More routes than this are not told apart: every way out is then open to every destination. */
const ROUTES_MAX = 4_096

/** Of one ruleset; `routes` as its interfaces held them when it stood. */
export function readExits(document: RulesetDocument, read: ConditionReader, routes: readonly Route[]): Exits {
  const named = namedExits(document, read)
  const all = [...new Set([OTHER, ...named, ...routes.map((route) => route.interface)])].sort()
  // Where no rule asks for the way out, all of them are one.
  const names = named.size === 0 ? [OTHER] : all.length > EXITS_MAX ? [] : all
  const bits = (each: readonly number[]) => each.reduce((sum, index) => sum | (1 << index), 0)
  const every = bits(names.map((_, i) => i))
  if (named.size === 0 || names.length === 0 || routes.length > ROUTES_MAX)
    return { names, routes: { 4: [], 6: [] }, rest: every }
  const isDefault = (prefix: string) => prefix.endsWith('/0')
  const closed = names.flatMap((name, i) => {
    const own = routes.filter((route) => route.interface === name)
    // An interface that takes a default route may be the way to anywhere.
    return own.length > 0 && !own.some(({ prefix }) => isDefault(prefix)) ? [i] : []
  })
  return {
    names,
    routes: { 4: stretches(routes, names, 4), 6: stretches(routes, names, 6) },
    rest: every & ~bits(closed),
  }
}

/** Names that rules tell apart; one for each wildcard. */
function namedExits(document: RulesetDocument, read: ConditionReader): ReadonlySet<string> {
  const names = new Set<string>()
  const note = (conditions: readonly Condition[]): void => {
    for (const { fields, rows } of conditions) {
      const at = fields.indexOf('oifname')
      for (const row of at < 0 ? [] : rows) {
        const { low, high } = row[at] ?? { low: '', high: '' }
        if (typeof low === 'string') names.add(low === high ? low : `${low}${OTHER}`)
      }
    }
  }
  for (const chain of document.chains.values()) {
    for (const { statements } of chain.rules) {
      for (const { name, body } of statements) {
        if (name === 'match') note(read(body, chain))
        else if (name === 'vmap') {
          const { entries } = readMap(property(body, 'data'), chain, document.sets)
          for (const { key } of entries) note(read(keyMatch(property(body, 'key'), key), chain))
        }
      }
    }
  }
  return names
}

/** The longest prefix decides. A default route says nothing: what lies behind it is everything else. */
function stretches(
  routes: readonly Route[],
  names: readonly string[],
  family: Family,
): { range: Range; exit: number }[] {
  const lengthOf = ({ prefix }: Route) => Number(prefix.slice(prefix.indexOf('/') + 1))
  const result: { range: Range; exit: number }[] = []
  for (const route of routes.toSorted((a, b) => lengthOf(b) - lengthOf(a))) {
    const found = prefixRange(route.prefix)
    if (found === null || found.family !== family || lengthOf(route) === 0) continue
    let open: Range[] = [found.range]
    for (const { range } of result) {
      open = open.flatMap((each) => {
        const both = overlap(each, range)
        return both === null ? [each] : around(each, both)
      })
    }
    result.push(...open.map((range) => ({ range, exit: names.indexOf(route.interface) })))
  }
  return joined(result)
}

function joined(apart: readonly { range: Range; exit: number }[]): { range: Range; exit: number }[] {
  const result: { range: Range; exit: number }[] = []
  for (const next of apart.toSorted((a, b) => (a.range.low < b.range.low ? -1 : 1))) {
    const last = result.at(-1)
    if (last === undefined || last.exit !== next.exit || after(last.range.high) !== next.range.low)
      result.push({ ...next })
    else last.range = { low: last.range.low, high: next.range.high }
  }
  return result
}

/** Parts the traveller by the ways out it may take. */
export function routed(traveller: Traveller, family: Family, { routes, rest }: Exits): Traveller[] {
  if (traveller.destination !== null) return routedTo(traveller, traveller.destination, routes[family], rest)
  const parts: Traveller[] = []
  // Stretches ascend: each is cut off what lies above the ones before.
  let open: Traveller | null = traveller
  for (const { range, exit } of routes[family]) {
    if (open === null) break
    const { inside, outside } = cut(open.box, 'destination', range)
    if (inside === null) continue
    parts.push(leaving({ ...open, box: inside }, 1 << exit))
    const below = outside.find(({ destination }) => destination.high < range.low)
    const above = outside.find(({ destination }) => destination.low > range.high)
    if (below !== undefined) parts.push(leaving({ ...open, box: below }, rest))
    open = above === undefined ? null : { ...open, box: above }
  }
  return open === null ? parts : [...parts, leaving(open, rest)]
}

/** After NAT. Some address of several, not known which, may leave any way one of them does. */
function routedTo(
  traveller: Traveller,
  destination: Range,
  routes: Exits['routes'][Family],
  rest: number,
): Traveller[] {
  const met = routes.filter(({ range }) => overlap(range, destination) !== null)
  const only = met.find(({ range }) => contains(range, destination))
  if (only !== undefined) return [leaving(traveller, 1 << only.exit)]
  if (met.length === 0) return [leaving(traveller, rest)]
  const open = { ...traveller, isDoubtful: true }
  return [leaving(open, rest), ...met.map(({ exit }) => leaving(open, 1 << exit))]
}

function leaving(traveller: Traveller, exits: number): Traveller {
  return { ...traveller, exits, exitsAll: exits }
}
