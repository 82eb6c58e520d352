/**
 * `nft -j -a list ruleset` as chains, rules and sets, before any meaning is given to them:
 *
 *   {"nftables": [{"chain": {"family": "inet", "table": "edge", "name": "forward_wg", "hook": "forward", "policy": "drop", …}},
 *                 {"rule": {"family": "inet", "table": "edge", "chain": "forward_wg", "handle": 5, "expr": [{"match": …}, …]}}]}
 *
 * Authority: libnftables-json(5). The text is not trusted: depth and size are bounded, and names from it are keys of Maps
 * only. Tables, counters, flowtables and helpers say nothing about a log prefix and are passed over.
 */
import { hash } from 'node:crypto'

/** One statement of a rule: `{"accept": null}` has name `accept`. An object that is no single statement has name ''. */
export type Statement = { readonly name: string; readonly body: unknown }

export type Rule = {
  /** Decimal; '' without `-a`. */
  readonly handle: string
  readonly comment: string
  readonly statements: readonly Statement[]
  /** Hash of the rule as it stood, without handle and running counters: the same rule loaded again has the same version. */
  readonly version: string
}

export type Chain = {
  readonly family: string
  readonly table: string
  readonly name: string
  /** '' for a chain that is only jumped to. */
  readonly hook: string
  readonly policy: string
  /** `filter`, `nat` or `route`; '' for a chain that is only jumped to. */
  readonly type: string
  /** Base chains of one hook are asked in ascending order. */
  readonly priority: number
  /** Of the hooks `ingress` and `egress`; none where the listing does not say. */
  readonly devices: readonly string[]
  /** Its table is switched off: the kernel does not ask it. */
  readonly isDormant: boolean
  readonly rules: Rule[]
}

export type NamedSet = {
  readonly elements: unknown[]
  /** Filled by packets or by timeouts: what the dump shows need not have held a moment later. */
  readonly isDynamic: boolean
}

export type RulesetDocument = {
  /** By keyOf(family, table, name), in document order. */
  readonly chains: ReadonlyMap<string, Chain>
  readonly sets: ReadonlyMap<string, NamedSet>
  /** Of all that can change a verdict. */
  readonly hash: string
}

/** Largest text read: a ruleset with every country's prefixes is some 20 MiB. */
export const RULESET_CHARS_MAX = 64 * 1024 * 1024
/** A chain whose own line is missing. */
const UNHOOKED = { hook: '', policy: '', type: '', priority: 0, devices: [], isDormant: false }
/** Deepest nesting read; nft's own expressions stay below 20. */
const DEPTH_MAX = 64

/** `problem`: why it is none, to be said after the name of the file. */
export function readRulesetDocument(text: string): RulesetDocument | { readonly problem: string } {
  if (text.length > RULESET_CHARS_MAX) return { problem: `longer than ${RULESET_CHARS_MAX} characters` }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return { problem: 'is not one JSON document' }
  }
  const objects = property(parsed, 'nftables')
  if (!Array.isArray(objects))
    return { problem: 'has no list "nftables": expected the output of nft -j -a list ruleset' }
  if (isDeeper(objects, DEPTH_MAX)) return { problem: `is nested deeper than ${DEPTH_MAX} levels` }
  const chains = new Map<string, Chain>()
  const sets = new Map<string, NamedSet>()
  // Sets before rules and chains before both, whatever their order in the text.
  const dormant = dormantTables(objects)
  for (const object of objects) addChain(property(object, 'chain'), chains, dormant)
  for (const object of objects) addSet(property(object, 'set') ?? property(object, 'map'), sets)
  for (const object of objects) addElements(property(object, 'element'), sets)
  for (const object of objects) addRule(property(object, 'rule'), chains)
  return { chains, sets, hash: hashDocument(chains, sets) }
}

/** Chains and sets of the same name stand in many tables. */
export function keyOf(family: string, table: string, name: string): string {
  return `${family}\0${table}\0${name}`
}

/** An own property of a JSON object, undefined for everything else. */
export function property(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
    return undefined
  return Reflect.get(value, name)
}

/** '' when absent. */
export function textProperty(value: unknown, name: string): string {
  const text = property(value, name)
  return typeof text === 'string' ? text : ''
}

