/** Looks at brokers that are there and say nothing: a process that stood still, a connection that nobody cut. */
import { expect, test } from 'vitest'
import { createLooks } from '../../../src/live/tiers/looks.ts'
import { SECOND } from '../../../src/time.ts'
import { createTopicBroker, nextTurn } from '../../kafka/memory-bus.ts'
import { PREFIX } from './tier-place.ts'

test('brokers that have not answered for some seconds are said, until they do', async () => {
  const admin = await createTopicBroker(PREFIX, 1).connect('c1').admin()
  const { promise: isBack, resolve } = Promise.withResolvers<void>()
  let wall = 100 * SECOND
  let marks = 0
  const looks = createLooks({
    admin: { ...admin, ends: (topic) => isBack.then(() => admin.ends(topic)) },
    prefix: PREFIX,
    topics: ['flows', 'hosts'],
    leavesMarks: false,
    now: () => wall,
    fail() {},
    onMark: () => marks++,
    onOldest() {},
  })
  expect(looks.trouble).toBe('')
  looks.tick(true)
  wall += 4 * SECOND
  expect(looks.trouble).toBe('')
  wall += 2 * SECOND
  expect(looks.trouble).toBe('the brokers have not answered for 5 s or more')
  resolve()
  while (marks === 0) await nextTurn()
  await nextTurn()
  expect(looks.trouble).toBe('')
})
