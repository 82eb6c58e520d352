/**
 * What is known about the end of one key's access: facts only, gathered from what was recorded (revocation-gather.ts and beside it).
 * revocation.ts judges them; whoever prints a report takes both. Texts are as they came, not yet fit for a terminal or a page.
 */
import type { Severity } from '../../finding-document.ts'
import type { Micros } from '../../time.ts'
import type { Appearance } from './revocation-history.ts'
import type { Hole } from './revocation-polls.ts'

/** A time that lies between two others: after `from`, no later than `to`. */
export type Between = { readonly from: Micros; readonly to: Micros }

export type RevocationFacts = {
  readonly publicKey: string
  readonly peer: RevokedPeer
  /** As asked; null = not stated. */
  readonly compromisedAt: Micros | null
  /** Removals and evidence before it are left out; null = all that is recorded. */
  readonly since: Micros | null
  /** Up to when the records were to be looked at: as asked, else the newest poll of any gateway. Null: there is no poll. */
  readonly asked: Micros | null
  /** Hash of the inventory that declares the gateways; '' = there is none. */
  readonly inventory: string
  readonly gateways: readonly GatewayFacts[]
  /** The first since the compromise, or of all, and the newest of each rule. */
  readonly findings: readonly FindingFact[]
  readonly findingCount: number
  readonly acknowledgements: readonly AcknowledgementFact[]
  readonly last: LastTraffic
  readonly flows: OutlivingFlows
  readonly sessions: OutlivingSessions
  readonly outer: readonly OuterFact[]
  readonly coverage: readonly SourceFact[]
  /** What could not be read of the records, a line each. */
  readonly damage: readonly string[]
  /** Other keys of the same peer that still run: no part of this. */
  readonly runningKeys: readonly RunningKey[]
}

export type RevokedPeer = {
  /** '' = documented nowhere. */
  readonly name: string
  readonly device: string
  readonly owner: { readonly name: string; readonly email: string } | null
}

export type RunningKey = { readonly publicKey: string; readonly gateway: string; readonly interface: string }

export type GatewayFacts = {
  readonly gateway: string
  /** The inventory names it. */
  readonly isDeclared: boolean
  /** Declared interfaces; the key's own documented one first. */
  readonly interfaces: readonly string[]
  /** Declared interfaces that no poll showed. */
  readonly unseen: readonly string[]
  /** Times in which a poll showed the key there, oldest first. */
  readonly appearances: readonly Appearance[]
  /** Its last removal; null = it was never seen there, or still runs. */
  readonly removal: Removal | null
  /** Interfaces that are down and bring the key back when they return. */
  readonly heldDown: readonly string[]
  /** From the last poll that showed the key (elsewhere, if it never did here) to the end; null = no poll at all. */
  readonly polls: PollFacts | null
  /** Keyframes of which parts are missing, in that time. */
  readonly doubts: readonly Micros[]
  readonly stored: readonly StoredFact[]
}

export type Removal = {
  readonly interface: string
  /** The last poll with it and the first without. The upper end is later than that poll's stamp by what a dump may take. */
  readonly between: Between
  readonly lastWith: Micros
  readonly firstWithout: Micros
  readonly how: 'removed' | 'interface-down'
  /** Canonical prefixes it had. */
  readonly allowedIps: readonly string[]
  /** event.id of the session document, '' = none found; and of the audit events that show who did it. */
  readonly id: string
  readonly evidenceIds: readonly string[]
}

export type PollFacts = {
  readonly since: Micros
  /** The last poll at or before `since`, else the first after it. */
  readonly first: Micros | null
  readonly last: Micros | null
  /** First poll that is surely later than the last removal anywhere; null = there is none. */
  readonly after: Micros | null
  readonly count: number
  /** Distance of polls, configured or measured; where it was changed the longer one. */
  readonly period: Micros
  readonly widest: Micros
  readonly holes: readonly Hole[]
  readonly holeCount: number
  readonly repeats: readonly Hole[]
}

