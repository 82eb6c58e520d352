/**
 * Which rules write which log prefix, and what became of the packets they logged: the only source of verdicts besides the
 * configuration (a packet log line has none).
 *
 *   {"rule": {… "handle": 7, "expr": [{"match": …}, {"log": {"prefix": "[edge] wg-allow db: "}}, {"accept": null}]}}
 *
 * Authority: libnftables-json(5), nft(8) LOG STATEMENT. `log level audit` writes no packet log line and is left out. Rules
 * made by iptables-nft hide their prefix from this listing (`{"xt": …}`): their prefixes have to be configured.
 */
import { type Condition, type ConditionReader, createConditionReader, implicit, opaque } from './rule-condition.ts'
import {
  CONDITIONAL,
  changedText,
  createVerdictReader,
  type LogPosition,
  NEUTRAL,
  type Verdict,
} from './rule-verdict.ts'
import {
  type Chain,
  canonicalText,
  property,
  type Rule,
  type RulesetDocument,
  readRulesetDocument,
  type Statement,
  textProperty,
  toBytes,
} from './ruleset-document.ts'
import { admitsInput, type Entries, hookOf, type Reach, reachOf } from './ruleset-entry.ts'

/** One `log` statement. */
export type LogRule = {
  /** As it stands at the start of a line: one character a byte, often with a blank at its end. '' when the rule has none. */
  readonly prefix: string
  /** Decimal; '' when several rules are meant (see ruleFor). */
  readonly handle: string
  readonly comment: string
  /** `family table chain`. */
  readonly ruleset: string
  /** Of the base chain that leads here; '' when there are several or none. */
  readonly hook: string
  /** By this rule and its chain: a later base chain may still drop what is `accepted` here. */
  readonly verdict: Verdict
  /** Something before the log statement lets only some of the packets through to it (`limit rate`). */
  readonly sampled: boolean
  /** Hash of the rule as it stood. */
  readonly version: string
  /** NFLOG group; -1 for the kernel log. */
  readonly group: number
  /** What a packet must satisfy to be logged here. */
  readonly matches: readonly Condition[]
  /** Hash of the ruleset it stands in, and its place in its chain: two rules of one chain can be put in order. */
  readonly document: string
  readonly position: number
  /** A packet that satisfies `matches` goes no further than this rule. */
  readonly isFinal: boolean
}

/** Everything known of a ruleset, as plain data: what is saved, and what `openRuleset` makes a ruleset of again. */
export type RulesetContent = {
  /** The same for rulesets that say the same; running counters do not count. */
  readonly hash: string
  /** All prefixes, sorted. */
  readonly prefixes: readonly string[]
  /** Prefixes that some rule writes for only some of its packets, sorted. */
  readonly sampledPrefixes: readonly string[]
  /** By prefix, in document order. */
  readonly rules: ReadonlyMap<string, readonly LogRule[]>
  readonly reach: Reach
}

export type Ruleset = RulesetContent & {
  /** Rules with exactly this prefix, in document order. */
  logRules(prefix: string): readonly LogRule[]
  /** Those of `interfaces` on which at least one rule may log what comes in. The others are blind by design. */
  loggedInterfaces(interfaces: readonly string[]): readonly string[]
}

/** `text` is decoded UTF-8, as nft writes it. */
export function parseRuleset(text: string): Ruleset | { readonly problem: string } {
  const document = readRulesetDocument(text)
  return 'problem' in document ? document : rulesetOf(document)
}

/** What the rules of a document write and decide. */
export function rulesetOf(document: RulesetDocument): Ruleset {
  const read = createConditionReader(document.sets)
  const reach = reachOf(document, read)
  const rules = findLogRules(document, reach.entries, read)
  const byPrefix = new Map<string, LogRule[]>()
  for (const rule of rules) {
    const same = byPrefix.get(rule.prefix)
    if (same === undefined) byPrefix.set(rule.prefix, [rule])
    else same.push(rule)
  }
  return openRuleset({
    hash: document.hash,
    prefixes: [...byPrefix.keys()].sort(),
    sampledPrefixes: [...new Set(rules.filter((rule) => rule.sampled).map((rule) => rule.prefix))].sort(),
    rules: byPrefix,
    reach,
  })
}

