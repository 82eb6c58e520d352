/**
 * The `timestamp` of ulogd2's JSON output (formats.md 1.7): `2026-11-22T11:51:15.662541+0100`, or without zone where the
 * machine's offset is 0 (`json_interp` of ulogd_output_JSON.c assigns where it means to compare). A zone with a colon and
 * `Z` are read as well, for the day that is mended. Nothing is guessed: a field out of range is no time.
 */
import { DAY, HOUR, MINUTE, type Micros, SECOND } from '../../time.ts'

const STAMP = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(Z|[+-]\d{2}:?\d{2})?$/

/** `isLocalTime`: no zone was given, `at` is the wall clock read as UTC. */
export function parseUlogdStamp(text: string): { at: Micros | null; isLocalTime: boolean } {
  const match = STAMP.exec(text)
  if (match === null) return { at: null, isLocalTime: false }
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', fraction = '', zone] = match
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day)) * 1000
  const date = new Date(midnight / 1000)
  // Date.UTC carries 31 April over to 1 May, and takes years below 100 for those of the 20th century.
  const isDate = date.getUTCFullYear() === Number(year) && date.getUTCDate() === Number(day) && Number(month) <= 12
  const offset = zoneOffset(zone ?? '')
  // 60 is a leap second.
  if (!isDate || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60 || Math.abs(offset) >= DAY) {
    return { at: null, isLocalTime: false }
  }
  const time = Number(hour) * HOUR + Number(minute) * MINUTE + Number(second) * SECOND
  return { at: midnight + time + Number(fraction.padEnd(6, '0')) - offset, isLocalTime: zone === undefined }
}

/** Microseconds east of UTC. */
function zoneOffset(zone: string): Micros {
  if (zone === '' || zone === 'Z') return 0
  const sign = zone.startsWith('-') ? -1 : 1
  return sign * (Number(zone.slice(1, 3)) * HOUR + Number(zone.slice(-2)) * MINUTE)
}
