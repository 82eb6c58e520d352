/**
 * What the rules of a gateway let new connections reach that come out of an interface: to other machines (forward) and to the gateway
 * itself (input), by the rules alone. Every base chain on the way must let them through, in the order of priorities; a drop is final.
 *
 *   iifname "wg0" ip saddr 10.8.0.9 tcp dport != 80 drop          ⇒ 10.8.0.9 reaches tcp/80 only
 *
 * Authority: nft(8) ADDRESS FAMILIES, CHAINS; nf_tables_core.c, nf_nat_core.c. What it does not look at: routes, reverse path
 * filters, bridges, offloaded flows, other machines' rules. Three answers: `yes`, `maybe` where a rule could not be decided, and no.
 */
import { allAddresses, around, contains, type Family, overlap, prefixRange, type Range } from '../../address-range.ts'
import { type Exits, type Route, readExits, routed } from './reach-exits.ts'
import { everything, partsOf, type ReachPart } from './reach-parts.ts'
import { createSourceTest } from './reach-source-test.ts'
import { ALL_PORTS, ALL_PROTOCOLS } from './reach-space.ts'
import { mayStay } from './reach-translate.ts'
import { type Passage, starting, type Traveller, withDoubt } from './reach-traveller.ts'
import { STEPS_TOTAL_MAX, type Walk, walkBaseChain } from './reach-walk.ts'
import { createConditionReader } from './rule-condition.ts'
import type { Chain, RulesetDocument } from './ruleset-document.ts'

export type ReachQuestion = {
  /** Where the packets come from. */
  readonly interface: string
  /** Canonical prefixes a sender may use as source. */
  readonly sources: readonly string[]
  /** Of them those somebody else holds: longer prefixes of other peers. */
  readonly notSources: readonly string[]
}

export type StaticReach = {
  /** To other machines. */
  readonly forward: readonly ReachPart[]
  /** To the gateway itself, whichever of the addresses are its own. */
  readonly gateway: readonly ReachPart[]
  /** In which it may send at all. */
  readonly families: readonly Family[]
  /** False: the rules cut packets into more parts than are followed, and what was not followed is `maybe`. */
  readonly isWhole: boolean
}

/** Every question walks the ruleset anew. */
export type ReachReader = (question: ReachQuestion) => StaticReach

/** Where conntrack stands among the chains of prerouting, and NAT (netfilter_ipv4.h). */
const CONNTRACK_PRIORITY = -200
const NAT_PRIORITIES: ReadonlyMap<string, number> = new Map([
  ['prerouting', -100],
  ['input', 100],
  ['postrouting', 100],
])

/** `routes`: prefixes whose way out is known, AllowedIPs of all WireGuard interfaces. */
export function createReachReader(document: RulesetDocument, routes: readonly Route[]): ReachReader {
  const read = createConditionReader(document.sets)
  const exits = readExits(document, read, routes)
  const isForeign = createSourceTest(read)
  let total = 0
  return (question) => {
    const isCutShort = total > STEPS_TOTAL_MAX
    const walk: Walk = { document, read, sets: document.sets, isForeign, sources: [], parts: 0, steps: 0, isCutShort }
    const found = ([4, 6] as const).map((family) => reachOf(walk, question, family, exits))
    total += walk.steps
    return {
      forward: found.flatMap(({ forward }) => forward),
      gateway: found.flatMap(({ gateway }) => gateway),
      families: found.flatMap(({ families }) => families),
      isWhole: found.every(({ isWhole }) => isWhole),
    }
  }
}

function reachOf(walk: Walk, question: ReachQuestion, family: Family, exits: Exits): StaticReach {
  const all = allAddresses(family)
  walk.sources = sourcesOf(question, family)
  const start = walk.sources.flatMap((source) => {
    const box = { source, destination: all, protocol: ALL_PROTOCOLS, port: ALL_PORTS, sourcePort: ALL_PORTS }
    return [starting(box, true), starting(box, false)]
  })
  if (start.length === 0) return { forward: [], gateway: [], families: [], isWhole: true }
  const pass = (hooks: readonly string[], hasExit: boolean, travellers: readonly Traveller[]): readonly Traveller[] =>
    hooks.reduce<readonly Traveller[]>((some, hook) => {
      const passage = { family, hook, input: question.interface, exits: exits.names, hasExit }
      return passHook(walk, passage, some)
    }, travellers)
  const inside = pass(['ingress', 'prerouting'], false, start)
  const toOthers = inside.filter(({ isToGateway }) => !isToGateway).flatMap((each) => routed(each, family, exits))
  const toGateway = inside
    .filter((each) => each.isToGateway || mayStay(each))
    .map((each) => (each.isToGateway ? each : perhapsHere(each)))
  const out = pass(['forward', 'postrouting', 'egress'], true, toOthers)
  const local = pass(['input'], false, toGateway)
  // What was cut short is open as a whole: parts of it would not tell more.
  const forward = partsOf(walk.isCutShort ? [] : out, family, exits.names)
  const gateway = partsOf(walk.isCutShort ? [] : local, family, exits.names)
  const isWhole = forward.isWhole && gateway.isWhole && !walk.isCutShort
  const rest = isWhole ? [] : [everything(family, all)]
  return { forward: [...forward.parts, ...rest], gateway: [...gateway.parts, ...rest], families: [family], isWhole }
}

