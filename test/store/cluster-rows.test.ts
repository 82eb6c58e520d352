import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addressDigits } from '../../src/address-digits.ts'
import { printEvent } from '../../src/event-json.ts'
import type { FieldName, Fields } from '../../src/fields.ts'
import { createRowPrinter } from '../../src/store/cluster-rows.ts'
import { document } from '../kql/random-queries.ts'

function rowOf(columns: readonly FieldName[], source: unknown): unknown {
  return JSON.parse(createRowPrinter(columns)(source))
}

test.each<[string, FieldName, unknown, unknown]>([
  ['nested', 'source.ip', { source: { ip: '10.8.0.2' } }, '00000000000000000000ffff0a080002'],
  ['with a dotted name', 'source.nat.ip', { 'source.nat': { ip: '::1' } }, '00000000000000000000000000000001'],
  ['with a name of dots alone', 'source.nat.ip', { 'source.nat.ip': 'no address' }, 'no address'],
  ['one value of a list', 'event.category', { event: { category: 'network' } }, ['network']],
  [
    'a list with what is no value',
    'related.ip',
    { related: { ip: ['::1', null, 7] } },
    ['00000000000000000000000000000001'],
  ],
  ['order and repeats', 'tags', { tags: ['b', 'a', 'b'] }, ['b', 'a', 'b']],
  ['an empty list', 'tags', { tags: [] }, []],
  ['a list of one value', 'source.port', { source: { port: [22, 23] } }, 22],
  ['a number as text', 'source.port', { source: { port: '22' } }, 22],
  ['no whole number', 'source.port', { source: { port: 22.5 } }, undefined],
  ['a number nobody can hold', 'source.bytes', { source: { bytes: 2 ** 53 } }, undefined],
  ['the largest number', 'source.bytes', { source: { bytes: 2 ** 53 - 1 } }, 2 ** 53 - 1],
  ['microseconds', '@timestamp', { '@timestamp': '2026-11-22T10:47:12.345678Z' }, 1_795_344_432_345_678],
  ['nanoseconds', '@timestamp', { '@timestamp': '2026-11-22T10:47:12.345678999Z' }, 1_795_344_432_345_678],
  ['whole seconds', 'event.end', { event: { end: '2026-11-22T10:47:12Z' } }, 1_795_344_432_000_000],
  ['milliseconds as a number', 'event.end', { event: { end: 1_795_344_432_345 } }, 1_795_344_432_345_000],
  ['no time', 'event.end', { event: { end: 'yesterday' } }, undefined],
  ['a flag', 'netfilter.socket_owner', { netfilter: { socket_owner: false } }, false],
  ['a flag as text', 'netfilter.socket_owner', { netfilter: { socket_owner: 'true' } }, true],
  ['no flag', 'netfilter.socket_owner', { netfilter: { socket_owner: 1 } }, undefined],
  ['a number as a keyword', 'network.iana_number', { network: { iana_number: 6 } }, '6'],
  ['an object where a text is meant', 'rule.name', { rule: { name: { first: 'x' } } }, undefined],
  ['nothing', 'rule.name', { rule: null }, undefined],
])('%s', (_, name, source, value) => {
  expect(rowOf([name], source)).toEqual(value === undefined ? {} : { [name]: value })
})

test('only what is asked for, whatever else there is', () => {
  const source = JSON.parse(
    '{"host":{"name":"gw1","geo":{"x":1}},"__proto__":{"y":1},"constructor":"z","source":{"ip":"::1"}}',
  )
  expect(rowOf(['host.name'], source)).toEqual({ 'host.name': 'gw1' })
  expect(rowOf(['host.name', 'source.ip'], source)).toEqual({
    'host.name': 'gw1',
    'source.ip': '00000000000000000000000000000001',
  })
  expect(rowOf(['host.name'], 'no document')).toEqual({})
})

test('a document of ours is the row that a store has', () => {
  fc.assert(
    fc.property(document, (fields: Fields) => {
      const source: unknown = JSON.parse(printEvent({ dataset: 'wireguard.flow', own: fields, facets: [] }))
      // Fields has no other keys than names.
      const names = Object.keys(fields) as FieldName[]
      const digits = (value: unknown): unknown =>
        Array.isArray(value) ? value.map(digits) : addressDigits(String(value))
      const row = names.flatMap((name) => {
        const value: unknown = fields[name]
        return value === undefined ? [] : [[name, name.endsWith('.ip') ? digits(value) : value]]
      })
      expect(rowOf(names, source)).toEqual(Object.fromEntries(row))
    }),
  )
})
