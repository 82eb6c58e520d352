/** Marks as they are taken, printed and read; what is read may be anybody's text. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MARK_TEXT_MAX, MARKED_TOPICS, printMark, readMark, takeMark } from '../../src/kafka/marks.ts'
import { createTopicBroker } from './memory-bus.ts'

const offsets = fc.array(fc.nat(), { minLength: 1, maxLength: 6 })

test('what is printed is read again', () => {
  fc.assert(
    fc.property(fc.nat(), offsets, offsets, (upTo, flows, hosts) => {
      const mark = { upTo, ends: new Map([['flows', flows] as const, ['hosts', hosts] as const]) }
      expect(readMark(printMark(mark))).toEqual(mark)
    }),
  )
})

test('other text is no mark, and nothing is read out of it', () => {
  fc.assert(fc.property(fc.string(), (text) => readMark(text) === null || /^\d+/.test(text)))
  for (const text of ['', 'x', '-1', '1 flows=', '1 flows=1,,2', '1 flows=1e3', '1 flows=99999999999999999999', ' 1'])
    expect(readMark(text)).toBeNull()
  expect(readMark('7 other=1,2 flows=3')).toEqual({ upTo: 7, ends: new Map([['flows', [3]]]) })
  expect(readMark(`1 flows=${'1,'.repeat(MARK_TEXT_MAX)}1`)).toBeNull()
})

test('one that would be too long is not printed', () => {
  const many = Array.from({ length: MARK_TEXT_MAX }, () => 1)
  expect(printMark({ upTo: 1, ends: new Map([['flows', many]]) })).toBe('')
})

test('the progress topic is looked at before the others: what comes in between is not spoken of', async () => {
  const broker = createTopicBroker('p', 2)
  const admin = await broker.connect().admin()
  const producer = await broker.connect().producer()
  const message = (topic: string, partition: number) => ({
    topic: `p.${topic}`,
    partition,
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    headers: {},
  })
  await producer.send([message('flows', 1), message('events', 0)])
  await producer.send([message('progress', 0)])
  let isAsked = false
  const mark = await takeMark(
    {
      ...admin,
      async ends(topic) {
        const ends = await admin.ends(topic)
        if (topic === 'p.progress') {
          isAsked = true
          await producer.send([message('hosts', 0)])
          await producer.send([message('progress', 0)])
        } else expect(isAsked).toBe(true)
        return ends
      },
    },
    'p',
    MARKED_TOPICS,
  )
  expect(mark).toEqual({
    upTo: 1,
    ends: new Map([
      ['flows', [0, 1]],
      ['hosts', [1, 0]],
      ['events', [1, 0]],
    ]),
  })
})
