/**
 * The kernel's own stamp, seconds since boot as the console prints them: `[ 2099.844502] `, with PRINTK_CALLER followed by
 * `[ T1234] `; dmesg -d and journalctl short-delta add `<    0.000055>` inside.
 *
 * Authority: kernel/printk/printk.c print_time(): width 5, a point, six digits. `[ 5.0]` is somebody's text, not a stamp.
 * The clock stops in suspend and drifts against the wall clock.
 */
import { type Micros, SECOND } from '../../time.ts'

export type Bracket = { uptime: Micros; end: number }

/** A machine up for 31 years has ten digits; more is not an uptime. */
const SECONDS_DIGITS_MAX = 10
const UPTIME_MAX: Micros = SECOND * 10 ** SECONDS_DIGITS_MAX

/** What readBracket fills: one object for all lines. */
export function createBracket(): Bracket {
  return { uptime: -1, end: 0 }
}

/** Sets `into.uptime` when `from` holds a stamp, and returns where the message begins. */
export function readUptime(text: string, from: number, into: { uptime: Micros }): number {
  if (text.charCodeAt(from) !== 91) return from
  const close = secondsEnd(text, from)
  if (close < 0 || text.charCodeAt(close) !== 93) return from
  into.uptime = uptimeBefore(text, from, close)
  return callerEnd(text, close + 1)
}

/** The same where the stamp begins the line; also takes the deltas of dmesg -d (`<…>]`) and short-delta (`<… >]`). */
export function readBracket(text: string, at: number, bracket: Bracket): boolean {
  const close = secondsEnd(text, at)
  if (close < 0) return false
  let end = close
  if (text.startsWith(' <', close)) {
    const angle = text.indexOf('>', close)
    if (angle < 0 || angle - close > 24) return false
    end = text.charCodeAt(angle + 1) === 93 ? angle + 1 : -1
  }
  if (end < 0 || text.charCodeAt(end) !== 93) return false
  bracket.uptime = uptimeBefore(text, at, close)
  bracket.end = callerEnd(text, end + 1)
  return true
}

/** Index behind `[ 2099.844502`, -1 when that is not what stands there. */
function secondsEnd(text: string, at: number): number {
  let i = at + 1
  while (i < at + 6 && text.charCodeAt(i) === 32) i++
  const digitsFrom = i
  while (i - digitsFrom <= SECONDS_DIGITS_MAX && isDigit(text.charCodeAt(i))) i++
  if (i === digitsFrom || i - digitsFrom > SECONDS_DIGITS_MAX || text.charCodeAt(i) !== 46) return -1
  const end = i + 7
  for (i++; i < end; i++) if (!isDigit(text.charCodeAt(i))) return -1
  return end
}

function uptimeBefore(text: string, at: number, end: number): Micros {
  let value = 0
  for (let i = at + 1; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code >= 48) value = value * 10 + code - 48
  }
  return Math.min(value, UPTIME_MAX)
}

/** One blank closes the stamp; `[ T1234]` or `[ C0]` of PRINTK_CALLER may stand between. */
function callerEnd(text: string, from: number): number {
  if (text.charCodeAt(from) === 91) {
    let i = from + 1
    while (i < from + 8 && text.charCodeAt(i) === 32) i++
    const kind = text.charCodeAt(i)
    if (kind === 84 || kind === 67) {
      for (i++; i < from + 16 && isDigit(text.charCodeAt(i)); ) i++
      if (text.startsWith('] ', i)) return i + 2
    }
  }
  return text.charCodeAt(from) === 32 ? from + 1 : from
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}
