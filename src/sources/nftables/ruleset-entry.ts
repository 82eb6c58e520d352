/**
 * How packets get into a chain: by its own hook, or by jumps from other chains, over verdict maps too.
 *
 *   {"rule": {"chain": "forward", "expr": [{"match": … "iifname" … "wg0"}, {"jump": {"target": "from_peers"}}]}}
 *
 * Authority: libnftables-json(5). Says which hook a log rule belongs to and whether it can see an interface at all. A jump's
 * own conditions count only as far as they name the incoming interface; a verdict map is taken to lead anywhere it names.
 */
import type { Condition, ConditionReader } from './rule-condition.ts'
import { type Chain, keyOf, property, type RulesetDocument, textProperty } from './ruleset-document.ts'

/** What of a chain matters here: plain data, kept long after the rest of the document is forgotten. */
export type EntryChain = Pick<Chain, 'family' | 'table' | 'name' | 'hook'>
/** Jumps to a chain, by the chain's key. */
export type Entries = ReadonlyMap<string, readonly Entry[]>
type Entry = { readonly from: EntryChain; readonly conditions: readonly Condition[] }

/** All chains, and the jumps between them. */
export type Reach = { readonly chains: readonly EntryChain[]; readonly entries: Entries }

/** NFT_JUMP_STACK_SIZE. */
const JUMPS_MAX = 16
/** Ways followed back from one chain before it counts as reachable from everywhere. */
const WAYS_MAX = 2_000

/** For every chain that is jumped to (see keyOf): from where, and under which conditions on the incoming interface. */
export function reachOf(document: RulesetDocument, read: ConditionReader): Reach {
  const chains: EntryChain[] = []
  const entries = new Map<string, Entry[]>()
  for (const chain of document.chains.values()) {
    const { family, table, hook } = chain
    const from = { family, table, name: chain.name, hook }
    chains.push(from)
    for (const rule of chain.rules) {
      const conditions: Condition[] = []
      for (const { name, body } of rule.statements) {
        if (name === 'match') conditions.push(...read(body, chain).filter(isOnInput))
        const targets =
          name === 'jump' || name === 'goto'
            ? [textProperty(body, 'target')]
            : name === 'vmap'
              ? mapTargets(document, chain, body)
              : []
        for (const target of targets) {
          const key = keyOf(chain.family, chain.table, target)
          const known = entries.get(key) ?? []
          entries.set(key, known)
          known.push({ from, conditions: [...conditions] })
        }
      }
    }
  }
  return { chains, entries }
}

function mapTargets(document: RulesetDocument, chain: Chain, body: unknown): string[] {
  const data = property(body, 'data')
  const isNamed = typeof data === 'string' && data.startsWith('@')
  const elements = isNamed ? document.sets.get(keyOf(chain.family, chain.table, data.slice(1)))?.elements : data
  const found = new Set<string>()
  collectTargets(elements, found)
  return [...found]
}

/** The document's depth is bounded where it was read. */
function collectTargets(value: unknown, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return
  for (const name of ['jump', 'goto']) {
    const target = textProperty(property(value, name), 'target')
    if (target !== '') found.add(target)
  }
  for (const inner of Object.values(value)) collectTargets(inner, found)
}

/** The one hook that leads to the chain, '' for several or none. */
export function hookOf(entries: Entries, chain: EntryChain): string {
  const hooks = new Set<string>()
  const seen = new Set<string>()
  const open: EntryChain[] = [chain]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const key = keyOf(next.family, next.table, next.name)
    if (seen.has(key)) continue
    seen.add(key)
    if (next.hook !== '') hooks.add(next.hook)
    for (const entry of entries.get(key) ?? []) open.push(entry.from)
  }
  const [only, ...others] = hooks
  return only === undefined || others.length > 0 ? '' : only
}

/** Whether a packet that came in on `name` may get to a rule with these matches in `ruleset` (`family table chain`). */
export function admitsInput(
  { chains, entries }: Reach,
  ruleset: string,
  matches: readonly Condition[],
  name: string,
): boolean {
  let ways = 0
  const reaches = (chain: EntryChain, conditions: readonly Condition[], jumps: number): boolean => {
    if (ways++ > WAYS_MAX) return true
    if (conditions.some((condition) => excludesInput(condition, name))) return false
    // On these two hooks a packet of the machine itself is logged, or one on its way out that other rules saw come in.
    if (chain.hook !== '') return chain.hook !== 'output' && chain.hook !== 'postrouting'
    const froms = entries.get(keyOf(chain.family, chain.table, chain.name)) ?? []
    return jumps < JUMPS_MAX && froms.some((entry) => reaches(entry.from, entry.conditions, jumps + 1))
  }
  for (const chain of chains) {
    if (`${chain.family} ${chain.table} ${chain.name}` === ruleset && reaches(chain, matches, 0)) return true
  }
  return false
}

function isOnInput(condition: Condition): boolean {
  return condition.fields.length === 1 && condition.fields[0] === 'iifname'
}

function excludesInput(condition: Condition, name: string): boolean {
  if (!isOnInput(condition)) return false
  const isIn = condition.rows.some(([span]) => span !== undefined && span.low <= name && name <= span.high)
  return condition.isNegated ? isIn : !isIn && condition.isWhole
}
