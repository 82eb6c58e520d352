/**
 * Stamps of the packet log's transports to microseconds:
 *
 *   Nov 22 15:09:30            rsyslog traditional, journalctl short: no year, no zone
 *   2026-11-22T15:09:29.604391+00:00   rsyslog FileFormat, RFC 5424; `+0000` journalctl; comma: dmesg
 *   Sun 2026-11-22 10:42:18 UTC        journalctl short-full
 *   1795344138.275972                  journalctl short-unix
 *   Sun Nov 22 10:38:27 2026           dmesg -T
 *
 * Authority: RFC 3164 4.1.2, RFC 3339, ctime(3), formats.md 1.5.3. A year left out is the one that brings the stamp closest to
 * the time read before, a zone left out is the source's setting (zone.ts). Does not judge whether a stamp is believable.
 */
import { DAY, INSTANT_MAX, INSTANT_MIN, type Micros, SECOND } from '../../time.ts'
import type { Zone } from './zone.ts'

export type StampReader = {
  /** What the last successful read found. NaN: well-formed, but nothing tells its year. */
  at: Micros
  /** The true time lies in [at, at + resolution). */
  resolution: Micros
  /** Index behind the stamp. */
  end: number
  readTraditional(text: string, from: number): boolean
  readIso(text: string, from: number): boolean
  readFull(text: string, from: number): boolean
  readUnix(text: string, from: number): boolean
  readCtime(text: string, from: number): boolean
  save(): SavedStamps
}

/**
 * The times that years and repeated hours are told by, NaN where there is none, and the last traditional stamp: seen again it is not
 * read anew, so it counts once as a witness of a year.
 */
export type SavedStamps = {
  readonly reference: Micros
  readonly reference2: Micros
  readonly previous: Micros
  readonly traditionalText: string
  readonly traditionalAt: Micros
}

/** In no line, so equal to no part of one. */
const NO_TEXT = '\n'
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
/** A stamp this far from all before does not move the year's reference until a second one agrees: one mangled month must not. */
const REFERENCE_STEP_MAX = 30 * DAY
/** Index = number of digits of a second's fraction. */
const FRACTION_UNIT = [SECOND, 100_000, 10_000, 1000, 100, 10, 1]

