/** What every emitted event must satisfy, whichever part of the core made it. */
import { expect } from 'vitest'
import { canonicalAddress } from '../src/address.ts'
import { type Event, flatten } from '../src/event.ts'
import { parseEvent, printEvent } from '../src/event-json.ts'
import { ECS_CATEGORY_TYPES, FIELDS, type Field, type FieldName, type Fields } from '../src/fields.ts'
import { INSTANT_MAX, INSTANT_MIN } from '../src/time.ts'

const KINDS = ['alert', 'event', 'metric', 'pipeline_error']
const OUTCOMES = ['failure', 'success', 'unknown']
const PROVIDERS = ['auditd', 'conntrack', 'netfilter', 'peertrail', 'wireguard']

/** Fails unless the event is a whole and legal document: fields of the table, of its types, in ECS's vocabulary, printable. */
export function expectLegal(event: Event): void {
  const fields = flatten(event)
  for (const [name, value] of Object.entries(fields)) {
    expect(Object.hasOwn(FIELDS, name), `${name} is in fields.ts`).toBe(true)
    // hasOwn just proved it.
    expectValue(name, FIELDS[name as FieldName], value)
  }
  expectVocabulary(event, fields)
  expectOneOwner(event)
  expect(parseEvent(printEvent(event)), 'what is printed is what was meant').toEqual(fields)
}

/** Fails unless each event has an id of its own. */
export function expectUniqueIds(events: readonly Event[]): void {
  const ids = events.map((event) => flatten(event)['event.id'])
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([])
}

function expectVocabulary(event: Event, fields: Fields): void {
  for (const name of ['@timestamp', 'event.id', 'event.kind', 'event.module', 'host.name'] as const) {
    expect(fields[name], `${name} is on every document`).toBeDefined()
  }
  expect(fields['event.dataset']).toBe(event.dataset)
  expect(fields['event.id']).toMatch(/^[0-9a-v]{34}$/)
  expect(KINDS).toContain(fields['event.kind'])
  expect(PROVIDERS).toContain(fields['event.provider'])
  if (fields['event.outcome'] !== undefined) expect(OUTCOMES).toContain(fields['event.outcome'])
  expect(fields['event.category']?.length).toBeGreaterThan(0)
  expect(fields['event.type']?.length).toBeGreaterThan(0)
  for (const category of fields['event.category'] ?? []) {
    for (const type of fields['event.type'] ?? []) {
      expect(ECS_CATEGORY_TYPES.get(category), `ECS pairs ${category} with ${type}`).toContain(type)
    }
  }
  const start = fields['event.start']
  const end = fields['event.end']
  if (start !== undefined && end !== undefined) expect(start).toBeLessThanOrEqual(end)
}

/** A second-level name is set by the event itself or by one facet, else printing would repeat a member (src/event.ts). */
function expectOneOwner(event: Event): void {
  const owners = new Map<string, number>()
  for (const [i, part] of [event.own, ...event.facets.map((facet) => facet.fields)].entries()) {
    for (const [name, value] of Object.entries(part)) {
      if (value === undefined) continue
      const second = name.split('.').slice(0, 2).join('.')
      expect(owners.get(second) ?? i, `${second} is set in one place`).toBe(i)
      owners.set(second, i)
    }
  }
}

function expectValue(name: string, field: Field, value: unknown): void {
  expect(Array.isArray(value), `${name} is ${field.many ? 'a list' : 'one value'}`).toBe(field.many)
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  expect(new Set(items).size, `${name} repeats nothing`).toBe(items.length)
  for (const item of items) {
    expect(isOfType(field.type, item), `${name} is no ${field.type}: ${JSON.stringify(item)}`).toBe(true)
    // What is not known is absent. A line as it was read may be empty, though.
    if (name !== 'event.original') expect(item, `${name} is not empty`).not.toBe('')
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
