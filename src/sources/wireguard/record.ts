/**
 * What one poll of `wg show all dump` said (formats.md 4.2). Private and preshared keys are gone before these objects
 * exist: they never leave this folder (design 2.7).
 */
import type { Micros } from '../../time.ts'
import type { SourceFile } from '../source.ts'

export type InterfaceRow = {
  readonly interface: string
  /** '' when the interface has no key. */
  readonly publicKey: string
  readonly listenPort: number
  /** `0xca6c`, '' for off. */
  readonly fwmark: string
}

export type PeerRow = {
  readonly interface: string
  readonly publicKey: string
  readonly hasPresharedKey: boolean
  /** Canonical address, '' for (none). */
  readonly endpointIp: string
  readonly endpointPort: number
  /** Canonical prefixes, sorted. */
  readonly allowedIps: readonly string[]
  /** 0 = never. Whole seconds of the gateway's clock. */
  readonly latestHandshakeAt: Micros
  /** Bytes as seen from the gateway: received from, sent to the peer. */
  readonly received: number
  readonly sent: number
  /** Seconds, 0 = off. */
  readonly keepalive: number
}

export type SnapshotRecord = {
  readonly kind: 'snapshot'
  readonly arrival: Micros
  readonly at: Micros
  readonly interfaces: readonly InterfaceRow[]
  readonly peers: readonly PeerRow[]
  /** False when a row of this poll could not be read: then an absent peer proves nothing. */
  readonly isComplete: boolean
  readonly file: SourceFile
  readonly offset: number
}
