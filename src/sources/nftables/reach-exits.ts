/**
 * The ways out that rules tell apart. Which interface a packet leaves by is the routing table's decision, which no ruleset shows; so
 * every way is followed that the destination may take. What AllowedIPs cover leaves by that WireGuard interface, as wg-quick has it,
 * and nothing else does: WireGuard drops what no peer holds.
 */
import { contains, overlap, prefixRange, type Family, type Range } from '../../address-range.ts'
import { keyMatch, readMap } from './reach-map.ts'
import { cut } from './reach-space.ts'
import { OTHER, type Traveller } from './reach-traveller.ts'
import type { Condition, ConditionReader } from './rule-condition.ts'
import { property, type RulesetDocument } from './ruleset-document.ts'

/** A destination whose way out is known. */
export type Route = { readonly prefix: string; readonly interface: string }

/** Bits of a number that is used as a set. More names than this: no way out is told apart. */
const EXITS_MAX = 30

/** Names that stand for all interfaces: those that rules name, one for each wildcard, one for the others. Empty: too many; conditions on the way out stay undecided then. */
export function exitsOf(document: RulesetDocument, read: ConditionReader, routes: readonly Route[]): string[] {
  const names = new Set<string>([OTHER, ...routes.map((route) => route.interface)])
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
          for (const { key } of entries.slice(0, EXITS_MAX * EXITS_MAX))
            note(read(keyMatch(property(body, 'key'), key), chain))
        }
      }
    }
  }
  names.delete('')
  return names.size > EXITS_MAX ? [] : [...names].sort()
}

export type ReadRoute = { readonly family: Family; readonly range: Range; readonly exit: number }

/** Longest prefix first. A default route says nothing: what lies behind it is everything else. */
export function readRoutes(routes: readonly Route[], exits: readonly string[]): ReadRoute[] {
  const read: (ReadRoute & { readonly length: number })[] = []
  for (const { prefix, interface: name } of routes) {
    const found = prefixRange(prefix)
    const exit = exits.indexOf(name)
    const length = Number(prefix.slice(prefix.indexOf('/') + 1))
    if (found !== null && exit >= 0 && length > 0) read.push({ ...found, exit, length })
  }
  return read.sort((a, b) => b.length - a.length)
}

/** Parts the traveller by the ways out it may take. `closed`: exits that only their routes lead to, as bits. */
export function routed(
  traveller: Traveller,
  family: Family,
  routes: readonly ReadRoute[],
  exits: readonly string[],
  closed: number,
): Traveller[] {
  const found: Traveller[] = []
  let rest: Traveller[] = [traveller]
  for (const route of routes) {
    if (route.family !== family) continue
    const exitBit = 1 << route.exit
    const next: Traveller[] = []
    for (const each of rest) {
      if (each.destination !== null) {
        const isInside = contains(route.range, each.destination)
        if (isInside) found.push(leaving(each, exitBit))
        else if (overlap(route.range, each.destination) === null) next.push(each)
        // Some address of the range, not known which: it may leave either way.
        else next.push({ ...each, isDoubtful: true })
        continue
      }
      const { inside, outside } = cut(each.box, 'destination', route.range)
      if (inside !== null) found.push(leaving({ ...each, box: inside }, exitBit))
      next.push(...outside.map((box) => ({ ...each, box })))
    }
    rest = next
  }
  const all = exits.reduce((bits, _, i) => bits | (1 << i), 0) & ~closed
  return [...found, ...rest.map((each) => leaving(each, all))]
}

function leaving(traveller: Traveller, exits: number): Traveller {
  return { ...traveller, exits, exitsAll: exits }
}
