/**
 * Rules for somebody else: most rules of a large gateway name one peer's address, and a walk for another peer need not look at them. Only
 * what is certain without looking at the packet's other fields counts.
 */
import { type Family, overlap, type Range } from '../../address-range.ts'
import type { Condition, ConditionReader } from './rule-condition.ts'
import type { Span } from './rule-field.ts'
import { NEUTRAL } from './rule-verdict.ts'
import type { Chain, Rule } from './ruleset-document.ts'

/** Whether no packet from `sources` can satisfy the rule, and nothing of it is done before that shows. */
export type SourceTest = (rule: Rule, chain: Chain, sources: readonly Range[], family: Family) => boolean

/** Each rule is read once. */
export function createSourceTest(read: ConditionReader): SourceTest {
  const known = new Map<Rule, Condition | null>()
  return (rule, chain, sources, family) => {
    const found = known.get(rule)
    const condition = found === undefined ? sourceCondition(rule, chain, read) : found
    known.set(rule, condition)
    if (condition === null) return false
    if (condition.fields[0] !== (family === 4 ? 'ip saddr' : 'ip6 saddr')) return true
    return !sources.some((source) => meetsAny(condition, source))
  }
}

function sourceCondition(rule: Rule, chain: Chain, read: ConditionReader): Condition | null {
  for (const { name, body } of rule.statements) {
    if (name === 'match') {
      const [own] = read(body, chain)
      const [field, ...more] = own?.fields ?? []
      const isSource = field === 'ip saddr' || field === 'ip6 saddr'
      if (own !== undefined && isSource && more.length === 0 && own.isWhole && !own.isNegated) return own
    } else if (!NEUTRAL.has(name)) return null
  }
  return null
}

function meetsAny({ rows, isSorted }: Condition, source: Range): boolean {
  if (!isSorted) return rows.some((row) => meets(row[0], source))
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const end = rows[middle]?.[0]?.high
    if (end !== undefined && typeof end !== 'string' && end < source.low) low = middle + 1
    else high = middle
  }
  return meets(rows[low]?.[0], source)
}

function meets(span: Span | undefined, source: Range): boolean {
  if (span === undefined) return false
  const { low, high } = span
  // A name is no address: what cannot be compared is not ruled out.
  return typeof low === 'string' || typeof high === 'string' || overlap({ low, high }, source) !== null
}
