/** Where progress is heard from when there is no state: not before what speaks of messages that are still there. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Bus } from '../../../src/kafka/bus.ts'
import { MARK_HEADER, MARKED_TOPICS, printMark } from '../../../src/kafka/marks.ts'
import { progressStart } from '../../../src/live/tiers/progress-start.ts'
import { createTopicBroker } from '../../kafka/memory-bus.ts'
import { PREFIX, progressOutgoing } from './tier-place.ts'

const TOPIC = `${PREFIX}.progress`
const NEAR = 40

/** Progress of `count` messages, a mark with every `spacing`th: the partition had as many messages by then as progress. */
function toldBroker(count: number, spacing: number, upToOf = (offset: number) => offset) {
  const broker = createTopicBroker(PREFIX, 2)
  let looks = 0
  for (let offset = 0; offset < count; offset++) {
    const ends = new Map(MARKED_TOPICS.map((topic) => [topic, [offset]]))
    const left = offset % spacing === 0 ? { [MARK_HEADER]: printMark({ upTo: upToOf(offset), ends }) } : {}
    const message = progressOutgoing('gw0', offset)
    broker.log.append({ ...message, headers: { ...message.headers, ...left } })
  }
  const connected = broker.connect('c1')
  const bus: Bus = {
    ...connected,
    read(options) {
      looks++
      return connected.read(options)
    },
  }
  const start = (oldest: number, partition = 0) =>
    progressStart({
      bus,
      progressTopic: TOPIC,
      topics: ['flows', 'hosts'],
      oldest: [oldest, oldest],
      partition,
      oldestProgress: 0,
      endOfProgress: count,
      signal: new AbortController().signal,
      near: NEAR,
    })
  return { start, looks: () => looks }
}

test('nothing that speaks of messages there are is left out, and little else is read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 1, max: 30 }), async (oldest, spacing) => {
      const { start, looks } = toldBroker(1_000, spacing)
      const from = await start(oldest)
      expect(from).toBeLessThanOrEqual(oldest)
      expect(from).toBeGreaterThanOrEqual(oldest - NEAR - 2 * spacing)
      expect(looks()).toBeLessThan(6)
    }),
    { numRuns: 50 },
  )
})

test('a partition that came later begins near the end', async () => {
  expect(await toldBroker(1_000, 10).start(0, 1)).toBeGreaterThan(1_000 - NEAR - 20)
})

test('where there are no marks, or only such as nobody of ours left, and where there is little, it begins with the oldest', async () => {
  expect(await toldBroker(1_000, 5_000).start(900)).toBe(0)
  expect(await toldBroker(1_000, 10, (offset) => offset + 1).start(900)).toBe(0)
  const { start, looks } = toldBroker(NEAR, 1)
  expect([await start(30), looks()]).toEqual([0, 0])
})
