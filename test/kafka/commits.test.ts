/**
 * Goal: commits go out one request at a time, the later place of a partition counts, and what has come to another member meanwhile is
 * not put back. Method: a group whose answers the test gives.
 */
import { expect, test } from 'vitest'
import type { Place } from '../../src/kafka/bus.ts'
import { createCommits } from '../../src/kafka/platformatic/commits.ts'

const place = (partition: number, offset: number, topic = 't'): Place => ({ topic, partition, offset })

function group(ours = new Set([0, 1, 2])) {
  const requests: { readonly places: readonly Place[]; answer(error?: Error): void }[] = []
  const commits = createCommits(
    (places) =>
      new Promise<void>((resolve, reject) => {
        requests.push({ places, answer: (error) => (error === undefined ? resolve() : reject(error)) })
      }),
    (partition) => ours.has(partition),
  )
  return { requests, commits, ours }
}

/** Until everything that is waiting in promises has gone on. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

test('what is asked for during a request goes out together in the next one, the later place of a partition', async () => {
  const { requests, commits } = group()
  const first = commits([place(0, 1)])
  await settled()
  const later = [commits([place(0, 2), place(1, 5)]), commits([place(0, 3), place(0, 9, 'u')])]
  await settled()
  expect(requests.map(({ places }) => places)).toEqual([[place(0, 1)]])
  requests[0]?.answer()
  await first
  await settled()
  expect(requests[1]?.places).toEqual([place(0, 3), place(1, 5), place(0, 9, 'u')])
  requests[1]?.answer()
  await Promise.all(later)
  expect(requests).toHaveLength(2)
})

test('a request that is refused is told to those that were in it, and to no others', async () => {
  const { requests, commits } = group()
  const first = commits([place(0, 1)])
  await settled()
  const second = commits([place(0, 2)])
  requests[0]?.answer(new Error('rebalancing'))
  await expect(first).rejects.toThrow('rebalancing')
  await settled()
  requests[1]?.answer()
  await second
})

test('a partition that was lost while its commit waited is left out, and told', async () => {
  const { requests, commits, ours } = group()
  const first = commits([place(0, 1)])
  await settled()
  const second = commits([place(0, 2), place(1, 5)])
  const third = commits([place(2, 7)])
  ours.delete(1)
  requests[0]?.answer()
  await first
  await settled()
  expect(requests[1]?.places).toEqual([place(0, 2), place(2, 7)])
  requests[1]?.answer()
  await expect(second).rejects.toMatchObject({ code: 'refused', message: expect.stringContaining('partition 1') })
  await expect(third).rejects.toMatchObject({ code: 'refused' })
  ours.clear()
  await expect(commits([place(0, 3)])).rejects.toMatchObject({ code: 'refused' })
  expect(requests).toHaveLength(2)
})
