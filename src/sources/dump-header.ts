/**
 * The line that dates a dump in every snapshot file (wg.snapshots, ruleset.snapshots, …):
 *
 *   # 2026-11-22T15:09:26.964+00:00 gw1
 *
 * The form is our own (design 8.1); the time is what `date -Is` and `date -Ins` of coreutils print (RFC 3339, also with a
 * comma before the fraction). A time without zone is refused: to guess one would date keys wrongly.
 */
import { INSTANT_MAX, type Micros, SECOND } from '../time.ts'

export type DumpHeader = {
  readonly at: Micros
  /** As written, '' when the line ends after the time. In a capture the folder's name counts, not this. */
  readonly host: string
}

const HEADER =
  /^# (\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d(?::?\d\d)?)(?:[ \t]+(\S{1,255}))?[ \t]*$/

/** Longest header: fixed-width time, blanks, a host name. Anything longer is no header and is not even looked at. */
const HEADER_LENGTH_MAX = 400

/** Whether the line means to be a header: `# ` and a digit. Other `#` lines are comments. */
export function isDumpHeader(text: string): boolean {
  if (text.charCodeAt(0) !== 35 || text.charCodeAt(1) !== 32) return false
  const code = text.charCodeAt(2)
  return code >= 48 && code <= 57
}

/** Null when the line is no dated header. `text` may end in CR. */
export function parseDumpHeader(text: string): DumpHeader | null {
  if (text.length > HEADER_LENGTH_MAX) return null
  const match = HEADER.exec(text.endsWith('\r') ? text.slice(0, -1) : text)
  if (match === null) return null
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '', fraction = '', zone = '', host = ''] =
    match
  const utc = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  // Date.UTC rolls 30 February over to March, and maps years 0 to 99 to 1900: what does not read back is no date.
  if (
    !Number.isFinite(utc) ||
    new Date(utc).toISOString().slice(0, 19) !== `${year}-${month}-${day}T${hour}:${minute}:${second}`
  ) {
    return null
  }
  const offset = zoneMinutes(zone)
  if (offset === null) return null
  const at = (utc / 1000 - offset * 60) * SECOND + Number(fraction.slice(0, 6).padEnd(6, '0'))
  return at < 0 || at > INSTANT_MAX ? null : { at, host }
}

/** `+05:30`, `+0530`, `-03`, `Z` in minutes east of Greenwich. */
function zoneMinutes(zone: string): number | null {
  if (zone === 'Z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(3).replace(':', ''))
  if (hours > 18 || minutes > 59) return null
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}
