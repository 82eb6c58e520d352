/** What kafkajs fetched, handed on in pieces: only what stands where we are, and no further than it is wanted. */
import type { EachBatchPayload, KafkaMessage } from 'kafkajs'
import type { Headers, Incoming } from '../bus.ts'
import { HEARTBEAT_MS } from './group-life.ts'
import type { Owned } from './owned-partitions.ts'

export type Receiver = {
  readonly onMessages: (messages: readonly Incoming[]) => Promise<void>
  readonly onAlive: () => void
  /** What was fetched stands elsewhere than where we are. */
  readonly lookAgain: (topic: string, owned: Owned) => void
  /** `onMessages` rejected. */
  readonly fail: (error: unknown) => void
}

/** Messages handed on at once. */
const MESSAGES_MAX = 1000

/**
 * kafkajs's eachBatch. What is left over when a partition is paused, taken away or sought elsewhere meanwhile is fetched again. Rejects
 * with kafkajs's own errors about the group, as kafkajs needs to know them.
 */
export async function handOn(payload: EachBatchPayload, owned: Owned, receiver: Receiver): Promise<void> {
  const { batch } = payload
  const { topic, partition, messages } = batch
  const isWanted = () => owned.isReady && !owned.isGone && !owned.isHeld && payload.isRunning() && !payload.isStale()
  if (!isWanted() || owned.looking.has(topic)) return
  // A fetch that was under way through a rebalance, or a place that kafkajs went on from by its own rule.
  if (fetchedFrom(batch) !== owned.next.get(topic)) {
    receiver.lookAgain(topic, owned)
    return
  }
  const beat = startBeating(() => payload.heartbeat())
  try {
    for (let at = 0; at < messages.length && isWanted(); at += MESSAGES_MAX) {
      const piece = messages.slice(at, at + MESSAGES_MAX)
      try {
        await receiver.onMessages(piece.map((message) => incoming(topic, partition, message)))
      } catch (error) {
        receiver.fail(error)
        return
      }
      if (owned.isGone) return
      // Behind the last one there may be records of transactions, which nobody is shown.
      const last = at + MESSAGES_MAX < messages.length ? (piece.at(-1)?.offset ?? '') : batch.lastOffset()
      owned.next.set(topic, Number(last) + 1)
      payload.resolveOffset(last)
      receiver.onAlive()
      beat.check()
      await payload.heartbeat()
    }
  } finally {
    beat.stop()
  }
}

/** The offset this batch was asked for by. */
function fetchedFrom(batch: EachBatchPayload['batch']): number {
  // kafkajs's class Batch has it; its declared type does not.
  return Number((batch as unknown as { fetchedOffset: string }).fetchedOffset)
}

/** kafkajs tells the group that we are alive only between batches; slow work needs it in between. */
function startBeating(heartbeat: () => Promise<void>): { check(): void; stop(): void } {
  let failed: unknown = null
  const timer = setInterval(() => {
    heartbeat().catch((error: unknown) => {
      failed ??= error
    })
  }, HEARTBEAT_MS)
  timer.unref()
  return {
    check() {
      if (failed !== null) throw failed
    },
    stop: () => clearInterval(timer),
  }
}

function incoming(topic: string, partition: number, { offset, key, value, headers = {} }: KafkaMessage): Incoming {
  return { topic, partition, offset: Number(offset), key, value, headers: textHeaders(headers) }
}

function textHeaders(headers: NonNullable<KafkaMessage['headers']>): Headers {
  const texts: [string, string][] = []
  for (const [name, given] of Object.entries(headers)) {
    // Of a header that stands there more than once the last one counts.
    // Declared as never null; one without a value is, and anybody may send it.
    const value = (Array.isArray(given) ? given.at(-1) : given) as Buffer | string | null | undefined
    texts.push([name, value?.toString('utf8') ?? ''])
  }
  return Object.fromEntries(texts)
}
