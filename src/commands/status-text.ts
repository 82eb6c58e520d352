/** Small words of the status screen: counts, rates, how long ago. */
import { spanText } from '../quantity-text.ts'
import { DAY, type Micros, SECOND } from '../time.ts'
import type { Cell } from './document-line.ts'

/** Beyond it a count is told in millions: the columns shall not grow for years. */
const WHOLE_MAX = 10_000_000
const UNITS = ['M', 'G', 'T', 'P'] as const
/** What is further away was told by a clock that was wrong. */
const SPAN_MAX: Micros = 10_000 * DAY
/** Clocks of machines differ by so much without anybody minding. */
const AHEAD_MAX: Micros = 2 * SECOND

/** `1,204,332`, `12.3 M`, `4.57 G`. */
export function countText(count: number): string {
  if (count < WHOLE_MAX) return Math.round(count).toLocaleString('en-US')
  let value = count / 1e6
  let unit = 0
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1000
  return `${value.toPrecision(3)} ${UNITS[unit]}`
}

/** Of a rate per second: `0`, `0.1`, `41`, `48,210`. */
export function rateText(rate: number): string {
  if (rate === 0) return '0'
  return rate < 9.95 ? Math.max(0.1, rate).toFixed(1) : countText(rate)
}

/** `now`, `1.2 s ago`; `in 3 s` for what a clock that is ahead says, `?` for what cannot be. */
export function agoText(at: Micros, now: Micros): string {
  const span = now - at
  if (Math.abs(span) >= SPAN_MAX) return '?'
  if (span < -AHEAD_MAX) return `in ${spanText(-span)}`
  return span < SECOND ? 'now' : `${spanText(span)} ago`
}

/** How long something lasts already: `12 min`. */
export function lastsText(since: Micros, now: Micros): string {
  const span = now - since
  return Math.abs(span) < SPAN_MAX ? spanText(Math.max(0, span)) : '?'
}

/** A cell in the style of everything else. */
export function plain(text: string): Cell {
  return { text, style: null }
}

/** Quiet when it is nothing, loud when it is something. */
export function tally(count: number, style: NonNullable<Cell['style']>, text = countText(count)): Cell {
  return { text: count === 0 ? '0' : text, style: count === 0 ? 'dim' : style }
}