/** Nobody knows here whether the address NAT chose is the gateway's own. */
function perhapsHere(traveller: Traveller): Traveller {
  return { ...traveller, isToGateway: true, isDoubtful: true, why: withDoubt(traveller.why, ['way-out']) }
}

/** What is a peer's by the longest prefix: its own prefixes without those of others that lie inside them. Apart from each other. */
function sourcesOf({ sources, notSources }: ReachQuestion, family: Family): Range[] {
  const ranges = (prefixes: readonly string[]): Range[] =>
    prefixes.flatMap((prefix) => {
      const read = prefixRange(prefix)
      return read?.family === family ? [read.range] : []
    })
  const others = ranges(notSources)
  const own = ranges(sources).flatMap((range) =>
    minus(
      [range],
      others.filter((other) => contains(range, other)),
    ),
  )
  const apart: Range[] = []
  for (const range of own) apart.push(...minus([range], apart))
  return apart
}

function minus(ranges: readonly Range[], others: readonly Range[]): Range[] {
  return others.reduce<Range[]>(
    (rest, other) =>
      rest.flatMap((range) => {
        const both = overlap(range, other)
        return both === null ? [range] : around(range, both)
      }),
    [...ranges],
  )
}

/** What comes through all base chains of a hook. */
function passHook(walk: Walk, passage: Passage, travellers: readonly Traveller[]): readonly Traveller[] {
  const chains = [...walk.document.chains.values()]
    .filter((chain) => chain.hook === passage.hook && !chain.isDormant && isAsked(chain, passage))
    .sort((a, b) => placeOf(a) - placeOf(b) || a.priority - b.priority)
  return chains.reduce<readonly Traveller[]>((some, chain) => passChain(walk, passage, chain, some), travellers)
}

function isAsked({ family, devices, hook }: Chain, passage: Passage): boolean {
  if (family === 'netdev' || hook === 'ingress')
    return devices.length === 0 || hook === 'egress' || devices.includes(passage.input)
  return family === 'inet' || family === (passage.family === 4 ? 'ip' : 'ip6')
}

/** NAT has its own place among the chains, whatever its chains say. */
function placeOf({ type, hook, priority }: Chain): number {
  return (type === 'nat' ? NAT_PRIORITIES.get(hook) : undefined) ?? priority
}

function passChain(walk: Walk, passage: Passage, chain: Chain, travellers: readonly Traveller[]): readonly Traveller[] {
  const passed: Traveller[] = []
  const asked: Traveller[] = []
  const isNat = chain.type === 'nat'
  // Without a name of a device nobody knows whether the chain is asked at all.
  const isUnsure = (chain.hook === 'ingress' && chain.devices.length === 0) || chain.hook === 'egress'
  const isEarly =
    passage.hook === 'ingress' || (passage.hook === 'prerouting' && chain.priority < CONNTRACK_PRIORITY && !isNat)
  for (const each of travellers) {
    if (each.isLost || (isNat && (each.isTranslated || each.state === 'untracked'))) passed.push(each)
    else if (isNat && each.state === null) {
      passed.push({ ...each, isDoubtful: true })
      asked.push({ ...each, isDoubtful: true })
    } else asked.push(isEarly && each.state === 'new' ? { ...each, state: 'invalid' } : each)
  }
  const { accepted, dropped } = walkBaseChain(walk, passage, chain, asked)
  for (const each of accepted) passed.push(onward(each, each.isDoubtful || each.mayDrop))
  for (const each of dropped) {
    if (each.mayAccept || each.isLost) passed.push(onward(each, true))
    else if (isUnsure) passed.push(onward({ ...each, why: withDoubt(each.why, ['expression']) }, true))
  }
  return passed
}

function onward(traveller: Traveller, isDoubtful: boolean): Traveller {
  const state = traveller.state === 'invalid' ? 'new' : traveller.state
  return { ...traveller, isDoubtful, mayAccept: false, mayDrop: false, state }
}
