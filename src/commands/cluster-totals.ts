/** Where a replay sends documents beside a store, and what it told it, for its summary. */
import type { Event } from '../event.ts'

export type ReplayTarget = {
  /** Logins are joined with flows elsewhere: messages for that are taken, too. */
  readonly relays: boolean
  add(event: Event): void
  /** Sends what a request is worth. */
  drain(): Promise<void>
  /** Sends the rest. */
  finish(): Promise<ClusterTotals>
  close(): Promise<void>
}

export type ClusterTotals = {
  readonly kind: 'elasticsearch' | 'kafka'
  readonly url: string
  readonly counts: ReadonlyMap<string, number>
  /** Of what was sent: records the ledger is rebuilt from, which no search shows. */
  readonly ledger: number
  /** Where refused documents lie. */
  readonly dir: string
}

/** How many documents lie in the file of refused ones. */
export function refusedOf({ counts }: ClusterTotals): number {
  return counts.get('dead-lettered') ?? 0
}
