/**
 * Sends sets of new connections through a base chain, as nft_do_chain does packet by packet: what it accepts, what it drops, and of what
 * that cannot be said for certain. Where a rule cannot be decided, both ways are kept: its verdict as one that may have been, and
 * the way past it.
 *
 * Authority: nft(8) VERDICT STATEMENTS; net/netfilter/nf_tables_core.c, nft_do_chain.
 */
import { allAddresses, type Range } from '../../address-range.ts'
import { splitByCondition } from './reach-condition.ts'
import { keyMatch, readMap, splitByMap } from './reach-map.ts'
import { doubtOf, type Questions, splitByQuestion } from './reach-question.ts'
import type { SourceTest } from './reach-source-test.ts'
import { ALL_PORTS } from './reach-space.ts'
import { type Act, actOf } from './reach-statement.ts'
import { type Translated, translate } from './reach-translate.ts'
import { type Doubt, type Passage, type Split, type Traveller, withDoubt } from './reach-traveller.ts'
import type { Condition } from './rule-condition.ts'
import { type Chain, keyOf, property, type Rule, type RulesetDocument, type Statement } from './ruleset-document.ts'

/** One look at one ruleset: what it costs is counted over all chains. */
export type Walk = Questions & {
  readonly document: RulesetDocument
  readonly isForeign: SourceTest
  /** All that may be sent from, in the family that is walked. */
  sources: readonly Range[]
  /** Made by the splits of the rule that is looked at. */
  parts: number
  /** Rules looked at, once for each set of packets. */
  steps: number
  /** A limit was reached: everything that was still on its way counts as `maybe`. */
  isCutShort: boolean
}

/** What a base chain does, by its own rules and policy. */
export type Verdicts = { readonly accepted: Traveller[]; readonly dropped: Traveller[] }

/** For one key, and for all keys asked about one ruleset. */
export const STEPS_MAX = 2_000_000
export const STEPS_TOTAL_MAX = 5_000_000
/** Sets of packets followed at once. */
export const TRAVELLERS_MAX = 4_096
/** Sets of packets that one rule may make of them. */
const PARTS_MAX = 16_384
/** NFT_JUMP_STACK_SIZE: the kernel refuses deeper chains. */
const JUMPS_MAX = 16

/** Where a set of packets stands. */
type Place = {
  readonly walk: Walk
  readonly passage: Passage
  readonly chain: Chain
  readonly verdicts: Verdicts
  readonly isNat: boolean
  readonly jumps: number
}

/** Packets inside a rule: those that are in it for certain, and those that may be, each with why. */
type Inside = { held: readonly Traveller[]; ghosts: readonly Ghost[] }
type Ghost = { readonly traveller: Traveller; readonly why: readonly Doubt[] }
/** Packets behind a rule. */
type Behind = { readonly next: Traveller[]; readonly returned: Traveller[] }

/** `chain` is a base chain; its policy is part of the answer. */
export function walkBaseChain(walk: Walk, passage: Passage, chain: Chain, travellers: readonly Traveller[]): Verdicts {
  const verdicts: Verdicts = { accepted: [], dropped: [] }
  const isNat = chain.type === 'nat'
  const left = walkChain({ walk, passage, chain, verdicts, isNat, jumps: 0 }, travellers)
  ;(chain.policy === 'drop' ? verdicts.dropped : verdicts.accepted).push(...left)
  return verdicts
}

/** Those that come out at the chain's end or by `return`. */
function walkChain(place: Place, travellers: readonly Traveller[]): Traveller[] {
  const { walk, chain } = place
  const returned: Traveller[] = []
  let open: readonly Traveller[] = travellers
  for (const rule of chain.rules) {
    if (open.length === 0) break
    if (walk.isForeign(rule, chain, walk.sources, place.passage.family)) continue
    walk.steps += open.length
    if (walk.steps > STEPS_MAX || open.length > TRAVELLERS_MAX) walk.isCutShort = true
    if (walk.isCutShort) return [...returned, ...open.map((each) => mayBeAnything(each, ['size']))]
    const behind = walkRule(place, rule, open)
    returned.push(...behind.returned)
    open = behind.next
  }
  return [...returned, ...open]
}

