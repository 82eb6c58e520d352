/** The way out of a tier: in order, one batch at a time, the same batch again until it is taken. */
import { afterEach, expect, test } from 'vitest'
import { AppError } from '../../../src/errors.ts'
import type { Outgoing, Producer } from '../../../src/kafka/bus.ts'
import { type Outbox, openOutbox } from '../../../src/live/tiers/outbox.ts'
import { nextTurn } from '../../kafka/memory-bus.ts'

type Sent = { readonly texts: readonly string[]; accept(): void; refuse(error: Error): void }

function heldProducer() {
  const calls: Sent[] = []
  const given = Promise.withResolvers<never>()
  const producer: Producer = {
    send(messages) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      calls.push({ texts: messages.map(({ value }) => String(value)), accept: resolve, refuse: reject })
      return Promise.race([promise, given.promise])
    },
    abort: () => given.reject(new AppError('no-server', 'given up')),
    async close() {},
  }
  given.promise.catch(() => {})
  return { producer, calls }
}

const message = (text: string): Outgoing => ({
  topic: 't',
  partition: 0,
  key: Buffer.from('k'),
  value: Buffer.from(text),
  headers: {},
})

let outbox: Outbox
afterEach(() => outbox.stop())

async function call(calls: readonly Sent[], index: number): Promise<Sent> {
  for (;;) {
    const found = calls[index]
    if (found !== undefined) return found
    await nextTurn()
  }
}

test('lanes share batches, each in its order, and hear of what is acknowledged', async () => {
  const { producer, calls } = heldProducer()
  let news = 0
  outbox = openOutbox(producer, () => news++)
  const [a, b] = [outbox.lane(), outbox.lane()]
  for (const text of ['a1', 'a2']) a.push(message(text))
  b.push(message('b1'))
  const first = await call(calls, 0)
  expect(first.texts).toEqual(['a1', 'a2', 'b1'])
  a.push(message('a3'))
  const flushed = a.flushed()
  expect([a.pushed, a.acknowledged, calls.length]).toEqual([3, 0, 1])
  first.accept()
  const second = await call(calls, 1)
  expect(second.texts).toEqual(['a3'])
  expect([a.acknowledged, b.acknowledged]).toEqual([2, 1])
  second.accept()
  expect(await flushed).toBe(true)
  expect([news, outbox.produced, await b.flushed()]).toEqual([2, 4, true])
})

test('what was not acknowledged is sent again as it was, before anything else', async () => {
  const { producer, calls } = heldProducer()
  outbox = openOutbox(producer, () => {})
  const lane = outbox.lane()
  for (const text of ['1', '2']) lane.push(message(text))
  const first = await call(calls, 0)
  lane.push(message('3'))
  first.refuse(new AppError('no-server', 'no answer'))
  const again = await call(calls, 1)
  expect(again.texts).toEqual(['1', '2'])
  expect([outbox.trouble, lane.acknowledged]).toEqual(['no answer', 0])
  again.accept()
  expect((await call(calls, 2)).texts).toEqual(['3'])
  expect([outbox.trouble, lane.acknowledged]).toEqual(['', 2])
})

test('what the broker refuses ends it', async () => {
  const { producer, calls } = heldProducer()
  outbox = openOutbox(producer, () => {})
  outbox.lane().push(message('1'))
  ;(await call(calls, 0)).refuse(new AppError('refused', 'no right to write'))
  await expect(outbox.ended).rejects.toMatchObject({ code: 'refused' })
})

test('a closed lane sends nothing more, and hears nothing more', async () => {
  const { producer, calls } = heldProducer()
  outbox = openOutbox(producer, () => {})
  const [a, b] = [outbox.lane(), outbox.lane()]
  a.push(message('a1'))
  const first = await call(calls, 0)
  a.push(message('a2'))
  b.push(message('b1'))
  const flushed = a.flushed()
  a.close()
  a.push(message('a3'))
  expect([await flushed, await a.flushed()]).toEqual([false, false])
  first.accept()
  expect((await call(calls, 1)).texts).toEqual(['b1'])
  expect(a.acknowledged).toBe(0)
})

test('a lane is full of many messages, and of few big ones, until they have left', async () => {
  const { producer, calls } = heldProducer()
  outbox = openOutbox(producer, () => {})
  const [many, big] = [outbox.lane(), outbox.lane()]
  for (let n = 0; n < 10_000; n++) many.push(message(String(n)))
  const huge = Buffer.alloc(3_000_000)
  for (let n = 0; n < 10; n++) big.push({ ...message(''), value: huge })
  expect([many.isFull, big.isFull]).toEqual([true, true])
  const texts: string[] = []
  for (let index = 0; many.acknowledged < 10_000 || big.acknowledged < 10; index++) {
    const sent = await call(calls, index)
    expect(sent.texts.reduce((sum, text) => sum + text.length, 0)).toBeLessThanOrEqual(4 * 1024 * 1024)
    texts.push(...sent.texts.filter((text) => text.length < 10))
    sent.accept()
    await Promise.resolve()
    await nextTurn()
  }
  expect(texts).toEqual(Array.from({ length: 10_000 }, (_, n) => String(n)))
  expect([many.isFull, big.isFull]).toEqual([false, false])
})

test('it stops while the broker says nothing', async () => {
  const { producer, calls } = heldProducer()
  outbox = openOutbox(producer, () => {})
  const lane = outbox.lane()
  lane.push(message('1'))
  await call(calls, 0)
  await outbox.stop()
  expect(lane.acknowledged).toBe(0)
  await expect(outbox.ended).resolves.toBeUndefined()
})
