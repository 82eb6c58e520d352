/** Queries as a cluster can answer them: what its indices tell exactly, and the documents of which they do not. */
import type { Engine } from '../elasticsearch/server.ts'
import type { FieldName } from '../fields.ts'
import type { Match, Query } from '../kql/ast.ts'
import { typeOf } from '../kql/field-names.ts'
import { fieldsOf } from '../kql/query-fields.ts'
import { type ElasticsearchQuery, instantClause, toElasticsearch } from '../kql/to-elasticsearch.ts'
import type { Micros } from '../time.ts'
import { LEDGER_DATASET } from './event-reader.ts'

export type ClusterQuery = {
  /** Right for every document that `doubtful` does not match. */
  readonly clause: ElasticsearchQuery
  /**
   * Documents that have to be looked at themselves; null = none. Those with a text of the query's fields that is longer than
   * `ignore_above` (8191 characters), which is kept and in no index; and those whose text has an order that nobody can ask for.
   */
  readonly doubtful: ElasticsearchQuery | null
}

/** Where a text is long now and then, all records of an audit event for one. Every such document has it. */
const ORIGINAL: FieldName = 'event.original'
const LONG_ORIGINAL: ElasticsearchQuery = {
  bool: {
    should: [
      { terms: { 'event.dataset': ['wireguard.audit', LEDGER_DATASET] } },
      { terms: { 'event.action': ['parse-failed', 'suspect-line'] } },
    ],
    minimum_should_match: 1,
    must_not: [{ exists: { field: ORIGINAL } }],
  },
}

/** `more`: fields whose values are asked of the indices too. */
export function clusterQuery(query: Query, engine: Engine, more: readonly FieldName[] = []): ClusterQuery {
  const fields = [...new Set([...fieldsOf(query), ...more])]
  const clause = toElasticsearch(query)
  if (engine === 'elasticsearch') {
    const texts = fields.filter((field) => typeOf(field) === 'keyword' || typeOf(field) === 'wildcard')
    return { clause, doubtful: texts.length === 0 ? null : { terms: { _ignored: texts } } }
  }
  // OpenSearch does not say what it left out, and knows no order of the one `wildcard` field.
  if (!fields.includes(ORIGINAL)) return { clause, doubtful: null }
  const isUnordered = ({ field, test }: Match) => field === ORIGINAL && test.kind === 'range'
  if (!matchesOf(query).some(isUnordered)) return { clause, doubtful: LONG_ORIGINAL }
  // Of a document without the field the test is false.
  const ordered = replaced(query, (match) => (isUnordered(match) ? { kind: 'none' } : match))
  return {
    clause: toElasticsearch(ordered),
    doubtful: { bool: { should: [{ exists: { field: ORIGINAL } }, LONG_ORIGINAL], minimum_should_match: 1 } },
  }
}

/** Events within a time, both ends included; all of `filter`, none of `mustNot`. What has no id is no event of ours. */
export function scopeClause(
  since: Micros,
  until: Micros,
  filter: readonly ElasticsearchQuery[],
  mustNot: readonly ElasticsearchQuery[] = [],
): ElasticsearchQuery {
  return {
    bool: {
      filter: [instantClause('@timestamp', { gte: since, lte: until }), { exists: { field: 'event.id' } }, ...filter],
      ...(mustNot.length === 0 ? {} : { must_not: mustNot }),
    },
  }
}

/** Every document that may match: for a reader that asks again. */
export function wideClause({ clause, doubtful }: ClusterQuery): ElasticsearchQuery {
  return doubtful === null ? clause : { bool: { should: [clause, doubtful], minimum_should_match: 1 } }
}

function matchesOf(query: Query): readonly Match[] {
  switch (query.kind) {
    case 'match':
      return [query]
    case 'not':
      return matchesOf(query.part)
    case 'and':
    case 'or':
      return query.parts.flatMap(matchesOf)
    case 'all':
    case 'none':
      return []
  }
}

function replaced(query: Query, change: (match: Match) => Query): Query {
  switch (query.kind) {
    case 'match':
      return change(query)
    case 'not':
      return { kind: 'not', part: replaced(query.part, change) }
    case 'and':
    case 'or':
      return { kind: query.kind, parts: query.parts.map((part) => replaced(part, change)) }
    case 'all':
    case 'none':
      return query
  }
}
