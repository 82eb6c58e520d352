/** The correlator as a tier feeds it (partition-core.ts): messages as they lay in Kafka go in. */
import { type CorrelatorOptions, createCorrelator, type SavedCorrelator } from './correlator.ts'
import type { CoreOutput, PartitionCore } from './partition-core.ts'
import { createMessageReader } from './read-message.ts'

/** `saved`: as `save` of the same partition's core gave it, by the same release or the one before. */
export function createCorrelatorCore(
  options: CorrelatorOptions,
  output: CoreOutput,
  saved?: SavedCorrelator,
): PartitionCore {
  const reader = createMessageReader()
  const correlator = createCorrelator(options, output, saved)
  return {
    take({ topic, value }) {
      switch (topic) {
        case 'flows': {
          const message = reader.flows(value)
          correlator.takeFlow(message, reader.toEvent(message))
          break
        }
        case 'hosts':
          correlator.takeHost(reader.hosts(value))
          break
        default:
          throw new Error(`nothing is known of a topic ${topic}`)
      }
    },
    progress: correlator.progress,
    advance: correlator.advance,
    get reached() {
      return correlator.reached
    },
    get worked() {
      return correlator.worked()
    },
    get waiting() {
      return correlator.waiting
    },
    counts: correlator.counts,
    save: correlator.save,
  }
}
