/**
 * Which rule wrote a packet log line, and its verdict: configured prefixes first, else the ruleset as it stood, else unknown;
 * never a guess from the prefix's wording (design 8.1).
 */
import type { Facet } from '../event.ts'
import type { PacketRecord } from '../sources/nftables/record.ts'
import { readsSource, ruleFor } from '../sources/nftables/rule-match.ts'
import type { Verdict } from '../sources/nftables/rule-verdict.ts'
import type { LogRule, Ruleset } from '../sources/nftables/ruleset.ts'
import type { RulesetHistory } from '../sources/nftables/ruleset-history.ts'
import { createRuleFacet } from './firewall-events.ts'
import { createFacetCache } from './shared-facets.ts'

export type LineRule = {
  readonly rule: LogRule | null
  readonly verdict: Verdict
  readonly facet: Facet
  /** The ruleset the rule stands in; null where it may be either of two, or there is none. */
  readonly ruleset: Ruleset | null
  /** The rules look at a packet's source: another source may have another rule. */
  readonly asksSource: boolean
}

export type PrefixVerdict = { readonly match: string; readonly verdict: 'accepted' | 'dropped' | 'rejected' }

export type LineRules = {
  of(record: PacketRecord): LineRule
  /** Whether another line that differs only in its source and time has the same rule. */
  isCurrent(line: LineRule, record: PacketRecord): boolean
}

export function createLineRules(history: RulesetHistory, configured: readonly PrefixVerdict[]): LineRules {
  const longestFirst = configured.toSorted((a, b) => b.match.length - a.match.length || (a.match < b.match ? -1 : 1))
  const facets = createFacetCache()
  const lines = new WeakMap<Facet, LineRule>()
  const askSource = new WeakMap<readonly LogRule[], boolean>()

  function of(record: PacketRecord): LineRule {
    const { packet } = record
    const rules = history.rulesAt(record.at, packet.prefix)
    const rule = rules.length === 0 ? null : ruleFor(rules, packet)
    const byConfiguration = longestFirst.find((each) => packet.prefix.startsWith(each.match))?.verdict
    const verdict = byConfiguration ?? rule?.verdict ?? 'unknown'
    // A known prefix on a line that no rule with it can have written: somebody else may have.
    const trust = rules.length > 0 && rule === null && record.trust !== 'kernel' ? 'unverified' : record.trust
    const key = `${verdict} ${trust} ${rule?.version ?? ''} ${rule?.handle ?? ''} ${rule?.ruleset ?? ''} ${packet.prefix}`
    const facet = facets(key, () => createRuleFacet(rule, verdict, packet.prefix, trust))
    const ruleset = history.rulesetAt(record.at)
    const known = lines.get(facet)
    if (known !== undefined && known.ruleset === ruleset && isSameRule(known.rule, rule)) return known
    const line = { rule, verdict, facet, ruleset, asksSource: asksSource(rules) }
    lines.set(facet, line)
    return line
  }

  function asksSource(rules: readonly LogRule[]): boolean {
    let answer = askSource.get(rules)
    if (answer === undefined) {
      answer = readsSource(rules)
      askSource.set(rules, answer)
    }
    return answer
  }

  return {
    of,
    isCurrent: (line, record) =>
      !line.asksSource && line.ruleset !== null && history.rulesetAt(record.at) === line.ruleset,
  }
}

/** What two rules with one facet may still differ in. */
function isSameRule(a: LogRule | null, b: LogRule | null): boolean {
  return a?.hook === b?.hook && a?.document === b?.document && a?.sampled === b?.sampled
}
