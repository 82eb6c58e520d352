/**
 * What a rule demands of a packet, as sets of values, so that two demands can be compared and a packet held against one:
 *
 *   {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [22, 5432]}}}
 *
 * Authority: libnftables-json(5) for the spelling; nft's proto.c for what a field says about the protocol below it. Fields
 * not listed in rule-field.ts stay opaque: equal text is the same question, anything else about them cannot be told.
 */
import { type Field, fieldOf, protocolsOf, type Span, spanOf, type Value } from './rule-field.ts'
import { canonicalText, keyOf, listOf, type NamedSet, property } from './ruleset-document.ts'

export type Condition = {
  /** Canonical JSON of the match: the same text asks the same question. */
  readonly text: string
  /** More than one for a concatenation, none for an opaque condition. */
  readonly fields: readonly Field[]
  /** Any of these, one span a field each. */
  readonly rows: readonly (readonly Span[])[]
  readonly isNegated: boolean
  /** One field, rows ascending without overlap: may be searched by halves. */
  readonly isSorted: boolean
  /** False when some value on the right could not be read: the rows are then only a part of what is meant. */
  readonly isWhole: boolean
  /** Asked twice it may answer twice (limits, random numbers). */
  readonly isStateful: boolean
}

/** Where `@name` is looked up. */
export type Scope = { readonly family: string; readonly table: string }

/** Reads the body of a `match` statement: its own condition first, then what it implies. Each body is read once. */
export type ConditionReader = (body: unknown, scope: Scope) => readonly Condition[]

/** Pairs compared before two conditions count as not comparable: keeps two large sets from costing minutes. */
const PAIRS_MAX = 100_000

/** A condition about something that a log line does not show. */
export function opaque(text: string, isStateful: boolean): Condition {
  return { text, fields: [], rows: [], isSorted: false, isNegated: false, isWhole: false, isStateful }
}

/** A condition that nft leaves out of its listing because another one contains it (`tcp dport 22` means TCP). */
export function implicit(field: Field, value: Value): Condition {
  const rows = [[{ low: value, high: value }]]
  return {
    text: `${field} ${value}`,
    fields: [field],
    rows,
    isSorted: true,
    isNegated: false,
    isWhole: true,
    isStateful: false,
  }
}

/** One reader for one ruleset: conditions and sets are read once, however many rules name them. */
export function createConditionReader(sets: ReadonlyMap<string, NamedSet>): ConditionReader {
  const known = new WeakMap<object, readonly Condition[]>()
  // A named set may hold every prefix of a country and stand in many rules: its rows are shared.
  const rowsOfSets = new Map<string, Rows>()

  function read(body: unknown, scope: Scope): readonly Condition[] {
    const left = property(body, 'left')
    const implied = protocolsOf(left).map(([field, value]) => implicit(field, value))
    return [readOwn(body, left, scope), ...implied]
  }

  function readOwn(body: unknown, left: unknown, scope: Scope): Condition {
    const text = canonicalText(body)
    // numgen and meta random draw anew at every evaluation; counters of a connection move.
    const isStateful = /"numgen"|"random"|"bytes"|"packets"|"avgpkt"/.test(text)
    const concat = property(left, 'concat')
    const all = Array.isArray(concat) ? concat.map(fieldOf) : [fieldOf(left)]
    const fields = all.filter((field) => field !== null)
    const right = readRight(property(body, 'right'), property(body, 'op'), scope, sets)
    if (isStateful || right === null || fields.length !== all.length) return opaque(text, isStateful)
    const key = right.setKey === '' ? '' : `${right.setKey}\0${fields.join()}`
    const rows = rowsOfSets.get(key) ?? toRows(right, fields)
    if (key !== '') rowsOfSets.set(key, rows)
    return { text, fields, ...rows, isNegated: right.isNegated, isStateful }
  }

  return (body, scope) => {
    if (typeof body !== 'object' || body === null) return [opaque('', true)]
    const found = known.get(body) ?? read(body, scope)
    known.set(body, found)
    return found
  }
}

type Right = {
  readonly values: readonly unknown[]
  readonly isNegated: boolean
  readonly compare: string
  /** Of the named set the values come from, else ''. */
  readonly setKey: string
}

