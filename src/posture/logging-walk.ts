/**
 * Which decisions about new connections are logged, way by way: follows a hook's chains as the kernel does, and holds every accept,
 * drop and reject that can be reached against the log statements before it.
 *
 *   chain forward { policy drop; iifname "wg0" tcp dport 22 log prefix "ssh " accept; tcp dport 80 accept; log prefix "drop " }
 *                   accept of port 22: logged    accept of port 80: not logged    policy drop: logged
 *
 * Conditions on interfaces and connection state are decided. Any other may hold or not: a log counts for a decision when what is
 * known of the packets decided about implies every condition the log stands behind. A log behind `limit` counts as limited.
 *
 * Matches of iptables-nft that the listing does not show (`xt`) leave open what a rule decides: such a decision is told as hidden when
 * it is not logged whatever they say.
 *
 * Authority: nft(8), libnftables-json(5); base chains of a hook in order of priority, an accept goes on to the next one.
 */
import { type Condition, type ConditionReader, excludes, implies, opaque } from '../sources/nftables/rule-condition.ts'
import { conditionHolds, isLog, JUMPS_MAX, mapEntries, STEPS_MAX, type Way } from '../sources/nftables/rule-walk.ts'
import {
  type Chain,
  canonicalText,
  keyOf,
  property,
  type Rule,
  type RulesetDocument,
  type Statement,
  textProperty,
} from '../sources/nftables/ruleset-document.ts'

export type Decision = {
  readonly verdict: 'accept' | 'drop'
  /** `inet filter forward handle 12`, `inet filter forward policy drop`, `no chain on this hook`. */
  readonly place: string
  /** `limited`: only behind a rate limit. */
  readonly logged: 'yes' | 'limited' | 'no'
}

export type LoggedWay = {
  /** Each place and verdict once. */
  readonly decisions: readonly Decision[]
  /** Some log statement can be met on this way. */
  readonly hasLog: boolean
  /** Log statements with a rate limit that can be met, as places. */
  readonly limitedLogs: readonly string[]
  /** Places that decide by what the listing does not show. */
  readonly hidden: readonly string[]
  /** The ruleset is too large to follow to its end: nothing is known of what was not reached. */
  readonly isCutShort: boolean
}

/** Statements after which the rest of a rule holds for some of the packets only, as chance or load will have it. */
const SOMETIMES = new Set(['limit', 'quota', 'ct count', 'meter', 'set', 'map'])
/** Begins the name of a condition that is a rate, and of one that is not shown. */
const LIMIT = 'limit'
const HIDDEN = 'xt'

type Log = { readonly needs: readonly Condition[]; readonly place: string; readonly base: number }
type Reached = {
  readonly verdict: 'accept' | 'drop'
  readonly place: string
  readonly holds: readonly Condition[]
  readonly base: number
  readonly logCount: number
}
type Walk = {
  readonly document: RulesetDocument
  readonly read: ConditionReader
  readonly way: Way
  readonly logs: Log[]
  readonly reached: Reached[]
  readonly hidden: Set<string>
  /** Number of the base chain. */
  base: number
  steps: number
  isCutShort: boolean
}

/** `ended`: every packet of the way got its verdict. `return`: every packet leaves the chain. */
type End = 'ended' | 'return' | 'on'

/** Decisions about new connections on one way, of IPv4 (`ip`) or IPv6. Tables of family inet see both. */
export function walkLogging(
  document: RulesetDocument,
  read: ConditionReader,
  way: Way,
  family: 'ip' | 'ip6' = 'ip',
): LoggedWay {
  const walk: Walk = {
    document,
    read,
    way,
    logs: [],
    reached: [],
    hidden: new Set(),
    base: 0,
    steps: 0,
    isCutShort: false,
  }
  const chains = [...document.chains.values()]
    .filter((chain) => chain.hook === way.hook && !chain.isDormant && [family, 'inet'].includes(chain.family))
    .sort((a, b) => a.priority - b.priority)
  for (const chain of chains) {
    walk.base++
    const end = walkChain(walk, chain, [], 0)
    const place = `${chain.family} ${chain.table} ${chain.name}`
    if (end !== 'ended')
      reach(walk, chain.policy === 'drop' ? 'drop' : 'accept', `${place} policy ${chain.policy || 'accept'}`, [])
  }
  const what = family === 'ip' ? 'no chain' : 'no chain for IPv6'
  if (chains.length === 0) reach(walk, 'accept', `${what} on the hook ${way.hook}`, [])
  const decisions = settle(walk)
  return {
    decisions,
    hidden: [...walk.hidden],
    hasLog: walk.logs.length > 0,
    limitedLogs: [...new Set(walk.logs.filter(({ needs }) => needs.some(isLimit)).map(({ place }) => place))],
    isCutShort: walk.isCutShort,
  }
}

