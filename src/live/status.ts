/** What the running daemon tells of itself: asked by `peertrail status`, turned into metrics, read by the health checks. */
import type { SourceName } from '../correlate/intake.ts'
import type { Micros } from '../time.ts'
import type { CollectorStatus } from './collectors/collector.ts'
import type { DeliveryStatus } from './delivery.ts'
import type { TierStatus } from './tiers/tier.ts'

export type SourceStatus = {
  readonly label: string
  readonly host: string
  /** `ruleset` for rulesets, which are no source of records. */
  readonly name: SourceName | 'ruleset'
  readonly path: string
  /** Why it cannot be read at the moment, '' = it can. */
  readonly problem: string
  readonly lines: number
  readonly records: number
  readonly unparsed: number
  readonly suspect: number
  readonly bytes: number
  /** Bytes that lie unread. */
  readonly behind: number
  /** Bytes lost for good. */
  readonly lostBytes: number
  /** Arrival of the newest record; null before the first. */
  readonly newestAt: Micros | null
  /** Records decoded that wait for other sources. */
  readonly waiting: number
  /** Lines a second over the last minute. */
  readonly rate: number
}

/** What needs somebody to look. */
export type Alarm = {
  /** `source-stale`, `ledger-stale`, `never-spoke`, `source-unreadable`, `collector-down`, `sink-failing`, `sink-troubled`, `spool-full`, `disk-full`, `state-set-aside`, `late-records`, `reload-refused`, `tier-troubled`, `given-up`, `dead-letters`, `messages-lost`. */
  readonly kind: string
  /** Machine, source or sink concerned. */
  readonly about: string
  readonly text: string
  readonly since: Micros
}

export type DaemonStatus = {
  readonly version: string
  readonly pid: number
  readonly pipeline: string
  readonly state: 'starting' | 'running' | 'catching-up' | 'blocked' | 'stopping'
  readonly startedAt: Micros
  readonly now: Micros
  /** Event time up to which everything was told; null before the first record. */
  readonly watermark: Micros | null
  readonly sources: readonly SourceStatus[]
  readonly collectors: readonly CollectorStatus[]
  readonly sinks: readonly DeliveryStatus[]
  readonly documents: Readonly<Record<string, number>>
  /** Documents a second over the last minute. */
  readonly documentRate: number
  readonly checkpoint: { readonly at: Micros | null; readonly bytes: number; readonly error: string }
  readonly inventory: { readonly hash: string; readonly loadedAt: Micros }
  readonly openFlows: number
  readonly lateRecords: number
  /** Of them, a second over the last minute. */
  readonly lateRate: number
  readonly memoryBytes: number
  /** Of a process that works on what is in Kafka; null for one that reads logs. */
  readonly tier: TierStatus | null
  readonly alarms: readonly Alarm[]
}