/** Text as the bytes it has in the kernel, one character a byte: so the packet log writes prefixes and devices. */
export function toBytes(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/**
 * One spelling for equal JSON: keys sorted, running values (counters, used quota, time to expiry) left out, so that two
 * dumps of one rule read alike.
 */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const parts: string[] = []
  for (const [name, inner] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    if (name === 'used' || name === 'used_unit' || name === 'expires') continue
    const isRunning = (name === 'counter' || name === 'last') && typeof inner === 'object'
    parts.push(`${JSON.stringify(name)}:${isRunning ? 'null' : canonicalText(inner)}`)
  }
  return `{${parts.join(',')}}`
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1))
}

/** Keys of tables with the flag `dormant` (see keyOf). */
function dormantTables(objects: readonly unknown[]): Set<string> {
  const dormant = new Set<string>()
  for (const object of objects) {
    const table = property(object, 'table')
    if (listOf(property(table, 'flags')).includes('dormant'))
      dormant.add(keyOf(textProperty(table, 'family'), textProperty(table, 'name'), ''))
  }
  return dormant
}

function addChain(body: unknown, chains: Map<string, Chain>, dormant: ReadonlySet<string>): void {
  if (body === undefined) return
  const [family, table, name] = [textProperty(body, 'family'), textProperty(body, 'table'), textProperty(body, 'name')]
  const key = keyOf(family, table, name)
  if (chains.has(key)) return
  const priority = property(body, 'prio')
  const devices = listOf(property(body, 'dev'))
  chains.set(key, {
    family,
    table,
    name,
    hook: textProperty(body, 'hook'),
    policy: textProperty(body, 'policy'),
    type: textProperty(body, 'type'),
    priority: typeof priority === 'number' ? priority : 0,
    devices: devices.filter((name) => typeof name === 'string'),
    isDormant: dormant.has(keyOf(family, table, '')),
    rules: [],
  })
}

function addRule(body: unknown, chains: Map<string, Chain>): void {
  const expressions = property(body, 'expr')
  if (!Array.isArray(expressions)) return
  const [family, table, name] = [textProperty(body, 'family'), textProperty(body, 'table'), textProperty(body, 'chain')]
  const key = keyOf(family, table, name)
  const chain = chains.get(key) ?? { ...UNHOOKED, family, table, name, rules: [] }
  chains.set(key, chain)
  const handle = property(body, 'handle')
  const comment = textProperty(body, 'comment')
  chain.rules.push({
    handle: typeof handle === 'number' ? String(handle) : '',
    comment,
    statements: expressions.map(toStatement),
    version: shortHash(canonicalText([family, table, name, comment, expressions])),
  })
}

function toStatement(expression: unknown): Statement {
  if (typeof expression !== 'object' || expression === null) return { name: '', body: null }
  const [only, ...more] = Object.keys(expression)
  return only === undefined || more.length > 0
    ? { name: '', body: null }
    : { name: only, body: property(expression, only) }
}

function addSet(body: unknown, sets: Map<string, NamedSet>): void {
  if (body === undefined) return
  const flags = property(body, 'flags')
  const hasFlag = (flag: string) => flags === flag || (Array.isArray(flags) && flags.includes(flag))
  const isDynamic = hasFlag('dynamic') || hasFlag('timeout') || property(body, 'timeout') !== undefined
  const key = keyOf(textProperty(body, 'family'), textProperty(body, 'table'), textProperty(body, 'name'))
  sets.set(key, { elements: [...listOf(property(body, 'elem'))], isDynamic })
}

/** Newer versions of nft print the elements of some maps and sets on their own. */
function addElements(body: unknown, sets: Map<string, NamedSet>): void {
  const set = sets.get(keyOf(textProperty(body, 'family'), textProperty(body, 'table'), textProperty(body, 'name')))
  const elements = property(body, 'elem')
  for (const element of listOf(property(elements, 'set') ?? elements)) set?.elements.push(element)
}

/** nft prints a list of one as the one. */
export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return value === undefined || value === null ? [] : [value]
}

function hashDocument(chains: ReadonlyMap<string, Chain>, sets: ReadonlyMap<string, NamedSet>): string {
  const parts: string[] = []
  for (const [key, chain] of chains) {
    parts.push(JSON.stringify([key, chain.hook, chain.policy]))
    for (const rule of chain.rules) parts.push(`${rule.handle} ${rule.version}`)
  }
  for (const [key, set] of sets) parts.push(JSON.stringify([key, set.isDynamic ? '' : canonicalText(set.elements)]))
  return shortHash(parts.join('\n'))
}

/** 80 bits: enough to tell the versions of one gateway's rules apart, short enough to read aloud. */
function shortHash(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 20)
}
