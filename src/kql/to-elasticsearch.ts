/**
 * A query as Elasticsearch's query DSL: a plain object for the `query` of a search. Only filters, so nothing is scored. Everything the
 * text left open (days, `now`, networks) is written out, and no analyzer takes part, so that the answer is the store's.
 *
 * Asked for are fields as our mappings have them: dates are `date_nanos`, which is finer than our microseconds. The same in
 * Elasticsearch and OpenSearch, except: OpenSearch knows no order of a `wildcard` field (event.original), and a text longer than a
 * field's `ignore_above` is in no index. Who reads a cluster sees to both (store/cluster-query.ts).
 */
import { addressText } from '../address-digits.ts'
import type { FieldName } from '../fields.ts'
import { type Micros, SECOND, toIso } from '../time.ts'
import type { Match, Query, RangeOperator, Scalar } from './ast.ts'
import { typeOf } from './field-names.ts'

/** One clause of the DSL, plain JSON. */
export type ElasticsearchQuery = { readonly [clause: string]: unknown }

/** Both given: both hold. */
export type InstantBounds = {
  readonly gt?: Micros
  readonly gte?: Micros
  readonly lt?: Micros
  readonly lte?: Micros
}

const BOUNDS: Readonly<Record<RangeOperator, 'gt' | 'gte' | 'lt' | 'lte'>> = {
  '<': 'lt',
  '<=': 'lte',
  '>': 'gt',
  '>=': 'gte',
}

/** The one field mapped `wildcard`; OpenSearch's index of such a field does not have the empty text. */
const ORIGINAL: FieldName = 'event.original'

/** A `date_nanos` is a signed 64-bit count of nanoseconds since 1970; a bound outside fails the whole search. */
const INDEXED_MIN: Micros = 0
const INDEXED_MAX: Micros = 9_223_372_036 * SECOND

/** The clause of a query. Its fields may be any; one that is not in a stream's mapping is absent from its documents. */
export function toElasticsearch(query: Query): ElasticsearchQuery {
  switch (query.kind) {
    case 'all':
      return { match_all: {} }
    case 'none':
      return { match_none: {} }
    case 'and': {
      const isNot = (part: Query) => part.kind === 'not'
      const filter = query.parts.filter((part) => !isNot(part)).map(toElasticsearch)
      const mustNot = query.parts.flatMap((part) => (part.kind === 'not' ? [toElasticsearch(part.part)] : []))
      return {
        bool: { ...(filter.length > 0 ? { filter } : {}), ...(mustNot.length > 0 ? { must_not: mustNot } : {}) },
      }
    }
    case 'or':
      return { bool: { should: query.parts.map(toElasticsearch), minimum_should_match: 1 } }
    case 'not':
      return { bool: { must_not: [toElasticsearch(query.part)] } }
    case 'match':
      return matchClause(query)
  }
}

/** A date within bounds. What no `date_nanos` can be is left out of the bounds, or makes it a clause that nothing fits. */
export function instantClause(field: FieldName, { gt, gte, lt, lte }: InstantBounds): ElasticsearchQuery {
  const isBelow = (at: Micros | undefined) => at !== undefined && at < INDEXED_MIN
  const isAbove = (at: Micros | undefined) => at !== undefined && at > INDEXED_MAX
  if (isAbove(gt) || isAbove(gte) || isBelow(lte) || (lt !== undefined && lt <= INDEXED_MIN)) return { match_none: {} }
  const bounds = Object.entries({ gt, gte, lt, lte }).flatMap(([name, at]) =>
    at === undefined || isBelow(at) || isAbove(at) ? [] : [[name, toIso(at)]],
  )
  return bounds.length === 0 ? { exists: { field } } : { range: { [field]: Object.fromEntries(bounds) } }
}

function matchClause({ field, test }: Match): ElasticsearchQuery {
  switch (test.kind) {
    case 'exists':
      return { exists: { field } }
    case 'equals': {
      if (field === ORIGINAL && test.values.includes('')) return emptyClause(field, test.values)
      const values = test.values.map((value) => printed(field, value))
      return values.length === 1 ? { term: { [field]: values[0] } } : { terms: { [field]: values } }
    }
    case 'range': {
      const name = BOUNDS[test.operator]
      if (typeOf(field) === 'date') return instantClause(field, { [name]: Number(test.value) })
      return { range: { [field]: { [name]: printed(field, test.value) } } }
    }
    case 'period':
      // Half open: right for event.created and event.ingested too, which are cut to milliseconds there.
      return instantClause(field, { gte: test.from, lt: test.to + 1 })
    case 'network':
      return { term: { [field]: test.text } }
    case 'wildcard':
      return { wildcard: { [field]: { value: pattern(test.pieces) } } }
    case 'contains':
      return { wildcard: { [field]: { value: pattern(['', ...test.pieces, '']), case_insensitive: true } } }
  }
}

/** A text that is there and has no first character, or one of the others. */
function emptyClause(field: FieldName, values: readonly Scalar[]): ElasticsearchQuery {
  const rest = values.filter((value) => value !== '')
  const empty = {
    bool: { filter: [{ exists: { field } }], must_not: [{ wildcard: { [field]: { value: '?*' } } }] },
  }
  if (rest.length === 0) return empty
  return { bool: { should: [empty, { terms: { [field]: rest } }], minimum_should_match: 1 } }
}

/** As Elasticsearch reads it. */
function printed(field: FieldName, value: Scalar): Scalar {
  return typeOf(field) === 'ip' ? addressText(String(value)) : value
}

function pattern(pieces: readonly string[]): string {
  return pieces
    .filter((piece, i) => piece !== '' || i === 0 || i === pieces.length - 1)
    .map((piece) => piece.replaceAll(/[\\*?]/g, '\\$&'))
    .join('*')
}