/** The right side as a list of alternatives; null when the operator or the set makes it unreadable. */
function readRight(right: unknown, op: unknown, scope: Scope, sets: ReadonlyMap<string, NamedSet>): Right | null {
  if (typeof op !== 'string' || !['==', '!=', 'in', '<', '>', '<=', '>='].includes(op)) return null
  const isNegated = op === '!='
  if (typeof right === 'string' && right.startsWith('@')) {
    const setKey = keyOf(scope.family, scope.table, right.slice(1))
    const set = sets.get(setKey)
    return set === undefined || set.isDynamic ? null : { values: set.elements, isNegated, compare: '==', setKey }
  }
  const set = property(right, 'set')
  if (set !== undefined) return { values: listOf(set), isNegated, compare: '==', setKey: '' }
  // A bare list is a list of flags: `ct state established,related`, any of them with `in`, exactly all of them with `==`.
  const flags = Array.isArray(right) ? right : property(right, '|')
  if (flags !== undefined)
    return op === 'in' || isNegated ? { values: listOf(flags), isNegated, compare: 'flag', setKey: '' } : null
  return { values: [right], isNegated, compare: op === 'in' ? 'flag' : isNegated ? '==' : op, setKey: '' }
}

type Rows = Pick<Condition, 'rows' | 'isWhole' | 'isSorted'>

function toRows(right: Right, fields: readonly Field[]): Rows {
  const rows: Span[][] = []
  for (const value of right.values) {
    const row = rowOf(value, fields, right.compare)
    if (row !== null) rows.push(row)
  }
  const isWhole = rows.length === right.values.length
  if (fields.length > 1) return { rows, isWhole, isSorted: false }
  rows.sort(([a], [b]) => (a === undefined || b === undefined || a.low === b.low ? 0 : a.low < b.low ? -1 : 1))
  const isSorted = rows.every(([span], i) => {
    const before = rows[i - 1]?.[0]
    return span !== undefined && (before === undefined || before.high < span.low)
  })
  return { rows, isWhole, isSorted }
}

function rowOf(value: unknown, fields: readonly Field[], compare: string): Span[] | null {
  const bare = property(property(value, 'elem'), 'val') ?? value
  const concat = property(bare, 'concat')
  const parts = Array.isArray(concat) ? concat : [bare]
  if (parts.length !== fields.length) return null
  const row: Span[] = []
  for (const [i, field] of fields.entries()) {
    const span = spanOf(field, parts[i], compare)
    if (span === null) return null
    row.push(span)
  }
  return row
}

/** Whether every packet that satisfies `known` certainly satisfies `asked`. */
export function implies(known: Condition, asked: Condition): boolean {
  if (known.isStateful || asked.isStateful) return false
  if (known.text === asked.text) return true
  if (!isComparable(known, asked) || !(known.isNegated || known.isWhole) || (asked.isNegated && !asked.isWhole))
    return false
  if (known.isNegated)
    return asked.isNegated && asked.rows.every((row) => known.rows.some((other) => covers(other, row)))
  if (asked.isNegated) return known.rows.every((row) => asked.rows.every((other) => isApart(row, other)))
  return known.rows.every((row) => asked.rows.some((other) => covers(other, row)))
}

/** Whether no packet can satisfy both. */
export function excludes(known: Condition, asked: Condition): boolean {
  if (known.isStateful || asked.isStateful || !isComparable(known, asked)) return false
  if (!(known.isNegated || known.isWhole) || !(asked.isNegated || asked.isWhole)) return false
  if (known.isNegated && asked.isNegated) return false
  if (known.isNegated) return asked.rows.every((row) => known.rows.some((other) => covers(other, row)))
  if (asked.isNegated) return known.rows.every((row) => asked.rows.some((other) => covers(other, row)))
  return known.rows.every((row) => asked.rows.every((other) => isApart(row, other)))
}

function isComparable(a: Condition, b: Condition): boolean {
  if (a.fields.length === 0 || a.fields.length !== b.fields.length || a.rows.length * b.rows.length > PAIRS_MAX)
    return false
  return a.fields.every((field, i) => field === b.fields[i])
}

function covers(outer: readonly Span[], inner: readonly Span[]): boolean {
  return outer.every((span, i) => {
    const other = inner[i]
    return other !== undefined && span.low <= other.low && other.high <= span.high
  })
}

function isApart(a: readonly Span[], b: readonly Span[]): boolean {
  return a.some((span, i) => {
    const other = b[i]
    return other !== undefined && (span.high < other.low || other.high < span.low)
  })
}
