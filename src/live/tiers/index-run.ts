/**
 * The run of the index tier: a member of `PREFIX.index`, whose partitions' documents go to all sinks in common batches. Offsets are
 * committed below the lowest document that is not safe in every sink; a sink that takes nothing is tried again (delivery.ts), and
 * holds up the reading when enough waits for it.
 *
 *   messages ─► documents ─► queue of each sink ─► delivery ─► all accepted ─► commit
 *      └─ not ours: deadletters ◄── refused for good ──┘
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { PipelineConfig } from '../../config.ts'
import type { Dataset, Event } from '../../event.ts'
import type { Admin, Incoming, Member, Producer } from '../../kafka/bus.ts'
import { topicOf } from '../../kafka/topics.ts'
import type { Sink } from '../../sinks/sink.ts'
import { type Micros, MS, SECOND } from '../../time.ts'
import { type Delivery, startDelivery } from '../delivery.ts'
import { type IndexCommits, startCommits } from './index-commits.ts'
import { createDocumentReader, type Origin } from './index-documents.ts'
import { createIndexProgress, INDEX_LIMITS, type IndexLimits } from './index-progress.ts'
import { createIndexQueue } from './index-queue.ts'
import { indexStatus } from './index-status.ts'
import type { TierDeps, TierRun, TierSettings } from './tier.ts'

/** For what waits at a stop; with leaving the group it stays below the ten seconds of systemd. */
const DRAIN: Micros = 5 * SECOND
const LEAVE: Micros = 2 * SECOND

export type IndexRunParts = {
  readonly settings: TierSettings
  readonly deps: TierDeps
  /** All of these are the run's from now on, which closes them. */
  readonly producer: Producer
  readonly admin: Admin
  readonly sinks: readonly Sink[]
  /** Filled with where each document came from. */
  readonly origins: WeakMap<Event, Origin>
  readonly limits?: IndexLimits
}

