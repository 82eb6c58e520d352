import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseQuery } from '../../src/kql/parse.ts'
import { createPredicate } from '../../src/kql/predicate.ts'
import { type SqlParameter, toSql } from '../../src/kql/to-sql.ts'
import { type DocumentTable, openDocumentTable } from './duckdb-documents.ts'

function sqlOf(text: string, parameters: SqlParameter[] = []): [string, SqlParameter[]] {
  return [toSql(parseQuery(text, { now: 0 }), parameters), parameters]
}

const v4 = (last: string) => `00000000000000000000ffff${last}`

describe('the SQL of a query', () => {
  test.each<[string, string, SqlParameter[]]>([
    ['', 'TRUE', []],
    ['not *', 'FALSE', []],
    ['rule.name : x', '"rule.name" = $1', ['x']],
    ['rule.name : (x or y)', '"rule.name" IN ($1, $2)', ['x', 'y']],
    ['source.port : 22', '"source.port" = $1::BIGINT', [22n]],
    ['source.port >= 22', '"source.port" >= $1::BIGINT', [22n]],
    ['netfilter.socket_owner : true', '"netfilter.socket_owner" = $1', [true]],
    ['source.ip : 10.8.0.2', '"source.ip" = $1', [v4('0a080002')]],
    ['source.ip : 10.8.0.0/24', '"source.ip" BETWEEN $1 AND $2', [v4('0a080000'), v4('0a0800ff')]],
    ['@timestamp >= 1970-01-02', '"@timestamp" >= make_timestamp($1::BIGINT)', [86_400_000_000n]],
    [
      '@timestamp : 1970-01-02',
      '"@timestamp" BETWEEN make_timestamp($1::BIGINT) AND make_timestamp($2::BIGINT)',
      [86_400_000_000n, 172_799_999_999n],
    ],
    ['rule.name : *', '"rule.name" IS NOT NULL', []],
    ['event.category : *', 'len("event.category") > 0', []],
    ['event.category : x', 'list_contains("event.category", $1)', ['x']],
    ['event.category : (x or y)', 'list_has_any("event.category", [$1, $2])', ['x', 'y']],
    ['event.category >= x', 'len(list_filter("event.category", lambda v: v >= $1)) > 0', ['x']],
    [
      'related.ip : 10.8.0.0/24',
      'len(list_filter("related.ip", lambda v: v BETWEEN $1 AND $2)) > 0',
      [v4('0a080000'), v4('0a0800ff')],
    ],
    ['rule.name : wg*', '"rule.name" LIKE $1', ['wg%']],
    ['rule.name : *wg**x*', '"rule.name" LIKE $1', ['%wg%x%']],
    ['rule.name : wg_*', '("rule.name" >= $1 AND starts_with("rule.name", $1))', ['wg_']],
    ['rule.name : ÿ*', '("rule.name" >= $1 AND starts_with("rule.name", $1))', ['ÿ']],
    ['rule.name : 5%*a.b*', 'regexp_full_match("rule.name", $1, \'s\')', ['5\\%.*a\\.b.*']],
    ['rule.name : ÿ*b', 'regexp_full_match("rule.name", $1, \'s\')', ['ÿ.*b']],
    ['not rule.name : x', 'NOT coalesce("rule.name" = $1, FALSE)', ['x']],
    [
      'rule.name : x and (source.port : 22 or not host.name : x)',
      '("rule.name" = $1 AND ("source.port" = $2::BIGINT OR NOT coalesce("host.name" = $1, FALSE)))',
      ['x', 22n],
    ],
    ['source.p* : 22', '("source.packets" = $1::BIGINT OR "source.port" = $1::BIGINT)', [22n]],
    ['error.message : "22" and source.port : 22', '("error.message" = $1 AND "source.port" = $2::BIGINT)', ['22', 22n]],
  ])('%s', (text, sql, parameters) => {
    expect(sqlOf(text)).toEqual([sql, parameters])
  })

  test('counts its placeholders behind those that are there', () => {
    expect(sqlOf('rule.name : x or host.name : x', ['before', 1n])).toEqual([
      '("rule.name" = $3 OR "host.name" = $3)',
      ['before', 1n, 'x'],
    ])
  })

  test('holds no text of the query', () => {
    const hostile = ["x'; DROP TABLE events; --", '") OR 1=1 --', '$1 free', "a%' OR 'b"]
    for (const text of hostile) {
      const quoted = `"${text.replaceAll('"', '\\"')}"`
      const [sql, parameters] = sqlOf(`rule.name : (${quoted} or a*) or event.category : ${quoted} or ${quoted}`)
      expect(parameters).toContain(text)
      // What is left without column names and the two alphabets of translate.
      expect(sql.replaceAll(/"[\w@.]+"|'[A-Za-z]{26}'|'s'/g, '')).toMatch(/^[\w\s(),[\]$<>=:]+$/)
      expect(sql).not.toMatch(/DROP|1=1|free/)
    }
  })
})

describe('in DuckDB', () => {
  let table: DocumentTable
  beforeAll(async () => {
    table = await openDocumentTable()
  })
  afterAll(() => {
    table.close()
  })

  test('wildcards take no longer for being many', { timeout: 20_000 }, async () => {
    const long = 'a'.repeat(20_000)
    await table.fill([{ 'rule.name': long, 'event.category': [long], 'event.original': long }])
    // With a text that has no end as asked, a search that goes back takes longer than the age of the universe.
    for (const value of [`${'a*'.repeat(30)}b*c`, `${'a*'.repeat(30)}_*%`, `*${'aa*'.repeat(30)}_`]) {
      for (const query of [`rule.name : ${value}`, `event.category : ${value}`, value]) {
        const read = parseQuery(query, { now: 0 })
        expect(await table.select(read)).toEqual([])
        expect(createPredicate(read)({ 'rule.name': long, 'event.category': [long], 'event.original': long })).toBe(
          false,
        )
      }
    }
  })

  test('a prefix may end in any character', async () => {
    // DuckDB counts the last byte of a prefix up; these end in the last byte of their kind.
    const heads = ['ÿ', '\u007f', '\u07ff', '\uffff', '\u{10ffff}', '¿', '~', '\\', '.']
    await table.fill(heads.map((head) => ({ 'rule.name': `${head}-x` })))
    for (const [place, head] of heads.entries()) {
      for (const rest of ['*', '*x', '*-*x', '*_*']) {
        const read = parseQuery(`rule.name : ${head === '\\' ? '\\\\' : head}${rest}`, { now: 0 })
        expect([head, rest, await table.select(read)]).toEqual([head, rest, rest === '*_*' ? [] : [place]])
      }
    }
  })

  test('free text folds ASCII letters and no others', async () => {
    // U+212A, the Kelvin sign, is a k in lower case for Unicode.
    await table.fill(['Kernel', 'KERNEL', '\u212aernel', 'GRÖSSE', 'größe'].map((text) => ({ 'error.message': text })))
    const select = (text: string) => table.select(parseQuery(text, { now: 0 }))
    expect(await select('kern')).toEqual([0, 1])
    expect(await select('\u212aERN')).toEqual([2])
    expect(await select('GR*E')).toEqual([3, 4])
    expect(await select('grÖ')).toEqual([3])
  })
})
