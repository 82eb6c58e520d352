/**
 * What waits in memory is bounded: reading stops while a core has too much waiting, but never while its core waits for something
 * that was told and is complete only after this very reading. Where that is not enough (a machine tells how far it has got, and is hours behind the others), it is waited for
 * no longer, and that is said.
 */
import type { Member } from '../../kafka/bus.ts'
import { MINUTE, type Micros, SECOND } from '../../time.ts'
import type { Log } from '../log.ts'
import { createLimitedLog } from '../log.ts'
import type { Assigned } from './assignments.ts'
import { blockersOf } from './blockers.ts'
import type { Listening } from './listening.ts'
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

/** A core with too much waiting that does not move for so long (wall clock) needs help. */
const STUCK: Micros = 2 * SECOND
/** Event time: whoever is further behind the others is the one to blame. */
const FAR_BEHIND: Micros = MINUTE

/** Looks at what is there at every tick; keeps nothing but whom it stopped. */
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
  /** Runs that the client was told of. What it was told before a partition left and came back may still stand there. */
  const paused = new Map<PartitionRun, boolean>()
  /** By partition that has too much waiting: where its core stands, and since when. */
  const stuck = new Map<PartitionRun, { readonly worked: Micros; readonly since: Micros }>()
  let forced: ReadonlySet<PartitionRun> = new Set()
  const limited = createLimitedLog(log, now)
  let trouble = ''

  function share(limit: number): number {
    return limit / Math.max(1, runs.size)
  }

  /**
   * Whether something that was told waits for this partition to be read, and its core for that; not while a mark may still come that
   * asks for less.
   */
  function mustRead(run: PartitionRun): boolean {
    if (!run.held.isBehind(run.positions)) return false
    if (run.held.count >= limits.held) return true
    const { mark } = looks
    return mark !== null && feed().position >= mark.upTo && blockersOf(run, listening).isTold
  }

  function steer(run: PartitionRun): void {
    const isToPause = run.load > share(limits.waiting) && !mustRead(run)
    if (isToPause === paused.get(run)) return
    paused.set(run, isToPause)
    if (isToPause) member()?.pause(run.partition)
    else member()?.resume(run.partition)
  }

  /** Whether it has too much waiting, and its core has not moved for a while. */
  function isStuck(run: PartitionRun): boolean {
    if (run.load <= share(limits.waitingHard)) {
      stuck.delete(run)
      return false
    }
    const { worked } = run
    const before = stuck.get(run)
    if (before?.worked === worked) return now() - before.since >= STUCK
    stuck.set(run, { worked, since: now() })
    return false
  }

  /** Whether progress is to be taken although not everything was read; else somebody is too far behind, and is given up. */
  function relieve(run: PartitionRun): boolean {
    const { slowest, spread } = blockersOf(run, listening)
    if (slowest !== '' && (spread > FAR_BEHIND || !run.held.isBehind(run.positions))) {
      listening.giveUp(slowest)
      return false
    }
    limited.warn(
      { partition: run.partition, waiting: run.core.waiting },
      `partition ${run.partition}: memory is full of what waits: it is worked off before everything was read`,
    )
    return true
  }

  function forget(all: readonly PartitionRun[]): void {
    for (const run of paused.keys()) if (!all.includes(run)) paused.delete(run)
    for (const run of stuck.keys()) if (!all.includes(run)) stuck.delete(run)
  }

  return {
    tick() {
      const all = [...runs.values()].map(({ run }) => run)
      forget(all)
      for (const run of all) steer(run)
      const tooFull = all.filter(isStuck)
      forced = new Set(tooFull.filter(relieve))
      trouble =
        stuck.size === 0
          ? ''
          : `memory is full of what waits in partition ${[...stuck.keys()].map(({ partition }) => partition).join(', ')}`
      if (all.every((run) => run.load < share(limits.waiting) / 2)) listening.forgive()
    },
    isForced: (run) => forced.has(run),
    get trouble() {
      return trouble
    },
  }
}
