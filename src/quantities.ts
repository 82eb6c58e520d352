/**
 * Instants, durations and sizes as people write them in configuration: `2026-01-10`, `2026-11-22T10:47:00+01:00`, `250ms`,
 * `90d`, `20GiB`. One spelling each (RFC 3339, SI and IEC 80000-13 units); no `1h30m`, no bare numbers, no local time:
 * what a reader could take for something else is refused.
 */
import { DAY, HOUR, MINUTE, type Micros, MS, SECOND } from './time.ts'

export const INSTANT_EXPECTED =
  'expected a date such as 2026-01-10 (0:00 UTC) or a time with zone such as 2026-01-10T09:30:00Z'
export const DURATION_EXPECTED = 'expected a duration such as 250ms, 60s, 5m, 1h or 90d'
export const SIZE_EXPECTED = 'expected a size such as 512MiB or 20GiB'

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d))?$/
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/
const SIZE = /^(\d{1,9})(B|kB|KB|KiB|MB|MiB|GB|GiB|TB|TiB)$/

/** Null when `text` is no instant. A date alone is its first moment in UTC; digits below a microsecond are cut off. */
export function parseInstant(text: string): Micros | null {
  const match = INSTANT.exec(text)
  if (match === null) return null
  const part = (i: number) => Number(match[i] ?? 0)
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)]
  if (year < 1 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return null
  // Years below 100 would be taken for 19xx by Date.UTC, so the year is set on its own.
  const date = new Date(Date.UTC(2000, month - 1, day, hour, minute, second))
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null
  const offset = zoneOffset(match[8] ?? 'Z')
  if (offset === null) return null
  return date.getTime() * MS + Number((match[7] ?? '').padEnd(6, '0').slice(0, 6)) - offset
}

/** `+05:30` as microseconds east of UTC; `Z` is 0; null when out of range. */
function zoneOffset(zone: string): Micros | null {
  if (zone === 'Z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(4, 6))
  if (hours > 23 || minutes > 59) return null
  return (zone.startsWith('-') ? -1 : 1) * (hours * HOUR + minutes * MINUTE)
}

/** Null when `text` is no duration. A day is 24 hours. */
export function parseDuration(text: string): Micros | null {
  const match = DURATION.exec(text)
  if (match === null) return null
  return Number(match[1]) * durationUnit(match[2] ?? '')
}

function durationUnit(unit: string): Micros {
  if (unit === 'ms') return MS
  if (unit === 's') return SECOND
  if (unit === 'm') return MINUTE
  return unit === 'h' ? HOUR : DAY
}

/** Bytes, null when `text` is no size. `GiB` counts in 1024s, `GB` in 1000s. */
export function parseSize(text: string): number | null {
  const match = SIZE.exec(text)
  if (match === null) return null
  const unit = match[2] ?? 'B'
  const power = 'BKMGT'.indexOf(unit.charAt(0).toUpperCase())
  const bytes = Number(match[1]) * (unit.endsWith('iB') ? 1024 : 1000) ** power
  return Number.isSafeInteger(bytes) ? bytes : null
}
