/** Opens the relay of an agent: what joins need leaves for Kafka as messages (design 10). */
import type { IntakeHost } from '../correlate/intake.ts'
import type { Event } from '../event.ts'
import type { PipelineOptions } from '../pipeline.ts'
import { createRelay } from '../relay/relay.ts'

/** `emit` takes the messages, as events of `peertrail.relay`, in order. */
export function relayTo(
  emit: (event: Event) => void,
  hosts: readonly IntakeHost[],
): NonNullable<PipelineOptions['openRelay']> {
  const machines = hosts.map(({ name }) => name)
  return (options, saved) => createRelay(options, { machines, emit }, saved)
}
