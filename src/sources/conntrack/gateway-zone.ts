/**
 * Brings the gateway's wall clock (`[start=Sun Nov 22 10:46:45 2026]`, no zone in the text) to UTC with the configured zone,
 * and notices when that zone is wrong.
 *
 * Authority for zones: the IANA database inside Node (Intl). A wall clock reading occurs twice when clocks go back; the one
 * nearer to what the line otherwise tells is taken. Zones in seconds (before about 1970) are out of scope.
 */
import { DAY, HOUR, MINUTE, type Micros, MS, SECOND } from '../../time.ts'
import { openZoneFormat } from '../zone-format.ts'

/** Local wall clock reading (as if it were UTC) to an instant. `near` decides a reading that occurs twice; NaN = not known: the first. */
export type GatewayZone = (local: Micros, near: Micros) => Micros

type Offsets = { readonly first: Micros; readonly second: Micros }

/** Zones change at quarter hours only, so one look at Intl (some 10 µs) serves all readings of a quarter. */
const QUARTER = 15 * MINUTE
/** Quarters kept: 85 days; the whole cache is dropped when full. */
const QUARTERS_MAX = 8192

/** `zone`: an IANA name, `UTC` or `+05:30`. An unknown one is the operator's error and is thrown as AppError. */
export function createGatewayZone(zone: string): GatewayZone {
  const format = openZoneFormat(zone)
  const quarters = new Map<number, Offsets>()
  let lastQuarter = Number.NaN
  let last: Offsets = { first: 0, second: 0 }
  return (local, near) => {
    const quarter = Math.floor(local / QUARTER)
    if (quarter !== lastQuarter) {
      last = quarters.get(quarter) ?? offsetsOf(format, quarter * QUARTER)
      if (quarters.size >= QUARTERS_MAX) quarters.clear()
      quarters.set(quarter, last)
      lastQuarter = quarter
    }
    const first = local - last.first
    const second = local - last.second
    return Math.abs(near - second) < Math.abs(near - first) ? second : first
  }
}

/** How far a configured zone may be off: from UTC-12 to UTC+14. */
const ZONE_ERROR_MAX = 26 * HOUR
/** conntrack's clean-up may be this late; clocks of kernel and reader differ by less than the other number. */
const CLEANUP_LATE_MAX = 300 * SECOND
const CLOCKS_DIFFER_MAX = 5 * SECOND
/** A difference up to this needs no explanation by zones. */
const DIFFERENCE_MAX = 10 * MINUTE

/**
 * What must be added to times that the zone was applied to, 0 when it fits: `observed` (the stop of a flow) should lie
 * shortly before `reference` (the event's own stamp), and lies a whole number of quarter hours away from there.
 */
export function zoneErrorOf(reference: Micros, observed: Micros): Micros {
  const difference = reference - observed
  if (Math.abs(difference) <= DIFFERENCE_MAX || Math.abs(difference) > ZONE_ERROR_MAX) return 0
  const error = Math.floor((difference + CLOCKS_DIFFER_MAX) / QUARTER) * QUARTER
  return difference - error <= CLEANUP_LATE_MAX ? error : 0
}

/** The offsets under which this wall clock reading occurs, the earlier instant first. A reading that a forward step skipped gets the offset before it. */
function offsetsOf(format: Intl.DateTimeFormat, local: Micros): Offsets {
  const before = offsetAt(format, local - DAY)
  const after = offsetAt(format, local + DAY)
  const isBefore = offsetAt(format, local - before) === before
  const isAfter = offsetAt(format, local - after) === after
  if (isAfter && !isBefore) return { first: after, second: after }
  if (isBefore && !isAfter) return { first: before, second: before }
  return isBefore && isAfter ? { first: before, second: after } : { first: before, second: before }
}

/** Local minus UTC at an instant. */
function offsetAt(format: Intl.DateTimeFormat, at: Micros): Micros {
  const fields = new Map<string, number>()
  for (const part of format.formatToParts(at / MS)) fields.set(part.type, Number(part.value))
  const number = (name: string) => fields.get(name) ?? 0
  const local = Date.UTC(
    number('year'),
    number('month') - 1,
    number('day'),
    number('hour'),
    number('minute'),
    number('second'),
  )
  return local * MS - Math.floor(at / SECOND) * SECOND
}
