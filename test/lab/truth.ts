/** What the lab did, by its own record: the judge holds the store against it. Times are Micros of the clock that stamps the logs. */
import type { Micros } from '../../src/time.ts'

export type Verdict = 'accepted' | 'dropped' | 'rejected'

/** One connection attempt, datagram or echo request. */
export type Attempt = {
  readonly what: string
  readonly client: string
  /** Public key that held `source` on the gateway when it was sent. */
  readonly key: string
  readonly transport: 'tcp' | 'udp' | 'icmp' | 'ipv6-icmp'
  readonly source: string
  /** Used once in a lab, so that it tells attempts apart; 0 for echo requests. */
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
  /** Public key that held `destination`, '' where it is no peer's. */
  readonly target: string
  /** `none`: WireGuard discards it, and nothing may be found. */
  readonly verdict: Verdict | 'none'
  /** Also right, where a firewall change was not yet read. */
  readonly isVerdictNew: boolean
  readonly outcome: 'connected' | 'refused' | 'denied' | 'no-answer'
  /** False for a mark that got no answer: it may have been lost on its way to the gateway, which is part of the story. */
  readonly isCertain: boolean
  readonly from: Micros
  readonly to: Micros
}

/** A change of who holds what; between `from` and `to` it was made. */
export type Change = {
  readonly what: 'added' | 'removed' | 'address-moved' | 'interface-down' | 'interface-up' | 'roamed' | 'firewall'
  readonly how: string
  /** '' where no key is concerned. */
  readonly key: string
  /** Tunnel addresses whose holder is not certain in between. */
  readonly addresses: readonly string[]
  readonly from: Micros
  readonly to: Micros
}

/** Something of ours did not run. `to` is when its replacement was seen to work. */
export type Outage = { readonly of: 'daemon' | 'conntrack'; readonly from: Micros; readonly to: Micros }

/** A login through the tunnel. */
export type Login = {
  readonly key: string
  readonly source: string
  readonly sourcePort: number
  /** Program that it ran to change something. */
  readonly ran: string
}

export type Truth = {
  readonly startedAt: Micros
  readonly attempts: Attempt[]
  readonly changes: Change[]
  readonly outages: Outage[]
  readonly logins: Login[]
  /** Private and preshared keys; none may be found anywhere. */
  readonly secrets: string[]
}

export function createTruth(startedAt: Micros): Truth {
  return { startedAt, attempts: [], changes: [], outages: [], logins: [], secrets: [] }
}
