/** The ledger is whole before anybody asks it, and followed from there on. */
import { expect, test } from 'vitest'
import { HEADERS, SCHEMA_VERSION } from '../../../src/kafka/schema-version.ts'
import { followLedger } from '../../../src/live/tiers/ledger-feed.ts'
import { createLedgerView } from '../../../src/relay/ledger-view.ts'
import type { LedgerEntryMessage } from '../../../src/relay/messages.ts'
import { writeMessage } from '../../../src/relay/write-message.ts'
import { SECOND } from '../../../src/time.ts'
import { createTopicBroker, type MemoryBroker } from '../../kafka/memory-bus.ts'
import { createListLog } from '../collectors/workshop.ts'
import { PREFIX } from './tier-place.ts'

function entry(number: number): LedgerEntryMessage {
  const prefix = `10.8.0.${number}/32`
  const times = { since: SECOND, not_before: 0, until: null, told: SECOND }
  return { gateway: 'gw1', interface: 'wg0', public_key: `key${number}`, prefix, ...times }
}

function outgoing(number: number, version = SCHEMA_VERSION, text = writeMessage(entry(number))) {
  return {
    topic: `${PREFIX}.ledger`,
    partition: 0,
    key: Buffer.from(`gw1\0wg0\0key${number}\0`),
    value: Buffer.from(text),
    headers: { [HEADERS.schema]: String(version), [HEADERS.kind]: 'ledger' },
  }
}

function follow(broker: MemoryBroker) {
  const view = createLedgerView()
  const { log, logged } = createListLog()
  const failures: unknown[] = []
  const stopping = new AbortController()
  const bus = broker.connect('d1')
  const following = followLedger({ bus, log, now: () => 0 }, PREFIX, view, {
    fail: (error) => void failures.push(error),
    signal: stopping.signal,
  })
  return { view, logged, failures, stopping, following }
}

test('what is there is read before it resolves; what comes later follows; what cannot be read is said', async () => {
  const broker = createTopicBroker(PREFIX, 2)
  const producer = await broker.connect('agents').producer()
  await producer.send([1, 2, 1, 3].map((number) => outgoing(number)))
  await producer.send([outgoing(4, SCHEMA_VERSION, '{"gateway":7}'), { ...outgoing(5), headers: {} }, outgoing(6)])
  broker.log.compact(`${PREFIX}.ledger`)
  const { view, logged, failures, following } = follow(broker)
  const reader = await following
  expect(view.size).toBe(4)
  expect(view.holdersOf('10.8.0.3', 2 * SECOND).map(({ public_key }) => public_key)).toEqual(['key3'])
  expect(logged.map(({ level }) => level)).toEqual(['warn', 'warn'])
  await producer.send([outgoing(7)])
  await broker.idle()
  expect([view.size, failures]).toEqual([5, []])
  await reader.close()
})

test('an empty ledger is whole at once, and one of a newer release stops it', async () => {
  const broker = createTopicBroker(PREFIX, 2)
  const { following, failures } = follow(broker)
  await following
  const producer = await broker.connect('agents').producer()
  await producer.send([outgoing(1, SCHEMA_VERSION + 1)])
  await broker.idle()
  expect(failures[0]).toMatchObject({ code: 'newer-message' })
})

test('who stops while the brokers are away waits for nothing', async () => {
  const broker = createTopicBroker(PREFIX, 2)
  const producer = await broker.connect('agents').producer()
  await producer.send([outgoing(1)])
  const { following, stopping } = follow(broker)
  await broker.connect('looker').admin()
  broker.down()
  stopping.abort()
  // Whether it was in time to open its reader or not.
  await following.catch(() => {})
})
