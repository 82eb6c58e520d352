/** Amounts as people read them, three digits at most: bytes in SI units, spans of time, times of day. */
import { DAY, HOUR, INSTANT_MAX, INSTANT_MIN, MINUTE, type Micros, MS, SECOND, toIso } from './time.ts'

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** `812 B`, `1.2 kB`, `34 MB`. */
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  // 999.6 kB would be printed as 1000 kB.
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? String(value) : threeDigits(value)} ${BYTE_UNITS[unit]}`
}

/** `40 ms`, `8.9 s`, `3.1 min`, `26 h`, `90 d`. */
export function spanText(span: Micros): string {
  if (span < SECOND) return `${Math.round(span / MS)} ms`
  if (span < 100 * SECOND) return `${threeDigits(span / SECOND)} s`
  if (span < 100 * MINUTE) return `${threeDigits(span / MINUTE)} min`
  return span < 48 * HOUR ? `${threeDigits(span / HOUR)} h` : `${threeDigits(span / DAY)} d`
}

/** `15:09:29.604` in UTC; what lies below the millisecond is cut off, as clocks do. */
export function timeOfDay(at: Micros): string {
  return isoText(Math.floor(at / MS) * MS).slice(11, 23)
}

/** `2026-11-22`, the day in UTC. */
export function dayOf(at: Micros): string {
  return isoText(at).slice(0, 10)
}

/** `2026-11-22 15:09:26 to 15:13:11 UTC`: both to the second, the day of the end only where it is another. */
export function periodText(from: Micros, to: Micros): string {
  const [start, end] = [from, to].map((at) => isoText(Math.floor(at / SECOND) * SECOND).slice(0, 19))
  const [startDay, startTime] = (start ?? '').split('T')
  const [endDay, endTime] = (end ?? '').split('T')
  return `${startDay} ${startTime} to ${endDay === startDay ? '' : `${endDay} `}${endTime} UTC`
}

/** A document may hold any number for a time; what cannot be printed is shown as such and stops nothing. */
function isoText(at: Micros): string {
  return at >= INSTANT_MIN && at <= INSTANT_MAX ? toIso(at) : '????-??-??T??:??:??.???Z'
}

function threeDigits(value: number): string {
  return value < 9.95 ? value.toFixed(1).replace(/\.0$/, '') : String(Math.round(value))
}
