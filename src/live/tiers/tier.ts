/** The contract of a tier: a process that works on what is in Kafka (`tier:` in its pipeline file), and what it tells of itself. */
import type { KafkaConfig, PipelineConfig, Tier } from '../../config.ts'
import type { Inventory } from '../../identity/inventory.ts'
import type { Bus } from '../../kafka/bus.ts'
import type { Micros } from '../../time.ts'
import type { FindingInputs } from '../finding-inputs.ts'
import type { Log } from '../log.ts'

export type TierSettings = {
  /** The pipeline file, as given, and its directory. */
  readonly path: string
  readonly base: string
  /** This machine's name. */
  readonly machine: string
  readonly tier: Exclude<Tier, ''>
  readonly kafka: KafkaConfig
  readonly config: PipelineConfig
  readonly inventory: Inventory
  readonly findings: FindingInputs
  /** For what sinks keep. */
  readonly stateDir: string
}

export type TierDeps = {
  readonly bus: Bus
  readonly now: () => Micros
  readonly log: Log
  readonly environment: { readonly [name: string]: string | undefined }
  readonly hide: (secret: string) => void
  readonly random: () => number
  /** Called at every point where a kill must be survived; for tests. */
  readonly step: (name: string) => void
}

export type TierRun = {
  /** Until `stop`, or until it cannot go on (AppError). */
  run(): Promise<void>
  /** What is decided is delivered and committed if the brokers answer in time; then `run` ends. */
  stop(): void
  status(): TierStatus
}

export type PartitionStatus = {
  readonly partition: number
  /** Messages behind the newest one, by topic (`flows`, …); null where the broker has not told yet. */
  readonly lag: Readonly<Record<string, number | null>>
  /** Event time worked off, 0 = none. */
  readonly reached: Micros
  /** Inputs in memory. */
  readonly waiting: number
  /** Whom it waits for, '' = nobody. For people. */
  readonly waitingFor: string
}

export type TierStatus = {
  readonly tier: Exclude<Tier, ''>
  readonly brokers: readonly string[]
  readonly group: string
  readonly partitions: readonly PartitionStatus[]
  /** Of all partitions, and of the process: `repeated`, `late`, `dead letters`, `produced`, … */
  readonly counts: Readonly<Record<string, number>>
  /** Machines that have spoken, with how far they have got; the first 1000 by name. */
  readonly machines: readonly { readonly machine: string; readonly reached: Micros; readonly isGivenUp: boolean }[]
  /** Why it does not get on at the moment, '' = it does. */
  readonly trouble: string
}
