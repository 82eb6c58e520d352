/** Which release can do what, by the table of its documentation. */
import { expect, test } from 'vitest'
import { abilitiesOf } from '../../src/elasticsearch/server.ts'

test('what a release of Elasticsearch can', () => {
  const can = (version: string) =>
    Object.entries(abilitiesOf('elasticsearch', version))
      .filter(([, is]) => is)
      .map(([name]) => name)
      .sort()
  const all = ['failureStore', 'includeSourceOnError', 'lifecycle', 'logsdb', 'requireDataStream', 'tsds']
  expect(can('9.5.3')).toEqual(all)
  expect(can('10.0.0')).toEqual(all)
  expect(can('8.19.21')).toEqual(all)
  expect(can('9.0.4')).toEqual(all.filter((name) => name !== 'failureStore'))
  expect(can('8.18.0')).toEqual(all.filter((name) => name !== 'failureStore'))
  expect(can('8.17.3')).toEqual(['lifecycle', 'logsdb', 'requireDataStream', 'tsds'])
  expect(can('8.11.0')).toEqual(['tsds'])
  expect(can('7.17.0')).toEqual([])
  expect(can('nonsense')).toEqual([])
})

test('OpenSearch counts otherwise and has none of it', () => {
  expect(Object.values(abilitiesOf('opensearch', '9.9.9')).every((is) => !is)).toBe(true)
})
