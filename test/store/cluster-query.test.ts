import { expect, test } from 'vitest'
import { parseQuery } from '../../src/kql/parse.ts'
import { toElasticsearch } from '../../src/kql/to-elasticsearch.ts'
import { clusterQuery, scopeClause, wideClause } from '../../src/store/cluster-query.ts'
import { ALL_TIME } from '../../src/store/event-reader.ts'

const queryOf = (text: string) => parseQuery(text, { now: 0 })

test('Elasticsearch says which documents have a text that is in no index', () => {
  const query = queryOf('rule.name : x and source.port : 22 and event.original > y')
  expect(clusterQuery(query, 'elasticsearch')).toEqual({
    clause: toElasticsearch(query),
    doubtful: { terms: { _ignored: ['event.original', 'rule.name'] } },
  })
  expect(clusterQuery(queryOf('source.port : 22'), 'elasticsearch').doubtful).toBeNull()
  expect(clusterQuery(queryOf('source.port : 22'), 'elasticsearch', ['host.name']).doubtful).toEqual({
    terms: { _ignored: ['host.name'] },
  })
})

test('OpenSearch has to be helped with event.original alone', () => {
  expect(clusterQuery(queryOf('rule.name : x'), 'opensearch').doubtful).toBeNull()
  const text = queryOf('not event.original : *x*')
  const { clause, doubtful } = clusterQuery(text, 'opensearch')
  expect(clause).toEqual(toElasticsearch(text))
  expect(JSON.stringify(doubtful)).toContain('"must_not":[{"exists":{"field":"event.original"}}]')
})

test('an order of event.original is never asked of OpenSearch', () => {
  const query = queryOf('not (event.original > a or rule.name > a) and event.original : *')
  const { clause, doubtful } = clusterQuery(query, 'opensearch')
  expect(JSON.stringify(clause)).not.toContain('{"range":{"event.original"')
  expect(JSON.stringify(clause)).toContain('{"range":{"rule.name":{"gt":"a"}}}')
  expect(JSON.stringify(doubtful)).toContain('{"exists":{"field":"event.original"}}')
  expect(JSON.stringify(clusterQuery(query, 'elasticsearch').clause)).toContain(
    '{"range":{"event.original":{"gt":"a"}}}',
  )
})

test('what may match is what matches and what is doubtful', () => {
  const clause = { term: { a: 1 } }
  expect(wideClause({ clause, doubtful: null })).toBe(clause)
  expect(wideClause({ clause, doubtful: { term: { b: 2 } } })).toEqual({
    bool: { should: [clause, { term: { b: 2 } }], minimum_should_match: 1 },
  })
})

test('a scope has events of ours alone', () => {
  expect(scopeClause(ALL_TIME.since, ALL_TIME.until, [])).toEqual({
    bool: { filter: [{ exists: { field: '@timestamp' } }, { exists: { field: 'event.id' } }] },
  })
  expect(scopeClause(1, 2, [{ match_all: {} }], [{ match_none: {} }])).toEqual({
    bool: {
      filter: [
        { range: { '@timestamp': { gte: '1970-01-01T00:00:00.000001Z', lte: '1970-01-01T00:00:00.000002Z' } } },
        { exists: { field: 'event.id' } },
        { match_all: {} },
      ],
      must_not: [{ match_none: {} }],
    },
  })
})
