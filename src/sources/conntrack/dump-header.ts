/**
 * The line before each dump of a snapshot file (design 8.1), written by the collector: `# 2026-11-22T15:09:26.964+00:00 gw1`.
 *
 * ISO 8601 with a zone or offset; without one the instant is not known and the header is refused. The host name is not
 * used: the folder says whose file it is.
 */
import { INSTANT_MAX, MINUTE, type Micros, MS, SECOND } from '../../time.ts'

const HEADER =
  /^# (\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)(?: [^\0-\x1f]{0,256})?\r?$/

/** Whether the line means to be a header: `# ` and a digit. Other `#` lines are comments. */
export function isDumpHeader(text: string): boolean {
  if (text.charCodeAt(0) !== 35 || text.charCodeAt(1) !== 32) return false
  const code = text.charCodeAt(2)
  return code >= 48 && code <= 57
}

/** The dump's time, -1 when it cannot be read. */
export function parseDumpHeader(text: string): Micros {
  const match = HEADER.exec(text)
  if (match === null) return -1
  const [, year, month, day, hour, minute, second, fraction = '', offset = 'Z'] = match
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day))
  const date = new Date(midnight)
  if (date.getUTCDate() !== Number(day) || date.getUTCMonth() !== Number(month) - 1) return -1
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return -1
  const time = (Number(hour) * 60 + Number(minute)) * MINUTE + Number(second) * SECOND
  // Digits beyond microseconds are left out, not rounded.
  const micros = Number(fraction.slice(0, 6).padEnd(6, '0'))
  const at = midnight * MS + time + micros - offsetOf(offset)
  return Number.isSafeInteger(at) && at >= 0 && at <= INSTANT_MAX ? at : -1
}

function offsetOf(text: string): Micros {
  if (text === 'Z') return 0
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(-2))
  return (text.startsWith('-') ? -minutes : minutes) * MINUTE
}