/**
 * A drop must be logged before it; an accept of one base chain goes on to the next, so any log of the hook counts for it. An accept
 * that a later chain can still turn into a drop is that one's to log, and counts where it is logged nowhere.
 */
function settle({ logs, reached, hidden }: Walk): Decision[] {
  const found = new Map<string, Decision>()
  const rank = { no: 0, limited: 1, yes: 2 }
  for (const { verdict, place, holds, base, logCount } of reached) {
    const before =
      verdict === 'drop' ? logs.slice(0, logCount) : logs.filter((log, i) => i < logCount || log.base > base)
    const isCovered = (needs: readonly Condition[]) => needs.every((need) => isKnown(holds, need))
    const logged = before.some(({ needs }) => isCovered(needs))
      ? 'yes'
      : before.some(({ needs }) => isCovered(needs.filter((need) => !isLimit(need))))
        ? 'limited'
        : 'no'
    // A log behind what is not shown may be met by all of them, or by none.
    const isOpen = before.some(({ needs }) => isCovered(needs.filter((need) => !isLimit(need) && !isHidden(need))))
    if (logged !== 'yes' && (holds.some(isHidden) || (logged === 'no' && isOpen))) {
      hidden.add(place)
      continue
    }
    const key = `${verdict} ${place}`
    const known = found.get(key)
    if (known === undefined || rank[logged] < rank[known.logged]) found.set(key, { verdict, place, logged })
  }
  return [...found.values()]
}

function isLimit({ text }: Condition): boolean {
  return text.startsWith(LIMIT)
}

function isHidden({ text }: Condition): boolean {
  return text.startsWith(HIDDEN)
}

/** One and the same condition object was asked once, so it holds even where asking again could have another answer. */
function isKnown(holds: readonly Condition[], asked: Condition): boolean {
  return holds.some((known) => known === asked || implies(known, asked))
}

function reach(walk: Walk, verdict: 'accept' | 'drop', place: string, holds: readonly Condition[]): void {
  walk.reached.push({ verdict, place, holds, base: walk.base, logCount: walk.logs.length })
}

function walkChain(walk: Walk, chain: Chain, holds: readonly Condition[], jumps: number): End {
  for (const rule of chain.rules) {
    if (walk.steps++ > STEPS_MAX) {
      walk.isCutShort = true
      return 'on'
    }
    const end = walkRule(walk, chain, rule, holds, jumps)
    if (end !== 'on') return end
  }
  return 'on'
}

/** What the rule does to every packet of the way; `on` where some go on to the next rule. */
function walkRule(walk: Walk, chain: Chain, rule: Rule, outer: readonly Condition[], jumps: number): End {
  const holds = [...outer]
  const place = `${chain.family} ${chain.table} ${chain.name} handle ${rule.handle || '?'}`
  const isWhole = () => holds.length === outer.length
  for (const statement of rule.statements) {
    const { name, body } = statement
    if (name === 'match') {
      const conditions = walk.read(body, chain)
      const open = conditions.filter((condition) => conditionHolds(walk.way, condition) === 'perhaps')
      if (conditions.some((condition) => conditionHolds(walk.way, condition) === 'no')) return 'on'
      if (open.some((condition) => holds.some((known) => excludes(known, condition)))) return 'on'
      holds.push(...open.filter((condition) => !isKnown(holds, condition)))
    } else if (isLog(statement)) walk.logs.push({ needs: [...holds], place, base: walk.base })
    else if (SOMETIMES.has(name)) holds.push(opaque(`${name === 'limit' ? LIMIT : name} ${place}`, true))
    else if (name === 'xt' && isHiddenMatch(body)) holds.push(opaque(`${HIDDEN} ${place}`, true))
    else if (verdictOf(statement) !== null) {
      reach(walk, verdictOf(statement) ?? 'accept', place, holds)
      return isWhole() ? 'ended' : 'on'
    } else if (name === 'queue') {
      // A program decides.
      walk.hidden.add(place)
      return isWhole() ? 'ended' : 'on'
    } else if (name === 'return') return isWhole() ? 'return' : 'on'
    else if (name === 'jump' || name === 'goto') {
      const end = follow(walk, chain, textProperty(body, 'target'), holds, jumps)
      if (!isWhole()) return 'on'
      if (end === 'ended') return 'ended'
      if (name === 'goto') return 'return'
    } else if (name === 'vmap') {
      const end = walkMap(walk, chain, { statement, place }, holds, jumps)
      if (end !== 'on') return isWhole() ? end : 'on'
    }
  }
  return 'on'
}

