/**
 * What leaves a machine for the correlator of a partition (design 10). Each message is an event of its machine's own core that stands
 * at a `position` on the machine's event time: the correlator puts the messages of all machines in order of their positions, and so
 * sees what one process for all of them would have seen.
 *
 * Wire form: JSON of these types, one message a value. Shape and limits are checked by read-message.ts.
 */
import type { Fields } from '../fields.ts'
import type { AuditEvent } from '../sources/auditd/record.ts'
import type { Micros } from '../time.ts'

/** Where on the event time of its producer something stands. Positions of one producer never run backwards; `n` counts from 0 within a position. */
export type Position = { readonly at: Micros; readonly n: number }

/** A `wireguard.flow` document on its way to the correlator, to take along what its host tells. `facets`: each as JSON text of its fields. */
export type FlowMessage = Position & {
  readonly kind: 'flow'
  readonly machine: string
  readonly own: Fields
  readonly facets: readonly string[]
}

/** A copy of an accepted `wireguard.firewall` document that no flow of conntrack claimed: the document itself goes straight to the events. */
export type LineMessage = Position & {
  readonly kind: 'line'
  readonly machine: string
  readonly own: Fields
  readonly facets: readonly string[]
}

/** One event of a host's audit log. `desk`: the machine whose log it stood in, where `event.node` may be another one's. */
export type AuditMessage = Position & {
  readonly kind: 'audit'
  readonly machine: string
  readonly scope: 'sessions' | 'all'
  readonly event: AuditEvent
}

/** A login session of another partition's host, as far as a second hop asks for it. `login` is unique and lasting. */
export type HopLogin = {
  readonly login: string
  readonly ses: number
  readonly isLocal: boolean
}

/** From correlator to correlator: a process on one audited host connected to another, whose partition this goes to (second-hops.ts). */
export type HopMessage = Position & {
  readonly kind: 'hop'
  /** Partition it comes from. */
  readonly from: number
  readonly host: string
  readonly serverHost: string
  readonly serverPort: number
  readonly openedFrom: Micros
  readonly openedTo: Micros
  /** Null for a process outside of any login. */
  readonly login: HopLogin | null
}

/** The peer behind a login of another partition's host is known now. Encoded answer: relay/hop-answers.ts. */
export type HopAnswerMessage = Position & {
  readonly kind: 'hop-answer'
  readonly from: number
  readonly host: string
  readonly login: string
  readonly answer: unknown
}

/** How the clock of another partition's host stands. */
export type HopClockMessage = Position & {
  readonly kind: 'hop-clock'
  readonly from: number
  readonly host: string
  readonly offset: Micros
  readonly isMeasured: boolean
}

export type FlowsMessage = FlowMessage | LineMessage
export type HostsMessage = AuditMessage | HopMessage | HopAnswerMessage | HopClockMessage

/** How far a machine has got: everything of it that stands before `reached` is in Kafka. Told once a second of its event time. */
export type MachineProgress = {
  readonly kind: 'machine'
  readonly machine: string
  readonly reached: Micros
  /** All flows whose first record came before this have been told. */
  readonly settled: Micros
  /** Nothing more will come: a capture was read to its end. */
  readonly isFinished: boolean
  /** First arrival of each of its sources, 0 = it spoke, but not of a time. */
  readonly sources: Readonly<Record<string, Micros>>
  /** Addresses its gateway was seen to put in place of its peers' (source NAT), and since when that was known. */
  readonly masks: readonly (readonly [address: string, at: Micros])[]
  /** Addresses of its own, not in the inventory, that packets were seen to end on, and since when that was known. */
  readonly ownAddresses: readonly (readonly [address: string, at: Micros])[]
}

/** How far a correlator has got with a partition: every message of it to other partitions that stands before `reached` is in Kafka. */
export type PartitionProgress = {
  readonly kind: 'partition'
  readonly partition: number
  readonly reached: Micros
  /** Every document of it that stands before this is in Kafka, for detectors: it may be far behind `reached`, which it is where left out. */
  readonly worked?: Micros
}

export type ProgressMessage = MachineProgress | PartitionProgress

/** Current state of one prefix of one key: what the compacted ledger topic holds (design 10). Ended entries stay, with `until`. */
export type LedgerEntryMessage = {
  readonly gateway: string
  readonly interface: string
  readonly public_key: string
  readonly prefix: string
  /** The poll that first showed it, and the one before: it began between them. 0 = there was none before. */
  readonly since: Micros
  readonly not_before: Micros
  /** The first poll without it; null while it holds. */
  readonly until: Micros | null
  /** The poll at which this was told. What holds is told again once a day: what was not is of a gateway that lost what it knew. */
  readonly told: Micros
}