/** `referenceAt` counts only without `saved`: lines that were written before a pause are near to those read before it, not to now. */
export function createStampReader(zone: Zone, referenceAt: Micros | null, saved?: SavedStamps): StampReader {
  let reference = saved?.reference ?? referenceAt ?? Number.NaN
  let reference2 = saved?.reference2 ?? Number.NaN
  let previous = saved?.previous ?? Number.NaN
  let traditionalText = saved?.traditionalText ?? NO_TEXT
  let traditionalAt = saved?.traditionalAt ?? Number.NaN
  let isoText = NO_TEXT
  let isoLocal = Number.NaN

  const reader: StampReader = {
    at: Number.NaN,
    resolution: SECOND,
    end: 0,
    readTraditional,
    readIso,
    readFull,
    readUnix,
    readCtime,
    save: () => ({ reference, reference2, previous, traditionalText, traditionalAt }),
  }
  return reader

  function readTraditional(text: string, from: number): boolean {
    if (text.slice(from, from + 15) !== traditionalText) {
      const month = monthAt(text, from)
      const day = text.charCodeAt(from + 4) === 32 ? digit(text, from + 5) : twoDigits(text, from + 4)
      if (month < 0 || text.charCodeAt(from + 3) !== 32 || text.charCodeAt(from + 6) !== 32) return false
      const clock = clockAt(text, from + 7)
      if (clock < 0 || day < 1 || day > daysOf(month, 2024)) return false
      const local = nearestYear(month, day, clock, reference)
      traditionalAt = Number.isNaN(local) ? local : zone.toUtc(local, previous)
      traditionalText = text.slice(from, from + 15)
      remember(traditionalAt)
    }
    reader.end = from + 15
    reader.at = traditionalAt + readFraction(text, reader, 46)
    return true
  }

  function readIso(text: string, from: number): boolean {
    // A slice is compared by words, startsWith goes by characters.
    if (text.slice(from, from + 19) !== isoText) {
      const local = isoLocalAt(text, from)
      if (Number.isNaN(local)) return false
      isoLocal = local
      isoText = text.slice(from, from + 19)
    }
    reader.end = from + 19
    const local = isoLocal + readFraction(text, reader, text.charCodeAt(from + 19) === 44 ? 44 : 46)
    const offset = readOffset(text, reader)
    reader.at = Number.isNaN(offset) ? zone.toUtc(local, previous) : local - offset
    if (reader.at - previous > SECOND || !(reader.at >= previous)) remember(reader.at)
    return true
  }

  /** The zone is an abbreviation; only UTC and GMT are unambiguous, any other is the source's zone. */
  function readFull(text: string, from: number): boolean {
    if (text.charCodeAt(from + 3) !== 32 || text.charCodeAt(from + 14) !== 32) return false
    const local = isoLocalAt(text, from + 4)
    if (Number.isNaN(local)) return false
    reader.end = from + 23
    const exact = local + readFraction(text, reader, 46)
    if (text.charCodeAt(reader.end) !== 32) return false
    const zoneFrom = reader.end + 1
    const zoneEnd = text.indexOf(' ', zoneFrom)
    if (zoneEnd < 0 || zoneEnd - zoneFrom > 8) return false
    const name = text.slice(zoneFrom, zoneEnd)
    reader.end = zoneEnd
    reader.at = name === 'UTC' || name === 'GMT' ? exact : zone.toUtc(exact, previous)
    remember(reader.at)
    return true
  }

  function readUnix(text: string, from: number): boolean {
    let seconds = 0
    let i = from
    for (; i < from + 12; i++) {
      const value = digit(text, i)
      if (value < 0) break
      seconds = seconds * 10 + value
    }
    if (i - from < 9 || text.charCodeAt(i) !== 46 || seconds * SECOND > INSTANT_MAX) return false
    reader.end = i
    reader.at = seconds * SECOND + readFraction(text, reader, 46)
    remember(reader.at)
    return true
  }

  function readCtime(text: string, from: number): boolean {
    const month = monthAt(text, from + 4)
    const day = text.charCodeAt(from + 8) === 32 ? digit(text, from + 9) : twoDigits(text, from + 8)
    const clock = clockAt(text, from + 11)
    const year = fourDigits(text, from + 20)
    if (month < 0 || day < 1 || clock < 0 || year < 1 || day > daysOf(month, year)) return false
    reader.end = from + 24
    reader.resolution = SECOND
    reader.at = zone.toUtc(utc(year, month, day) + clock, previous)
    remember(reader.at)
    return true
  }

  function remember(at: Micros): void {
    if (!(at >= INSTANT_MIN && at <= INSTANT_MAX)) return
    previous = at
    const isNear = Number.isNaN(reference) || Math.abs(at - reference) <= REFERENCE_STEP_MAX
    if (isNear || Math.abs(at - reference2) <= REFERENCE_STEP_MAX) reference = at
    else reference2 = at
  }
}

/** Wall clock as if UTC in the year closest to `reference`; NaN without a reference. Feb 29 looks as far as leap years are apart. */
function nearestYear(month: number, day: number, clock: Micros, reference: Micros): Micros {
  if (Number.isNaN(reference)) return Number.NaN
  const around = new Date(reference / 1000).getUTCFullYear()
  const reach = month === 1 && day === 29 ? 8 : 1
  let best = Number.NaN
  for (let year = Math.max(around - reach, 1); year <= Math.min(around + reach, 9999); year++) {
    if (day > daysOf(month, year)) continue
    const at = utc(year, month, day) + clock
    if (!(Math.abs(at - reference) >= Math.abs(best - reference))) best = at
  }
  return best
}