function walkRule(place: Place, rule: Rule, travellers: readonly Traveller[]): Behind {
  const behind: Behind = { next: [], returned: [] }
  place.walk.parts = 0
  let inside: Inside = { held: travellers, ghosts: [] }
  for (const statement of rule.statements) {
    inside =
      statement.name === 'match' ? ask(place, statement.body, inside, behind) : act(place, statement, inside, behind)
    if (inside.held.length === 0 && inside.ghosts.length === 0) return behind
  }
  behind.next.push(...inside.held, ...inside.ghosts.map(({ traveller }) => traveller))
  return behind
}

/** Of a condition and what it implies: those that fail it leave the rule. */
function ask({ walk, passage, chain }: Place, body: unknown, inside: Inside, behind: Behind): Inside {
  const [own, ...implied] = walk.read(body, chain)
  if (own === undefined) return inside
  let { held, ghosts } = inside
  // What a field implies of the protocols first: a port is one only where there are ports.
  for (const condition of [...implied, own]) {
    const question = { body, scope: chain }
    const why = condition.fields.length > 0 ? (condition.isWhole ? 'size' : 'expression') : doubtOf(question, walk)
    const split = (traveller: Traveller): Split =>
      bounded(walk, condition, traveller, () =>
        condition.fields.length > 0
          ? splitByCondition(traveller, condition, passage)
          : splitByQuestion(traveller, question, passage, walk),
      )
    const sure = held.map(split)
    const perhaps = ghosts.map((ghost) => ({ ghost, parts: split(ghost.traveller) }))
    behind.next.push(...sure.flatMap(({ fails }) => fails), ...perhaps.flatMap(({ parts }) => parts.fails))
    held = sure.flatMap(({ holds }) => holds)
    ghosts = [
      ...perhaps.flatMap(({ ghost, parts }) => parts.holds.map((traveller) => ({ traveller, why: ghost.why }))),
      ...perhaps.flatMap(({ ghost, parts }) =>
        parts.unknown.map((traveller) => ({ traveller, why: withDoubt(ghost.why, [why]) })),
      ),
      ...sure.flatMap(({ unknown }) => unknown.map((traveller) => ({ traveller, why: [why] }))),
    ]
  }
  return { held, ghosts }
}

/** Counts what a split costs. Beyond the limits none is made: then everything on its way stays open. */
function bounded(walk: Walk, { rows }: Condition, traveller: Traveller, split: () => Split): Split {
  if (!walk.isCutShort) {
    const parts = split()
    walk.steps += 1 + (rows.length >>> 6)
    walk.parts += parts.holds.length + parts.fails.length + parts.unknown.length - 1
    walk.isCutShort = walk.steps > STEPS_MAX || walk.parts > PARTS_MAX
    return parts
  }
  return { holds: [], fails: [], unknown: [traveller] }
}

const NOBODY: Inside = { held: [], ghosts: [] }

function act(place: Place, statement: Statement, inside: Inside, behind: Behind): Inside {
  const { verdicts, passage } = place
  const { held, ghosts } = inside
  const what: Act = actOf(statement, passage)
  switch (what.kind) {
    case 'nothing':
      return inside
    case 'leave':
      behind.next.push(...held, ...ghosts.map(({ traveller }) => traveller))
      return NOBODY
    case 'perhaps':
      return { held: [], ghosts: [...ghosts, ...held.map((traveller) => ({ traveller, why: [what.why] }))] }
    case 'change':
      return {
        held: held.map((each) => altered(each, what.change)),
        ghosts: ghosts.map((ghost) => blurred(ghost, what.change)),
      }
    case 'accept':
      verdicts.accepted.push(...held)
      for (const ghost of ghosts) perhapsAccepted(place, ghost, behind)
      return NOBODY
    case 'drop':
      verdicts.dropped.push(...held)
      behind.next.push(...ghosts.map((ghost) => ghostEnd(ghost, 'drop')))
      return NOBODY
    case 'any':
      leaveOpen(place, [...held, ...ghosts.map(({ traveller }) => traveller)], 'expression', behind)
      return NOBODY
    case 'return': {
      // Both worlds are followed; neither is certain.
      const perhaps = ghosts.map(({ traveller, why }) => doubtful(traveller, why))
      behind.returned.push(...held, ...perhaps)
      behind.next.push(...perhaps)
      return NOBODY
    }
    case 'go':
      follow(place, { target: what.target, isGoto: what.isGoto }, inside, behind)
      return NOBODY
    case 'map':
      return lookUp(place, statement.body, inside, behind)
    case 'translate':
      return translateAll(place, statement, inside, behind, what.name)
    default:
      return what satisfies never
  }
}

