/**
 * Times on the command line, and times printed for people (design 9): `now`, `-2h`, `2026-11-22`, `2026-11-22T15:09:29.604`,
 * `2026-11-22 15:09:29.604+05:30`, `15:09`. What names no zone is UTC, and what is printed says UTC. The machine's zone is never
 * asked: the same command must mean the same moment on every analyst's desk. What printTime prints is taken back.
 */
import { AppError } from '../errors.ts'
import { DURATION_EXPECTED, parseDuration, parseInstant } from '../quantities.ts'
import { quoted } from '../safe-text.ts'
import { INSTANT_MAX, INSTANT_MIN, type Micros, SECOND, toIso } from '../time.ts'

const TIME_EXAMPLES =
  'Give `now`, an offset such as -2h, -7d or +30m, a date such as 2026-11-22, or a time such as 2026-11-22T15:09:29Z or 15:09; without a zone it is UTC.'
const DURATION_EXAMPLES = 'Give a number and its unit: 250ms, 60s, 5m, 1h, 90d.'

/** Longer text is no time: it is refused unread. */
const TEXT_MAX = 64
/** `15:09`, `15:09:29`, `15:09:29.604`, and the same said to be UTC. */
const TIME_OF_DAY = /^\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z| UTC)?$/

/**
 * `text` as an instant; offsets and times of day count from `now`. `option` is what the complaint names.
 * Throws AppError `usage` for anything else, and for times outside the years 1 to 9999.
 */
export function parseTimeArgument(text: string, now: Micros, option = '--at'): Micros {
  const at = text.length > TEXT_MAX ? null : instantOf(text, now)
  if (at === null) throw refused(option, 'expected a time', text, TIME_EXAMPLES)
  if (!(at >= INSTANT_MIN && at <= INSTANT_MAX)) {
    throw refused(option, 'expected a time in the years 1 to 9999', text, TIME_EXAMPLES)
  }
  return at
}

/** A span such as `5m` or `24h`, in microseconds, never negative. Throws AppError `usage` for anything else. */
export function parseWithin(text: string, option = '--within'): Micros {
  const span = text.length > TEXT_MAX ? null : parseDuration(text)
  if (span === null) throw refused(option, DURATION_EXPECTED, text, DURATION_EXAMPLES)
  // Longer than all the time there is: sums with it would leave what can be printed, and the range of exact integers.
  if (span > INSTANT_MAX - INSTANT_MIN) throw refused(option, 'expected at most 9999 years', text, DURATION_EXAMPLES)
  return span
}

/** `2026-11-22 15:09:29.604 UTC`: the digits the instant has, none for a whole second. */
export function printTime(at: Micros): string {
  if (!isPrintable(at)) return 'unknown time'
  const iso = toIso(at)
  return `${iso.slice(0, 10)} ${iso.slice(11, -1).replace(/\.000$/, '')} UTC`
}

/** `2026-11-22 15:09:29 UTC`: to the second, for tables. What lies below the second is cut off, as clocks do. */
export function printSecond(at: Micros): string {
  return printTime(Math.floor(at / SECOND) * SECOND)
}

/** `2026-11-22` for the first moment of a day in UTC, as inventories write dates; else as printTime. */
export function printDay(at: Micros): string {
  return printTime(at).replace(/ 00:00:00 UTC$/, '')
}

function instantOf(text: string, now: Micros): Micros | null {
  if (text === 'now') return now
  if (text.startsWith('-') || text.startsWith('+')) {
    const span = parseDuration(text.slice(1))
    if (span === null) return null
    return text.startsWith('-') ? now - span : now + span
  }
  const written = text.replace(/ UTC$/, 'Z')
  if (TIME_OF_DAY.test(text)) {
    // Only UTC: which day it is in another zone is a question of its own.
    return isPrintable(now) ? instantOf(`${toIso(now).slice(0, 10)}T${written}`, now) : null
  }
  return parseInstant(written) ?? parseInstant(`${written}Z`)
}

/** Infinity stands for "still" in the ledger, and Date throws on what it cannot print. */
function isPrintable(at: Micros): boolean {
  return at >= INSTANT_MIN && at <= INSTANT_MAX
}

function refused(option: string, expected: string, text: string, advice: string): AppError {
  return new AppError('usage', `${option}: ${expected}, found ${quoted(text)}`, { advice })
}