function verdictOf({ name, body }: Statement): 'accept' | 'drop' | null {
  if (name === 'accept') return 'accept'
  const isReject = name === 'reject' || (name === 'xt' && textProperty(body, 'name') === 'REJECT')
  return name === 'drop' || isReject ? 'drop' : null
}

/** Older versions of nft print nothing of an xt expression; targets are said to be such. A comment holds for every packet. */
function isHiddenMatch(body: unknown): boolean {
  return textProperty(body, 'type') !== 'target' && textProperty(body, 'name') !== 'comment'
}

function follow(walk: Walk, chain: Chain, target: string, holds: readonly Condition[], jumps: number): End {
  const next = walk.document.chains.get(keyOf(chain.family, chain.table, target))
  if (next === undefined) return 'on'
  if (jumps >= JUMPS_MAX) {
    walk.isCutShort = true
    return 'on'
  }
  const end = walkChain(walk, next, holds, jumps + 1)
  return end === 'return' ? 'on' : end
}

type MapRule = { readonly statement: Statement; readonly place: string }

/** Of a verdict map by interface or connection state the entry of this way counts; of any other map each may. */
function walkMap(
  walk: Walk,
  chain: Chain,
  { statement, place }: MapRule,
  holds: readonly Condition[],
  jumps: number,
): End {
  const own = ownValue(walk.way, property(statement.body, 'key'))
  for (const [key, verdict] of mapEntries(walk.document, chain, statement.body)) {
    const value = property(property(key, 'elem'), 'val') ?? key
    const held = own === null || typeof value !== 'string' ? 'perhaps' : isValue(value, own) ? 'yes' : 'no'
    if (held === 'no') continue
    const inner = held === 'yes' ? holds : [...holds, opaque(`vmap ${place} ${canonicalText(value)}`, true)]
    const end = walkVerdict(walk, chain, { verdict, place, holds: inner }, jumps)
    if (held === 'yes' && end !== 'on') return end
  }
  return 'on'
}

type MapVerdict = { readonly verdict: unknown; readonly place: string; readonly holds: readonly Condition[] }

function walkVerdict(walk: Walk, chain: Chain, { verdict, place, holds }: MapVerdict, jumps: number): End {
  const has = (name: string) => property(verdict, name) !== undefined
  if (has('accept') || has('drop')) {
    reach(walk, has('accept') ? 'accept' : 'drop', place, holds)
    return 'ended'
  }
  if (has('return')) return 'return'
  const [jump, goto] = [property(verdict, 'jump'), property(verdict, 'goto')]
  if (jump === undefined && goto === undefined) return 'on'
  const end = follow(walk, chain, textProperty(jump ?? goto, 'target'), holds, jumps)
  return end === 'on' && goto !== undefined ? 'return' : end
}

/** What the key of a map is for a new connection of this way; null when that is not known. */
function ownValue(way: Way, key: unknown): string | null {
  const meta = textProperty(property(key, 'meta'), 'key')
  if (meta === 'iifname' || meta === 'iif') return way.input
  if (meta === 'oifname' || meta === 'oif') return way.output
  return textProperty(property(key, 'ct'), 'key') === 'state' ? 'new' : null
}

function isValue(value: string, own: string): boolean {
  return value.endsWith('*') ? own.startsWith(value.slice(0, -1)) : value === own
}
