import { expect, test } from 'vitest'
import { createOwnedPartitions, type Owned } from '../../src/kafka/kafkajs/owned-partitions.ts'

const numbers = (owned: readonly Owned[]) => owned.map(({ partition }) => partition)

test('what stays ours is the same object, what was lost and given again is another', () => {
  const all = createOwnedPartitions()
  all.settle(new Set([0, 1, 2]), false)
  const [one, two] = [all.get(1), all.get(2)]
  const first = all.settle(new Set([2, 3]), true)
  expect([numbers(first.lost), numbers(first.kept), numbers(first.gained)]).toEqual([[0, 1], [2], [3]])
  expect(all.get(2)).toBe(two)
  expect([one?.isGone, two?.isGone, all.get(1)]).toEqual([true, false, undefined])
  all.settle(new Set([1, 2]), true)
  expect(all.get(1)).not.toBe(one)
  expect(all.numbers).toEqual(new Set([1, 2]))
})

test('after a gap in the membership nothing is taken for kept: another member may have had it', () => {
  const all = createOwnedPartitions()
  all.settle(new Set([0, 1]), false)
  const before = all.get(0)
  const { lost, kept, gained } = all.settle(new Set([0, 2]), false)
  expect([numbers(lost), numbers(kept), numbers(gained)]).toEqual([[0, 1], [], [0, 2]])
  expect([before?.isGone, all.get(0)?.isGone]).toEqual([true, false])
  expect([numbers(all.letGo()), all.numbers.size]).toEqual([[0, 2], 0])
})
