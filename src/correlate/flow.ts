/**
 * One connection at a gateway as the flow table keeps it: conntrack's two tuples with NAT undone (design 5.7), the firewall
 * line that showed its start, and what was already said about it. No text of a read buffer is kept: V8 slices would hold the
 * whole buffer (see address-book detach).
 */

import type { Facet } from '../event.ts'
import type { Claim } from '../identity/attribute.ts'
import type { Verdict } from '../sources/nftables/rule-verdict.ts'
import type { Micros } from '../time.ts'

/** Totals of one flow in original and reply direction; -1 where accounting was off. */
export type Counters = {
  sourcePackets: number
  sourceBytes: number
  destinationPackets: number
  destinationBytes: number
}

export type StartBasis = 'new' | 'firewall' | 'stop-minus-delta' | 'first-sight'

/** What a firewall line says about a flow, kept after the line itself is gone. */
export type LineWitness = {
  readonly at: Micros
  readonly in: string
  readonly out: string
  readonly src: string
  readonly sport: number
  readonly dst: string
  readonly dport: number
  readonly verdict: Verdict
}

export type Flow = {
  /** Its row in the table's store; -1 once the table has forgotten it. */
  row: number
  readonly id: string
  readonly protocol: number
  readonly family: 0 | 4 | 6
  /** The original tuple: what the initiator asked for. */
  readonly src: string
  readonly sport: number
  readonly dst: string
  readonly dport: number
  /** The reply tuple turned round: what the responder saw and was. Equal to the original where there is no NAT. */
  readonly seenSrc: string
  readonly seenSport: number
  readonly seenDst: string
  readonly seenDport: number
  readonly icmpType: number
  readonly icmpCode: number
  readonly icmpId: number
  readonly zone: string
  readonly conntrackId: string
  startAt: Micros
  /** Earliest it can have started: DESTROY tells whole seconds and comes late. */
  startFrom: Micros
  startBasis: StartBasis
  /** NaN while open. */
  endAt: Micros
  endReason: '' | 'reused-id' | 'reused-tuple' | 'absent-from-dump' | 'idle' | 'userspace'
  /** Newest record of it: for ageing. */
  seenAt: Micros
  hasReply: boolean
  isAssured: boolean
  state: string
  mark: string
  helper: string
  labels: string
  /** The firewall line that saw its start, until the decision is made. */
  witness: LineWitness | null
  /** What that line says was done with it, from the decision on; null when no line was seen. */
  verdict: Verdict | null
  counters: Counters
  /** Counters at the previous document of this flow. */
  reported: Counters
  /** Decided once, for the holder at its start (design 5.6). */
  decision: Decision | null
  isHolderChanged: boolean
  /** Conntrack lines that spoke of it, until the decision says whether they were in scope. */
  linesUndecided: number
  /** Steps of it that wait for their document. */
  stepsWaiting: number
  userspacePortid: string
  userspaceProgram: string
}

/** Shared by flows that were decided alike; never changed. */
export type Decision =
  | InnerDecision
  | { readonly scope: 'outer'; readonly interface: string; readonly peer: Facet | null }
  | { readonly scope: 'out' }

export type InnerDecision = {
  readonly scope: 'inner'
  readonly claim: Claim
  readonly role: 'source' | 'destination'
  readonly target: Claim | null
  readonly identity: Facet
  readonly resource: Facet
  readonly policy: 'allowed' | 'violation' | ''
}

export const NO_COUNTERS: Counters = Object.freeze({
  sourcePackets: -1,
  sourceBytes: -1,
  destinationPackets: -1,
  destinationBytes: -1,
})

/** How a flow went, by its end (design 4.1). `denied` never occurs here: what the firewall refused has no conntrack entry. */
export function outcomeOf(flow: Flow): 'no-answer' | 'refused' | 'connected' | 'unknown' {
  const isTcp = flow.protocol === 6
  if (isTcp && isRefused(flow)) return 'refused'
  if (flow.hasReply) return 'connected'
  if (Number.isNaN(flow.endAt)) return 'unknown'
  const { destinationPackets } = flow.counters
  if (destinationPackets > 0) return 'connected'
  return destinationPackets === 0 || flow.endReason === '' ? 'no-answer' : 'unknown'
}

/**
 * A server answered the SYN with RST: conntrack goes from SYN_SENT to CLOSE, never sees a reply it would call one
 * (`[UNREPLIED]` stays) and counts one packet back.
 */
function isRefused(flow: Flow): boolean {
  const { sourcePackets, destinationPackets } = flow.counters
  return !flow.isAssured && flow.state === 'CLOSE' && !flow.hasReply && destinationPackets !== 0 && sourcePackets <= 3
}

/** A TCP connection that is over though its entry lingers: nothing can continue on it. */
export function isFinished(flow: Flow): boolean {
  return flow.protocol === 6 && (flow.state === 'TIME_WAIT' || flow.state === 'CLOSE')
}