function isoLocalAt(text: string, from: number): Micros {
  const separator = text.charCodeAt(from + 10)
  if (text.charCodeAt(from + 4) !== 45 || text.charCodeAt(from + 7) !== 45) return Number.NaN
  if (separator !== 84 && separator !== 32) return Number.NaN
  const year = fourDigits(text, from)
  const month = twoDigits(text, from + 5) - 1
  const day = twoDigits(text, from + 8)
  const clock = clockAt(text, from + 11)
  if (year < 1 || month < 0 || month > 11 || day < 1 || clock < 0 || day > daysOf(month, year)) return Number.NaN
  return utc(year, month, day) + clock
}

/** Moves `end` behind `.604391` and sets the resolution: what a fraction leaves open. Digits beyond the microsecond are dropped. */
function readFraction(text: string, reader: StampReader, separator: number): Micros {
  reader.resolution = SECOND
  let i = reader.end
  if (text.charCodeAt(i) !== separator) return 0
  let value = 0
  let digits = 0
  for (i++; ; i++) {
    const next = text.charCodeAt(i) - 48
    if (!(next >= 0 && next <= 9)) break
    if (digits < 6) {
      value = value * 10 + next
      digits++
    }
    if (i - reader.end > 9) break
  }
  if (digits === 0) return 0
  reader.end = i
  const unit = FRACTION_UNIT[digits] ?? 1
  reader.resolution = digits === 6 ? 0 : unit
  return value * unit
}

/** `Z`, `+05:30`, `+0530`, `+05`; NaN when there is none. */
function readOffset(text: string, reader: StampReader): Micros {
  const i = reader.end
  const sign = text.charCodeAt(i)
  if (sign === 90) {
    reader.end = i + 1
    return 0
  }
  if (sign !== 43 && sign !== 45) return Number.NaN
  const hours = twoDigits(text, i + 1)
  if (hours < 0) return Number.NaN
  const minutesFrom = text.charCodeAt(i + 3) === 58 ? i + 4 : i + 3
  const minutes = twoDigits(text, minutesFrom)
  reader.end = minutes < 0 ? i + 3 : minutesFrom + 2
  const size = (hours * 3600 + (minutes < 0 ? 0 : minutes * 60)) * SECOND
  return sign === 45 ? -size : size
}

/** `15:09:30` as microseconds of the day, -1 when it is none. A leap second (:60) counts as the next. */
function clockAt(text: string, from: number): Micros {
  const hours = twoDigits(text, from)
  const minutes = twoDigits(text, from + 3)
  const seconds = twoDigits(text, from + 6)
  if (text.charCodeAt(from + 2) !== 58 || text.charCodeAt(from + 5) !== 58) return -1
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 60) return -1
  return (hours * 3600 + minutes * 60 + seconds) * SECOND
}

function monthAt(text: string, from: number): number {
  const index = MONTHS.indexOf(text.slice(from, from + 3))
  return text.length >= from + 3 && index % 3 === 0 ? index / 3 : -1
}

function daysOf(month: number, year: number): number {
  if (month === 1) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 3 || month === 5 || month === 8 || month === 10 ? 30 : 31
}

/** Midnight UTC. Date.UTC alone would read the years 1 to 99 as 1901 to 1999. */
function utc(year: number, month: number, day: number): Micros {
  return year > 99 ? Date.UTC(year, month, day) * 1000 : new Date(0).setUTCFullYear(year, month, day) * 1000
}

function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 48
  return value >= 0 && value <= 9 ? value : -1
}

function twoDigits(text: string, at: number): number {
  const tens = digit(text, at)
  const ones = digit(text, at + 1)
  return tens < 0 || ones < 0 ? -1 : tens * 10 + ones
}

function fourDigits(text: string, at: number): number {
  const high = twoDigits(text, at)
  const low = twoDigits(text, at + 2)
  return high < 0 || low < 0 ? -1 : high * 100 + low
}