/**
 * Gives `content` its methods and returns the same object: what was saved of a ruleset and of who refers to it stays one thing.
 * The methods are not enumerable, so that a clone of a ruleset is its content.
 */
export function openRuleset(content: RulesetContent): Ruleset {
  if (isOpen(content)) return content
  const { rules, reach } = content
  const logRules: Ruleset['logRules'] = (prefix) => rules.get(prefix) ?? []
  const admits = (name: string) =>
    [...rules.values()].some((same) => same.some(({ ruleset, matches }) => admitsInput(reach, ruleset, matches, name)))
  const loggedInterfaces: Ruleset['loggedInterfaces'] = (interfaces) => interfaces.filter(admits)
  // The compiler does not follow properties that are defined by descriptor; these two are what Ruleset adds.
  return Object.defineProperties(content, {
    logRules: { value: logRules },
    loggedInterfaces: { value: loggedInterfaces },
  }) as Ruleset
}

function isOpen(content: RulesetContent): content is Ruleset {
  return Object.hasOwn(content, 'logRules')
}

function findLogRules(document: RulesetDocument, entries: Entries, read: ConditionReader): LogRule[] {
  const readVerdict = createVerdictReader(document, read)
  const found: LogRule[] = []
  for (const chain of document.chains.values()) {
    const hook = hookOf(entries, chain)
    for (const [position, rule] of chain.rules.entries()) {
      for (const log of logsIn(read, chain, rule, position)) {
        found.push({
          ...describe(chain, rule, log.body),
          ...log.facts,
          hook,
          document: document.hash,
          position,
          verdict: readVerdict(log.at),
        })
      }
    }
  }
  return found
}

type FoundLog = {
  readonly body: unknown
  readonly at: LogPosition
  readonly facts: { readonly sampled: boolean; readonly isFinal: boolean; readonly matches: readonly Condition[] }
}

function logsIn(read: ConditionReader, chain: Chain, rule: Rule, position: number): FoundLog[] {
  const logs: FoundLog[] = []
  if (!rule.statements.some((statement) => statement.name === 'log')) return logs
  const matches: Condition[] = familyOf(chain)
  let sampled = false
  for (const [index, { name, body }] of rule.statements.entries()) {
    if (name === 'match') {
      const conditions = read(body, chain)
      matches.push(...conditions)
      if (conditions.some((condition) => condition.isStateful)) sampled = true
    } else if (name === 'log') {
      if (property(body, 'level') === 'audit') continue
      const isFinal = isFinalFrom(rule.statements, index + 1)
      const at = { chain, rule: position, statement: index + 1, conditions: [...matches] }
      logs.push({ body, at, facts: { sampled, isFinal, matches: [...matches] } })
    } else if (!NEUTRAL.has(name)) {
      // What was matched before a change need hold no longer when the line is written: it can be neither used nor told.
      const changed = changedText(name, body)
      for (const [i, match] of matches.entries()) {
        if (changed !== '' && match.text.includes(changed)) matches[i] = opaque(match.text, true)
      }
      const text = canonicalText({ [name]: body })
      matches.push(opaque(text, true))
      if (name === 'limit' || name === 'quota' || (CONDITIONAL.has(name) && /"(?:limit|quota)":/.test(text)))
        sampled = true
    }
  }
  return logs
}

/** A table of one family sees no other. */
function familyOf(chain: Chain): Condition[] {
  if (chain.family === 'ip') return [implicit('family', 4)]
  return chain.family === 'ip6' ? [implicit('family', 6)] : []
}

function isFinalFrom(statements: readonly Statement[], from: number): boolean {
  const next = statements.slice(from).find(({ name }) => name !== 'counter' && name !== 'log')
  return next !== undefined && ['accept', 'drop', 'reject'].includes(next.name)
}

function describe(chain: Chain, rule: Rule, log: unknown) {
  const group = property(log, 'group')
  return {
    prefix: toBytes(textProperty(log, 'prefix')),
    handle: rule.handle,
    comment: rule.comment,
    ruleset: `${chain.family} ${chain.table} ${chain.name}`,
    version: rule.version,
    group: typeof group === 'number' && Number.isInteger(group) && group >= 0 ? group : -1,
  }
}
