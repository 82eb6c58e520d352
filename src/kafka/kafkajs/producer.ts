/**
 * Sending. One request at a time, in the order of the calls: a kafkajs producer gives the sequence number of a failed request back, so two
 * of them overlapping would lose acknowledged messages. For the same reason a request that failed is sent again as it was before
 * anything else is; and when it never will be (refused, given up), its producer is dropped with its numbers and a new one goes on.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import { quoted } from '../../safe-text.ts'
import { MS } from '../../time.ts'
import { type BusConnection, OPENING_PATIENCE, type Outgoing, type Producer } from '../bus.ts'
import { failureOf, isRefusal, isSequenceTrouble, noAnswer, noTopic } from './failures.ts'
import { NoPartitionError, type OneProducer, openOneProducer } from './one-producer.ts'
import { waitAfter } from './patience.ts'
import { requestsOf, sizeOf } from './requests.ts'

/** Calls that wait; whoever has more under way has forgotten to wait for them. */
const QUEUE_MAX = 10_000
/** A request that failed so often in a row, for whatever reason, is tried with another producer. */
const SAME_PRODUCER_TRIES = 5

/** Waits for the brokers for OPENING_PATIENCE; rejects with AppError. */
export async function openProducer(connection: BusConnection): Promise<Producer> {
  const { brokers } = connection
  let given = new AbortController()
  let one: OneProducer | null = await openOneProducer(connection, OPENING_PATIENCE / MS, given.signal)
  let tail: Promise<void> = Promise.resolve()
  let queued = 0
  let isClosed = false

  const drop = () => {
    one?.drop()
    one = null
  }
  const givenUp = () =>
    isClosed
      ? new AppError('no-server', 'the connection to Kafka was closed before it took everything')
      : noAnswer('take everything before it was given up', brokers, one?.trouble() ?? '')

  const deliver = async (request: readonly Outgoing[], signal: AbortSignal): Promise<void> => {
    for (let [failed, missing] = [1, 0]; ; failed++) {
      try {
        if (one === null) {
          const opened = await openOneProducer(connection, Number.POSITIVE_INFINITY, signal)
          if (signal.aborted) opened.drop()
          else one = opened
        }
        await one?.give(request)
        if (signal.aborted) throw givenUp()
        return
      } catch (error) {
        if (signal.aborted) throw givenUp()
        if (error instanceof NoPartitionError && ++missing > 1) {
          drop()
          throw noTopic(error.message, brokers)
        }
        if (isRefusal(error)) {
          drop()
          throw failureOf(error, `take ${nameOf(request)}`, brokers)
        }
        // The same again, and with the same numbers where they still hold.
        const isSpent = error instanceof NoPartitionError || isSequenceTrouble(error)
        if (isSpent || failed % SAME_PRODUCER_TRIES === 0) drop()
        await pause(waitAfter(failed), undefined, { signal }).catch(() => undefined)
      }
    }
  }

  return {
    send(messages) {
      if (messages.length === 0) return Promise.resolve()
      if (isClosed) return Promise.reject(givenUp())
      if (queued >= QUEUE_MAX) return Promise.reject(new Error(`more than ${QUEUE_MAX} sends wait`))
      const { signal } = given
      queued++
      const sent = tail.then(async () => {
        for (const request of requestsOf(messages)) await unlessGivenUp(deliver(request, signal), signal, givenUp)
      })
      tail = sent.then(
        () => void queued--,
        () => void queued--,
      )
      return sent
    },
    abort() {
      given.abort()
      given = new AbortController()
      drop()
    },
    close() {
      isClosed = true
      given.abort()
      drop()
      return Promise.resolve()
    },
  }
}

/** Ends with the signal, whatever becomes of `promise`. */
async function unlessGivenUp<T>(promise: Promise<T>, signal: AbortSignal, error: () => Error): Promise<T> {
  promise.catch(() => undefined)
  const gone = Promise.withResolvers<never>()
  const giveUp = () => gone.reject(error())
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    if (signal.aborted) throw error()
    return await Promise.race([promise, gone.promise])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** What of a request an operator can do something with: one message is named, of many the topics. */
function nameOf(request: readonly Outgoing[]): string {
  const [first] = request
  if (request.length === 1 && first !== undefined)
    return `a message of ${sizeOf(first)} bytes for ${first.topic} (key ${quoted(first.key.toString('utf8'))})`
  return `${request.length} messages for ${[...new Set(request.map(({ topic }) => topic))].join(', ')}`
}
