/** A dead letter as the message that it was, back to where it came from (`deadletters retry`). */
import type { Outgoing } from './bus.ts'
import { type Letter, ownTopic } from './dead-letter.ts'
import { partitionOf } from './partition-of.ts'
import type { TopicName } from './topics.ts'

/** Their partitions follow from their keys (design 10), also after the topics have grown. */
const BY_KEY: ReadonlySet<TopicName> = new Set(['flows', 'hosts', 'events'])

/**
 * Topics whose messages tiers make letters of. State is never one: a machine may write letters and no state, and a letter that it forged
 * must not become what a correlator is restored from.
 */
const RETURNED: ReadonlySet<TopicName> = new Set(['flows', 'hosts', 'events', 'ledger', 'progress'])

/** `partitions`: of each topic of `prefix` that exists, by name. A text says why the letter cannot go back. */
export function returned(letter: Letter, prefix: string, partitions: ReadonlyMap<string, number>): Outgoing | string {
  const { topic, key, value, headers } = letter
  if (letter.isCut) return 'it was too large to be kept whole'
  const place = ownTopic(topic)
  // Whoever may write letters must not reach other topics by that.
  if (place === null || place.prefix !== prefix || !RETURNED.has(place.name))
    return `${topic} is no topic that tiers read`
  const count = partitions.get(topic)
  if (count === undefined) return `there is no topic ${topic}`
  const partition = BY_KEY.has(place.name) && key !== null ? partitionOf(key, count) : letter.partition
  if (partition >= count) return `${topic} has no partition ${partition}`
  return { topic, partition, key: key ?? Buffer.alloc(0), value, headers }
}
