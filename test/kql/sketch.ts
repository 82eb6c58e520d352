/** A query tree as short text, for tables of expectations: `(source.ip = 10.8.0.2 and not rule.name exists)`. */
import { addressText } from '../../src/address-digits.ts'
import { FIELDS } from '../../src/fields.ts'
import type { Match, Query, Scalar } from '../../src/kql/ast.ts'
import { toIso } from '../../src/time.ts'

export function sketch(query: Query): string {
  switch (query.kind) {
    case 'all':
    case 'none':
      return query.kind
    case 'not':
      return `not ${sketch(query.part)}`
    case 'and':
      return `(${query.parts.map(sketch).join(' and ')})`
    case 'or':
      return freeText(query.parts) ?? `(${query.parts.map(sketch).join(' or ')})`
    case 'match':
      return matchSketch(query)
  }
}

/** Free text is a test of every field; its words are what it asks of event.original. */
function freeText(parts: readonly Query[]): string | null {
  for (const part of parts) {
    if (part.kind === 'match' && part.field === 'event.original' && part.test.kind === 'contains')
      return `text ${part.test.pieces.join('*')}`
  }
  return null
}

function matchSketch({ field, test }: Match): string {
  const value = (scalar: Scalar) => {
    const { type } = FIELDS[field]
    if (type === 'date') return toIso(Number(scalar))
    return type === 'ip' ? addressText(String(scalar)) : JSON.stringify(scalar)
  }
  switch (test.kind) {
    case 'exists':
      return `${field} exists`
    case 'equals':
      return test.values.length === 1
        ? `${field} = ${test.values.map(value).join()}`
        : `${field} in ${test.values.map(value).join(', ')}`
    case 'range':
      return `${field} ${test.operator} ${value(test.value)}`
    case 'period':
      return `${field} from ${toIso(test.from)} to ${toIso(test.to)}`
    case 'network':
      return `${field} within ${test.text}`
    case 'wildcard':
      return `${field} like ${test.pieces.map((piece) => JSON.stringify(piece)).join(' * ')}`
    case 'contains':
      return `${field} holds ${test.pieces.map((piece) => JSON.stringify(piece)).join(' * ')}`
  }
}
