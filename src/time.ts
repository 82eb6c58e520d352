/**
 * Instants. The whole core counts microseconds since 1970-01-01T00:00:00Z in a plain number: the finest resolution any
 * source has (rsyslog, conntrack) and, at 1.8e15 today, well below 2^53.
 */

/** Microseconds since the epoch, an integer. */
export type Micros = number

export const MS = 1_000
export const SECOND = 1_000_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** Widest instants we print: years 0001 to 9999. Anything outside is not a time. */
export const INSTANT_MIN: Micros = -62_135_596_800 * SECOND
export const INSTANT_MAX: Micros = 253_402_300_799 * SECOND

/**
 * ISO 8601 in UTC with the digits the instant has: `2026-11-22T15:09:29.604Z` or `…29.604391Z`.
 * The second's text is cached, because neighbours in a log share it.
 */
export function createIsoPrinter(): (at: Micros) => string {
  let cachedSecond = Number.NaN
  let cachedText = ''
  return (at) => {
    const second = Math.floor(at / SECOND)
    if (second !== cachedSecond) {
      cachedText = new Date(second * 1000).toISOString().slice(0, 20)
      cachedSecond = second
    }
    const rest = at - second * SECOND
    const digits = rest % 1000 === 0 ? String(rest / 1000 + 1000) : String(rest + SECOND)
    return `${cachedText}${digits.slice(1)}Z`
  }
}

/** One instant as ISO 8601 text; for rare use (see createIsoPrinter). */
export function toIso(at: Micros): string {
  return createIsoPrinter()(at)
}
