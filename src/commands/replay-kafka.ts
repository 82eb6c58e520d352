/**
 * A replay into Kafka: a capture's machines hand on what they know as if they lived, and correlators join logins with flows
 * (design 10). Repeating it adds nothing: what comes again is known by its place on the machine's event time.
 */
import { dirname, resolve } from 'node:path'
import type { KafkaConfig } from '../config.ts'
import { openConfiguredKafka } from '../sinks/kafka-configured.ts'
import { MS } from '../time.ts'
import type { ReplayTarget } from './cluster-totals.ts'
import { createReplayDelivery } from './replay-delivery.ts'
import type { Environment } from './store-place.ts'
import type { Terminal } from './terminal.ts'

/** `pipeline`: the file a person named. Opens no connection yet. Throws AppError. */
export async function openReplayKafka(
  config: KafkaConfig,
  pipeline: string,
  environment: Environment,
  terminal: Terminal,
): Promise<ReplayTarget> {
  const sink = await openConfiguredKafka(config, {
    base: dirname(resolve(pipeline)),
    environment,
    hide: () => {},
    now: () => Date.now() * MS,
  })
  const url = config.brokers.join(',')
  const delivery = createReplayDelivery(sink, url, terminal)
  return {
    relays: true,
    add: (event) => delivery.add(event),
    drain: () => delivery.drain(),
    close: () => delivery.close(),
    async finish() {
      await delivery.finish()
      return { kind: 'kafka', url, counts: sink.counts?.() ?? new Map(), ledger: delivery.ledger, dir: '' }
    },
  }
}
