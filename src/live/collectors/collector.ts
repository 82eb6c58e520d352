/**
 * The contract of everything that runs a command and appends what it printed to a journal. Started once, stopped once (and then
 * may be started again); between the two it looks after itself: a command that fails is run again, a journal that cannot be
 * written is tried again, and `status` says how it is.
 */
import type { Micros } from '../../time.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'

export type CollectorStatus = {
  /** For people: `gw1 conntrack`. */
  readonly label: string
  readonly command: readonly string[]
  /** `running`: the command lives (or the grid of runs does); `waiting`: it does not, and will be tried again. */
  readonly state: 'running' | 'waiting' | 'stopped'
  /** When the command last began; 0 = never. */
  readonly startedAt: Micros
  /** Times it was started again after it had ended by itself; of a command that ends, failed runs. */
  readonly restarts: number
  /** Why it does not run or does not deliver, safe for a terminal; '' = nothing is wrong. */
  readonly lastError: string
  /** When something was last appended; 0 = never. */
  readonly lastOutputAt: Micros
  /** Bytes appended since the start of this process. */
  readonly bytes: number
}

export type Collector = {
  /** Does not throw for what the world does: see `status().lastError`. A second call does nothing. */
  start(): void
  /** Ends the command (SIGTERM, SIGKILL after 2 s) and closes the journal. What was printed until then is in it. */
  stop(): Promise<void>
  readonly status: () => CollectorStatus
}

/** What a collector is given of the outside world. */
export type CollectorDeps = {
  readonly now: () => Micros
  readonly log: Log
  /** Timers; without it the system's. */
  readonly after?: Clock['after']
  /** Environment of the commands; without it our own. */
  readonly environment?: Readonly<Record<string, string>>
}
