/**
 * Which rule wrote a packet log line, and its verdict: configured prefixes first, else the ruleset as it stood, else unknown;
 * never a guess from the prefix's wording (design 8.1).
 */
import type { Facet } from '../event.ts'
import type { PacketRecord } from '../sources/nftables/record.ts'
import { createRuleMemo } from '../sources/nftables/rule-memo.ts'
import type { LogRule, Verdict } from '../sources/nftables/ruleset.ts'
import type { RulesetHistory } from '../sources/nftables/ruleset-history.ts'
import { createRuleFacet } from './firewall-events.ts'
import { createFacetCache } from './shared-facets.ts'

export type LineRule = { readonly rule: LogRule | null; readonly verdict: Verdict; readonly facet: Facet }

export type PrefixVerdict = { readonly match: string; readonly verdict: 'accepted' | 'dropped' | 'rejected' }

export function createLineRules(
  history: RulesetHistory,
  configured: readonly PrefixVerdict[],
): (record: PacketRecord) => LineRule {
  const longestFirst = configured.toSorted((a, b) => b.match.length - a.match.length || (a.match < b.match ? -1 : 1))
  const facets = createFacetCache()
  const configuredVerdict = new Map<string, Verdict | null>()
  const ruleOf = createRuleMemo()
  /** The last line of each rule: the next one of it nearly always looks the same. */
  const byRule = new WeakMap<object, LineRule & { trust: string; prefix: string }>()

  function verdictByConfiguration(prefix: string): Verdict | null {
    let verdict = configuredVerdict.get(prefix)
    if (verdict === undefined) {
      verdict = longestFirst.find((each) => prefix.startsWith(each.match))?.verdict ?? null
      if (configuredVerdict.size < PREFIXES_MAX) configuredVerdict.set(prefix, verdict)
    }
    return verdict
  }

  return (record) => {
    const { packet } = record
    const rules = history.rulesAt(record.at, packet.prefix)
    const rule = rules.length === 0 ? null : ruleOf(rules, packet)
    const verdict =
      (longestFirst.length === 0 ? null : verdictByConfiguration(packet.prefix)) ?? rule?.verdict ?? 'unknown'
    // A known prefix on a line that no rule with it can have written: somebody else may have.
    const trust = rules.length > 0 && rule === null && record.trust !== 'kernel' ? 'unverified' : record.trust
    const known = byRule.get(rule ?? NO_RULE)
    if (known !== undefined && known.verdict === verdict && known.trust === trust && known.prefix === packet.prefix) return known
    const key = `${verdict} ${trust} ${rule?.version ?? ''} ${rule?.handle ?? ''} ${rule?.ruleset ?? ''} ${packet.prefix}`
    const facet = facets(key, () => createRuleFacet(rule, verdict, packet.prefix, trust))
    const line = { rule, verdict, facet, trust, prefix: packet.prefix }
    byRule.set(rule ?? NO_RULE, line)
    return line
  }
}

/** Stands for "no rule" as a key. */
const NO_RULE = {}

/** Prefixes are text from the log: remembered verdicts have a limit, beyond it they are looked up each time. */
const PREFIXES_MAX = 4096
