/**
 * A query as Elasticsearch's query DSL: a plain object for the `query` of a search. Only filters, so nothing is scored. Everything the
 * text left open (days, `now`, networks) is written out, and no analyzer takes part, so that the answer is the store's.
 *
 * Not the same as in the store: a `date` field keeps milliseconds there, and `event.original` is not indexed.
 */
import { addressText } from '../address-digits.ts'
import type { FieldName } from '../fields.ts'
import { toIso } from '../time.ts'
import type { Match, Query, RangeOperator, Scalar, Test } from './ast.ts'
import { typeOf } from './field-names.ts'
import { queryError } from './query-error.ts'

/** One clause of the DSL, plain JSON. */
export type ElasticsearchQuery = { readonly [clause: string]: unknown }

/** ECS 9.4: `index: false, doc_values: false`. Asking for such a field fails the whole search. */
const NOT_INDEXED: ReadonlySet<FieldName> = new Set(['event.original'])

const BOUNDS: Readonly<Record<RangeOperator, string>> = { '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' }

/**
 * `notIndexed`: fields whose mapping cannot be searched. Free text and patterns of names leave them out; a query that names one
 * throws a bad-query.
 */
export function toElasticsearch(query: Query, notIndexed: ReadonlySet<FieldName> = NOT_INDEXED): ElasticsearchQuery {
  switch (query.kind) {
    case 'all':
      return { match_all: {} }
    case 'none':
      return { match_none: {} }
    case 'and': {
      const isNot = (part: Query) => part.kind === 'not'
      const filter = query.parts.filter((part) => !isNot(part)).map((part) => toElasticsearch(part, notIndexed))
      const mustNot = query.parts.flatMap((part) =>
        part.kind === 'not' ? [toElasticsearch(part.part, notIndexed)] : [],
      )
      return {
        bool: { ...(filter.length > 0 ? { filter } : {}), ...(mustNot.length > 0 ? { must_not: mustNot } : {}) },
      }
    }
    case 'or': {
      const should = query.parts.filter((part) => !isLeftOut(part, notIndexed))
      if (should.length === 0) return { match_none: {} }
      return { bool: { should: should.map((part) => toElasticsearch(part, notIndexed)), minimum_should_match: 1 } }
    }
    case 'not':
      return { bool: { must_not: [toElasticsearch(query.part, notIndexed)] } }
    case 'match':
      return isLeftOut(query, notIndexed) ? { match_none: {} } : matchClause(query)
  }
}

function isLeftOut(part: Query, notIndexed: ReadonlySet<FieldName>): boolean {
  if (part.kind !== 'match' || !notIndexed.has(part.field)) return false
  if (part.spread) return true
  throw queryError(`${part.field} is kept but not indexed in Elasticsearch; search it in the store`, 0)
}

function matchClause({ field, test }: Match): ElasticsearchQuery {
  switch (test.kind) {
    case 'exists':
      return { exists: { field } }
    case 'equals': {
      const values = test.values.map((value) => printed(field, value))
      return values.length === 1 ? { term: { [field]: values[0] } } : { terms: { [field]: values } }
    }
    case 'range':
      return { range: { [field]: { [BOUNDS[test.operator]]: printed(field, test.value) } } }
    case 'period':
      return { range: { [field]: periodBounds(test) } }
    case 'network':
      return { term: { [field]: test.text } }
    case 'wildcard':
      return { wildcard: { [field]: { value: pattern(test.pieces) } } }
    case 'contains':
      return { wildcard: { [field]: { value: pattern(['', ...test.pieces, '']), case_insensitive: true } } }
  }
}

/** Half open, because what is stored is cut to milliseconds: the last microsecond of a day is none of its milliseconds. */
function periodBounds({ from, to }: Test & { readonly kind: 'period' }): ElasticsearchQuery {
  return { gte: toIso(from), lt: toIso(to + 1) }
}

/** As Elasticsearch reads it: instants as ISO 8601 with all digits, so that it rounds nothing. */
function printed(field: FieldName, value: Scalar): Scalar {
  const type = typeOf(field)
  if (type === 'date') return toIso(Number(value))
  return type === 'ip' ? addressText(String(value)) : value
}

function pattern(pieces: readonly string[]): string {
  return pieces
    .filter((piece, i) => piece !== '' || i === 0 || i === pieces.length - 1)
    .map((piece) => piece.replaceAll(/[\\*?]/g, '\\$&'))
    .join('*')
}