type Jump = { readonly target: string; readonly isGoto: boolean }

function follow(place: Place, { target, isGoto }: Jump, { held, ghosts }: Inside, behind: Behind): void {
  const { walk, chain, jumps } = place
  const next = walk.document.chains.get(keyOf(chain.family, chain.table, target))
  if (next === undefined || jumps >= JUMPS_MAX) {
    leaveOpen(place, [...held, ...ghosts.map(({ traveller }) => traveller)], 'expression', behind)
    return
  }
  const there = { ...place, chain: next, jumps: jumps + 1 }
  if (held.length > 0) (isGoto ? behind.returned : behind.next).push(...walkChain(there, held))
  for (const { traveller, why } of ghosts) {
    const own: Verdicts = { accepted: [], dropped: [] }
    const back = walkChain({ ...there, verdicts: own }, [traveller])
    behind.next.push(...own.dropped.map((part) => sameMarks(ghostEnd({ traveller: part, why }, 'drop'), traveller)))
    if (isGoto) behind.returned.push(...back.map((part) => doubtful(part, why)))
    behind.next.push(...back.map((part) => sameMarks(isGoto ? doubtful(part, why) : part, traveller)))
    for (const part of own.accepted) {
      const isMoved = part.isTranslated && !traveller.isTranslated
      if (!isMoved) perhapsAccepted(place, { traveller: sameMarks(part, traveller), why }, behind)
      else perhapsMoved(place.verdicts, behind, part, traveller, why)
    }
  }
}

function lookUp(place: Place, body: unknown, inside: Inside, behind: Behind): Inside {
  const { chain, walk } = place
  const map = readMap(property(body, 'data'), chain, walk.sets)
  const key = property(body, 'key')
  const sure = splitKeys(place, key, map, inside.held)
  const groups = inside.ghosts.map((ghost) => ({ ghost, parts: splitKeys(place, key, map, [ghost.traveller]) }))
  const why: Doubt = map.isOpen ? 'set' : 'expression'
  behind.next.push(...sure.missed, ...groups.flatMap(({ parts }) => parts.missed))
  for (const { value, travellers } of sure.found) carryOut(place, value, { held: travellers, ghosts: [] }, behind)
  for (const { ghost, parts } of groups) {
    for (const { value, travellers } of parts.found) {
      const some = travellers.map((traveller) => ({ traveller, why: ghost.why }))
      carryOut(place, value, { held: [], ghosts: some }, behind)
    }
  }
  leaveOpen(place, [...sure.unknown, ...groups.flatMap(({ parts }) => parts.unknown)], why, behind)
  return NOBODY
}

/** The verdict of a map's entry. */
function carryOut(place: Place, verdict: unknown, inside: Inside, behind: Behind): void {
  const [name = ''] = typeof verdict === 'object' && verdict !== null ? Object.keys(verdict) : []
  const left = act(place, { name, body: property(verdict, name) }, inside, behind)
  behind.next.push(...left.held, ...left.ghosts.map(({ traveller }) => traveller))
}

function splitKeys(
  { walk, passage, chain }: Place,
  key: unknown,
  map: ReturnType<typeof readMap>,
  travellers: readonly Traveller[],
) {
  const bodies = new Map(map.entries.map((entry) => [entry.key, keyMatch(key, entry.key)]))
  const step = (travelling: readonly Traveller[], condition: ReturnType<typeof walk.read>[number]): Split => {
    const parts = travelling.map((each) =>
      condition.fields.length > 0
        ? bounded(walk, condition, each, () => splitByCondition(each, condition, passage))
        : { holds: [], fails: [], unknown: [each] },
    )
    return {
      holds: parts.flatMap(({ holds }) => holds),
      fails: parts.flatMap(({ fails }) => fails),
      unknown: parts.flatMap(({ unknown }) => unknown),
    }
  }
  return splitByMap(map, travellers, (traveller, value) => {
    const [own, ...implied] = walk.read(bodies.get(value), chain)
    let holds: readonly Traveller[] = [traveller]
    const fails: Traveller[] = []
    const unknown: Traveller[] = []
    for (const condition of own === undefined ? [] : [...implied, own]) {
      const parts = step(holds, condition)
      holds = parts.holds
      fails.push(...parts.fails)
      unknown.push(...parts.unknown)
    }
    return { holds, fails, unknown }
  })
}

