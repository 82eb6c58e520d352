/** Progress leaves in order, and never before what it speaks of has been read; compared with a version that remembers everything. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHeldProgress } from '../../../src/live/tiers/held-progress.ts'
import type { PartitionProgress } from '../../../src/relay/messages.ts'

const message = (partition: number): PartitionProgress => ({ kind: 'partition', partition, reached: 0 })

test('a message waits for a mark behind it, and for the mark to be reached in every topic', () => {
  const held = createHeldProgress(5)
  held.hear(4, message(4))
  held.hear(5, message(5))
  held.hear(6, message(6))
  expect(held.count).toBe(2)
  expect(held.take([100, 100])).toBeNull()
  expect(held.isBehind([100, 100])).toBe(true)
  held.mark(6, [10, 20])
  expect(held.take([10, 19])).toBeNull()
  expect(held.take([10, 20])).toEqual(message(5))
  // Of what was told behind the mark nothing is known.
  expect(held.take([99, 99])).toBeNull()
  expect([held.next, held.heard]).toEqual([6, 7])
})

test('what is heard again is passed over, and forced is what comes next in any case', () => {
  const held = createHeldProgress(0)
  for (const offset of [0, 1, 0, 1, 2]) held.hear(offset, message(offset))
  expect([held.force(), held.force(), held.force(), held.force()]).toEqual([message(0), message(1), message(2), null])
  expect(held.next).toBe(3)
})

test('of two marks the one that asks for less counts, whichever was known first', () => {
  for (const marks of [
    [3, 9],
    [9, 3],
  ]) {
    const held = createHeldProgress(0)
    held.hear(0, message(0))
    for (const end of marks) held.mark(1, [end])
    expect(held.take([3])).toEqual(message(0))
  }
})

test('thousands of marks are thinned out, and the last of them still counts', () => {
  const held = createHeldProgress(0)
  for (let offset = 0; offset < 5_000; offset++) {
    held.hear(offset, message(offset))
    held.mark(offset + 1, [offset + 1])
  }
  let taken = 0
  while (held.take([2_500]) !== null) taken++
  expect(taken).toBeGreaterThan(2_400)
  expect(taken).toBeLessThanOrEqual(2_500)
  while (held.take([5_000]) !== null) taken++
  expect(taken).toBe(5_000)
})

type Step =
  | { readonly what: 'hear' }
  | { readonly what: 'mark'; readonly upTo: number; readonly ends: readonly number[] }
  | { readonly what: 'read'; readonly topic: number; readonly count: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>({ what: 'hear' }),
  fc.record({ what: fc.constant('mark' as const), upTo: fc.nat(30), ends: fc.tuple(fc.nat(30), fc.nat(30)) }),
  fc.record({ what: fc.constant('read' as const), topic: fc.nat(1), count: fc.nat(5) }),
)

test('taken is exactly what some mark has proven', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const held = createHeldProgress(0)
      const positions = [0, 0]
      const proven: { upTo: number; ends: readonly number[] }[] = []
      let heard = 0
      let taken = 0
      for (const each of steps) {
        if (each.what === 'hear') held.hear(heard, message(heard++))
        else if (each.what === 'read') positions[each.topic] = (positions[each.topic] ?? 0) + each.count
        else {
          held.mark(each.upTo, each.ends)
          proven.push(each)
        }
        const complete = proven
          .filter(({ ends }) => ends.every((end, topic) => (positions[topic] ?? 0) >= end))
          .reduce((most, { upTo }) => Math.max(most, upTo), 0)
        for (let next = held.take(positions); next !== null; next = held.take(positions))
          expect(next).toEqual(message(taken++))
        expect(taken).toBe(Math.max(taken, Math.min(heard, complete)))
        expect(taken).toBeLessThanOrEqual(Math.max(complete, 0))
      }
    }),
  )
})
