/**
 * Which log rules a new connection meets on its way through a hook, by the interfaces it comes in and goes out on: for `doctor` and
 * for posture, which say which ways are seen and which are not. Walks the chains as the kernel does. A condition on interfaces or connection state is
 * decided; any other (addresses, ports) may hold or not, so both ways are followed.
 *
 *   chain forward { policy drop; ct state established accept; iifname "wg0" jump from_wg }
 *
 * Authority: nft(8); net/netfilter/nf_tables_core.c. The order of base chains on a hook is not looked at.
 */
import type { Condition, ConditionReader } from './rule-condition.ts'
import {
  type Chain,
  keyOf,
  listOf,
  property,
  type Rule,
  type RulesetDocument,
  type Statement,
  textProperty,
} from './ruleset-document.ts'

/** A way of packets through this machine: a hook, and the interfaces they come in and go out on. */
export type Way = {
  readonly hook: 'forward' | 'input' | 'output'
  /** Names of interfaces, '' where there is none. */
  readonly input: string
  readonly output: string
}

/** A log statement that is met: `ruleset` is `family table chain`. */
export type MetLog = { readonly ruleset: string; readonly handle: string; readonly isHidden: boolean }

export type WalkResult = {
  readonly logs: readonly MetLog[]
  /** Base chains that end this way by drop or reject for everything the rules do not name, without a log before. */
  readonly silentDrops: readonly string[]
}

/** Rules looked at on one way: jumps can multiply. */
export const STEPS_MAX = 100_000
/** NFT_JUMP_STACK_SIZE. */
export const JUMPS_MAX = 16
/** Families whose chains see routed IP packets. */
export const FAMILIES = ['inet', 'ip', 'ip6']
/** Statements after which the rest of a rule holds for some of the packets only. */
const SOMETIMES = new Set(['limit', 'quota', 'ct count', 'meter', 'set', 'map'])

type Walk = {
  readonly document: RulesetDocument
  readonly read: ConditionReader
  readonly way: Way
  readonly logs: Map<string, MetLog>
  /** A log statement was met that every packet of this way passes, in this base chain. */
  hasCertainLog: boolean
  steps: number
}

/** How a chain ends for a packet of which nothing but the way is known. */
type End = 'accept' | 'drop' | 'on'

/** What one way of a new connection meets on all base chains of its hook. */
export function walkRules(document: RulesetDocument, read: ConditionReader, way: Way): WalkResult {
  const walk: Walk = { document, read, way, logs: new Map(), hasCertainLog: false, steps: 0 }
  const silentDrops: string[] = []
  for (const chain of document.chains.values()) {
    if (chain.hook !== way.hook || chain.isDormant || !FAMILIES.includes(chain.family)) continue
    walk.hasCertainLog = false
    const end = walkChain(walk, chain, true, 0)
    const isDropped = end === 'drop' || (end === 'on' && chain.policy === 'drop')
    if (isDropped && !walk.hasCertainLog) silentDrops.push(`${chain.family} ${chain.table} ${chain.name}`)
  }
  return { logs: [...walk.logs.values()], silentDrops }
}

function walkChain(walk: Walk, chain: Chain, isCertain: boolean, jumps: number): End {
  for (const rule of chain.rules) {
    if (walk.steps++ > STEPS_MAX) return 'on'
    const end = walkRule(walk, chain, rule, isCertain, jumps)
    if (end === 'return') return 'on'
    if (end !== 'on') return end
  }
  return 'on'
}