function translateAll(
  place: Place,
  { body }: Statement,
  { held, ghosts }: Inside,
  behind: Behind,
  name: 'dnat' | 'redirect',
): Inside {
  const { walk, chain, passage, verdicts } = place
  const move = (travellers: readonly Traveller[]): Translated =>
    translate(travellers, {
      name,
      body,
      scope: chain,
      family: passage.family,
      sets: walk.sets,
      split: (key, map, some) => splitKeys(place, key, map, some),
    })
  const sure = move(held)
  verdicts.accepted.push(...sure.changed)
  behind.next.push(...sure.missed)
  for (const part of sure.perhaps) perhapsMoved(verdicts, behind, part, null, ['set'])
  for (const { traveller, why } of ghosts) {
    const moved = move([traveller])
    behind.next.push(...moved.missed)
    for (const part of [...moved.changed, ...moved.perhaps]) perhapsMoved(verdicts, behind, part, traveller, why)
  }
  return NOBODY
}

/** Both worlds are followed: the one in which it was translated, and the one in which it was not. Neither is certain. */
function perhapsMoved(
  verdicts: Verdicts,
  behind: Behind,
  part: Traveller,
  origin: Traveller | null,
  doubts: readonly Doubt[],
): void {
  const why = withDoubt(part.why, doubts)
  verdicts.accepted.push({ ...part, why, isDoubtful: true })
  const { destination, port, isToGateway } = origin ?? { destination: null, port: null, isToGateway: false }
  const isTranslated = origin?.isTranslated ?? false
  behind.next.push({ ...part, destination, port, isToGateway, isTranslated, why, isDoubtful: true })
}

/** Behind a rule of NAT that may have accepted, another may translate: these are two worlds, and both are followed. */
function perhapsAccepted({ verdicts, passage, isNat }: Place, ghost: Ghost, behind: Behind): void {
  if (!isNat || passage.hook !== 'prerouting') behind.next.push(ghostEnd(ghost, 'accept'))
  else {
    const either = doubtful(ghost.traveller, ghost.why)
    verdicts.accepted.push(either)
    behind.next.push(either)
  }
}

function ghostEnd({ traveller, why }: Ghost, end: 'accept' | 'drop'): Traveller {
  const flag = end === 'accept' ? { mayAccept: true } : { mayDrop: true }
  return { ...traveller, ...flag, why: withDoubt(traveller.why, why) }
}

function mayBeAnything(traveller: Traveller, why: readonly Doubt[]): Traveller {
  const open = { mayAccept: true, mayDrop: true, mark: null, ctMark: null, state: null }
  return { ...traveller, ...open, why: withDoubt(traveller.why, why) }
}

/** Whatever the rule does, it may have been done. In a chain of NAT that may be a translation to any address. */
function leaveOpen(
  { verdicts, passage, isNat }: Place,
  travellers: readonly Traveller[],
  why: Doubt,
  behind: Behind,
): void {
  for (const each of travellers) {
    if (!isNat || passage.hook !== 'prerouting') behind.next.push(mayBeAnything(each, [why]))
    else {
      const moved = { ...each, destination: allAddresses(passage.family), port: ALL_PORTS, isTranslated: true }
      perhapsMoved(verdicts, behind, moved, each, [why])
    }
  }
}

function doubtful(traveller: Traveller, why: readonly Doubt[]): Traveller {
  return { ...traveller, isDoubtful: true, why: withDoubt(traveller.why, why) }
}

/** What was perhaps accepted before the change went on without it. */
function altered(traveller: Traveller, change: (traveller: Traveller) => Traveller): Traveller {
  const after = change(traveller)
  return traveller.mayAccept ? sameMarks(after, traveller) : after
}

/** A change that may not have happened leaves a value that is not known. */
function blurred({ traveller, why }: Ghost, change: (traveller: Traveller) => Traveller): Ghost {
  return { traveller: sameMarks(change(traveller), traveller), why }
}

/** What differs from `origin` is not known any more. */
function sameMarks(part: Traveller, origin: Traveller): Traveller {
  const mark = part.mark === origin.mark ? part.mark : null
  const ctMark = part.ctMark === origin.ctMark ? part.ctMark : null
  const state = part.state === origin.state ? part.state : null
  const isSame = mark === part.mark && ctMark === part.ctMark && state === part.state
  return isSame ? part : { ...part, mark, ctMark, state }
}
