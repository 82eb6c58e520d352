/**
 * ctime(3) text as conntrack prints it in `[start=…]` and `[stop=…]`: `Sun Nov 22 10:46:47 2026`, day padded with a blank,
 * always the C locale's names, always 24 characters for the years accepted here.
 *
 * The text is local time without a zone; the zone is applied in gateway-zone.ts. The weekday is not compared.
 */
import { type Micros, MS } from '../../time.ts'

export const CTIME_LENGTH = 24

/** Up to here microseconds are exact in a number. */
const YEAR_MAX = 2254
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'

/** The wall clock's reading as if it were UTC; -1 when the text is no such time (or outside 1970 to 2254). */
export function parseCtime(text: string, at: number): Micros {
  const month = text.slice(at + 4, at + 7)
  const monthAt = MONTHS.indexOf(month)
  const day = text.charCodeAt(at + 8) === 32 ? digitsAt(text, at + 9, 1) : digitsAt(text, at + 8, 2)
  const hour = digitsAt(text, at + 11, 2)
  const minute = digitsAt(text, at + 14, 2)
  const second = digitsAt(text, at + 17, 2)
  const year = digitsAt(text, at + 20, 4)
  if (monthAt < 0 || monthAt % 3 !== 0 || month.length !== 3 || !hasSeparators(text, at)) return -1
  if (year < 1970 || year > YEAR_MAX || day < 1) return -1
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1
  const midnight = Date.UTC(year, monthAt / 3, day)
  // 31 November would roll over into December.
  if (new Date(midnight).getUTCDate() !== day) return -1
  return (midnight + ((hour * 60 + minute) * 60 + second) * 1000) * MS
}

function hasSeparators(text: string, at: number): boolean {
  return (
    text.charCodeAt(at + 3) === 32 &&
    text.charCodeAt(at + 7) === 32 &&
    text.charCodeAt(at + 10) === 32 &&
    text.charCodeAt(at + 13) === 58 &&
    text.charCodeAt(at + 16) === 58 &&
    text.charCodeAt(at + 19) === 32
  )
}

function digitsAt(text: string, at: number, count: number): number {
  let value = 0
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 48
    if (!(digit >= 0 && digit <= 9)) return -1
    value = value * 10 + digit
  }
  return value
}
