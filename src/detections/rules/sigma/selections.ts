/** The selections of a Sigma rule as queries: maps are joined by and, lists by or, plain text is looked for in the line as it was read. */
import type { Query } from '../../../kql/ast.ts'
import { allOf, anyOf } from '../../../kql/combine.ts'
import { nearest, suggestion } from '../../../nearest.ts'
import { quoted } from '../../../safe-text.ts'
import type { Path } from '../../../yaml-document.ts'
import type { LogSource } from './logsources.ts'
import { VALUE_MODIFIERS, type ValueModifier, valueQuery } from './values.ts'

export type Selecting = {
  readonly source: LogSource
  readonly refuse: (path: Path, message: string, place?: 'key') => void
  /** What differs from Sigma, one sentence each. */
  readonly remarks: Set<string>
}

/** Known and not expressible; what is in neither list is a slip of the pen. */
const REFUSED_MODIFIERS =
  /^(?:re|base64|base64offset|utf16|utf16le|utf16be|wide|windash|fieldref|expand|neq|minute|hour|day|week|month|year|i|m|s)$/
const CASE_REMARK = 'Upper and lower case are told apart here; in Sigma they are not.'

/** Fields that a rule's selections name, without modifiers. */
export function fieldsNamed(detection: object): string[] {
  return Object.entries(detection).flatMap(([name, selection]) => (name === 'condition' ? [] : namesIn(selection)))
}

/** The query of one selection; what it cannot express is reported, and the query then means nothing. */
export function selectionQuery(selection: unknown, path: Path, selecting: Selecting): Query {
  if (Array.isArray(selection)) {
    const parts = selection.map((each: unknown, i) =>
      isMap(each) ? mapQuery(each, [...path, i], selecting) : keywordQuery(each, [...path, i], selecting),
    )
    return anyOf(parts)
  }
  return isMap(selection) ? mapQuery(selection, path, selecting) : keywordQuery(selection, path, selecting)
}

function namesIn(selection: unknown): string[] {
  if (Array.isArray(selection)) return selection.flatMap(namesIn)
  if (!isMap(selection)) return []
  return Object.keys(selection).map((key) => key.split('|')[0] ?? '')
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mapQuery(map: object, path: Path, selecting: Selecting): Query {
  const entries = Object.entries(map)
  if (entries.length === 0) selecting.refuse(path, 'an empty selection')
  return allOf(entries.map(([key, value]) => entryQuery(key, value, [...path, key], selecting)))
}

function entryQuery(key: string, value: unknown, path: Path, selecting: Selecting): Query {
  const { refuse, source } = selecting
  const [name = '', ...written] = key.split('|')
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  const isAll = written.includes('all')
  const join = isAll ? allOf : anyOf
  const at = (i: number): Path => (Array.isArray(value) ? [...path, i] : path)
  if (values.length === 0) refuse(path, 'an empty list')
  if (name === '' && written.every((each) => each === 'all'))
    return join(values.map((each, i) => keywordQuery(each, at(i), selecting)))
  const modifiers = readModifiers(written, path, selecting)
  if (modifiers === null) return anyOf([])
  if (!Object.hasOwn(source.fields, name)) {
    refuse(path, unknownField(name, source), 'key')
    return anyOf([])
  }
  const field = source.fields[name]
  if (field === undefined) return anyOf([])
  if (field.remark !== undefined) selecting.remarks.add(field.remark)
  return join(
    values.map((each, i) => {
      const outcome = valueQuery(field.to, each, modifiers, field.translate)
      if ('query' in outcome) {
        noteCase(each, outcome.query, modifiers, field.translate !== undefined, selecting)
        return outcome.query
      }
      refuse(at(i), `${outcome.refusal} (${name})`)
      return anyOf([])
    }),
  )
}

function unknownField(name: string, { name: source, fields, refused }: LogSource): string {
  const reason = Object.hasOwn(refused, name) ? refused[name] : undefined
  if (reason !== undefined) return `the field ${name}: ${reason}`
  const known = Object.keys(fields)
  const hint = nearest(name, known) === null ? `; known are ${known.join(', ')}` : suggestion(name, known)
  return `the field ${quoted(name)} of ${source}, which has no counterpart here${hint}`
}

/** Null when one of them was refused. */
function readModifiers(written: readonly string[], path: Path, { refuse }: Selecting): ValueModifier[] | null {
  const known: readonly string[] = VALUE_MODIFIERS
  const refused = written.filter((name) => name !== 'all' && !known.includes(name))
  for (const name of refused)
    refuse(
      path,
      REFUSED_MODIFIERS.test(name)
        ? `the modifier |${name}`
        : `the modifier ${quoted(`|${name}`)}, which is not known${suggestion(name, [...known, 'all'])}`,
      'key',
    )
  // What is left was found in the list.
  return refused.length > 0 ? null : (written.filter((name) => name !== 'all') as ValueModifier[])
}

/** Text somewhere in the line as it was read. */
function keywordQuery(value: unknown, path: Path, selecting: Selecting): Query {
  const outcome =
    typeof value === 'string' || typeof value === 'number'
      ? valueQuery('event.original', value, ['contains'], undefined)
      : { refusal: 'expected text to look for' }
  if ('query' in outcome) {
    selecting.remarks.add('Words without a field are looked for in event.original, the line as it was read.')
    noteCase(value, outcome.query, [], false, selecting)
    return outcome.query
  }
  selecting.refuse(path, outcome.refusal)
  return anyOf([])
}

function noteCase(
  value: unknown,
  query: Query,
  modifiers: readonly ValueModifier[],
  isTranslated: boolean,
  { remarks }: Selecting,
): void {
  const isText =
    query.kind === 'match' && (query.test.kind === 'wildcard' || typeof firstValue(query.test) === 'string')
  if (isText && !isTranslated && !modifiers.includes('cased') && /\p{L}/u.test(String(value))) remarks.add(CASE_REMARK)
}

function firstValue(test: { readonly kind: string; readonly values?: readonly unknown[] }): unknown {
  return test.values?.[0]
}
