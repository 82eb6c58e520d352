/** The chain of an indexer's own store has a new head: a document like any other, for all sinks of all indexers to keep as an anchor. */
import { createEventWriter } from '../../correlate/event-printer.ts'
import type { Admin, Producer } from '../../kafka/bus.ts'
import { documentMessage } from '../../kafka/document-message.ts'
import { topicOf } from '../../kafka/topics.ts'
import { safeText } from '../../safe-text.ts'
import type { ChainHead } from '../../store/chain.ts'
import { chainHeadEvent } from '../daemon-events.ts'
import { stamped } from '../stamped.ts'
import type { TierDeps, TierSettings } from './tier.ts'

export type HeadDeps = Pick<TierDeps, 'now' | 'log'> & { readonly producer: Producer; readonly admin: Admin }

/** What it returns takes each new head, and waits for nothing. */
export function createHeadShipper(settings: TierSettings, deps: HeadDeps): (head: ChainHead) => void {
  const { now, log, producer, admin } = deps
  const topic = topicOf(settings.kafka.prefix, 'events')
  const writer = createEventWriter()

  async function ship(head: ChainHead): Promise<void> {
    const at = now()
    const [state] = await admin.describe([topic])
    const event = stamped(chainHeadEvent(settings.machine, head, at), at)
    await producer.send([documentMessage(event, topic, state?.partitions ?? 1, writer)])
  }

  return (head) => {
    ship(head).catch((error: unknown) => {
      const why = safeText(error instanceof Error ? error.message : String(error))
      log.warn({ sink: 'store', error: why }, `the new head of the store's chain was not shipped: ${why}`)
    })
  }
}
