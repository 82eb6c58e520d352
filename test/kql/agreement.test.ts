import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Query } from '../../src/kql/ast.ts'
import { parseQuery } from '../../src/kql/parse.ts'
import { createPredicate } from '../../src/kql/predicate.ts'
import { toElasticsearch } from '../../src/kql/to-elasticsearch.ts'
import { type DocumentTable, openDocumentTable } from './duckdb-documents.ts'
import { document, NOW, query } from './random-queries.ts'
import { isHit } from './search-engine.ts'

describe('a query', () => {
  let table: DocumentTable
  beforeAll(async () => {
    table = await openDocumentTable()
  })
  afterAll(() => {
    table.close()
  })

  test('finds what it says, in DuckDB, in Elasticsearch and in a stream', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(document, { minLength: 12, maxLength: 12 }),
        fc.array(query, { minLength: 12, maxLength: 12 }),
        async (documents, queries) => {
          await table.fill(documents)
          for (const { text, holds } of queries) {
            const read: Query = parseQuery(text, { now: NOW })
            const meant = documents.flatMap((fields, place) => (holds(fields) ? [place] : []))
            const predicate = createPredicate(read)
            const dsl = toElasticsearch(read)
            const found = {
              stream: documents.flatMap((fields, place) => (predicate(fields) ? [place] : [])),
              elasticsearch: documents.flatMap((fields, place) => (isHit(dsl, fields) ? [place] : [])),
              duckdb: await table.select(read),
            }
            const wrong = documents.filter((_, place) =>
              Object.values(found).some((places) => places.includes(place) !== meant.includes(place)),
            )
            expect({ text, ...found, wrong }).toEqual({
              text,
              stream: meant,
              elasticsearch: meant,
              duckdb: meant,
              wrong: [],
            })
          }
        },
      ),
      // Each run is 144 pairs, and a failure shows its own; making the whole run smaller would take minutes.
      { numRuns: 60, endOnFailure: true },
    )
  })

  test('has the order of code points, and signs that end a text elsewhere', async () => {
    const names = ['\uffff', '\u{10000}', 'a\0b_c', 'a\0b%c\n', '']
    await table.fill(names.map((name) => ({ 'rule.name': name })))
    for (const [asked, expected] of [
      ['rule.name > "\uffff"', [1]],
      ['rule.name < "\u{10000}"', [0, 2, 3, 4]],
      ['rule.name : a\0*_*', [2]],
      ['rule.name : *\0b%*', [3]],
      ['rule.name : ""', [4]],
      ['rule.name : *', [0, 1, 2, 3, 4]],
    ] as const) {
      const read = parseQuery(asked, { now: NOW })
      const predicate = createPredicate(read)
      expect([asked, await table.select(read)]).toEqual([asked, expected])
      expect([asked, names.flatMap((name, place) => (predicate({ 'rule.name': name }) ? [place] : []))]).toEqual([
        asked,
        expected,
      ])
    }
  })

  test('of an absent field is false, and its opposite true', async () => {
    await table.fill([{}, { 'event.category': [] }])
    for (const text of [
      'source.ip : 10.8.0.2',
      'event.category : (a or b*)',
      'rule.name > a',
      'foo',
      'event.category : *',
    ]) {
      for (const [asked, expected] of [
        [text, []],
        [`not ${text}`, [0, 1]],
        [`not (not (${text}))`, []],
        [`not (${text} and source.port : 22)`, [0, 1]],
        [`not (${text} or not ${text})`, []],
      ] as const) {
        const read = parseQuery(asked, { now: NOW })
        const predicate = createPredicate(read)
        expect([asked, await table.select(read)]).toEqual([asked, expected])
        expect([asked, predicate({}), predicate({ 'event.category': [] })]).toEqual([
          asked,
          expected.length > 0,
          expected.length > 0,
        ])
      }
    }
  })
})
