/**
 * One kafkajs consumer from its joining to its end. kafkajs restarts one itself after some failures and takes others of the same kind, such
 * as a coordinator that went away while it was looked for, for the end; here every failure ends a life, and whoever started it decides.
 */

import type { Consumer, EachBatchPayload, PartitionAssigner } from 'kafkajs'
import { MS, SECOND } from '../../time.ts'
import type { BusConnection } from '../bus.ts'
import { type Client, openClient, RETRIES } from './client.ts'
import type { LogLine } from './log.ts'
import { within } from './patience.ts'

export type LifeOptions = {
  readonly connection: BusConnection
  readonly group: string
  readonly topics: readonly string[]
  readonly assigner: PartitionAssigner
}

/** All are called synchronously from inside kafkajs, and must not throw. */
export type LifeEvents = {
  /** The group has been shared out: these partitions are ours, and nothing has been asked for yet. */
  readonly onJoined: (memberId: string, partitions: ReadonlySet<number>) => void
  readonly onBatch: (payload: EachBatchPayload) => Promise<void>
  /** Nothing of what stood before `next` is left, by compaction. */
  readonly onSkipped: (topic: string, partition: number, next: number) => void
  readonly onLog: (line: LogLine) => void
  /** The group answered. */
  readonly onAlive: () => void
}

export type Life = {
  readonly consumer: Consumer
  /** It has joined and not ended: the consumer can be told to seek, pause and resume. */
  readonly isUp: () => boolean
  /** The last that went wrong, one line; '' = nothing yet. */
  readonly trouble: () => string
  /** What ended it; null = `leave` did. Never rejects. */
  readonly over: Promise<unknown>
  /** Out of the group, soon; what is under way in `onBatch` is waited for, for a while. */
  leave(): Promise<void>
}

/** A member that says nothing for so long is out: another one has its partitions. */
const SESSION_MS = (15 * SECOND) / MS
/** How soon a rebalance is noticed. */
export const HEARTBEAT_MS = SECOND / MS
/** How long a rebalance waits for a member that has not done with its messages. */
const REBALANCE_MS = (60 * SECOND) / MS
/** A fetch without news; leaving and resuming take as long. */
const FETCH_WAIT_MS = 500
/** How soon new partitions are noticed. */
const METADATA_AGE_MS = (60 * SECOND) / MS
/** For messages under way at the leaving. */
const LAST_MESSAGES_MS = (10 * SECOND) / MS
/** For telling the group; a broker that is away finds out by itself. */
const GOODBYE_MS = (2 * SECOND) / MS

export function startLife({ connection, group, topics, assigner }: LifeOptions, events: LifeEvents): Life {
  const client = openClient(connection, events.onLog)
  const consumer = client.kafka.consumer({
    groupId: group,
    partitionAssigners: [assigner],
    sessionTimeout: SESSION_MS,
    heartbeatInterval: HEARTBEAT_MS,
    rebalanceTimeout: REBALANCE_MS,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    metadataMaxAge: METADATA_AGE_MS,
    allowAutoTopicCreation: false,
    // Else one transaction that a stranger leaves open would hold the partition up; ours have none, and `ends` counts what is in them.
    readUncommitted: true,
    retry: { ...RETRIES, restartOnFailure: () => Promise.resolve(false) },
  })
  const over = Promise.withResolvers<unknown>()
  let isUp = false
  let working: Promise<unknown> = Promise.resolve()
  const onBatch = (payload: EachBatchPayload) => {
    const done = events.onBatch(payload)
    working = done.catch(() => undefined)
    return done
  }
  const end = (why: unknown) => {
    isUp = false
    client.close()
    over.resolve(why)
  }
  consumer.on('consumer.group_join', ({ payload: { memberId, memberAssignment } }) => {
    isUp = true
    events.onJoined(memberId, new Set(Object.values(memberAssignment).flat()))
  })
  consumer.on('consumer.stop', () => {
    isUp = false
  })
  consumer.on('consumer.crash', ({ payload: { error } }) => end(error))
  consumer.on('consumer.heartbeat', events.onAlive)
  consumer.on('consumer.start_batch_process', ({ payload: { topic, partition, batchSize, lastOffset } }) => {
    if (batchSize === 0) events.onSkipped(topic, partition, Number(lastOffset) + 1)
  })
  void start(consumer, client, topics, onBatch).catch(end)
  return {
    consumer,
    isUp: () => isUp,
    trouble: client.trouble,
    over: over.promise,
    async leave() {
      await leave(consumer, working)
      end(null)
    },
  }
}

async function start(
  consumer: Consumer,
  client: Client,
  topics: readonly string[],
  onBatch: LifeEvents['onBatch'],
): Promise<void> {
  await Promise.race([consumer.connect(), client.distrust])
  await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: onBatch })
}

async function leave(consumer: Consumer, working: Promise<unknown>): Promise<void> {
  const left = consumer.disconnect()
  // Too slow, or nobody there: the group finds out by itself.
  left.catch(() => undefined)
  await within(working, LAST_MESSAGES_MS).catch(() => undefined)
  await within(left, GOODBYE_MS).catch(() => undefined)
}
