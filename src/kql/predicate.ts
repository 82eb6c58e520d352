/** A query as a function over the fields of an event, for streams. The same answers as the SQL of to-sql.ts. */
import { addressDigits } from '../address-digits.ts'
import { type Event, fieldOf } from '../event.ts'
import type { FieldName, Fields } from '../fields.ts'
import type { Match, Query, RangeOperator, Test } from './ast.ts'
import { typeOf } from './field-names.ts'
import { compareText, createContains, createWildcard } from './text-match.ts'

/** Gives the value of one field; undefined = absent. */
type Read<Document> = (document: Document, field: FieldName) => unknown

/** Compiled once; each call is linear in the texts it looks at. An empty list is an absent field. */
export function createPredicate(query: Query): (fields: Fields) => boolean {
  return predicateOf<Fields>(query, (fields, field) => fields[field])
}

/** The same over an event as it was made: for who is asked of every one of them, and needs few of its fields. */
export function createEventPredicate(query: Query): (event: Event) => boolean {
  return predicateOf<Event>(query, fieldOf)
}

function predicateOf<Document>(query: Query, read: Read<Document>): (document: Document) => boolean {
  switch (query.kind) {
    case 'all':
      return () => true
    case 'none':
      return () => false
    case 'and': {
      const parts = query.parts.map((part) => predicateOf(part, read))
      return (document) => parts.every((part) => part(document))
    }
    case 'or': {
      const parts = query.parts.map((part) => predicateOf(part, read))
      return (document) => parts.some((part) => part(document))
    }
    case 'not': {
      const part = predicateOf(query.part, read)
      return (document) => !part(document)
    }
    case 'match':
      return matchPredicate(query, read)
  }
}

function matchPredicate<Document>({ field, test }: Match, read: Read<Document>): (document: Document) => boolean {
  const check = createCheck(field, test)
  return (document) => {
    const value = read(document, field)
    if (value === undefined) return false
    return Array.isArray(value) ? value.some(check) : check(value)
  }
}

type Check = (value: unknown) => boolean

function createCheck(field: FieldName, test: Test): Check {
  if (test.kind === 'exists') return () => true
  return typeOf(field) === 'ip' ? addressCheck(test) : valueCheck(test)
}

/** Whatever way an event spells an address, its digits are compared. */
function addressCheck(test: Test): Check {
  const check = valueCheck(test)
  return (value) => {
    const digits = typeof value === 'string' ? addressDigits(value) : null
    return digits !== null && check(digits)
  }
}

function valueCheck(test: Test): Check {
  switch (test.kind) {
    case 'exists':
      return () => true
    case 'equals': {
      const values: ReadonlySet<unknown> = new Set(test.values)
      return (value) => values.has(value)
    }
    case 'range':
      return rangeCheck(test.operator, test.value)
    case 'period':
      return (value) => typeof value === 'number' && value >= test.from && value <= test.to
    case 'network':
      return (value) => typeof value === 'string' && value >= test.first && value <= test.last
    case 'wildcard':
      return textCheck(createWildcard(test.pieces))
    case 'contains':
      return textCheck(createContains(test.pieces))
  }
}

function textCheck(matches: (text: string) => boolean): Check {
  return (value) => typeof value === 'string' && matches(value)
}

function rangeCheck(operator: RangeOperator, bound: string | number): Check {
  const holds = orderCheck(operator)
  return (value) => {
    if (typeof value === 'number' && typeof bound === 'number') return holds(value - bound)
    return typeof value === 'string' && typeof bound === 'string' && holds(compareText(value, bound))
  }
}

/** `order` is negative, zero or positive, as the value stands to the bound. */
function orderCheck(operator: RangeOperator): (order: number) => boolean {
  switch (operator) {
    case '<':
      return (order) => order < 0
    case '<=':
      return (order) => order <= 0
    case '>':
      return (order) => order > 0
    case '>=':
      return (order) => order >= 0
  }
}
