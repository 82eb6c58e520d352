import { describe, expect, test } from 'vitest'
import { parseQuery } from '../../src/kql/parse.ts'
import { instantClause, toElasticsearch } from '../../src/kql/to-elasticsearch.ts'
import { parseInstant } from '../../src/quantities.ts'
import { ALL_TIME } from '../../src/store/event-reader.ts'

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

describe('a time that no document there can have', () => {
  test.each([
    ['@timestamp >= 1969-07-20', { exists: { field: '@timestamp' } }],
    ['@timestamp < 1969-07-20', { match_none: {} }],
    ['@timestamp : 1969-12-31', { match_none: {} }],
    [
      '@timestamp : 1970-01-01',
      { range: { '@timestamp': { gte: '1970-01-01T00:00:00.000Z', lt: '1970-01-02T00:00:00.000Z' } } },
    ],
    ['@timestamp : 9999-12-31', { match_none: {} }],
    ['event.start > 9999-12-31', { match_none: {} }],
    ['event.start <= 9999-12-31', { exists: { field: 'event.start' } }],
    ['@timestamp < 2262-04-11', { range: { '@timestamp': { lt: '2262-04-11T00:00:00.000Z' } } }],
  ])('%s', (text, dsl) => {
    expect(dslOf(text)).toEqual(dsl)
  })

  test('leaves the other bound as it is', () => {
    expect(instantClause('@timestamp', { gte: ALL_TIME.since, lte: now })).toEqual({
      range: { '@timestamp': { lte: '2026-11-22T10:47:12.345678Z' } },
    })
    expect(instantClause('@timestamp', { gte: ALL_TIME.since, lte: ALL_TIME.until })).toEqual({
      exists: { field: '@timestamp' },
    })
  })
})

test('event.original is asked for as every other text, but when it is empty', () => {
  const empty = {
    bool: {
      filter: [{ exists: { field: 'event.original' } }],
      must_not: [{ wildcard: { 'event.original': { value: '?*' } } }],
    },
  }
  expect(dslOf('event.original : ""')).toEqual(empty)
  expect(dslOf('event.original : ("" or a)')).toEqual({
    bool: { should: [empty, { terms: { 'event.original': ['a'] } }], minimum_should_match: 1 },
  })
  expect(dslOf('event.original : a')).toEqual({ term: { 'event.original': 'a' } })
  expect(dslOf('event.original : a*')).toEqual({ wildcard: { 'event.original': { value: 'a*' } } })
  expect(JSON.stringify(dslOf('foo'))).toContain(
    '{"wildcard":{"event.original":{"value":"*foo*","case_insensitive":true}}}',
  )
})
