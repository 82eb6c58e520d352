/** Partitions that come to this process and leave it: each restored, run, and dropped. */
import type { Admin, Incoming, Member, Producer } from '../../kafka/bus.ts'
import type { Log } from '../log.ts'
import { again } from './again.ts'
import type { Listening } from './listening.ts'
import type { Outbox } from './outbox.ts'
import { createPartitionRun, type PartitionRun } from './partition-run.ts'
import { progressStart } from './progress-start.ts'
import { createSaving, type Saving } from './saving.ts'
import { createSnapshotWriter, type Restored, restoreSnapshot } from './snapshots.ts'
import { createTelling, type Telling } from './telling.ts'
import type { TierDeps } from './tier.ts'
import type { PartitionTierSpec, TierMaking } from './tier-making.ts'

/** A partition of ours with all that belongs to it. */
export type Assigned = { readonly run: PartitionRun; readonly saving: Saving; readonly telling: Telling | null }

export type Assignments = {
  readonly runs: ReadonlyMap<number, Assigned>
  /** Resolves with where its topics are to be read from; with nothing when it was revoked meanwhile. */
  assign(partition: number): Promise<ReadonlyMap<string, number>>
  revoke(partition: number): void
  /** Messages of one topic and partition. Throws AppError `newer-message`. */
  take(messages: readonly Incoming[]): void
  skipTo(beginnings: readonly (readonly number[])[]): void
  /** Of all cores together, those that left included. */
  counts(): Readonly<Record<string, number>>
  readonly trouble: string
}

type AssignmentParts = {
  readonly deps: TierDeps
  readonly spec: PartitionTierSpec
  readonly making: TierMaking
  readonly producer: Producer
  readonly admin: Admin
  readonly outbox: Outbox
  readonly listening: Listening
  readonly member: () => Member | null
  readonly takeMark: () => string
  readonly onRun: (run: PartitionRun) => void
  readonly fail: (error: unknown) => void
  readonly signal: AbortSignal
}

/** By topic in their order, and of the progress topic. */
type Limits = {
  readonly oldest: readonly number[]
  readonly ends: readonly number[]
  /** Of those that say something of messages that are there. */
  readonly oldestProgress: number
  readonly endOfProgress: number
}

export function createAssignments(parts: AssignmentParts): Assignments {
  const { deps, making, spec, outbox, listening, signal } = parts
  const { bus, now, log } = deps
  const runs = new Map<number, Assigned>()
  /** Which coming of a partition is the present one. */
  const comings = new Map<number, symbol>()
  const former = new Map<string, number>()
  let restores = 0
  let trouble = ''

  async function restore(partition: number): Promise<(Restored & Limits) | null> {
    const way = { bus, admin: parts.admin, producer: parts.producer, log, signal }
    return again(
      async () => {
        const restored = await restoreSnapshot(way, making.stateTopic, partition)
        const limits = await limitsOf(parts.admin, making, partition)
        if (restored.snapshot !== null) return { ...restored, ...limits }
        const { progressTopic } = making
        const place = { bus, signal, partition, topics: spec.topics, progressTopic }
        return { ...restored, ...limits, oldestProgress: await progressStart({ ...place, ...limits }) }
      },
      signal,
      (text) => {
        trouble = text
      },
    )
  }

  function open(partition: number, restored: Restored & Limits): Assigned {
    const lane = outbox.lane()
    const snapshots = createSnapshotWriter(lane, {
      topic: making.stateTopic,
      partition,
      writer: writerName(deps.random),
      foreign: restored.keys,
      step: deps.step,
    })
    const run = openRun(making, log, { partition, lane, snapshots, restored })
    for (const speaker of run.save().speakers) listening.recall(speaker)
    return {
      run,
      saving: createSaving(run, { member: parts.member, now, log, fail: parts.fail }),
      telling: spec.tellsProgress
        ? createTelling(run, { topic: making.progressTopic, now, takeMark: parts.takeMark })
        : null,
    }
  }

  function drop(partition: number): void {
    const assigned = runs.get(partition)
    if (assigned === undefined) return
    runs.delete(partition)
    assigned.run.lane.close()
    for (const [name, count] of countsOf(assigned.run)) former.set(name, (former.get(name) ?? 0) + count)
  }

  return {
    runs,
    async assign(partition) {
      const coming = Symbol('coming')
      comings.set(partition, coming)
      drop(partition)
      const restored = await restore(partition)
      if (restored === null || comings.get(partition) !== coming) return new Map()
      const assigned = open(partition, restored)
      runs.set(partition, assigned)
      restores++
      parts.onRun(assigned.run)
      deps.step('partition-restored')
      return new Map(making.topics.map((topic, index) => [topic, assigned.run.positions[index] ?? 0]))
    },
    revoke(partition) {
      comings.delete(partition)
      drop(partition)
    },
    take(messages) {
      const [first] = messages
      const run = first === undefined ? undefined : runs.get(first.partition)?.run
      if (run === undefined) return
      const { lost } = run.counts
      run.take(messages)
      sayLost(log, run, run.counts.lost - lost)
    },
    skipTo(beginnings) {
      for (const { run } of runs.values()) {
        const { lost } = run.counts
        run.skipTo(beginnings.map((of) => of[run.partition] ?? 0))
        sayLost(log, run, run.counts.lost - lost)
      }
    },
    counts() {
      const sums = new Map(former)
      for (const { run } of runs.values())
        for (const [name, count] of countsOf(run)) sums.set(name, (sums.get(name) ?? 0) + count)
      return { ...Object.fromEntries(sums), restores }
    },
    get trouble() {
      return trouble
    },
  }
}

