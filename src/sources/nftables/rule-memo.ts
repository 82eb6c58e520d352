/**
 * Answers of ruleFor, remembered by what the rules look at: a few thousand combinations of interfaces, addresses and port make
 * up millions of lines. Rules that look at source ports are asked each time.
 */
import type { Packet } from './record.ts'
import type { Field } from './rule-field.ts'
import { ruleFor } from './rule-match.ts'
import type { LogRule } from './ruleset.ts'

/** Answers kept of one list of rules; then it starts over. About 200 bytes each. */
const ANSWERS_MAX = 16_384

type Memo = { readonly isWorth: boolean; readonly withSource: boolean; readonly answers: Map<string, LogRule | null> }

export function createRuleMemo(): typeof ruleFor {
  const memos = new WeakMap<readonly LogRule[], Memo>()
  return (rules, packet) => {
    let memo = memos.get(rules)
    if (memo === undefined) {
      memo = createMemo(rules)
      memos.set(rules, memo)
    }
    if (!memo.isWorth) return ruleFor(rules, packet)
    const key = keyOf(packet, memo.withSource)
    let rule = memo.answers.get(key)
    if (rule === undefined) {
      rule = ruleFor(rules, packet)
      if (memo.answers.size >= ANSWERS_MAX) memo.answers.clear()
      memo.answers.set(key, rule)
    }
    return rule
  }
}

function createMemo(rules: readonly LogRule[]): Memo {
  const fields = new Set<Field>(rules.flatMap((rule) => rule.matches.flatMap((condition) => condition.fields)))
  return { isWorth: !fields.has('sport'), withSource: fields.has('ip saddr') || fields.has('ip6 saddr'), answers: new Map() }
}

/** Everything ruleFor reads besides the source port. A length of addresses and names cannot move a blank: none holds one. */
function keyOf(packet: Packet, withSource: boolean): string {
  const fragment = packet.fragmentOffset > 0 ? 'f' : ''
  const key = `${packet.in}/${packet.out}/${packet.family} ${packet.protocol} ${packet.dst} ${packet.dport} ${packet.icmpType}${fragment}`
  return withSource ? `${key} ${packet.src}` : key
}
