/**
 * What becomes of a packet after a `log` statement has seen it, read from the rules that follow (design 8.1):
 *
 *   iifname "wg0" tcp dport 443 ct state new limit rate 30/minute log prefix "tls: "
 *   iifname "wg0" tcp dport 443 ct state new accept                                      ⇒ accepted
 *
 * Authority: nft(8), VERDICT STATEMENTS; net/netfilter/nf_tables_core.c, nft_do_chain. The packet is known only by what the
 * log statement demanded. Every verdict it may still meet is collected; only when all agree is there an answer. Precision
 * comes first: NAT, queues, verdict maps and xtables targets give `unknown`, and so does a chain that ends in accept by
 * policy, because nobody wrote that down for this packet. Later base chains on the hook may still drop what was accepted.
 */
import { type Condition, type ConditionReader, excludes, implies } from './rule-condition.ts'
import {
  type Chain,
  canonicalText,
  keyOf,
  property,
  type Rule,
  type RulesetDocument,
  textProperty,
} from './ruleset-document.ts'

export type Verdict = 'accepted' | 'dropped' | 'rejected' | 'unknown'

/** Where the log statement stands, and what held when it was reached. */
export type LogPosition = {
  readonly chain: Chain
  readonly rule: number
  readonly statement: number
  readonly conditions: readonly Condition[]
}

/** Statements looked at for one log statement, and for all of a ruleset: jumps can multiply, and a ruleset can be hostile. */
const STEPS_MAX = 5_000
const STEPS_TOTAL_MAX = 2_000_000
/** NFT_JUMP_STACK_SIZE: the kernel refuses deeper chains. */
const JUMPS_MAX = 16

/** Statements that change neither the packet's way nor what is known of it. */
export const NEUTRAL = new Set([
  'log',
  'counter',
  'last',
  'dup',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'secmark',
  'comment',
])
/** Statements that may end the rule here without a verdict, by state that no dump shows. */
export const CONDITIONAL = new Set(['limit', 'quota', 'ct count', 'meter', 'set', 'map', 'flow'])

type Walk = {
  readonly document: RulesetDocument
  readonly read: ConditionReader
  readonly outcomes: Set<Verdict>
  steps: number
  /** Texts of what was changed on the way: conditions that mention one no longer hold. */
  readonly changed: string[]
}

/** What a rule leaves for the next one. `ended`: nothing; `returned`: the chain is left, the caller goes on. */
type Flow = 'next' | 'returned' | 'ended'

/** One reader for one ruleset; the steps it may walk are counted over all of its rules. */
export function createVerdictReader(
  document: RulesetDocument,
  read: ConditionReader,
): (position: LogPosition) => Verdict {
  let total = 0
  return ({ chain, rule, statement, conditions }) => {
    if (total > STEPS_TOTAL_MAX) return 'unknown'
    const walk: Walk = { document, read, outcomes: new Set(), steps: 0, changed: [] }
    const mayFallThrough = walkChain(walk, chain, rule, statement, conditions, 0)
    total += walk.steps
    if (walk.steps > STEPS_MAX) return 'unknown'
    if (mayFallThrough) walk.outcomes.add(chain.hook !== '' && chain.policy === 'drop' ? 'dropped' : 'unknown')
    const [only, ...others] = walk.outcomes
    return only === undefined || others.length > 0 ? 'unknown' : only
  }
}

/** Walks from a statement of a rule to the end of the chain; says whether the end may be reached. */
function walkChain(
  walk: Walk,
  chain: Chain,
  from: number,
  statement: number,
  known: readonly Condition[],
  jumps: number,
): boolean {
  let mayReturn = false
  for (let i = from; i < chain.rules.length; i++) {
    const rule = chain.rules[i]
    if (rule === undefined || isDecided(walk)) return false
    const step = walkRule(walk, chain, rule, i === from ? statement : 0, known, jumps)
    if (step.mayReturn) mayReturn = true
    if (step.flow === 'returned') return true
    if (step.flow === 'ended') return mayReturn
  }
  return true
}

/** Nothing that follows can bring the answer back to one verdict. */
function isDecided(walk: Walk): boolean {
  return walk.steps > STEPS_MAX || walk.outcomes.size > 1 || walk.outcomes.has('unknown')
}

type RuleFlow = { readonly flow: Flow; readonly mayReturn: boolean }
const GO_ON: RuleFlow = { flow: 'next', mayReturn: false }

function walkRule(
  walk: Walk,
  chain: Chain,
  rule: Rule,
  from: number,
  known: readonly Condition[],
  jumps: number,
): RuleFlow {
  const held = [...known]
  let isCertain = true
  for (const { name, body } of rule.statements.slice(from)) {
    walk.steps++
    if (name === 'match') {
      for (const condition of walk.read(body, chain)) {
        const usable = held.filter((one) => stillHolds(walk, one))
        if (usable.some((one) => excludes(one, condition))) return GO_ON
        if (!usable.some((one) => implies(one, condition))) isCertain = false
        held.push(condition)
      }
    } else if (!NEUTRAL.has(name) && !isChange(name) && !CONDITIONAL.has(name)) {
      return applyVerdict(walk, chain, name, body, isCertain, held, jumps)
    } else {
      if (isChange(name)) walk.changed.push(changedText(name, body))
      if (CONDITIONAL.has(name)) isCertain = false
    }
  }
  return GO_ON
}

function applyVerdict(
  walk: Walk,
  chain: Chain,
  name: string,
  body: unknown,
  isCertain: boolean,
  held: readonly Condition[],
  jumps: number,
): RuleFlow {
  const end: RuleFlow = isCertain ? { flow: 'ended', mayReturn: false } : GO_ON
  switch (name) {
    case 'accept':
      walk.outcomes.add('accepted')
      return end
    case 'drop':
      walk.outcomes.add('dropped')
      return end
    case 'reject':
      walk.outcomes.add('rejected')
      return end
    case 'continue':
      return GO_ON
    case 'return':
      return { flow: isCertain ? 'returned' : 'next', mayReturn: true }
    case 'jump':
    case 'goto': {
      const target = walk.document.chains.get(keyOf(chain.family, chain.table, textProperty(body, 'target')))
      if (target === undefined || jumps >= JUMPS_MAX) break
      const comesBack = walkChain(walk, target, 0, 0, held, jumps + 1)
      if (name === 'jump') return isCertain && !comesBack ? end : GO_ON
      // What a goto leads to returns to our caller, not to us.
      return { flow: isCertain ? (comesBack ? 'returned' : 'ended') : 'next', mayReturn: comesBack }
    }
  }
  // queue, vmap, NAT, tproxy, synproxy, fwd, xt, and whatever a newer nft brings.
  walk.outcomes.add('unknown')
  return end
}

function isChange(name: string): boolean {
  return name === 'mangle' || name === 'notrack' || name === 'set' || name === 'map'
}

/**
 * What a statement changes, as it reads inside a condition's text; '' when it changes nothing. A change of the payload may be
 * written in ways that do not name the field (`@th,16,16`), so it stands for all of them.
 */
export function changedText(name: string, body: unknown): string {
  if (name === 'notrack') return '"ct":'
  if (name === 'set' || name === 'map') return JSON.stringify(property(body, name) ?? '')
  if (name !== 'mangle') return ''
  const key = property(body, 'key')
  return property(key, 'payload') === undefined ? canonicalText(key) : '"payload":'
}

function stillHolds(walk: Walk, condition: Condition): boolean {
  return walk.changed.every((text) => !condition.text.includes(text))
}
