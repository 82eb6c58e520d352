/** Looks before reading begins: is a broker there, does it take us, are there the topics. */
import { Admin } from '@platformatic/kafka'
import { AppError } from '../../errors.ts'
import { quoted } from '../../safe-text.ts'
import { type BusConnection, OPENING_PATIENCE } from '../bus.ts'
import { clientOptions, discard, guarded } from './clients.ts'
import { failureOf, isRefused, isUnknownTopic } from './failures.ts'
import { untilDone } from './persistence.ts'

/** Attempts at a topic no broker knows: it may have been made a moment ago. */
const UNKNOWN_TOPIC_ATTEMPTS_MAX = 5

/**
 * Partitions by topic. Rejects with AppError `no-server` when no broker answers within OPENING_PATIENCE, `refused` when a topic
 * does not exist or the broker does not take us.
 */
export async function partitionsOf(
  connection: BusConnection,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  let client = guarded(new Admin(clientOptions(connection)))
  let isUnknown = 0
  try {
    const { topics: known } = await untilDone(() => client.metadata({ topics: [...topics] }), {
      stop: new AbortController().signal,
      isFinal: (error) => isRefused(error) || (isUnknownTopic(error) && ++isUnknown >= UNKNOWN_TOPIC_ATTEMPTS_MAX),
      onFailure() {
        void discard(client)
        client = guarded(new Admin(clientOptions(connection)))
      },
      patience: OPENING_PATIENCE,
    })
    return new Map(topics.map((topic) => [topic, known.get(topic)?.partitionsCount ?? 0]))
  } catch (error) {
    throw failureOf(error, connection.brokers, 'read')
  } finally {
    await discard(client)
  }
}

/** Throws AppError `refused`: what belongs together would be read in two places. */
export function checkSameNumber(partitions: ReadonlyMap<string, number>): void {
  const [first, ...others] = [...partitions]
  const odd = others.find(([, count]) => count !== first?.[1])
  if (first === undefined || odd === undefined) return
  throw new AppError(
    'refused',
    `topic ${quoted(first[0])} has ${first[1]} partitions, ${quoted(odd[0])} has ${odd[1]}: they need the same number`,
    { advice: 'Grow the smaller one: `peertrail install kafka` gives all of them as many as the pipeline file says.' },
  )
}
