/** Goal: an end is behind everything that was acknowledged, transactions that are under way included. Method: what kafkajs would send. */
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { mendEnds } from '../../src/kafka/kafkajs/uncommitted-ends.ts'

// 2.2.4 exports every file of its package.
const load = createRequire(import.meta.url)
const { prototype } = load('kafkajs/src/broker') as {
  prototype: { listOffsets(this: object, request: object): Promise<unknown> }
}

test('ends are asked for beyond open transactions, however often it is mended', async () => {
  mendEnds()
  mendEnds()
  const asked: unknown[] = []
  const broker = {
    lookupRequest: () => (request: unknown) => asked.push(request),
  }
  await prototype.listOffsets.call(withSending(broker), { topics: [] }).catch(() => undefined)
  expect(asked).toEqual([expect.objectContaining({ isolationLevel: 0, topics: [] })])
})

/** kafkajs sends by a method whose name is a symbol of its own; whichever it asks for is there. */
function withSending(broker: object): object {
  return new Proxy(broker, {
    get: (target, name) =>
      Reflect.has(target, name) ? (Reflect.get(target, name) as unknown) : () => Promise.resolve({}),
  })
}
