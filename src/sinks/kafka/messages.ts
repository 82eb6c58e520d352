/** What a batch of events becomes: messages for the topics, those first that others wait for, and what is too big for any topic. */
import type { EventWriter } from '../../correlate/event-printer.ts'
import type { Event } from '../../event.ts'
import type { Headers, Outgoing } from '../../kafka/bus.ts'
import { type LetterTier, toLetter } from '../../kafka/dead-letter.ts'
import { documentMessage } from '../../kafka/document-message.ts'
import { partitionOf } from '../../kafka/partition-of.ts'
import { HEADERS, SCHEMA_VERSION } from '../../kafka/schema-version.ts'
import { MESSAGE_BYTES_MAX, type TopicName, topicOf } from '../../kafka/topics.ts'
import { type Envelope, readEnvelope } from '../../relay/envelope.ts'
import type { Micros } from '../../time.ts'

/** Partitions by topic, those that a machine writes to. */
export type PartitionCounts = ReadonlyMap<TopicName, number>

export type Batch = {
  readonly data: readonly Outgoing[]
  /**
   * To be sent when all of `data` is acknowledged. All of it: what a correlator decides at a time of event time is decided by what was
   * known then, and must not depend on how large a batch happened to be.
   */
  readonly progress: readonly Outgoing[]
  /** Messages of `data` that are letters. */
  readonly letters: number
}

export type BatchPlace = {
  readonly prefix: string
  readonly counts: PartitionCounts
  readonly writer: EventWriter
  readonly now: Micros
}

/** Bytes that headers and the batch around a message take, with room to spare. */
const ROOM = 64 * 1024
const TIER: LetterTier = 'agent'

export function toBatch(events: readonly Event[], place: BatchPlace): Batch {
  const data: Outgoing[] = []
  const progress: Outgoing[] = []
  let letters = 0
  for (const event of events) {
    const envelope = readEnvelope(event)
    const message = envelope === null ? toDocument(event, place) : toMessage(envelope, place)
    if (envelope?.topic === 'progress') progress.push(message)
    else if (isTooBig(message)) {
      letters++
      data.push(toTooBig(message, place.now))
    } else data.push(message)
  }
  return { data, progress, letters }
}

function toDocument(event: Event, { prefix, counts, writer }: BatchPlace): Outgoing {
  return documentMessage(event, topicOf(prefix, 'events'), countOf(counts, 'events'), writer)
}

function toMessage({ topic, kind, key: name, id, text }: Envelope, { prefix, counts }: BatchPlace): Outgoing {
  const key = Buffer.from(name, 'utf8')
  const headers: Headers = {
    [HEADERS.schema]: String(SCHEMA_VERSION),
    [HEADERS.id]: id,
    [HEADERS.kind]: kind,
  }
  return {
    topic: topicOf(prefix, topic),
    partition: partitionOf(key, countOf(counts, topic)),
    key,
    value: Buffer.from(text, 'utf8'),
    headers,
  }
}

function countOf(counts: PartitionCounts, topic: TopicName): number {
  const count = counts.get(topic)
  if (count === undefined) throw new Error(`nobody asked how many partitions ${topic} has`)
  return count
}

function isTooBig({ key, value }: Outgoing): boolean {
  return key.length + (value?.length ?? 0) > MESSAGE_BYTES_MAX - ROOM
}

/** It never had an offset: 0 stands for it. */
function toTooBig(message: Outgoing, now: Micros): Outgoing {
  const bytes = message.key.length + (message.value?.length ?? 0)
  return toLetter({ ...message, offset: 0 }, `${bytes} bytes, more than a topic takes`, TIER, now)
}
