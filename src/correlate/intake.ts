/** What the core takes in: which hosts and sources there are, and the records their decoders hand over. */
import type { HostOptions } from '../config.ts'
import type { AuditEvent } from '../sources/auditd/record.ts'
import type { ConntrackDump } from '../sources/conntrack/dump-decoder.ts'
import type { ConntrackRecord } from '../sources/conntrack/record.ts'
import type { HostFactsRecord } from '../sources/hostfacts/decoder.ts'
import type { PacketRecord } from '../sources/nftables/record.ts'
import type { RulesetDocument } from '../sources/nftables/ruleset-document.ts'
import type { RulesetHistory } from '../sources/nftables/ruleset-history.ts'
import type { Remark } from '../sources/source.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'
import type { Micros } from '../time.ts'

export type SourceName = 'nftables' | 'conntrack' | 'wireguard' | 'auditd' | 'hostfacts'

export type IntakeHost = {
  readonly name: string
  readonly options: HostOptions
  readonly rulesets: RulesetHistory
  /** Whole rulesets that are known from the start, in order of time, for posture; null = of no date. */
  readonly documents?: readonly { readonly at: Micros | null; readonly document: RulesetDocument }[]
  /** Dumps of the ruleset will come while it goes on. */
  readonly hasRulesetDumps?: boolean
  /** Sources that exist; what does not exist is not waited for. */
  readonly sources: readonly SourceName[]
  /** After how many conntrack lines a run of the collector ended, and whether it lost events (conntrack.stderr); -1 = cannot be placed. */
  readonly conntrackRuns: readonly { readonly afterLine: number; readonly enobufs: boolean }[]
}

export type Item =
  | PacketRecord
  | ConntrackRecord
  | ConntrackDump
  | SnapshotRecord
  | AuditEvent
  | HostFactsRecord
  | Remark
