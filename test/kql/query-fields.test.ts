import { expect, test } from 'vitest'
import { parseQuery } from '../../src/kql/parse.ts'
import { fieldsOf } from '../../src/kql/query-fields.ts'

test('the fields of a query are those it asks about, each once', () => {
  const fields = (text: string) => fieldsOf(parseQuery(text, { now: 0 }))
  expect(fields('')).toEqual([])
  expect(fields('not (event.type : denied or source.port : (1 or 2)) and event.type : x')).toEqual([
    'event.type',
    'source.port',
  ])
  expect(fields('source.nat.* : 10.8.0.1')).toEqual(['source.nat.ip'])
  expect(fields('ivy').length).toBeGreaterThan(50)
})
