/** Axes: round numbers for amounts, round moments of UTC for times, and how amounts are printed. Pure, so that charts are the same everywhere. */
import { bytesText, dayOf, timeOfDay } from '../../quantity-text.ts'
import { DAY, HOUR, INSTANT_MAX, INSTANT_MIN, MINUTE, type Micros, MS, SECOND } from '../../time.ts'

/** A mark on an axis. */
export type Tick<Value> = { readonly at: Value; readonly label: string }

/** Marks of an amount's axis; 0 is one more. */
const AMOUNT_TICKS = 4
/** Marks of a time axis, at most. */
const TIME_TICKS_MAX = 9
const STEPS: readonly Micros[] = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2].map((count) => count * DAY),
]
/** Beyond days: months, as calendars have them. */
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120] as const
/** A month of days is marked on these days of each month. */
const DAY_MARKS: readonly (readonly number[])[] = [
  [1, 6, 11, 16, 21, 26],
  [1, 11, 21],
  [1, 16],
]

/** More than can be drawn beside anything else; sums of it are still numbers. */
const AMOUNT_MAX = 1e18

/** What a chart draws of a number that came from elsewhere: no negative, no NaN. */
export function amountOf(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) && value > 0 ? Math.min(value, AMOUNT_MAX) : 0
}

/** `12,345`, `1.5`; bytes as `34 MB`. */
export function amountText(value: number, unit: string): string {
  if (unit === 'bytes') return bytesText(Math.round(value))
  const [whole = '0', part = ''] = (Number.isInteger(value) ? String(value) : value.toFixed(1)).split('.')
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',')
  return part === '' || part === '0' ? grouped : `${grouped}.${part}`
}

/** From 0 to the first round number that is no less than `most`. `most` > 0. */
export function amountTicks(most: number, unit: string): readonly Tick<number>[] {
  const raw = most / AMOUNT_TICKS
  const power = 10 ** Math.floor(Math.log10(raw))
  // Things are counted, so nothing smaller than one is marked.
  const step = Math.max(1, [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= raw) ?? raw)
  const whole = unit === 'bytes' || Number.isInteger(step) ? step : Math.ceil(step)
  return Array.from({ length: Math.max(1, Math.ceil(most / whole)) + 1 }, (_, i) => ({
    at: i * whole,
    label: amountText(i * whole, unit),
  }))
}

/** Moments between `from` and `to`, both included; none when that is no stretch of time. */
export function timeTicks(from: Micros, to: Micros): readonly Tick<Micros>[] {
  if (!(from >= INSTANT_MIN && to <= INSTANT_MAX && to > from)) return []
  const step = STEPS.find((each) => (to - from) / each <= TIME_TICKS_MAX)
  if (step === undefined) return calendarTicks(from, to)
  const first = Math.ceil(from / step) * step
  const count = Math.floor((to - first) / step) + 1
  return Array.from({ length: count }, (_, i) => {
    const at = first + i * step
    return { at, label: step >= DAY ? dayOf(at).slice(5) : timeLabel(at, step, i === 0) }
  })
}

/** The day stands at the first mark and at midnight. */
function timeLabel(at: Micros, step: Micros, isFirst: boolean): string {
  const time = timeOfDay(at).slice(0, step < MINUTE ? 8 : 5)
  return isFirst || at % DAY === 0 ? `${dayOf(at).slice(5)} ${time}` : time
}

function calendarTicks(from: Micros, to: Micros): readonly Tick<Micros>[] {
  for (const days of DAY_MARKS) {
    const marks = monthMarks(from, to, 1, days)
    if (marks !== null) return marks.map((at) => ({ at, label: dayOf(at).slice(5) }))
  }
  for (const months of MONTH_STEPS) {
    const marks = monthMarks(from, to, months, [1])
    if (marks !== null) return marks.map((at) => ({ at, label: dayOf(at).slice(0, 7) }))
  }
  return []
}

/** Null where there would be too many. */
function monthMarks(from: Micros, to: Micros, months: number, days: readonly number[]): readonly Micros[] | null {
  const start = new Date(Math.floor(from / MS))
  const marks: Micros[] = []
  const begin = start.getUTCFullYear() * 12 + start.getUTCMonth()
  for (let month = Math.floor(begin / months) * months; ; month += months) {
    const first = firstOf(month)
    if (first > to) return marks
    for (const day of days) {
      const at = first + (day - 1) * DAY
      if (at >= from && at <= to) marks.push(at)
    }
    if (marks.length > TIME_TICKS_MAX) return null
  }
}

/** Months since the year 0. Date.UTC would take years below 100 for 19xx. */
function firstOf(month: number): Micros {
  const date = new Date(Date.UTC(2000, 0, 1))
  date.setUTCFullYear(Math.floor(month / 12), month % 12, 1)
  return date.getTime() * MS
}
