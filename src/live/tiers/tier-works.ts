/**
 * The works of a tier of partition cores, put together: outbox, progress, looks at the brokers, partitions, steering. One `turn` takes
 * each of them one step further.
 */
import type { Admin, Member, Producer } from '../../kafka/bus.ts'
import { type Assignments, createAssignments } from './assignments.ts'
import { createListening, type Listening, partitionName } from './listening.ts'
import { createLooks, type Looks } from './looks.ts'
import { type Outbox, openOutbox } from './outbox.ts'
import { createProgressIntake, type ProgressIntake } from './progress-intake.ts'
import { createSteering, type Steering } from './steering.ts'
import type { TierDeps, TierSettings } from './tier.ts'
import type { TierLimits } from './tier-limits.ts'
import type { PartitionTierSpec, TierMaking } from './tier-making.ts'

export type TierParts = {
  readonly settings: TierSettings
  readonly deps: TierDeps
  readonly spec: PartitionTierSpec
  readonly making: TierMaking
  readonly producer: Producer
  readonly admin: Admin
  readonly limits: TierLimits
}

export type TierLife = {
  /** Null while it has not joined. */
  readonly member: () => Member | null
  /** Something may be to do. */
  readonly wake: () => void
  /** It cannot go on. */
  readonly fail: (error: unknown) => void
  /** Nothing new is begun. */
  readonly signal: AbortSignal
}

export type TierWorks = {
  readonly outbox: Outbox
  readonly listening: Listening
  readonly looks: Looks
  readonly assignments: Assignments
  readonly intake: ProgressIntake
  readonly steering: Steering
  /** One step of everything; whether there may be more to do at once. */
  turn(): boolean
  /** What is decided is delivered, the state of now written, the offsets committed, and others told. */
  settle(): Promise<void>
}

/** Begins to send and to read progress when there is something to; nothing else before the first `turn`. */
export function createTierWorks(parts: TierParts, { member, wake, fail, signal }: TierLife): TierWorks {
  const { settings, deps, spec, making, producer, admin, limits } = parts
  const { bus, now, log } = deps
  const outbox = openOutbox(producer, wake)
  outbox.ended.catch(fail)
  const listening = createListening(
    {
      promised: promisedMachines(settings),
      partitions: Array.from({ length: making.correlators }, (_, partition) => partitionName(partition)),
      patience: settings.kafka.patience,
    },
    log,
  )
  const looks = createLooks({
    admin,
    prefix: making.prefix,
    topics: spec.topics,
    leavesMarks: spec.tellsProgress,
    now,
    fail,
    onMark(mark, at) {
      intake.mark(mark)
      if (intake.feed.position >= mark.upTo) listening.caughtUp(at)
      wake()
    },
    onOldest: (beginnings) => assignments.skipTo(beginnings),
  })
  const assignments = createAssignments({
    ...parts,
    outbox,
    listening,
    member,
    takeMark: () => looks.takePrinted(),
    onRun: (run) => intake.feed.from(run.held.heard),
    fail,
    signal,
  })
  const intake = createProgressIntake({
    bus,
    log,
    now,
    spec,
    making,
    runs: assignments.runs,
    listening,
    fail,
    wake,
    heldMax: limits.held,
  })
  const steering = createSteering({
    runs: assignments.runs,
    listening,
    feed: () => intake.feed,
    looks,
    member,
    now,
    log,
    limits,
  })

  return {
    outbox,
    listening,
    looks,
    assignments,
    intake,
    steering,
    turn() {
      let isBusy = false
      for (const { run, saving, telling } of assignments.runs.values()) {
        isBusy = run.turn(listening.patience(), steering.isForced(run), assignments.runs.size) || isBusy
        telling?.tick()
        saving.tick()
      }
      steering.tick()
      intake.settle()
      looks.tick(intake.takeNews())
      return isBusy
    },
    async settle() {
      await Promise.all(
        [...assignments.runs.values()].map(async ({ run, saving, telling }) => {
          await saving.last()
          telling?.last()
          await run.lane.flushed()
        }),
      )
    },
  }
}

/** Gateways with sources and hosts with auditd: without them nothing is complete. */
function promisedMachines({ inventory }: TierSettings): readonly string[] {
  const gateways = inventory.gateways.filter(({ sources }) => sources.length > 0).map(({ name }) => name)
  const hosts = inventory.hosts.filter(({ sources }) => sources.includes('auditd')).map(({ name }) => name)
  return [...new Set([...gateways, ...hosts])]
}
