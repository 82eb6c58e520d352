/** What the core takes in: which hosts and sources there are, and the records their decoders hand over. */
import type { HostOptions } from '../config.ts'
import type { AuditEvent } from '../sources/auditd/record.ts'
import type { ConntrackDump } from '../sources/conntrack/dump-decoder.ts'
import type { ConntrackRecord } from '../sources/conntrack/record.ts'
import type { PacketRecord } from '../sources/nftables/record.ts'
import type { RulesetHistory } from '../sources/nftables/ruleset-history.ts'
import type { Remark } from '../sources/source.ts'
import type { SnapshotRecord } from '../sources/wireguard/record.ts'

export type SourceName = 'nftables' | 'conntrack' | 'wireguard' | 'auditd'

export type IntakeHost = {
  readonly name: string
  readonly options: HostOptions
  readonly rulesets: RulesetHistory
  /** Sources that exist; what does not exist is not waited for. */
  readonly sources: readonly SourceName[]
  /** After how many conntrack lines a run of the collector ended, and whether it lost events (conntrack.stderr); -1 = cannot be placed. */
  readonly conntrackRuns: readonly { readonly afterLine: number; readonly enobufs: boolean }[]
}

export type Item = PacketRecord | ConntrackRecord | ConntrackDump | SnapshotRecord | AuditEvent | Remark
