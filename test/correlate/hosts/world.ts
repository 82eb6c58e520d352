/** What a made world of peers, gateways and audited hosts is made of. */
import type { Micros } from '../../../src/time.ts'
import type { Random } from '../../variants/random.ts'
import type { Happenings } from './happenings.ts'
import type { SimulatedGateway } from './simulated-gateway.ts'
import type { HostSettings, SimulatedHost } from './simulated-host.ts'

export type World = {
  readonly random: Random
  readonly happenings: Happenings
  readonly gateways: readonly SimulatedGateway[]
  readonly hosts: readonly SimulatedHost[]
  readonly options: WorldOptions
  /** Whether a record is lost that may be lost beside any other. */
  readonly isLost: () => boolean
  /** A connection begins; `key` null: from a machine that is no peer. */
  connect(now: Micros, from: Origin, host: SimulatedHost, kind: ConnectionKind): void
}

/** Who connects: a peer through its gateway, or a machine of the same network. */
export type Origin =
  | { readonly gateway: SimulatedGateway; readonly key: string }
  | { readonly ip: string; readonly key: string | null }

export type ConnectionKind = 'key' | 'password' | 'failed' | 'silent' | 'daemon'

export type WorldOptions = {
  readonly seed: number
  /** Chance of each record to be lost, 0 to 1. */
  readonly loss: number
  readonly isForged: boolean
  readonly connections: number
  /** How long connections keep beginning. */
  readonly span: Micros
  readonly hosts: readonly Partial<HostSettings>[]
  /** Whether gateways put their own address in place of their peers'. */
  readonly masks: readonly [boolean, boolean]
  readonly kinds: readonly ConnectionKind[]
  /** A second boot in the middle of the time, of the first host. */
  readonly reboots: boolean
}

/** One of them. */
export function pick<T>(random: Random, among: readonly T[]): T {
  const found = among[random.below(among.length)]
  if (found === undefined) throw new Error('nothing to pick from')
  return found
}
