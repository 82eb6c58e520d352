/**
 * What Elasticsearch answers to the clauses we write, worked out the slow way: regular expressions for wildcards, ipaddr.js for
 * addresses, bytes for order. Strict: a clause or a parameter it does not know is an error.
 */
import ipaddr from 'ipaddr.js'
import { FIELDS, type FieldName, type Fields } from '../../src/fields.ts'
import type { ElasticsearchQuery } from '../../src/kql/to-elasticsearch.ts'
import { parseInstant } from '../../src/quantities.ts'

type Json = { readonly [name: string]: unknown }

/** True where a document with these fields would be a hit. */
export function isHit(query: ElasticsearchQuery, fields: Fields): boolean {
  const [kind, body] = only(query)
  switch (kind) {
    case 'match_all':
      return true
    case 'match_none':
      return false
    case 'bool':
      return isBoolHit(object(body), fields)
    case 'exists':
      return valuesOf(fields, String(object(body)['field'])).length > 0
    case 'term':
    case 'terms': {
      const [field, wanted] = only(object(body))
      const terms: unknown[] = kind === 'terms' ? array(wanted) : [wanted]
      return valuesOf(fields, field).some((value) => terms.some((term) => isTerm(field, value, term)))
    }
    case 'range': {
      const [field, bounds] = only(object(body))
      return valuesOf(fields, field).some((value) =>
        Object.entries(object(bounds)).every(([name, bound]) => isWithin(field, value, name, bound)),
      )
    }
    case 'wildcard': {
      const [field, options] = only(object(body))
      const { value: pattern, case_insensitive: folds = false, ...unknown } = object(options)
      if (Object.keys(unknown).length > 0 || !isText(field)) throw new Error(`cannot search ${JSON.stringify(query)}`)
      const regex = wildcardRegex(fold(String(pattern), folds === true))
      return valuesOf(fields, field).some((value) => regex.test(fold(String(value), folds === true)))
    }
    default:
      throw new Error(`unknown clause ${kind}`)
  }
}

function isBoolHit(
  { filter = [], must_not = [], should, minimum_should_match, ...unknown }: Json,
  fields: Fields,
): boolean {
  if (Object.keys(unknown).length > 0) throw new Error(`unknown in bool: ${Object.keys(unknown).join()}`)
  if ((should === undefined) !== (minimum_should_match === undefined)) throw new Error('should without its minimum')
  const hit = (clause: unknown) => isHit(object(clause), fields)
  return array(filter).every(hit) && !array(must_not).some(hit) && (should === undefined || array(should).some(hit))
}

function only(clause: Json): [string, unknown] {
  const [entry, ...more] = Object.entries(clause)
  if (entry === undefined || more.length > 0) throw new Error(`one name expected: ${JSON.stringify(clause)}`)
  return entry
}

function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`no object: ${String(value)}`)
  return { ...value }
}

function array(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Error(`no list: ${String(value)}`)
  return value
}

function fieldName(name: string): FieldName {
  if (!Object.hasOwn(FIELDS, name)) throw new Error(`no field ${name}`)
  return name as FieldName // just checked
}

function valuesOf(fields: Fields, name: string): unknown[] {
  const value: unknown = fields[fieldName(name)]
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function typeOf(name: string): string {
  return FIELDS[fieldName(name)].type
}

function isText(name: string): boolean {
  return typeOf(name) === 'keyword' || typeOf(name) === 'wildcard'
}

function isTerm(field: string, value: unknown, term: unknown): boolean {
  if (typeOf(field) === 'date') throw new Error('a term of a date')
  if (typeOf(field) !== 'ip') {
    if (typeof term !== typeof value) throw new Error(`${typeof term} for ${field}`)
    return term === value
  }
  const text = String(term)
  if (!text.includes('/')) return bytesOf(text).equals(bytesOf(String(value)))
  const [network, length] = ipaddr.parseCIDR(text)
  const isV4 = network.kind() === 'ipv4'
  const bits = (bytes: Buffer) => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const shared = isV4 ? length + 96 : length
  return bits(bytesOf(network.toString())).slice(0, shared) === bits(bytesOf(String(value))).slice(0, shared)
}

/** 16 bytes, IPv4 mapped. */
function bytesOf(text: string): Buffer {
  const parsed = ipaddr.parse(text)
  return Buffer.from((parsed instanceof ipaddr.IPv4 ? parsed.toIPv4MappedAddress() : parsed).toByteArray())
}

function isWithin(field: string, value: unknown, name: string, bound: unknown): boolean {
  const order = orderOf(field, value, bound)
  switch (name) {
    case 'gt':
      return order > 0
    case 'gte':
      return order >= 0
    case 'lt':
      return order < 0
    case 'lte':
      return order <= 0
    default:
      throw new Error(`unknown bound ${name}`)
  }
}

function orderOf(field: string, value: unknown, bound: unknown): number {
  switch (typeOf(field)) {
    case 'long':
      if (!Number.isInteger(bound)) throw new Error(`no whole number: ${String(bound)}`)
      return Number(value) - Number(bound)
    case 'date': {
      // All digits must be there: what is missing would be filled in by the side of the range.
      const instant = /T\d\d:\d\d:\d\d\.\d{3}(?:\d{3})?Z$/.test(String(bound)) ? parseInstant(String(bound)) : null
      if (instant === null) throw new Error(`no whole instant: ${String(bound)}`)
      return Number(value) - instant
    }
    case 'ip':
      return Buffer.compare(bytesOf(String(value)), bytesOf(String(bound)))
    case 'boolean':
      throw new Error('a range of a boolean')
    default:
      return Buffer.compare(Buffer.from(String(value)), Buffer.from(String(bound)))
  }
}

function fold(text: string, folds: boolean): string {
  return folds ? text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : text
}

/** `*` any text, `?` one character, a backslash before either or itself. */
function wildcardRegex(pattern: string): RegExp {
  const source = [...pattern.matchAll(/\\(.)|([\s\S])/gsu)].map(([, escaped, plain]) => {
    if (plain === '*') return '.*'
    if (plain === '?') return '.'
    if (plain === '\\') throw new Error(`a backslash that escapes nothing: ${pattern}`)
    return (escaped ?? plain ?? '').replace(/[\\^$.*+?()[\]{}|/]/, '\\$&')
  })
  return new RegExp(`^${source.join('')}$`, 'su')
}