/** One stored configuration that was looked at. */
export type StoredFact = {
  readonly file: string
  readonly interface: string
  readonly holdsKey: boolean
  /** Line of its [Peer] section, 0 = none. */
  readonly line: number
  /** Lines that wg would refuse: what stands there is not known. */
  readonly problems: number
}

export type FindingFact = {
  readonly id: string
  /** When it could be known: its evidence was whole, and live it was made. */
  readonly at: Micros
  readonly rule: string
  readonly title: string
  readonly summary: string
  readonly severity: Severity | 0
  readonly gateway: string
}

export type AcknowledgementFact = {
  readonly id: string
  readonly at: Micros
  readonly findingId: string
  readonly by: string
  readonly reference: string
}

export type LastTraffic = {
  readonly handshake: { readonly at: Micros; readonly gateway: string } | null
  /** Counters grew between two points that were kept, `by` bytes received from the peer. */
  readonly counter: { readonly between: Between; readonly gateway: string; readonly bytes: number } | null
  /** The last packet of the key that a firewall line shows. */
  readonly packet: { readonly at: Micros; readonly gateway: string } | null
  /** The last connection it opened. */
  readonly connection: { readonly at: Micros; readonly gateway: string } | null
}

export type OutlivingFlow = {
  readonly id: string
  readonly gateway: string
  readonly transport: string
  /** `10.8.0.7:53420`, `[fd08::7]:443`. */
  readonly source: string
  readonly destination: string
  readonly resource: string
  readonly start: Micros
  /** Null: nothing recorded ends it. */
  readonly end: Micros | null
  /** Nothing ends it, and conntrack was not seen for a while since: it may have ended then. */
  readonly isEndLost: boolean
  readonly lastTold: Micros
  /** Conntrack's state at the last record, '' = none known. */
  readonly state: string
  readonly role: 'source' | 'destination' | ''
}

export type OutlivingFlows = {
  /** Oldest first, at most FLOWS_MAX. */
  readonly told: readonly OutlivingFlow[]
  readonly count: number
  /** Of these nothing recorded ends `openCount`; conntrack was not seen all the time since of `lostCount` of those that are told. */
  readonly openCount: number
  readonly lostCount: number
  /** When the last of those that ended did. */
  readonly lastEnd: Micros | null
  /** Gateways that had the key and of which no connection tracking is recorded: what stood there is not known. */
  readonly unseen: readonly string[]
}

export type SessionAct = {
  readonly id: string
  readonly at: Micros
  readonly action: string
  readonly process: string
  readonly pid: number
  readonly text: string
}

export type OutlivingSession = {
  readonly id: string
  readonly host: string
  readonly session: string
  readonly user: string
  readonly start: Micros
  /** Null: no end of it is recorded. */
  readonly end: Micros | null
  /** What its processes did after the removal: the first ACTS_MAX. */
  readonly acts: readonly SessionAct[]
  readonly actCount: number
}

export type OutlivingSessions = {
  readonly told: readonly OutlivingSession[]
  readonly count: number
  /** Audit of some host is recorded in the time. Without it nothing is known of sessions. */
  readonly isSeen: boolean
}

/** Outer flows to a gateway's listen port after the removal, of whoever sent them. */
export type OuterFact = {
  readonly gateway: string
  /** Ended without one packet back. */
  readonly unanswered: number
  /** Still open at the end of the records: whether an answer came is not known. */
  readonly undecided: number
  readonly answered: number
}

export type SourceFact = {
  readonly machine: string
  readonly source: string
  /** The inventory says that it is collected. */
  readonly isDeclared: boolean
  /** It delivered something in the time. */
  readonly hasSpoken: boolean
  /** The first of them and the one that ends last. */
  readonly gaps: readonly GapFact[]
  readonly gapCount: number
}

export type GapFact = Hole & { readonly id: string; readonly reason: string; readonly isLoss: boolean }
