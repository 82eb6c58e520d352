/** Goal: a message of very many headers, which anybody who may write to a topic can send, costs no more than its bytes. */
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { boundHeaders, HEADERS_READ_MAX } from '../../src/kafka/kafkajs/header-bound.ts'

type Encoded = { readonly buffer: Buffer }
type Reader = object
type Read = { readonly headers: Record<string, Buffer>; readonly value: Buffer }

// kafkajs's own record, written and read by it; 2.2.4 exports every file of its package.
const load = createRequire(import.meta.url)
const write = load('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => Encoded
const Decoder = load('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Reader
const read = load('kafkajs/src/protocol/recordBatch/record/v0/decoder') as (reader: Reader, batch: object) => Read

function passed(count: number): Read {
  const headers = Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, 'x']))
  const { buffer } = write({ offsetDelta: 0, timestampDelta: 0, key: 'k', value: 'v', headers })
  // The record's own length stands before it.
  const begin = buffer.findIndex((byte) => byte < 0x80) + 1
  return read(new Decoder(buffer.subarray(begin)), { firstOffset: '0', firstTimestamp: '0' })
}

test('headers of ours come whole, those beyond any of ours are passed over', () => {
  boundHeaders()
  expect(Object.keys(passed(5).headers)).toEqual(['h0', 'h1', 'h2', 'h3', 'h4'])
  expect(Object.keys(passed(0).headers)).toEqual([])
  // Without the bound each of them would copy all before it: minutes.
  const { headers, value } = passed(50_000)
  expect(Object.keys(headers)).toHaveLength(HEADERS_READ_MAX)
  expect(String(value)).toBe('v')
})
