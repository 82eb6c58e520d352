import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import { parseQuery } from '../../src/kql/parse.ts'
import { toElasticsearch } from '../../src/kql/to-elasticsearch.ts'
import { parseInstant } from '../../src/quantities.ts'

const now = parseInstant('2026-11-22T10:47:12.345678Z') ?? 0
const dslOf = (text: string) => toElasticsearch(parseQuery(text, { now }))

describe('the query DSL of a query', () => {
  test.each([
    ['', { match_all: {} }],
    ['not *', { match_none: {} }],
    ['rule.name : x', { term: { 'rule.name': 'x' } }],
    ['rule.name : (x or y)', { terms: { 'rule.name': ['x', 'y'] } }],
    ['rule.name : *', { exists: { field: 'rule.name' } }],
    ['rule.name : a*b?\\*\\\\', { wildcard: { 'rule.name': { value: 'a*b\\?\\*\\\\' } } }],
    ['rule.name : **a**', { wildcard: { 'rule.name': { value: '*a*' } } }],
    ['host.name > m', { range: { 'host.name': { gt: 'm' } } }],
    ['source.port : 22', { term: { 'source.port': 22 } }],
    ['source.port > 22.5', { range: { 'source.port': { gt: 22 } } }],
    ['source.port <= 22', { range: { 'source.port': { lte: 22 } } }],
    ['netfilter.socket_owner : false', { term: { 'netfilter.socket_owner': false } }],
    ['source.ip : ::ffff:10.8.0.2', { term: { 'source.ip': '10.8.0.2' } }],
    ['source.ip : 10.8.0.9/24', { term: { 'source.ip': '10.8.0.0/24' } }],
    ['source.ip : (fd08::2 or 10.8.0.2)', { terms: { 'source.ip': ['fd08::2', '10.8.0.2'] } }],
    ['source.ip >= fd08:0::', { range: { 'source.ip': { gte: 'fd08::' } } }],
    ['@timestamp >= now-15m', { range: { '@timestamp': { gte: '2026-11-22T10:32:12.345678Z' } } }],
    ['@timestamp <= now/d', { range: { '@timestamp': { lt: '2026-11-23T00:00:00.000Z' } } }],
    [
      '@timestamp : 2026-11-22',
      { range: { '@timestamp': { gte: '2026-11-22T00:00:00.000Z', lt: '2026-11-23T00:00:00.000Z' } } },
    ],
    [
      '@timestamp : 9999-12-31',
      { range: { '@timestamp': { gte: '9999-12-31T00:00:00.000Z', lt: '9999-12-31T23:59:59.000Z' } } },
    ],
    ['not rule.name : x', { bool: { must_not: [{ term: { 'rule.name': 'x' } }] } }],
    [
      'rule.name : x and source.port : 22 and not host.name : y',
      {
        bool: {
          filter: [{ term: { 'rule.name': 'x' } }, { term: { 'source.port': 22 } }],
          must_not: [{ term: { 'host.name': 'y' } }],
        },
      },
    ],
    [
      'not rule.name : x and not host.name : y',
      { bool: { must_not: [{ term: { 'rule.name': 'x' } }, { term: { 'host.name': 'y' } }] } },
    ],
    [
      'rule.name : x or not (source.port : 22 and host.name : y)',
      {
        bool: {
          should: [
            { term: { 'rule.name': 'x' } },
            {
              bool: {
                must_not: [{ bool: { filter: [{ term: { 'source.port': 22 } }, { term: { 'host.name': 'y' } }] } }],
              },
            },
          ],
          minimum_should_match: 1,
        },
      },
    ],
    [
      'source.p* : 22',
      {
        bool: {
          should: [{ term: { 'source.packets': 22 } }, { term: { 'source.port': 22 } }],
          minimum_should_match: 1,
        },
      },
    ],
  ])('%s', (text, dsl) => {
    expect(dslOf(text)).toEqual(dsl)
  })

  test('free text asks for parts of prose in both cases', () => {
    const clauses = JSON.stringify(dslOf('Deny'))
    expect(clauses).toContain('{"wildcard":{"error.message":{"value":"*deny*","case_insensitive":true}}}')
    expect(clauses).toContain('{"term":{"rule.name":"Deny"}}')
  })

  test('is plain JSON', () => {
    const dsl = dslOf('foo or source.port : 1 and not @timestamp < now')
    expect(JSON.parse(JSON.stringify(dsl))).toEqual(dsl)
  })
})

describe('a field that is not indexed', () => {
  test('is left out where the query does not name it', () => {
    expect(JSON.stringify(dslOf('foo'))).not.toContain('event.original')
    expect(dslOf('event.orig* : x')).toEqual({ match_none: {} })
    expect(dslOf('event.orig* : (a* or b*)')).toEqual({ match_none: {} })
    expect(dslOf('not event.orig* : x')).toEqual({ bool: { must_not: [{ match_none: {} }] } })
  })

  test('is refused where the query names it', () => {
    const failing = ['event.original : x', 'foo or not (event.original : a*)', 'event.original : x or event.orig* : y']
    for (const text of failing) expect(() => dslOf(text)).toThrow(AppError)
    try {
      dslOf('event.original : *')
    } catch (error) {
      expect(error).toMatchObject({
        code: 'bad-query',
        problems: [
          { line: 0, message: 'event.original is kept but not indexed in Elasticsearch; search it in the store' },
        ],
      })
    }
  })

  test('is what the caller says', () => {
    const query = parseQuery('event.original : x', { now })
    expect(toElasticsearch(query, new Set())).toEqual({ term: { 'event.original': 'x' } })
    expect(() => toElasticsearch(parseQuery('rule.name : x', { now }), new Set(['rule.name'] as const))).toThrow(
      AppError,
    )
  })
})
