/**
 * Which rule wrote a log line: a prefix may stand on several. Every demand of a rule is held against the packet of the line:
 *
 *   [edge] wg-deny: IN=wg0 OUT=lan0 SRC=10.8.0.9 DST=172.30.51.68 … PROTO=TCP SPT=40005 DPT=443     against
 *   iifname "wg0" ip saddr 10.8.0.9 tcp dport != 80 log prefix "[edge] wg-deny: " drop
 *
 * Authority: the expressions of net/netfilter/nft_payload.c, nft_meta.c and nft_cmp.c. The answers are certain or they are
 * `maybe`: connection state, marks, limits and everything not in the line cannot be told.
 */
import type { Packet } from './record.ts'
import type { Condition } from './rule-condition.ts'
import { type Field, ipv4Value, ipv6Value, type Span, type Value } from './rule-field.ts'
import type { LogRule } from './ruleset.ts'

export type Answer = 'yes' | 'no' | 'maybe'

/**
 * The rule that wrote the line. Null when none of them can have. When several can, a rule with handle '': it has what they
 * have in common, and verdict `unknown` unless they agree.
 */
export function ruleFor(rules: readonly LogRule[], packet: Packet): LogRule | null {
  const candidates: LogRule[] = []
  const stoppers: LogRule[] = []
  for (const rule of rules) {
    const answer = meets(rule, packet)
    if (answer === 'no') continue
    candidates.push(rule)
    if (answer === 'yes' && rule.isFinal) stoppers.push(rule)
  }
  const left = candidates.filter((rule) => !stoppers.some((stopper) => isBefore(stopper, rule)))
  const [first, ...others] = left
  if (first === undefined) return null
  return others.length === 0 ? first : common(first, others)
}

/** Whether any of the rules looks at the packet's source: then every packet must be asked anew. */
export function readsSource(rules: readonly LogRule[]): boolean {
  return rules.some((rule) =>
    rule.matches.some((condition) => condition.fields.some((field) => SOURCE_FIELDS.has(field))),
  )
}

const SOURCE_FIELDS: ReadonlySet<Field> = new Set(['sport', 'ip saddr', 'ip6 saddr'])

/** Whether a packet that ends at `stopper` never gets to `rule`: both in the same chain of the same ruleset. */
function isBefore(stopper: LogRule, rule: LogRule): boolean {
  return stopper.document === rule.document && stopper.ruleset === rule.ruleset && stopper.position < rule.position
}

function common(first: LogRule, others: readonly LogRule[]): LogRule {
  const shared = <T>(of: (rule: LogRule) => T, otherwise: T): T =>
    others.every((rule) => of(rule) === of(first)) ? of(first) : otherwise
  return {
    prefix: first.prefix,
    handle: '',
    comment: '',
    ruleset: shared((rule) => rule.ruleset, ''),
    hook: shared((rule) => rule.hook, ''),
    verdict: shared((rule) => rule.verdict, 'unknown'),
    sampled: first.sampled || others.some((rule) => rule.sampled),
    version: '',
    group: shared((rule) => rule.group, -1),
    matches: [],
    document: shared((rule) => rule.document, ''),
    position: -1,
    isFinal: false,
  }
}

/** Whether the rule could have logged the packet. */
export function meets(rule: LogRule, packet: Packet): Answer {
  if (!fitsHook(rule, packet)) return 'no'
  let answer: Answer = 'yes'
  for (const condition of rule.matches) {
    const one = satisfies(condition, packet)
    if (one === 'no') return 'no'
    if (one === 'maybe') answer = 'maybe'
  }
  return answer
}

/** Which devices a line shows is fixed by the hook, for the families whose log prefix comes from nf_log_syslog's IP dump. */
function fitsHook(rule: LogRule, packet: Packet): boolean {
  if (!/^(?:ip|ip6|inet) /.test(rule.ruleset)) return true
  if (rule.hook === 'forward') return packet.in !== '' && packet.out !== ''
  if (rule.hook === 'input' || rule.hook === 'prerouting') return packet.out === ''
  if (rule.hook === 'output' || rule.hook === 'postrouting') return packet.out !== ''
  return true
}

/** Whether one demand of a rule holds for the packet of a line. */
export function satisfies(condition: Condition, packet: Packet): Answer {
  if (condition.fields.length === 0) return 'maybe'
  const values = condition.fields.map((field) => valueIn(field, packet))
  // nft stops at a header that is not there, whatever the comparison; with a missing device versions differ.
  if (values.some((value) => value === 'absent')) return 'no'
  const found = findRow(condition, values)
  if (!condition.isNegated || found === 'maybe') return found
  if (values.includes('')) return 'maybe'
  return found === 'yes' ? 'no' : 'yes'
}

/** Whether any row holds, the negation aside. */
function findRow(condition: Condition, values: readonly (Value | null)[]): Answer {
  const otherwise = condition.isWhole ? 'no' : 'maybe'
  const [value = null] = values
  if (condition.isSorted && value !== null) {
    const row = lastFrom(condition.rows, value)
    return row !== undefined && holds(row, values) === 'yes' ? 'yes' : otherwise
  }
  let found: Answer = otherwise
  for (const row of condition.rows) {
    const one = holds(row, values)
    if (one === 'yes') return 'yes'
    if (one === 'maybe') found = 'maybe'
  }
  return found
}

/** Of ascending rows the last that begins at or before `value`. */
function lastFrom(rows: readonly (readonly Span[])[], value: Value): readonly Span[] | undefined {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const span = rows[middle]?.[0]
    if (span !== undefined && span.low <= value) low = middle + 1
    else high = middle
  }
  return rows[low - 1]
}

function holds(row: readonly Span[], values: readonly (Value | null)[]): Answer {
  let answer: Answer = 'yes'
  for (const [i, span] of row.entries()) {
    const value = values[i] ?? null
    if (value === null) answer = 'maybe'
    else if (!(span.low <= value && value <= span.high)) return 'no'
  }
  return answer
}

/** The packet's value; null when the line does not tell; 'absent' when the packet certainly has no such header. */
function valueIn(field: Field, packet: Packet): Value | null {
  switch (field) {
    case 'iifname':
      return packet.in
    case 'oifname':
      return packet.out
    case 'family':
      return packet.family === 0 ? null : packet.family
    case 'l4proto':
      return packet.protocol < 0 || (packet.family === 6 && packet.fragmentOffset > 0) ? null : packet.protocol
    case 'ip saddr':
      return ipv4In(packet, packet.src)
    case 'ip daddr':
      return ipv4In(packet, packet.dst)
    case 'ip6 saddr':
      return ipv6In(packet, packet.src)
    case 'ip6 daddr':
      return ipv6In(packet, packet.dst)
    case 'sport':
      return transportIn(packet, packet.sport)
    case 'dport':
      return transportIn(packet, packet.dport)
    case 'icmp type':
    case 'icmpv6 type':
      return transportIn(packet, packet.icmpType)
    case 'ct state':
      return null
    default:
      return field satisfies never
  }
}

function ipv4In(packet: Packet, address: string): Value | null {
  if (packet.family === 4) return ipv4Value(address)
  return packet.family === 6 ? 'absent' : null
}

function ipv6In(packet: Packet, address: string): Value | null {
  if (packet.family === 6) return ipv6Value(address)
  return packet.family === 4 ? 'absent' : null
}

/** Later fragments have no transport header. Of a line that was cut, the last number may be cut too. */
function transportIn(packet: Packet, value: number): Value | null {
  if (packet.fragmentOffset > 0) return 'absent'
  return value < 0 || packet.isTruncated ? null : value
}
