/** A value of Sigma as a test of one of our fields: its wildcards and modifiers, or what of them cannot be expressed. */
import { canonicalPrefix } from '../../../address.ts'
import type { FieldName } from '../../../fields.ts'
import type { Query, RangeOperator, Test } from '../../../kql/ast.ts'
import { negate } from '../../../kql/combine.ts'
import { typeOf } from '../../../kql/field-names.ts'
import { addressOrNetwork } from '../../../kql/field-tests.ts'
import { WILDCARDS_MAX } from '../../../kql/literal.ts'
import { quoted } from '../../../safe-text.ts'

/** Of one field: `|contains|all`. `all` is about lists and is not among them. */
export const VALUE_MODIFIERS = [
  'contains',
  'startswith',
  'endswith',
  'cased',
  'cidr',
  'exists',
  'gt',
  'gte',
  'lt',
  'lte',
] as const
export type ValueModifier = (typeof VALUE_MODIFIERS)[number]

/** What a whole value is called here: any of these; none = it has no counterpart. */
export type Translate = (value: string) => readonly string[]

export type Outcome = { readonly query: Query } | { readonly refusal: string }

const RANGES: ReadonlyMap<ValueModifier, RangeOperator> = new Map([
  ['gt', '>'],
  ['gte', '>='],
  ['lt', '<'],
  ['lte', '<='],
])

/** `value`: as YAML gives it. `translate`: where whole values have other names here. */
export function valueQuery(
  field: FieldName,
  value: unknown,
  modifiers: readonly ValueModifier[],
  translate: Translate | undefined,
): Outcome {
  if (modifiers.includes('exists')) {
    if (typeof value !== 'boolean') return { refusal: `|exists takes true or false, found ${shown(value)}` }
    return { query: value ? exists(field) : negate(exists(field)) }
  }
  // Neither empty nor null is written here: such a field is absent.
  if (value === null || value === '') return { query: negate(exists(field)) }
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    return { refusal: `expected text or a number, found ${shown(value)}` }
  const range = modifiers.map((name) => RANGES.get(name)).find((operator) => operator !== undefined)
  const type = typeOf(field)
  if (range !== undefined) return rangeQuery(field, String(value), range)
  if (type === 'ip') return addressQuery(field, String(value), modifiers)
  if (modifiers.includes('cidr')) return { refusal: `|cidr on ${field}, which is no address` }
  if (type === 'long') return numberQuery(field, String(value), modifiers)
  return textQuery(field, String(value), modifiers, translate)
}

function exists(field: FieldName): Query {
  return match(field, { kind: 'exists' })
}

function match(field: FieldName, test: Test): Query {
  return { kind: 'match', field, test, spread: false }
}

function rangeQuery(field: FieldName, text: string, operator: RangeOperator): Outcome {
  if (typeOf(field) !== 'long' || !/^-?\d{1,15}$/.test(text))
    return { refusal: `an order of numbers, asked of ${field} with ${quoted(text)}` }
  return { query: match(field, { kind: 'range', operator, value: Number(text) }) }
}

function numberQuery(field: FieldName, text: string, modifiers: readonly ValueModifier[]): Outcome {
  const parts = modifiers.filter((name) => name !== 'cased')
  if (parts.length > 0) return { refusal: `|${parts[0]} on the number ${field}` }
  if (!/^-?\d{1,15}$/.test(text)) return { refusal: `${field} is a whole number, found ${quoted(text)}` }
  return { query: match(field, { kind: 'equals', values: [Number(text)] }) }
}

/** Text that begins with whole octets is a prefix: `10.`, `192.168.*`. */
function addressQuery(field: FieldName, text: string, modifiers: readonly ValueModifier[]): Outcome {
  const test = addressOrNetwork(text)
  if (test !== null && !modifiers.some((name) => /^(?:contains|startswith|endswith)$/.test(name)))
    return { query: match(field, test) }
  const isStart = modifiers.includes('startswith') || (modifiers.length === 0 && text.endsWith('*'))
  const octets = isStart ? /^((?:\d{1,3}\.){1,3})\*?$/.exec(text)?.[1] : undefined
  const prefix = octets === undefined ? null : prefixOf(octets)
  const network = prefix === null ? null : addressOrNetwork(prefix)
  if (network !== null) return { query: match(field, network) }
  return {
    refusal: `an address is compared as a whole or by prefix (|cidr), found ${quoted(text)}${modifiersText(modifiers)}`,
  }
}

function prefixOf(octets: string): string | null {
  const count = octets.split('.').length - 1
  return canonicalPrefix(`${octets}${'0.'.repeat(4 - count).slice(0, -1)}/${count * 8}`)
}

function textQuery(
  field: FieldName,
  text: string,
  modifiers: readonly ValueModifier[],
  translate: Translate | undefined,
): Outcome {
  const pieces = piecesOf(text)
  if (pieces === null) return { refusal: `"?" for any one character, in ${quoted(text)}` }
  const [head = '', ...rest] = pieces
  if (rest.length === 0 && modifiers.every((name) => name === 'cased')) {
    const values = translate === undefined ? [head] : translate(head)
    if (values.length === 0) return { refusal: `the value ${quoted(text)}` }
    return { query: match(field, { kind: 'equals', values }) }
  }
  const isLead = modifiers.includes('contains') || modifiers.includes('endswith')
  const isOpen = modifiers.includes('contains') || modifiers.includes('startswith')
  const all = [...(isLead && head !== '' ? [''] : []), ...pieces, ...(isOpen && pieces.at(-1) !== '' ? [''] : [])]
  if (all.length < 2) return { refusal: `the empty text${modifiersText(modifiers)}` }
  if (all.length - 1 > WILDCARDS_MAX) return { refusal: `more than ${WILDCARDS_MAX} wildcards in one value` }
  if (all.every((piece) => piece === '')) return { query: exists(field) }
  if (translate !== undefined)
    return { refusal: `a part of a value (${quoted(text)}) where whole values have other names here` }
  return { query: match(field, { kind: 'wildcard', pieces: all }) }
}

/** Pieces between the wildcards; `\*`, `\?` and `\\` are those signs, any other backslash is one. Null with a `?`. */
function piecesOf(text: string): string[] | null {
  const pieces = ['']
  for (let at = 0; at < text.length; at++) {
    const sign = text.charAt(at)
    const next = text.charAt(at + 1)
    if (sign === '?') return null
    if (sign === '*') {
      // Several in a row say no more than one.
      if (pieces.length === 1 || pieces.at(-1) !== '') pieces.push('')
      continue
    }
    const isEscape = sign === '\\' && next !== '' && '*?\\'.includes(next)
    pieces.push(`${pieces.pop() ?? ''}${isEscape ? next : sign}`)
    if (isEscape) at++
  }
  return pieces
}

function modifiersText(modifiers: readonly ValueModifier[]): string {
  return modifiers.length === 0 ? '' : ` with |${modifiers.join('|')}`
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'keys with values' : quoted(String(value))
}
