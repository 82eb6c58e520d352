/**
 * Documents of a cluster as rows of the store's columns, one line of JSON each. A document comes back nested or with dotted names, with
 * one value where an array was meant, with members that are no fields of ours: what cannot be a value of its column is left out, as in
 * a hot file.
 */
import { addressDigits } from '../address-digits.ts'
import { quote } from '../event-json.ts'
import type { FieldName } from '../fields.ts'
import { parseInstant } from '../quantities.ts'
import { MS } from '../time.ts'
import { fieldOfName } from './columns.ts'
import { HOT_LINE_BYTES_MAX } from './hot-lines.ts'

/** The line of a document, without LF. `source`: its `_source`. */
export type RowPrinter = (source: unknown) => string

/** A step of the wanted names: what of a member is printed, and its own members. */
type Step = {
  print: ((value: unknown) => string) | null
  key: string
  /** Number of the document that had it last: with a dotted name and nested a document has it twice, which DuckDB refuses. */
  seen: number
  readonly members: Map<string, Step>
}

/** How deep a document is followed; names of ours have at most 6 steps. */
const DEPTH_MAX = 12
/** Characters. A shorter value always has room: all columns together stay far below what is left of DuckDB's longest line. */
const SHORT_MAX = 8_192
/** Bytes of a row behind which only short values have a place. */
const ROW_MAX = HOT_LINE_BYTES_MAX - 4 * 1024 * 1024

/** `tellLeftOut` is called for a value that is too long for a row: the row does without it. */
export function createRowPrinter(columns: readonly FieldName[], tellLeftOut: () => void = () => {}): RowPrinter {
  const root: Step = { print: null, key: '', seen: 0, members: new Map() }
  let documents = 0
  let length = 0
  for (const name of columns) {
    let step = root
    for (const part of name.split('.')) {
      let next = step.members.get(part)
      if (next === undefined) {
        next = { print: null, key: '', seen: 0, members: new Map() }
        step.members.set(part, next)
      }
      step = next
    }
    step.key = `"${name}":`
    step.print = valuePrinter(name)
  }

  function collect(value: unknown, step: Step, parts: string[], depth: number): void {
    if (step.print !== null && step.seen !== documents) {
      const text = step.print(value)
      if (text.length > SHORT_MAX && length + text.length > ROW_MAX) tellLeftOut()
      else if (text !== '') {
        step.seen = documents
        length += text.length
        parts.push(step.key + text)
      }
    }
    if (step.members.size === 0 || depth === DEPTH_MAX || !isObject(value)) return
    for (const name in value) {
      const next = stepTo(step, name)
      if (next !== undefined) collect(value[name], next, parts, depth + 1)
    }
  }

  return (source) => {
    const parts: string[] = []
    documents++
    length = 0
    collect(source, root, parts, 0)
    return `{${parts.join(',')}}`
  }
}

function stepTo(step: Step, name: string): Step | undefined {
  const direct = step.members.get(name)
  if (direct !== undefined || !name.includes('.')) return direct
  let found: Step | undefined = step
  for (const part of name.split('.')) found = found?.members.get(part)
  return found
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Prints what a document has as the column's value; '' = none. */
function valuePrinter(name: FieldName): (value: unknown) => string {
  const { type, many } = fieldOfName(name)
  const one = scalarPrinters[type]
  if (!many) return (value) => one(Array.isArray(value) ? value[0] : value)
  return (value) => {
    if (value === null || value === undefined) return ''
    const list: readonly unknown[] = Array.isArray(value) ? value : [value]
    return `[${list
      .map(one)
      .filter((text) => text !== '')
      .join(',')}]`
  }
}

const scalarPrinters = {
  keyword: printText,
  wildcard: printText,
  ip: (value: unknown) => (typeof value === 'string' ? quote(addressDigits(value) ?? value) : ''),
  long: printLong,
  date: printDate,
  boolean: (value: unknown) =>
    value === true || value === 'true' ? 'true' : value === false || value === 'false' ? 'false' : '',
} as const

function printText(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  return typeof value === 'number' || typeof value === 'boolean' ? `"${value}"` : ''
}

function printLong(value: unknown): string {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? String(number) : ''
}

/** ISO 8601, or milliseconds where somebody else wrote them so. */
function printDate(value: unknown): string {
  if (typeof value === 'number') return Number.isSafeInteger(value * MS) ? String(value * MS) : ''
  const at = typeof value === 'string' ? parseInstant(value) : null
  return at === null ? '' : String(at)
}
