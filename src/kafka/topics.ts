/**
 * The topics between the tiers (design 10). Flows and hosts are co-partitioned by the machine that takes the connection: partition n
 * of both goes to one correlator. Everything is kept by time; what is read whole is compacted.
 */
import { DAY, MS } from '../time.ts'
import type { NewTopic } from './bus.ts'

/** What is behind a topic's name, `PREFIX.WHAT`. */
export type TopicName =
  | 'flows'
  | 'hosts'
  | 'events'
  | 'ledger'
  | 'progress'
  | 'correlator-state'
  | 'detector-state'
  | 'deadletters'

export const TOPIC_NAMES: readonly TopicName[] = [
  'flows',
  'hosts',
  'events',
  'ledger',
  'progress',
  'correlator-state',
  'detector-state',
  'deadletters',
]

/** Whole name of a topic. */
export function topicOf(prefix: string, name: TopicName): string {
  return `${prefix}.${name}`
}

export type TopicPlan = {
  readonly prefix: string
  readonly partitions: number
  readonly replicas: number
}

/** Data waits this long for a tier that is down. */
const DATA_KEPT = 7 * DAY
/** Longer than data: who reads old data needs to know how far everybody was. */
const PROGRESS_KEPT = 8 * DAY
const LETTERS_KEPT = 30 * DAY
const MIB = 1024 * 1024
/** Bytes of a message; a part of an inventory and an audit event of many records stay below. */
export const MESSAGE_BYTES_MAX = 4 * MIB

/** All topics as they should be, with the settings that matter. */
export function topicsOf({ prefix, partitions, replicas }: TopicPlan): readonly NewTopic[] {
  const common = {
    // Whoever may write cannot make batches that one of our clients cannot unpack (lz4, snappy): brokers write them anew.
    'compression.type': 'zstd',
    'max.message.bytes': String(MESSAGE_BYTES_MAX),
    ...(replicas > 2 ? { 'min.insync.replicas': '2' } : {}),
  }
  const kept = (micros: number) => ({ ...common, 'cleanup.policy': 'delete', 'retention.ms': String(micros / MS) })
  // State is written anew all the time: small segments, cleaned early.
  const compacted = (segment: number) => ({
    ...common,
    'cleanup.policy': 'compact',
    'segment.bytes': String(segment),
    'min.cleanable.dirty.ratio': '0.1',
  })
  const topic = (name: TopicName, count: number, configs: NewTopic['configs']): NewTopic => ({
    name: topicOf(prefix, name),
    partitions: count,
    replicas,
    configs,
  })
  return [
    topic('flows', partitions, kept(DATA_KEPT)),
    topic('hosts', partitions, kept(DATA_KEPT)),
    topic('events', partitions, kept(DATA_KEPT)),
    topic('ledger', 1, compacted(64 * MIB)),
    topic('progress', 1, kept(PROGRESS_KEPT)),
    topic('correlator-state', partitions, compacted(64 * MIB)),
    topic('detector-state', partitions, compacted(64 * MIB)),
    topic('deadletters', 1, kept(LETTERS_KEPT)),
  ]
}
