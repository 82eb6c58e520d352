/**
 * What `who` answers with: every role an address can have at a time. A tunnel address has holders, a post-NAT address and port has
 * flows, an outer address is a peer's endpoint, and some addresses are the gateway's own or documented for something else. Texts
 * are as they came from data: not yet fit for a terminal.
 */
import type { Claim } from '../identity/attribute.ts'
import type { LedgerSpan } from '../store/ledger-reader.ts'
import type { Micros } from '../time.ts'
import type { PeerFacts } from './peer-facts.ts'
import type { Question } from './who-question.ts'

export type Status = Claim['status']

export type WhoAnswer = {
  readonly question: Question
  /** Of the answer in the first line: exact is one key, proven. */
  readonly status: Status
  /** Which of the lists below the first line is about; '' = nothing found. */
  readonly role: 'flow' | 'tunnel' | 'endpoint' | 'place' | ''
  /** Open at that time, nearest first; only where a port was given. */
  readonly flows: readonly FlowAnswer[]
  /** How many there were; `flows` has at most FLOWS_MAX of them. */
  readonly flowCount: number
  /** One for each gateway and interface. */
  readonly holders: readonly HolderAnswer[]
  readonly endpoints: readonly EndpointAnswer[]
  readonly places: readonly PlaceAnswer[]
  /** Of the log line with the address that is nearest to the time, within an hour. */
  readonly rule: RuleAnswer | null
  readonly gaps: readonly GapAnswer[]
  /** What the store holds of each gateway asked about. */
  readonly spans: readonly LedgerSpan[]
}

export type HolderAnswer = {
  readonly gateway: string
  readonly interface: string
  readonly claim: Claim
  /** Who it was; null unless exact. */
  readonly peer: PeerFacts | null
  /** Who else it could be: holders of narrow prefixes first. */
  readonly candidates: readonly CandidateAnswer[]
  readonly held: HeldAnswer | null
  /** Polls around the time; null where there is none. */
  readonly pollBefore: Micros | null
  readonly pollAfter: Micros | null
  /** Distance of polls, measured or configured. */
  readonly period: Micros
  readonly endpoint: { readonly ip: string; readonly port: number } | null
  /** At or before that time. */
  readonly lastHandshake: Micros | null
  /** Hash of the inventory the names come from; '' = none. */
  readonly inventory: string
  /** Who held it last before, and first after, within a day. */
  readonly previous: ChangeAnswer | null
  readonly next: ChangeAnswer | null
  readonly rule: RuleAnswer | null
  /** A log line that shows the address on this interface near that time. */
  readonly seenAt: Micros | null
}

export type CandidateAnswer = PeerFacts & {
  /** The AllowedIPs entry that covered the address around that time; '' = none, it is only documented. */
  readonly prefix: string
}

/** How long the entry stood. */
export type HeldAnswer = {
  /** AllowedIPs entry that matched. */
  readonly prefix: string
  /** First poll that showed it. */
  readonly since: Micros
  /** The poll before that; null = it is the first the store has. */
  readonly sinceAfter: Micros | null
  /** Last poll that showed it; null = the newest still does. */
  readonly until: Micros | null
  /** The poll after that. */
  readonly untilBefore: Micros | null
  /** The whole documented and running list of the peer. */
  readonly allowedIps: readonly string[]
}

/** A holder before or after, with the two polls between which it took or lost the address. */
export type ChangeAnswer = {
  readonly peer: PeerFacts
  readonly prefix: string
  readonly since: Micros
  readonly sinceAfter: Micros | null
  readonly until: Micros | null
  readonly untilBefore: Micros | null
}

export type End = { readonly ip: string; readonly port: number }

export type FlowAnswer = {
  readonly id: string
  readonly gateway: string
  readonly interface: string
  readonly transport: string
  readonly source: End
  readonly destination: End
  /** Null where NAT changed nothing. */
  readonly sourceNat: End | null
  readonly destinationNat: End | null
  /** Which of its ends was asked for. */
  readonly matched: 'source' | 'source.nat' | 'destination' | 'destination.nat'
  readonly start: Micros
  /** Null = no end is known. */
  readonly end: Micros | null
  /** Newest document. */
  readonly lastSeen: Micros
  readonly state: string
  readonly verdict: string
  readonly outcome: string
  readonly resource: string
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly status: Status
  readonly method: string
  readonly reason: string
  readonly peer: PeerFacts | null
  /** On which side of the flow the peer stands. */
  readonly role: string
  readonly target: PeerFacts | null
  readonly candidates: readonly PeerFacts[]
  readonly prefix: string
  /** How long its mapping was seen to hold. */
  readonly since: Micros | null
  readonly until: Micros | null
  readonly inventory: string
  /** Who took it on the machine it went to; null where no audit log tells. */
  readonly host: HostAnswer | null
  readonly rule: RuleAnswer | null
}

/** The process that took a flow, and who logged in over it. */
export type HostAnswer = {
  readonly name: string
  /** '' and -1 where the log does not say. */
  readonly process: string
  readonly pid: number
  /** Login session and account; '' where nobody logged in. */
  readonly session: string
  readonly user: string
}

export type EndpointAnswer = {
  readonly peer: PeerFacts
  readonly port: number
  readonly status: Status
  /** First poll that showed it, null when not known. */
  readonly since: Micros | null
  /** Last point that showed it; null = still at the newest. */
  readonly until: Micros | null
  /** It was its endpoint at that time; false: only before or after. */
  readonly isThen: boolean
}

export type PlaceAnswer = {
  readonly what: 'gateway' | 'host' | 'resource' | 'documented' | 'default-route'
  /** Of the gateway, host, resource or peer. */
  readonly name: string
  /** For the first line: `host db1, by inventory`. */
  readonly short: string
  /** One sentence. */
  readonly text: string
}

export type RuleAnswer = {
  readonly at: Micros
  readonly name: string
  readonly id: string
  readonly ruleset: string
  readonly version: string
  readonly verdict: string
  readonly prefix: string
  /** The packet it decided about; port -1 where there is none. */
  readonly transport: string
  readonly source: End
  readonly destination: End
}

export type GapAnswer = {
  readonly gateway: string
  readonly source: string
  readonly reason: string
  readonly start: Micros
  readonly end: Micros
  readonly isLoss: boolean
}