/** What the rule does to every packet of the way; `on` when it does nothing to some of them. */
function walkRule(walk: Walk, chain: Chain, rule: Rule, isChainCertain: boolean, jumps: number): End | 'return' {
  let isCertain = isChainCertain
  let isWholly = true
  for (const statement of rule.statements) {
    const { name, body } = statement
    if (name === 'match') {
      const held = conditionsHold(walk, walk.read(body, chain))
      if (held === 'no') return 'on'
      if (held === 'perhaps') isWholly = isCertain = false
    } else if (isLog(statement)) {
      const ruleset = `${chain.family} ${chain.table} ${chain.name}`
      walk.logs.set(`${ruleset} ${rule.handle}`, { ruleset, handle: rule.handle, isHidden: name === 'xt' })
      if (isCertain) walk.hasCertainLog = true
    } else if (SOMETIMES.has(name)) isWholly = isCertain = false
    else if (name === 'accept') return isWholly ? 'accept' : 'on'
    else if (name === 'drop' || name === 'reject') return isWholly ? 'drop' : 'on'
    else if (name === 'return') return isWholly ? 'return' : 'on'
    else if (name === 'jump' || name === 'goto' || name === 'vmap') {
      const end = walkTargets(walk, chain, statement, isCertain, jumps)
      if (!isWholly || end === 'accept' || end === 'drop') return isWholly ? end : 'on'
      if (name === 'goto') return 'return'
    }
  }
  return 'on'
}

/** `log` of nftables, or the LOG and NFLOG targets that iptables-nft writes, whose prefix the listing does not show. */
export function isLog({ name, body }: Statement): boolean {
  if (name === 'log') return property(body, 'level') !== 'audit'
  return name === 'xt' && ['LOG', 'NFLOG'].includes(textProperty(body, 'name'))
}

function walkTargets(walk: Walk, chain: Chain, { name, body }: Statement, isCertain: boolean, jumps: number): End {
  if (jumps >= JUMPS_MAX) return 'on'
  const follow = (target: string, isSure: boolean): End => {
    const next = walk.document.chains.get(keyOf(chain.family, chain.table, target))
    return next === undefined ? 'on' : walkChain(walk, next, isSure, jumps + 1)
  }
  if (name !== 'vmap') return follow(textProperty(body, 'target'), isCertain)
  // Of a verdict map by interface the entries of this way count; of any other map each may.
  const key = textProperty(property(property(body, 'key'), 'meta'), 'key')
  const named = key === 'iifname' || key === 'iif' ? walk.way.input : key === 'oifname' ? walk.way.output : null
  for (const [value, verdict] of mapEntries(walk.document, chain, body)) {
    const isThis = named !== null && value === named
    if (named !== null && !isThis && typeof value === 'string' && !value.endsWith('*')) continue
    const target = textProperty(property(verdict, 'jump') ?? property(verdict, 'goto'), 'target')
    if (target !== '') {
      const end = follow(target, isCertain && isThis)
      if (isThis && end !== 'on') return end
    } else if (isThis && property(verdict, 'accept') !== undefined) return 'accept'
    else if (isThis && property(verdict, 'drop') !== undefined) return 'drop'
  }
  return 'on'
}

/** Keys with their verdicts of a `vmap` statement's body. */
export function mapEntries(document: RulesetDocument, chain: Chain, body: unknown): [unknown, unknown][] {
  const data = property(body, 'data')
  const isNamed = typeof data === 'string' && data.startsWith('@')
  const elements = isNamed
    ? document.sets.get(keyOf(chain.family, chain.table, data.slice(1)))?.elements
    : listOf(property(data, 'set'))
  return (elements ?? []).flatMap((element): [unknown, unknown][] =>
    Array.isArray(element) && element.length === 2 ? [[element[0], element[1]]] : [],
  )
}

/** `perhaps`: depends on what a way does not say. */
export type Held = 'yes' | 'no' | 'perhaps'

function conditionsHold(walk: Walk, conditions: readonly Condition[]): Held {
  const all = conditions.map((condition) => conditionHolds(walk.way, condition))
  return all.includes('no') ? 'no' : all.includes('perhaps') ? 'perhaps' : 'yes'
}

/** Decides conditions on interfaces and connection state; any other may hold. */
export function conditionHolds(way: Way, { fields, rows, isNegated, isWhole }: Condition): Held {
  const [field, ...more] = fields
  if (field === undefined || more.length > 0) return 'perhaps'
  const value = field === 'iifname' ? way.input : field === 'oifname' ? way.output : field === 'ct state' ? 'new' : null
  if (value === null) return 'perhaps'
  const isIn = rows.some(([span]) => span !== undefined && span.low <= value && value <= span.high)
  if (!isIn && !isWhole) return 'perhaps'
  return isIn === isNegated ? 'no' : 'yes'
}
