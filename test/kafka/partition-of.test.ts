import fc from 'fast-check'
import { expect, test } from 'vitest'
import { murmur2, partitionOf } from '../../src/kafka/partition-of.ts'

test('murmur2 gives what the Kafka clients give', () => {
  // The values of org.apache.kafka.common.utils.UtilsTest.
  const known = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ] as const
  expect(known.map(([text]) => murmur2(Buffer.from(text)))).toEqual(known.map(([, hash]) => hash))
})

test('a partition is one of those there are, and always the same', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 1000 }), (bytes, partitions) => {
      const partition = partitionOf(Buffer.from(bytes), partitions)
      expect(partition).toBeGreaterThanOrEqual(0)
      expect(partition).toBeLessThan(partitions)
      expect(partitionOf(Buffer.from([...bytes]), partitions)).toBe(partition)
    }),
  )
})

test('names of machines spread over the partitions', () => {
  const counts = Array.from({ length: 12 }, () => 0)
  for (let i = 0; i < 12_000; i++) {
    const partition = partitionOf(Buffer.from(`host-${i}.example.net`), counts.length)
    counts[partition] = (counts[partition] ?? 0) + 1
  }
  expect(Math.min(...counts)).toBeGreaterThan(800)
  expect(Math.max(...counts)).toBeLessThan(1200)
})
