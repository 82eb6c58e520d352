/**
 * Times as a query spells them: `2026-11-22T10:47:00Z`, `2026-11-22`, `now-15m`, `now-7d/d`, `2026-11-22||+1M/d`. All in UTC.
 * As in Elasticsearch (range query: missing date components, date math) a spelling is a span as wide as what was left out: a day,
 * the second without its fraction, the unit after `/`. `2026-11` is refused: there it means the first day of the month.
 */
import { parseInstant } from '../quantities.ts'
import { DAY, HOUR, INSTANT_MAX, INSTANT_MIN, MINUTE, type Micros, MS, SECOND } from '../time.ts'
import type { RangeOperator, Test } from './ast.ts'

export const DATE_EXPECTED =
  'write a time such as 2026-11-22, 2026-11-22T10:47:00Z (the zone is needed), now-15m or now-7d/d'

/** From `start` up to and without `end`. Past the year 2255 a microsecond is finer than a number holds. */
export type Span = { readonly start: Micros; readonly end: Micros }

type Unit = 'y' | 'M' | 'w' | 'd' | 'h' | 'm' | 's'

const FIXED: Readonly<Record<Exclude<Unit, 'y' | 'M'>, Micros>> = {
  w: 7 * DAY,
  d: DAY,
  h: HOUR,
  m: MINUTE,
  s: SECOND,
}
const SPELLING = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(:\d\d(?:\.(\d{1,9}))?)?(?:Z|[+-]\d\d:\d\d))?$/
const MATH = /^(?:([+-])(\d{1,6})|\/)([yMwdhHms])/
/** Steps of date math in one value. */
const STEPS_MAX = 16

/** Null when `text` is no time, or lies outside the years 0001 to 9999. `now` is what the word means. */
export function dateSpan(text: string, now: Micros): Span | null {
  const bars = text.indexOf('||')
  const isNow = text.startsWith('now')
  const span = isNow ? calculate(now, text.slice(3)) : bars < 0 ? writtenSpan(text) : anchoredSpan(text, bars)
  if (span === null || !(span.start >= INSTANT_MIN && span.start <= INSTANT_MAX)) return null
  // Past the last instant there is nothing to tell apart, and no spelling that Elasticsearch reads.
  return { start: span.start, end: Math.min(span.end, INSTANT_MAX) }
}

/** The test of `field : span` or `field < span`: a range leaves out or takes in the whole of it. */
export function dateTest(operator: ':' | RangeOperator, { start, end }: Span): Test {
  switch (operator) {
    case ':':
      return { kind: 'period', from: start, to: Math.max(start, end - 1) }
    case '>':
      return { kind: 'range', operator: '>=', value: end }
    case '<=':
      return { kind: 'range', operator: '<', value: end }
    case '>=':
    case '<':
      return { kind: 'range', operator, value: start }
  }
}

/** A time without math. */
function writtenSpan(text: string): Span | null {
  const start = parseInstant(text)
  const spelling = SPELLING.exec(text)
  if (start === null || spelling === null) return null
  return { start, end: start + spelledWidth(text, spelling[1], spelling[2]) }
}

function spelledWidth(text: string, seconds: string | undefined, fraction: string | undefined): Micros {
  if (!text.includes(':')) return DAY
  if (seconds === undefined) return MINUTE
  if (fraction === undefined) return SECOND
  // Elasticsearch keeps milliseconds; who writes finer digits means the microsecond.
  return fraction.length <= 3 ? MS : 1
}

/** With math behind it even a day is only its first moment. */
function anchoredSpan(text: string, bars: number): Span | null {
  const anchor = writtenSpan(text.slice(0, bars))
  const math = text.slice(bars + 2)
  return anchor === null || math === '' ? null : calculate(anchor.start, math)
}

/** Steps from left to right. Rounding gives the unit's whole span, and later steps move both of its ends. */
function calculate(anchor: Micros, math: string): Span | null {
  let start = anchor
  let end = anchor + 1
  let rest = math
  for (let steps = 0; rest !== ''; steps++) {
    const step = MATH.exec(rest)
    if (step === null || steps === STEPS_MAX) return null
    const unit = unitOf(step[3] ?? '')
    if (step[1] === undefined) {
      start = floor(start, unit)
      end = add(start, 1, unit)
    } else {
      const count = Number(step[2]) * (step[1] === '-' ? -1 : 1)
      start = add(start, count, unit)
      end = add(end, count, unit)
    }
    rest = rest.slice(step[0].length)
  }
  return Number.isFinite(start) && Number.isFinite(end) ? { start, end } : null
}

function unitOf(letter: string): Unit {
  // MATH lets only these letters through, and `H` is Elasticsearch's other `h`.
  return (letter === 'H' ? 'h' : letter) as Unit
}

/** NaN outside what a Date can hold. A month or year later is the same day of the month, or its last one. */
function add(at: Micros, count: number, unit: Unit): Micros {
  if (unit !== 'y' && unit !== 'M') return at + count * FIXED[unit]
  const ms = Math.floor(at / MS)
  const date = new Date(ms)
  const month = date.getUTCMonth() + (unit === 'y' ? 12 * count : count)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(month)
  const last = new Date(date.getTime())
  last.setUTCMonth(date.getUTCMonth() + 1, 0)
  date.setUTCDate(Math.min(day, last.getUTCDate()))
  return date.getTime() * MS + (at - ms * MS)
}

/** First moment of the unit; weeks begin on Monday. */
function floor(at: Micros, unit: Unit): Micros {
  if (unit === 'y' || unit === 'M') {
    const date = new Date(Math.floor(at / MS))
    date.setUTCHours(0, 0, 0, 0)
    date.setUTCMonth(unit === 'y' ? 0 : date.getUTCMonth(), 1)
    return date.getTime() * MS
  }
  // 1970-01-01 was a Thursday, three days after a Monday.
  const offset = unit === 'w' ? 3 * DAY : 0
  return Math.floor((at + offset) / FIXED[unit]) * FIXED[unit] - offset
}