/** Joins nothing yet. */
export function createIndexRun(parts: IndexRunParts): TierRun {
  const { settings, deps, producer, admin, sinks, origins, limits = INDEX_LIMITS } = parts
  const { bus, now, log, step } = deps
  const { commitEvery } = limits
  const topic = topicOf(settings.kafka.prefix, 'events')
  const group = `${settings.kafka.prefix}.index`
  const queues = sinks.map(createIndexQueue)
  const progress = createIndexProgress(queues, limits)
  const readDocuments = createDocumentReader(wholeDocuments(settings.config), now)
  const stopping = new AbortController()
  const stopped = Promise.withResolvers<void>()
  let member: Member | null = null
  /** Partitions of which nothing is read until there is room again. */
  const held = new Set<number>()
  let commits: IndexCommits | null = null
  let trouble = ''
  let letters = 0
  let lost = 0

  function onAccepted(): void {
    progress.settle()
    step('index-accepted')
    if (!progress.isFull && !stopping.signal.aborted) readOn()
  }

  /**
   * A handler that waited for room would hold up the group, too: a sink may be away for hours. What is on its way still comes, at most
   * a batch of each partition.
   */
  function holdBack(partitions: Iterable<number> = member?.partitions ?? []): void {
    for (const partition of partitions) {
      member?.pause(partition)
      held.add(partition)
    }
  }

  function readOn(): void {
    for (const partition of held) member?.resume(partition)
    held.clear()
  }

  const deliveries: readonly Delivery[] = sinks.map((sink, i) =>
    // One queue a sink, in the same order.
    startDelivery(sink, queues[i] ?? createIndexQueue(), { now, log, onAccepted }),
  )

  function push(events: readonly Event[]): void {
    for (const { sink, spool } of deliveries)
      for (const event of events) if (sink.keepsLedger || event.dataset !== 'peertrail.ledger') spool.push(event)
  }

  function noteLost(partition: number, count: number): void {
    if (count === 0) return
    lost += count
    log.error(
      { partition, lost: count },
      `${topic}, partition ${partition}: ${count} messages were deleted by age before they were read; they are in no sink`,
    )
  }

  async function take(messages: readonly Incoming[]): Promise<void> {
    const [first] = messages
    if (stopping.signal.aborted || first === undefined) return
    const read = readDocuments(messages)
    // A document is past only when its letter is safe.
    if (read.letters.length > 0) await producer.send(read.letters)
    if (stopping.signal.aborted) return
    letters += read.letters.length
    read.events.forEach((event, i) => {
      const origin = read.origins[i]
      if (origin !== undefined) origins.set(event, origin)
    })
    if (read.next >= 0) {
      push(read.events)
      const { partition, offset: from } = first
      noteLost(partition, progress.read({ ...read, partition, from, documents: read.events.length }))
      progress.settle()
      for (const delivery of deliveries) delivery.wake()
      step('index-read')
    }
    if (read.failure !== null) {
      // Now: who rejects is no member any more, and could not commit.
      await drain()
      throw read.failure
    }
    if (progress.isFull) holdBack()
  }

  async function assigned(partition: number): Promise<ReadonlyMap<string, number>> {
    const from = progress.assign(partition, await committedOf(partition))
    // A pause ends with the ownership: each rebalance would bring a batch more.
    if (progress.isFull) holdBack([partition])
    return from === null ? new Map() : new Map([[topic, from]])
  }

  /** Infinity where nobody tells: then it is read from wherever that is, and what waits here may come again. */
  async function committedOf(partition: number): Promise<number> {
    try {
      return (await admin.committed(group, topic))[partition] ?? -1
    } catch {
      return Number.POSITIVE_INFINITY
    }
  }

  /** Null when the tier is stopped before brokers have answered. */
  async function join(): Promise<Member | null> {
    const joining = bus.join({
      group,
      topics: [topic],
      onAssigned: assigned,
      onRevoked: async (partition) => progress.revoke(partition),
      onMessages: take,
      onTrouble: (text) => {
        trouble = text
      },
    })
    const joined = await Promise.race([joining, stopped.promise])
    if (joined !== undefined) return joined
    // Whenever it becomes one, nobody needs it.
    joining.then((late) => late.leave()).catch(() => {})
    return null
  }

  /** What waits is delivered and committed, if sinks and brokers answer in time. */
  async function drain(): Promise<void> {
    await inTime(DRAIN, Promise.all(deliveries.map((delivery) => delivery.barrier())))
    await inTime(LEAVE, commits?.commit() ?? Promise.resolve())
  }

  async function end(joined: Member): Promise<void> {
    stopping.abort()
    holdBack()
    await drain()
    await inTime(LEAVE, joined.leave())
  }

  async function close(): Promise<void> {
    stopping.abort()
    producer.abort()
    await Promise.all(
      deliveries.map(async (delivery) => {
        const over = delivery.stop()
        delivery.sink.abort?.()
        await over
        await delivery.sink.close()
      }),
    )
    await inTime(LEAVE, Promise.all([producer.close(), admin.close()]))
  }

  return {
    async run() {
      try {
        const joined = await join()
        if (joined === null) return
        member = joined
        if (progress.isFull) holdBack()
        const { signal } = stopping
        commits = startCommits({ member: joined, admin, topic, progress, commitEvery, signal, step })
        try {
          await Promise.race([joined.ended, stopped.promise])
        } finally {
          await end(joined)
        }
      } finally {
        await close()
      }
    },
    stop() {
      stopping.abort()
      stopped.resolve()
    },
    status: () => indexStatus({ settings, group, progress, deliveries, commits, trouble, letters, lost }),
  }
}

/** Resolves when it is done, when it failed, and when the time is over. */
async function inTime(time: Micros, work: Promise<unknown>): Promise<void> {
  const over = new AbortController()
  // Both ways of ending are as good: whoever waits has other things to put away.
  await Promise.race([
    work.then(
      () => {},
      () => {},
    ),
    pause(time / MS, undefined, { signal: over.signal }).catch(() => {}),
  ])
  over.abort()
}

/** A store keeps fields; who is told of findings looks into those. */
function wholeDocuments({ store, webhook, syslog, command }: PipelineConfig): (dataset: Dataset) => boolean {
  if (store !== null) return () => true
  const areToldOf = webhook !== null || syslog !== null || (command !== null && command.severity !== null)
  return (dataset) => areToldOf && dataset === 'wireguard.finding'
}
