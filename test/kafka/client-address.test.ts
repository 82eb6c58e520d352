/** Goal: a broker that is named by an IPv6 address is reached, though kafkajs splits what it is given at the first colon. */
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { openClient } from '../../src/kafka/kafkajs/client.ts'

const CONNECTION = { clientId: 'test', tls: null, sasl: null, compression: 'none' } as const

test.each(['[::1]', '127.0.0.1', 'localhost'])('a broker at %s is connected to at its own port', async (host) => {
  const arrived = Promise.withResolvers<number | undefined>()
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => arrived.resolve(socket.localPort))
  })
  await new Promise<void>((resolve) => server.listen(0, host === '[::1]' ? '::1' : '127.0.0.1', resolve))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const client = openClient({ ...CONNECTION, brokers: [`${host}:${port}`] })
  const opening = client.kafka.admin().connect()
  opening.catch(() => undefined)
  expect(await arrived.promise).toBe(port)
  client.close()
  server.close()
})
