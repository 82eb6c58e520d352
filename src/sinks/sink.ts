/**
 * The contract of a sink in a live run. Between the core and each sink lies a spool: a sink that is slow, refuses or is dead neither
 * loses anything nor stops the others until its spool is full (design 2.3, 2.6).
 */
import type { Event } from '../event.ts'
import type { Micros } from '../time.ts'

export type Sink = {
  /** As in the pipeline file: `store`, `ndjson`, … */
  readonly name: string
  /** Whether it keeps what the ledger is rebuilt from (`peertrail.ledger`). */
  readonly keepsLedger: boolean
  /** Whether it brings messages to other tiers (`peertrail.relay`). */
  readonly takesRelay?: boolean
  /** Which documents it is for; all when left out. Asked of every document: cheap. */
  readonly takes?: (event: Event) => boolean
  /**
   * Takes events in order; resolves when every one of them is safe there. Rejects when it is not known whether they are: then the
   * same events come again, and what is there already must not count twice. Never called again before it has answered.
   */
  deliver(events: readonly Event[]): Promise<void>
  /**
   * Where the sink stands now, for `open` after a restart: everything delivered so far lies before it. '' where events are known
   * again by their ids.
   */
  position(): string
  /** How its batches are made; 5000 events, sent at once, when left out. */
  readonly batch?: Batch
  /** Counters beyond what was accepted, since it was opened, by name: `duplicates`, `dead letters`, … For status and metrics. */
  counts?(): ReadonlyMap<string, number>
  /** What is not as it should be although it takes something, '' = nothing. */
  trouble?(): string
  /** Gives up what is under way: `deliver` rejects soon. For a sink whose answers may take a minute. */
  abort?(): void
  close(): Promise<void>
}

export type Batch = {
  /** Events of one `deliver`, at most. */
  readonly events: number
  /** How long the oldest event may wait for others to come. */
  readonly age: Micros
}