/** What a state speaks of that is not in the topics any more, and what it does not know of yet, is said. */
function openRun(
  making: TierMaking,
  log: Log,
  {
    partition,
    restored,
    ...of
  }: Pick<Parameters<typeof createPartitionRun>[1], 'partition' | 'lane' | 'snapshots'> & {
    readonly restored: Restored & Limits
  },
): PartitionRun {
  const { oldest, ends, oldestProgress, endOfProgress, snapshot } = restored
  const place = `${making.prefix}, partition ${partition}`
  const fresh = { ...of, partition, beginnings: oldest, oldestProgress, snapshot: null }
  if (snapshot === null) {
    log.info({ partition }, `${place}: no state; from the oldest messages there are`)
    return createPartitionRun(making, fresh)
  }
  if (snapshot.progress < oldestProgress)
    log.warn({ partition, lost: oldestProgress - snapshot.progress }, `${place}: older than all progress that is kept`)
  // A topic that was made anew counts from 0: what was read of it before is no longer there, and nothing can be passed over.
  const within = (topic: string, offset: number, beginning: number, end: number): number => {
    if (offset <= end) return offset
    log.warn(
      { partition, topic, offset },
      `${place}: ${topic} ends before what was read of it; from its oldest message`,
    )
    return beginning
  }
  const offsets = new Map(
    making.topics.map((topic, index) => [
      topic,
      within(topic, snapshot.offsets.get(topic) ?? 0, oldest[index] ?? 0, ends[index] ?? 0),
    ]),
  )
  const progress = within(making.progressTopic, snapshot.progress, oldestProgress, endOfProgress)
  let run: PartitionRun
  try {
    run = createPartitionRun(making, { ...fresh, snapshot: { ...snapshot, offsets, progress } })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    log.error({ partition }, `${place}: its state cannot be gone on from: ${why}; from the oldest messages there are`)
    return createPartitionRun(making, fresh)
  }
  run.skipTo(oldest)
  sayLost(log, run, run.counts.lost)
  log.info({ partition, reached: restored.reached }, `${place}: goes on from its state`)
  return run
}

async function limitsOf(admin: Admin, { topics, progressTopic }: TierMaking, partition: number): Promise<Limits> {
  const [oldest, ends, [oldestProgress = 0], [endOfProgress = 0]] = await Promise.all([
    Promise.all(topics.map((topic) => admin.beginnings(topic))),
    Promise.all(topics.map((topic) => admin.ends(topic))),
    admin.beginnings(progressTopic),
    admin.ends(progressTopic),
  ])
  const ours = (offsets: readonly number[]) => offsets[partition] ?? 0
  return { oldest: oldest.map(ours), ends: ends.map(ours), oldestProgress, endOfProgress }
}

function sayLost(log: Log, { partition }: PartitionRun, lost: number): void {
  if (lost === 0) return
  log.error(
    { partition, lost },
    `partition ${partition}: ${lost} messages were removed before they were read (retention)`,
  )
}

function countsOf({ core, counts }: PartitionRun): readonly (readonly [string, number])[] {
  const { letters, lost, unproven } = counts
  return [...core.counts(), ['dead letters', letters], ['lost', lost], ['unproven', unproven]]
}

/** 64 bits: nobody else's, and never again. */
function writerName(random: () => number): string {
  const part = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return part() + part()
}
