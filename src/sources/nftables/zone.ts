/**
 * Local time to UTC for stamps that carry no zone (formats.md 1.5.3): the zone is a setting of the source, never the one of
 * the machine that reads. Takes IANA names (`Asia/Kolkata`), `UTC`, or a fixed offset (`+05:30`).
 *
 * The hour repeated when clocks go back is told apart by order: the first reading that does not run backwards wins. The hour
 * skipped when clocks go forward names no instant; it is read as if the clock had not been put forward yet.
 * Authority: the tz data Node carries (Intl). Does not know abbreviations such as `CET`, which are ambiguous.
 */
import { DAY, HOUR, INSTANT_MAX, INSTANT_MIN, MINUTE, type Micros, SECOND } from '../../time.ts'
import { openZoneFormat } from '../zone-format.ts'

export type Zone = {
  /** East of Greenwich is positive. */
  offsetAt(at: Micros): Micros
  /** `local` is a wall clock written as if it were UTC; `previous` the instant of the line before, NaN when there is none. */
  toUtc(local: Micros, previous: Micros): Micros
}

/** Every transition in use falls on a quarter of an hour UTC (Lord Howe changes by 30 minutes). */
const CACHE_STEP = 15 * MINUTE
const CACHE_ENTRIES_MAX = 4096
/** Lines of one file may be this much out of order without meaning the second pass of a repeated hour. */
const DISORDER_MAX = 5 * SECOND

export function createZone(name: string): Zone {
  const fixed = fixedOffset(name)
  if (fixed !== null) return { offsetAt: () => fixed, toUtc: (local) => local - fixed }
  const lookUp = createLookUp(name)
  const cache = new Map<number, Micros>()

  function offsetAt(at: Micros): Micros {
    const key = Math.floor(Math.min(Math.max(at, INSTANT_MIN), INSTANT_MAX) / CACHE_STEP)
    const known = cache.get(key)
    if (known !== undefined) return known
    if (cache.size >= CACHE_ENTRIES_MAX) cache.clear()
    const offset = lookUp(key * CACHE_STEP)
    cache.set(key, offset)
    return offset
  }

  function toUtc(local: Micros, previous: Micros): Micros {
    const before = offsetAt(local - DAY)
    const after = offsetAt(local + DAY)
    const first = local - before
    if (before === after) return first
    const second = local - after
    const isFirst = offsetAt(first) === before
    const isSecond = offsetAt(second) === after
    if (isFirst && isSecond) return first < previous - DISORDER_MAX ? second : first
    return isSecond ? second : first
  }

  return { offsetAt, toUtc }
}

function fixedOffset(name: string): Micros | null {
  if (name === 'UTC' || name === 'Z') return 0
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(name)
  if (match === null) return null
  const size = Number(match[2]) * HOUR + Number(match[3]) * MINUTE
  return match[1] === '-' ? -size : size
}

function createLookUp(name: string): (at: Micros) => Micros {
  const format = openZoneFormat(name)
  return (at) => {
    const field = new Map(format.formatToParts(at / 1000).map((part) => [part.type, Number(part.value)]))
    const get = (type: Intl.DateTimeFormatPartTypes) => field.get(type) ?? 0
    const local = Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second'))
    return local * 1000 - at
  }
}
