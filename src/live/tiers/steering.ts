/**
 * What waits in memory is bounded: reading stops while a core has too much waiting, but never while something that was told waits for
 * this very reading. Where that is not enough (a machine tells how far it has got, and is hours behind the others), it is waited for
 * no longer, and that is said.
 */
import type { Member } from '../../kafka/bus.ts'
import type { Micros } from '../../time.ts'
import type { Log } from '../log.ts'
import { createLimitedLog } from '../log.ts'
import type { Assigned } from './assignments.ts'
import { type Listening, partitionName } from './listening.ts'
import type { Looks } from './looks.ts'
import type { PartitionRun } from './partition-run.ts'
import type { ProgressFeed } from './progress-feed.ts'
import type { TierLimits } from './tier-limits.ts'

export type Steering = {
  /** After a round of turns. */
  tick(): void
  /** More waits than memory may hold: the next progress is taken although not everything it speaks of was read. */
  isForced(run: PartitionRun): boolean
  readonly trouble: string
}

export function createSteering({
  runs,
  listening,
  feed,
  looks,
  member,
  now,
  log,
  limits,
}: {
  readonly runs: ReadonlyMap<number, Assigned>
  readonly listening: Listening
  readonly feed: () => ProgressFeed
  readonly looks: Looks
  readonly member: () => Member | null
  readonly now: () => Micros
  readonly log: Log
  readonly limits: TierLimits
}): Steering {
  const paused = new Set<PartitionRun>()
  const limited = createLimitedLog(log, now)
  let trouble = ''

  function share(limit: number): number {
    return limit / Math.max(1, runs.size)
  }

  function isForced(run: PartitionRun): boolean {
    return run.core.waiting > share(limits.waitingHard)
  }

  /** Whether what was told waits for this partition to be read; not while a mark may still come that asks for less. */
  function mustRead(run: PartitionRun): boolean {
    if (!run.held.isBehind(run.positions)) return false
    const { mark } = looks
    return run.held.count >= limits.held || (mark !== null && feed().position >= mark.upTo)
  }

  function steer(run: PartitionRun): void {
    const isToPause = run.core.waiting > share(limits.waiting) && !mustRead(run)
    if (isToPause === paused.has(run)) return
    if (isToPause) {
      paused.add(run)
      member()?.pause(run.partition)
    } else {
      paused.delete(run)
      member()?.resume(run.partition)
    }
  }

  /** Somebody who tells, and is too far behind. */
  function relieve(run: PartitionRun): void {
    if (run.held.isBehind(run.positions)) {
      limited.warn(
        { partition: run.partition, waiting: run.core.waiting },
        `partition ${run.partition}: memory is full of what waits: it is worked off before everything was read`,
      )
      return
    }
    const slowest = listening.slowest(partitionName(run.partition))
    if (slowest !== null) listening.giveUp(slowest.name)
  }

  return {
    tick() {
      const all = [...runs.values()].map(({ run }) => run)
      for (const run of paused) if (!all.includes(run)) paused.delete(run)
      for (const run of all) {
        steer(run)
        if (isForced(run)) relieve(run)
      }
      const full = all.filter(isForced)
      trouble =
        full.length === 0
          ? ''
          : `memory is full of what waits in partition ${full.map(({ partition }) => partition).join(', ')}`
      if (all.every((run) => run.core.waiting < share(limits.waiting) / 2)) listening.forgive()
    },
    isForced,
    get trouble() {
      return trouble
    },
  }
}
