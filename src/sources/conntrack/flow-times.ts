/**
 * Start and stop of a flow as instants: `delta-time=2 [start=Sun Nov 22 10:46:45 2026] [stop=Sun Nov 22 10:46:47 2026]`,
 * read with the gateway's zone, and put right where the event's own stamp shows that the zone is wrong.
 *
 * Whole seconds, idle timeout included, as the kernel gives them; nothing is derived here that the line does not say.
 */
import { type Micros, SECOND } from '../../time.ts'
import type { ConntrackFields } from './fields.ts'
import { type GatewayZone, zoneErrorOf } from './gateway-zone.ts'

export type FlowTimes = {
  readonly startAt: Micros
  readonly stopAt: Micros
  /** What had to be added because the configured zone is wrong; 0 when it fits or cannot be checked. */
  readonly zoneError: Micros
}

const NO_TIMES: FlowTimes = { startAt: -1, stopAt: -1, zoneError: 0 }

/**
 * `proof`: when the line was printed (event stamp, time of the dump), -1 when not known. `near`: about when that may have
 * been (NaN: no idea), to decide a wall clock reading that occurs twice a year.
 */
export function flowTimesOf(fields: ConntrackFields, zone: GatewayZone, proof: Micros, near: Micros): FlowTimes {
  if (fields.startLocal < 0 && fields.stopLocal < 0) return NO_TIMES
  const duration = fields.deltaSeconds < 0 ? 0 : fields.deltaSeconds * SECOND
  const about = proof < 0 ? near : proof
  const stop = fields.stopLocal < 0 ? -1 : zone(fields.stopLocal, about)
  const start = fields.startLocal < 0 ? -1 : zone(fields.startLocal, (stop < 0 ? about : stop) - duration)
  const zoneError = proof < 0 ? 0 : zoneErrorOf(proof, lastKnown(fields, start, stop, duration))
  return {
    // A gateway without a clock starts in 1970: east of Greenwich that is before any instant we can say.
    startAt: start < 0 ? -1 : Math.max(start + zoneError, -1),
    stopAt: stop < 0 ? -1 : Math.max(stop + zoneError, -1),
    zoneError,
  }
}

/** The latest instant the line tells in local time; -1 when an old start alone cannot be compared with anything. */
function lastKnown(fields: ConntrackFields, start: Micros, stop: Micros, duration: Micros): Micros {
  if (stop >= 0) return stop
  if (fields.event === 'new' || fields.deltaSeconds >= 0) return start + duration
  return -1
}
