/**
 * A document's text held against the list of fields, for who gets it from elsewhere and passes it on: nothing of it is believed that
 * was not looked at, and it need not be put into fields and printed anew for that (84 µs against 10 µs for an average one).
 */
import type { Dataset } from './event.ts'
import { parseEvent, printEvent } from './event-json.ts'
import { FIELDS, type Field } from './fields.ts'
import { INSTANT_MAX, INSTANT_MIN, type Micros, SECOND } from './time.ts'

export type DocumentText = {
  readonly dataset: Dataset
  readonly at: Micros
  readonly id: string
  /** JSON on one line of printable ASCII. */
  readonly text: string
}

/** Bytes: what a topic takes (kafka/topics.ts); an inventory in parts and an audit event of many records stay below. */
export const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024

/** What a document may be of. */
const DATASETS: Readonly<Record<Exclude<Dataset, 'peertrail.relay'>, true>> = {
  'wireguard.firewall': true,
  'wireguard.flow': true,
  'wireguard.audit': true,
  'wireguard.session': true,
  'wireguard.finding': true,
  'wireguard.coverage': true,
  'wireguard.peer': true,
  'peertrail.ledger': true,
}

/** Ids are ours (event-id.ts). */
const ID = /^[\da-z]{1,64}$/i
/** As createIsoPrinter prints. */
const INSTANT = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.(?:\d{3}|\d{6})Z$/
/** Below it in size: what a `long` of a cluster and a BIGINT of the store hold. */
const LONG_LIMIT = 2 ** 63
const UNPRINTED = /[^\u0020-\u007e]/
/** Characters of a name that a reason quotes. */
const NAME_MAX = 60

/** Fields by the steps of their names. */
type Node = ReadonlyMap<string, Node | Field>
const ROOT = fieldTree()

function isDataset(text: string): text is keyof typeof DATASETS {
  return Object.hasOwn(DATASETS, text)
}

/** Throws Error with a short reason for anything that is no document of ours. */
export function readDocument(bytes: Buffer): DocumentText {
  if (bytes.length > DOCUMENT_BYTES_MAX) throw new Error(`larger than ${DOCUMENT_BYTES_MAX} bytes`)
  const latin1 = bytes.toString('latin1')
  // Who prints as we do has escaped everything else.
  const isPrinted = !UNPRINTED.test(latin1)
  const text = isPrinted ? latin1 : decode(bytes)
  const value = parseJson(text)
  const wrong = complaint(value, ROOT, '')
  if (wrong !== '') throw new Error(wrong)
  const id = memberOf(memberOf(value, 'event'), 'id')
  const dataset = memberOf(memberOf(value, 'event'), 'dataset')
  const at = memberOf(value, '@timestamp')
  if (typeof id !== 'string' || !ID.test(id)) throw new Error('no usable event.id')
  if (typeof dataset !== 'string' || !isDataset(dataset)) throw new Error('event.dataset is none that we know')
  if (typeof at !== 'string') throw new Error('no @timestamp')
  return { dataset, at: microsOf(at), id, text: isPrinted ? text : printAnew(text, dataset) }
}

/** `text`: of a field of type `date` that was found to be right. */
function microsOf(text: string): Micros {
  // Of two lengths: milliseconds, or three digits more.
  return Date.parse(text) * 1000 + (text.length === 27 ? Number(text.slice(23, 26)) : 0)
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('not UTF-8')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Its own words quote the text.
    throw new Error('not JSON')
  }
}

function printAnew(text: string, dataset: Dataset): string {
  return printEvent({ dataset, own: parseEvent(text), facets: [] })
}

/** What is wrong with an object, '' = nothing. No deeper than the names of fields. */
function complaint(value: unknown, node: Node, path: string): string {
  if (!isObject(value)) return path === '' ? 'not a JSON object' : `${path} is not an object`
  for (const name of Object.keys(value)) {
    const field = node.get(name)
    if (field === undefined) return `${pathOf(path, name.slice(0, NAME_MAX))} is not in the list of fields`
    const inner = value[name]
    if (isNode(field)) {
      const wrong = complaint(inner, field, pathOf(path, name))
      if (wrong !== '') return wrong
    } else if (!isOfField(inner, field))
      return `${pathOf(path, name)} is not ${field.many ? 'a list of' : 'of'} type ${field.type}`
  }
  return ''
}

function isOfField(value: unknown, { type, many }: Field): boolean {
  if (!many) return isOfType(value, type)
  return Array.isArray(value) && value.every((item) => isOfType(item, type))
}

function isOfType(value: unknown, type: Field['type']): boolean {
  switch (type) {
    case 'keyword':
    case 'wildcard':
    case 'ip':
      return typeof value === 'string'
    case 'long':
      return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < LONG_LIMIT
    case 'boolean':
      return typeof value === 'boolean'
    case 'date':
      return typeof value === 'string' && INSTANT.test(value) && isInstant(value)
  }
}

/**
 * `text`: in the form of INSTANT. A sink of ours stops at a time it cannot hold (store/hot-lines.ts), so none may come to it. Date.parse
 * takes 30 February for 2 March.
 */
function isInstant(text: string): boolean {
  const ms = Date.parse(text)
  const at = ms * 1000
  return at >= INSTANT_MIN && at < INSTANT_MAX + SECOND && new Date(ms).getUTCDate() === Number(text.slice(8, 10))
}

function isNode(field: Node | Field): field is Node {
  return field instanceof Map
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Undefined where there is none; `value` came from JSON, so names are its own. */
function memberOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined
}

function pathOf(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

function fieldTree(): Node {
  type Growing = Map<string, Growing | Field>
  const root: Growing = new Map()
  for (const [name, field] of Object.entries(FIELDS)) {
    const steps = name.split('.')
    const last = steps.pop() ?? name
    let node = root
    for (const step of steps) {
      const next = node.get(step)
      const inner: Growing = next instanceof Map ? next : new Map()
      node.set(step, inner)
      node = inner
    }
    node.set(last, field)
  }
  return root
}
