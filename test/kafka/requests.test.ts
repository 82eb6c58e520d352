import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Outgoing } from '../../src/kafka/bus.ts'
import { REQUEST_BYTES_MAX, REQUEST_MESSAGES_MAX, requestsOf, sizeOf } from '../../src/kafka/kafkajs/requests.ts'

const message = (n: number, bytes: number): Outgoing => ({
  topic: `t${n % 3}`,
  partition: n % 4,
  key: Buffer.from(`${n}`),
  value: bytes < 0 ? null : Buffer.alloc(bytes),
  headers: { kind: 'line' },
})

test('requests hold everything in order, within their limits; what is larger goes alone', () => {
  const sizes = fc.oneof(fc.integer({ min: -1, max: 900 }), fc.integer({ min: 300_000, max: 1_200_000 }))
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 60 }), fc.integer({ min: 1, max: 60 }), (given, times) => {
      const small = given.filter((size) => size < 1000)
      const all = [...given, ...Array.from({ length: times }, () => small).flat()].map((size, n) => message(n, size))
      const requests = requestsOf(all)
      expect(requests.flat()).toEqual(all)
      for (const request of requests) {
        expect(request.length).toBeGreaterThan(0)
        expect(request.length).toBeLessThanOrEqual(REQUEST_MESSAGES_MAX)
        const bytes = request.reduce((sum, each) => sum + sizeOf(each), 0)
        if (request.length > 1) expect(bytes).toBeLessThanOrEqual(REQUEST_BYTES_MAX)
      }
    }),
    { numRuns: 50 },
  )
})

test('no request is cut before it is full', () => {
  const requests = requestsOf(Array.from({ length: 2001 }, (_, n) => message(n, 100)))
  expect(requests.map(({ length }) => length)).toEqual([1000, 1000, 1])
  const large = requestsOf([message(0, 10), message(1, REQUEST_BYTES_MAX), message(2, 10)])
  expect(large.map(({ length }) => length)).toEqual([1, 1, 1])
})
