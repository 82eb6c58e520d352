/** Goal: both drivers read each other's claims, and what strangers write into a group claims nothing. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeClaim, encodeClaim } from '../../src/kafka/partition-claims.ts'

test('a claim is read as it was made', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 999_999 })), (partitions) => {
      expect(decodeClaim(encodeClaim(partitions))).toEqual(partitions)
      expect(decodeClaim(encodeClaim(partitions).toString())).toEqual(partitions)
    }),
  )
})

test('anything else claims nothing', () => {
  for (const text of ['', ',', '1,', ',1', '1,,2', '-1', '1.5', '1e3', ' 1', '1\n', '1234567', 'NaN', '__proto__'])
    expect(decodeClaim(text)).toEqual([])
  expect(decodeClaim(null)).toEqual([])
  expect(decodeClaim(undefined)).toEqual([])
  expect(decodeClaim(Buffer.from(`${'1,'.repeat(600_000)}1`))).toEqual([])
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      for (const partition of decodeClaim(Buffer.from(bytes))) expect(partition).toBeGreaterThanOrEqual(0)
    }),
  )
})
