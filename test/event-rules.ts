/** What every emitted event must satisfy, whichever part of the core made it. */
import { expect } from 'vitest'
import { canonicalAddress } from '../src/address.ts'
import { type Event, flatten } from '../src/event.ts'
import { parseEvent, printEvent } from '../src/event-json.ts'
import { ECS_CATEGORY_TYPES, FIELDS, type Field, type FieldName, type Fields } from '../src/fields.ts'
import { INSTANT_MAX, INSTANT_MIN } from '../src/time.ts'

const ALWAYS = [
  '@timestamp',
  'event.id',
  'event.kind',
  'event.category',
  'event.type',
  'event.module',
  'host.name',
] as const
const KINDS = ['alert', 'event', 'metric', 'pipeline_error']
const OUTCOMES = ['failure', 'success', 'unknown']
const PROVIDERS = ['auditd', 'conntrack', 'netfilter', 'peertrail', 'wireguard']
/** Lists in the order of what they show, with its repeats and empty texts: `cp -v -v ''`. */
const SEQUENCES: readonly string[] = ['process.args']

/** Fails unless the event is a whole and legal document: fields of the table, of its types, in ECS's vocabulary, printable. */
export function expectLegal(event: Event): void {
  const fields = flatten(event)
  const faults = [...valueFaults(fields), ...vocabularyFaults(event, fields), ...ownerFaults(event)]
  expect(faults, JSON.stringify(fields)).toEqual([])
  expect(parseEvent(printEvent(event)), 'what is printed is what was meant').toEqual(fields)
}

/** Fails unless each event has an id of its own. */
export function expectUniqueIds(events: readonly Event[]): void {
  const seen = new Set<string>()
  const repeated: Fields[] = []
  for (const fields of events.map(flatten)) {
    const id = fields['event.id'] ?? ''
    if (seen.has(id)) repeated.push(fields)
    seen.add(id)
  }
  expect(repeated).toEqual([])
}

function* valueFaults(fields: Fields): Generator<string> {
  for (const [name, value] of Object.entries(fields)) {
    if (!Object.hasOwn(FIELDS, name)) {
      yield `${name} is not in fields.ts`
      continue
    }
    // hasOwn just proved it.
    const field: Field = FIELDS[name as FieldName]
    if (Array.isArray(value) !== field.many) yield `${name} is ${field.many ? 'no list' : 'a list'}`
    const items: readonly unknown[] = Array.isArray(value) ? value : [value]
    const isSequence = SEQUENCES.includes(name)
    if (!isSequence && new Set(items).size !== items.length) yield `${name} repeats a value`
    for (const item of items) {
      if (!isOfType(field.type, item)) yield `${name} is no ${field.type}: ${JSON.stringify(item)}`
      // What is not known is absent. A line as it was read may be empty, though.
      if (item === '' && name !== 'event.original' && !isSequence) yield `${name} is empty`
    }
  }
}

function* vocabularyFaults(event: Event, fields: Fields): Generator<string> {
  for (const name of ALWAYS) if (fields[name] === undefined) yield `${name} is absent`
  if (fields['event.dataset'] !== event.dataset) yield 'event.dataset is not the dataset'
  if (!/^[0-9a-v]{34}$/.test(fields['event.id'] ?? '')) yield 'event.id is not of 34 digits base32hex'
  if (!KINDS.includes(fields['event.kind'] ?? '')) yield 'event.kind'
  if (!PROVIDERS.includes(fields['event.provider'] ?? '')) yield 'event.provider'
  if (!OUTCOMES.includes(fields['event.outcome'] ?? 'unknown')) yield 'event.outcome'
  yield* categoryFaults(fields['event.category'] ?? [], fields['event.type'] ?? [])
  const { 'event.start': start, 'event.end': end } = fields
  if (start !== undefined && end !== undefined && start > end) yield 'event.end is before event.start'
}

/** Of several categories (a command that changed the configuration) each type belongs to one, and none is without a type. */
function* categoryFaults(categories: readonly string[], types: readonly string[]): Generator<string> {
  const isPair = (category: string, type: string) => ECS_CATEGORY_TYPES.get(category)?.includes(type) === true
  for (const type of types) {
    if (!categories.some((category) => isPair(category, type)))
      yield `ECS pairs none of ${categories.join()} with ${type}`
  }
  for (const category of categories) {
    if (!types.some((type) => isPair(category, type))) yield `ECS pairs ${category} with none of ${types.join()}`
  }
}

/** A second-level name is set by the event itself or by one facet, else printing would repeat a member (src/event.ts). */
function* ownerFaults(event: Event): Generator<string> {
  const owners = new Map<string, number>()
  for (const [i, part] of [event.own, ...event.facets.map((facet) => facet.fields)].entries()) {
    for (const [name, value] of Object.entries(part)) {
      if (value === undefined) continue
      const second = name.split('.').slice(0, 2).join('.')
      if ((owners.get(second) ?? i) !== i) yield `${second} is set in two places`
      owners.set(second, i)
    }
  }
}

function isOfType(type: Field['type'], value: unknown): boolean {
  switch (type) {
    case 'keyword':
    case 'wildcard':
      return typeof value === 'string'
    case 'ip':
      return typeof value === 'string' && canonicalAddress(value) === value
    case 'long':
      return Number.isInteger(value)
    case 'date':
      return typeof value === 'number' && Number.isInteger(value) && value >= INSTANT_MIN && value <= INSTANT_MAX
    case 'boolean':
      return typeof value === 'boolean'
    default:
      return type satisfies never
  }
}
