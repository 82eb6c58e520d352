/**
 * The contract of a sink in a live run. Between the core and each sink lies a spool: a sink that is slow, refuses or is dead neither
 * loses anything nor stops the others until its spool is full (design 2.3, 2.6).
 */
import type { Event } from '../event.ts'

export type Sink = {
  /** As in the pipeline file: `store`, `ndjson`, … */
  readonly name: string
  /** Whether it keeps what the ledger is rebuilt from (`peertrail.ledger`). */
  readonly keepsLedger: boolean
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
  close(): Promise<void>
}
