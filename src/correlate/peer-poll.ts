/**
 * What one poll of `wg show all dump` is compared with: the poll before it, and for an interface that returned, the last poll
 * that showed it. A change lies between the two (design 5.2). Nothing is claimed about the time before the first poll of a
 * run, and a dump that the ledger did not take (incomplete, or not newer) proves nothing.
 */

import type { LedgerChange } from '../identity/ledger.ts'
import { DUMP_DURATION_MAX } from '../identity/poll-clock.ts'
import { type Micros, SECOND } from '../time.ts'

export type Poll = {
  readonly at: Micros
  /** The poll before; -Infinity at the first of the run. */
  readonly before: Micros
  /** Interfaces this poll shows and the one before did not: the last poll that showed them, null = never seen in this run. */
  readonly arrived: ReadonlyMap<string, Micros | null>
}

/** What one snapshot is for the peers: its time and which interfaces it brought. `seen` are the interfaces of the run so far. */
export function toPoll(at: Micros, before: Micros, changes: readonly LedgerChange[], seen: ReadonlySet<string>): Poll {
  const arrived = new Map<string, Micros | null>()
  for (const change of changes) {
    if (change.what !== 'interface-up') continue
    const { name, downSince } = change.interface
    arrived.set(name, seen.has(name) ? downSince : null)
  }
  return { at, before, arrived }
}

/** The first snapshot of the run changes nothing: nobody looked before. */
export function isFirst(poll: Poll): boolean {
  return poll.before === Number.NEGATIVE_INFINITY
}

/** The last poll that showed the interface as it was before this poll's changes; where it never was, the poll before. */
export function changedSince(poll: Poll, interfaceName: string): Micros {
  return poll.arrived.get(interfaceName) ?? poll.before
}

/**
 * When a handshake took place that this poll shows and `since` did not. wg prints whole seconds of the gateway's clock,
 * rounded down, and dumps a moment after the poll's stamp. A reading outside those bounds contradicts the polls: the clock
 * was set, or the polls carry another machine's time. The polls are then believed, because everything else is dated by them.
 */
export function handshakeTime(reading: Micros, since: Micros, at: Micros): { at: Micros; isReading: boolean } {
  if (reading > at + DUMP_DURATION_MAX) return { at, isReading: false }
  if (reading < since - SECOND) return { at: since, isReading: false }
  return { at: reading, isReading: true }
}
