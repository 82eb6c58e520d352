/** What waits in a correlator's order until it is worked off. */
import { type Event, fieldOf } from '../event.ts'
import type { HopAnswer } from './hop-answers.ts'
import type { MachineFact } from './machine-facts.ts'
import type { AuditMessage, HopClockMessage, HopMessage } from './messages.ts'

/** Of hops with when they take effect, not when they stand: see HOP_DELAY. */
export type Input =
  | { readonly what: 'flow' | 'line'; readonly event: Event }
  | (Pick<AuditMessage, 'machine' | 'scope' | 'event'> & { readonly what: 'audit' })
  | { readonly what: 'hop'; readonly message: HopMessage }
  | { readonly what: 'hop-answer'; readonly login: string; readonly told: HopAnswer }
  | ({ readonly what: 'hop-clock' } & Pick<HopClockMessage, 'host' | 'offset' | 'isMeasured'>)
  | MachineFact

/** What a machine says of itself is no record: it moves no clock. */
export function isFact({ what }: Input): boolean {
  return what === 'mask' || what === 'own-address' || what === 'spoke'
}

/** The first that is told of a connection: nobody knows of it before. */
export function isFirstOf(event: Event): boolean {
  if (event.dataset !== 'wireguard.flow' || fieldOf(event, 'event.action') === 'flow-started') return true
  // Nobody saw it begin, so this may be the first.
  return fieldOf(event, 'wireguard.flow.start_basis') !== 'new' && fieldOf(event, 'event.action') === 'flow-ended'
}
