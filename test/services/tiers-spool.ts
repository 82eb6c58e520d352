/** A gateway that is busier than its memory is large, while the broker stands still: its spool goes to disk, and drains. */
import { join } from 'node:path'
import { openBus } from '../../src/kafka/open-bus.ts'
import { HEADERS } from '../../src/kafka/schema-version.ts'
import { topicOf } from '../../src/kafka/topics.ts'
import { askStatus } from '../../src/live/status/status-client.ts'
import type { Broker } from './broker-contract.ts'
import { createGatewayDaemon } from './gateway-daemon.ts'
import type { SuiteContext } from './suite.ts'
import { installTopics } from './tier-system.ts'
import { waitFor } from './wait-for.ts'

/** More than wait in memory. */
const PACKETS = 60_000
const STEP = 10_000
const DRAIN_MS = 120_000

/** `broker` is paused and goes on. */
export async function checkSpool({ dir, ensure, equal }: SuiteContext, broker: Broker): Promise<void> {
  const way = { address: broker.address, prefix: broker.prefix() }
  await installTopics(join(dir, 'install-spool.yaml'), way)
  const place = join(dir, 'spool')
  const daemon = createGatewayDaemon(place, `kafka: { brokers: ['${way.address}'], prefix: ${way.prefix} }`)
  const sinks = () =>
    askStatus(join(place, 'state')).then(
      (status) => status.sinks,
      () => [],
    )
  try {
    daemon.start({})
    daemon.log(STEP)
    await waitFor(
      () => `a gateway that ships\n${daemon.said()}`,
      async () => (await sinks()).some(({ accepted }) => accepted > 0),
    )
    broker.pause()
    for (let logged = STEP; logged < PACKETS; logged += STEP) daemon.log(STEP)
    const bytes = await waitFor(
      () => `a spool that fills\n${daemon.said()}`,
      // Nothing is no answer.
      async () => (await sinks()).reduce((all, { spoolBytes }) => all + spoolBytes, 0) || null,
      60_000,
    )
    ensure(`a broker that stands still: the spool of a busy gateway has ${bytes} bytes on disk`, bytes > 0, bytes)
    broker.resume()
    const found = await waitFor(
      () => `a spool that drains\n${daemon.said()}`,
      async () => {
        const isEmpty = (await sinks()).every(({ waiting, spoolBytes }) => waiting === 0 && spoolBytes === 0)
        if (!isEmpty) return null
        const ids = await firewallIds(broker, way.prefix)
        return ids.size >= PACKETS && ids
      },
      DRAIN_MS,
    )
    equal(`it drains: ${PACKETS} packets logged, as many documents in Kafka`, found.size, PACKETS)
  } finally {
    broker.resume()
    await daemon.close()
  }
}

/** What lies in the events now. */
async function firewallIds({ address }: Broker, prefix: string): Promise<ReadonlySet<string>> {
  const connection = { brokers: [address], clientId: 'test', tls: null, sasl: null, compression: 'none' } as const
  const bus = await openBus('kafkajs', connection)
  const admin = await bus.admin()
  const topic = topicOf(prefix, 'events')
  const ends = await admin.ends(topic)
  await admin.close()
  const ids = new Set<string>()
  const left = new Map([...ends.entries()].filter(([, end]) => end > 0))
  const reader = await bus.read({
    topic,
    from: new Map([...left.keys()].map((partition) => [partition, 0])),
    async onMessages(messages) {
      for (const { headers, partition, offset } of messages) {
        if (headers[HEADERS.kind] === 'wireguard.firewall') ids.add(headers[HEADERS.id] ?? '')
        if (offset + 1 >= (left.get(partition) ?? 0)) left.delete(partition)
      }
    },
    onTrouble: () => {},
  })
  try {
    await waitFor('all events read', () => left.size === 0, 60_000)
  } finally {
    await reader.close()
  }
  return ids
}
