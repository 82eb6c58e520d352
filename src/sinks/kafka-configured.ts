/** The Kafka sink a pipeline file describes. */
import type { KafkaConfig } from '../config.ts'
import { configuredBus, secretsOf } from '../kafka/configured.ts'
import { openBus } from '../kafka/open-bus.ts'
import type { Micros } from '../time.ts'
import { openKafkaSink } from './kafka.ts'
import type { Sink } from './sink.ts'

export type KafkaDeps = {
  /** Directory of the pipeline file. */
  readonly base: string
  readonly environment: { readonly [name: string]: string | undefined }
  readonly hide: (secret: string) => void
  readonly now: () => Micros
}

/** Opens no connection yet. Throws AppError `bad-secret`, `cannot-read`. */
export async function openConfiguredKafka(config: KafkaConfig, deps: KafkaDeps): Promise<Sink> {
  const connection = configuredBus(config, deps.base, deps.environment)
  for (const secret of secretsOf(connection)) deps.hide(secret)
  const bus = await openBus(config.driver, connection)
  return openKafkaSink({ bus, prefix: config.prefix, now: deps.now })
}
