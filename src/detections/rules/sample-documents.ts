/**
 * Documents of a sample as a person writes them: nested as they are stored or by dotted names, as little of them as the rule looks at.
 * What no document can hold is a problem: a sample that lies about documents proves nothing.
 */
import { canonicalAddress } from '../../address.ts'
import { FIELD_NAMES, FIELDS, type Field, type FieldName, type Fields } from '../../fields.ts'
import { suggestion } from '../../nearest.ts'
import { INSTANT_EXPECTED, parseInstant } from '../../quantities.ts'
import { quoted, safeText } from '../../safe-text.ts'
import { type Micros, SECOND } from '../../time.ts'
import type { Path } from '../../yaml-document.ts'
import { RULE_DATASETS } from './rule-datasets.ts'
import { SAMPLE_DOCUMENTS_MAX, type SampleEntry } from './rule-schema.ts'

/** Where samples without times begin: 2026-01-01T00:00:00Z, the edge of every window. */
const BEGINNING: Micros = 1_767_225_600 * SECOND

type Report = (path: Path, message: string, place?: 'key') => void

/** Flat documents in the order written, each with `@timestamp` and `event.id`. Paths are within the sample. */
export function sampleDocuments(entry: SampleEntry, report: Report): readonly Fields[] {
  const { documents, repeat = 1, every = SECOND } = entry
  const flat = documents.map((document, i) => flatDocument(document, ['documents', i], report))
  if (flat.length * repeat > SAMPLE_DOCUMENTS_MAX) {
    report(['documents'], `a sample has at most ${SAMPLE_DOCUMENTS_MAX} documents, repeats counted`)
    return []
  }
  if (repeat > 1)
    for (const [i, document] of flat.entries())
      if (document['@timestamp'] !== undefined || document['event.id'] !== undefined)
        report(['documents', i], 'a document that is repeated has no time and no id of its own')
  let at = BEGINNING - every
  return Array.from({ length: repeat }, () => flat)
    .flat()
    .map((document, i) => {
      at = document['@timestamp'] ?? at + every
      return { ...document, '@timestamp': at, 'event.id': document['event.id'] ?? `document${i + 1}` }
    })
}

function flatDocument(document: object, path: Path, report: Report): Fields {
  const found = new Map<string, unknown>()
  const visit = (value: unknown, name: string, at: Path): void => {
    if (Object.hasOwn(FIELDS, name)) {
      // hasOwn just proved that `name` is a key of the table.
      const field = name as FieldName
      if (found.has(name)) report(at, `${name} stands there twice`)
      found.set(
        name,
        fieldValue(field, value, (message) => report(at, message)),
      )
    } else if (isObject(value)) {
      for (const [key, inner] of Object.entries(value)) visit(inner, `${name}.${key}`, [...at, key])
    } else {
      report(at, `there is no field ${safeText(name.slice(0, 100))}${suggestion(name, FIELD_NAMES)}`, 'key')
    }
  }
  for (const [key, value] of Object.entries(document)) visit(value, key, [...path, key])
  for (const [name, value] of found) if (value === undefined) found.delete(name)
  // Every name was found in FIELDS, and every value is of its type.
  return Object.fromEntries(found) as Fields
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Undefined when it was reported. */
function fieldValue(name: FieldName, value: unknown, report: (message: string) => void): unknown {
  const field: Field = FIELDS[name]
  if (Array.isArray(value)) {
    if (!field.many) {
      report(`${name} holds one value, found a list`)
      return undefined
    }
    const items = value.map((item) => oneValue(name, field, item, report)).filter((item) => item !== undefined)
    return items.length === 0 ? undefined : items
  }
  const one = oneValue(name, field, value, report)
  return field.many && one !== undefined ? [one] : one
}

function oneValue(name: FieldName, { type }: Field, value: unknown, report: (message: string) => void): unknown {
  const read = readValue(type, value)
  if (read === undefined) {
    report(`${name}: ${EXPECTED[type]}, found ${described(value)}`)
    return undefined
  }
  const datasets: readonly unknown[] = RULE_DATASETS
  if (name === 'event.dataset' && !datasets.includes(read)) {
    report(`rules read no documents of ${described(value)}${suggestion(String(value), RULE_DATASETS)}`)
    return undefined
  }
  return read
}

const EXPECTED: Readonly<Record<Field['type'], string>> = {
  keyword: 'expected text (a number needs quotes)',
  wildcard: 'expected text (a number needs quotes)',
  long: 'expected a whole number',
  boolean: 'expected true or false',
  ip: 'expected an IP address',
  date: INSTANT_EXPECTED,
}

function readValue(type: Field['type'], value: unknown): unknown {
  switch (type) {
    case 'keyword':
    case 'wildcard':
      return typeof value === 'string' ? value : undefined
    case 'long':
      return Number.isSafeInteger(value) ? value : undefined
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'ip':
      return typeof value === 'string' ? (canonicalAddress(value) ?? undefined) : undefined
    case 'date':
      return typeof value === 'string' ? (parseInstant(value) ?? undefined) : undefined
  }
}

function described(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value === null || value === undefined ? 'nothing' : Array.isArray(value) ? 'a list' : 'keys with values'
}
