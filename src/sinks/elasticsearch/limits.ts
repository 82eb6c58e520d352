/** Limits of the Elasticsearch sink (elastic.md 2.1). */
import { type Micros, SECOND } from '../../time.ts'

export type BulkLimits = {
  /** Of one request, before it is compressed. A document larger than that goes alone. */
  readonly bytes: number
  readonly documents: number
  /** Requests under way at first, and at most. */
  readonly slots: number
  readonly slotsMax: number
  /** How long a request may go without an answer. */
  readonly timeoutMs: number
  /**
   * How long after a request of unknown outcome its documents are looked up: a server still carries out what nobody waits for any
   * more, and what comes after the question would not be seen. A kill of ours counts from the next start.
   */
  readonly lookupAfter: Micros
  /** Full jitter: a pause is anything from 0 to this, doubled with every attempt in vain, up to the second. */
  readonly pauseMs: number
  readonly pauseMaxMs: number
  /** How long attempts in vain go on before the sink says that it takes nothing. */
  readonly patience: Micros
}

/** What a request with its whole answer may take, in timeouts: a slow line is no failure, an answer without an end is. */
export const WHOLE_TIMEOUTS = 4

export const BULK_LIMITS: BulkLimits = {
  bytes: 5_000_000,
  documents: 5_000,
  slots: 2,
  slotsMax: 4,
  // A shard that is not ready is waited for by the server itself, for a minute.
  timeoutMs: 75_000,
  lookupAfter: 5 * SECOND,
  pauseMs: 200,
  pauseMaxMs: 5_000,
  patience: 15 * SECOND,
}
