/**
 * The contract between a partition's synchronous core (a correlator's, a detector's) and the tier that feeds it (live/tiers). The core
 * never waits and reads no clock: what comes out depends on what went in and on the frontiers alone, not on when it was told.
 *
 *   take(message)… progress(message)… ─► advance(frontier) ─► emit
 */
import type { Event } from '../event.ts'
import type { Micros } from '../time.ts'
import type { HostsMessage, ProgressMessage } from './messages.ts'

/** What a core hands out, in order. */
export type CoreOutput = {
  readonly emit: (event: Event) => void
  /** To another partition's core. */
  readonly send: (partition: number, message: HostsMessage) => void
}

/** A message as the tier got it; `value` is not yet trusted. */
export type CoreInput = {
  /** `flows`, `hosts`, `events`, `ledger`. */
  readonly topic: string
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

export type PartitionCore = {
  /** Throws Error with a short reason for a message that cannot be understood; it changed nothing then. */
  take(input: CoreInput): void
  /**
   * How far machines and other partitions have got, in the order of the topic. `isProven` false: memory is full, and it is to be gone by
   * although not everything it speaks of was read; what is read of that later comes late.
   */
  progress(message: ProgressMessage, isProven?: boolean): void
  /**
   * Every message that was in Kafka when the newest `progress` was read has been taken: what it makes complete is worked off, at most
   * `max` inputs. True when more could be done at once. `waitedFor`: whom to wait for beyond those that have spoken, and of those that
   * have spoken whom no longer.
   */
  advance(max: number, patience: Patience): boolean
  /** Everything this core sends to others from now on stands at or after it. -Infinity before the first. */
  readonly reached: Micros
  /** Event time worked off: every document that stands before it was emitted. `reached` where it is left out. */
  readonly worked?: Micros
  /** Inputs that wait, in memory. */
  readonly waiting: number
  /** For status: counters by name (`repeated`, `late`, …). */
  counts(): ReadonlyMap<string, number>
  /** Plain data for the structured clone algorithm; live references, to be serialized at once. */
  save(): unknown
}

export type Patience = {
  /** Machines that have not spoken yet and are still waited for: nothing can be worked off before they do. */
  readonly expected: ReadonlySet<string>
  /** Machines and partitions (`partition:3`) that are not waited for any more. */
  readonly givenUp: ReadonlySet<string>
}
