/** Goal: who leaves a group is not held up by a broker that says nothing. */
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { createPlaces } from '../../src/kafka/kafkajs/places.ts'

test('closes at once while brokers are waited for, and what was asked comes to nothing', async () => {
  const arrived = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    arrived.resolve()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const connection = { clientId: 'test', tls: null, sasl: null, compression: 'none' } as const
  const told: string[] = []
  const places = createPlaces({ ...connection, brokers: [`127.0.0.1:${port}`] }, 'group', (text) => told.push(text))
  const asked = places.find({ topic: 'lab.flows', partition: 0, offset: null }, () => false)
  await arrived.promise
  await places.close()
  expect(await asked).toBe(-1)
  expect(told).toEqual([])
  server.close()
})
