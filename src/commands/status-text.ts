/** Small words of the status screen: counts, rates, how long ago. */
import { spanText } from '../quantity-text.ts'
import { type Micros, SECOND } from '../time.ts'
import type { Cell } from './document-line.ts'

/** Beyond it a count is told in millions: the columns shall not grow for years. */
const WHOLE_MAX = 10_000_000
/** Clocks of machines differ by so much without anybody minding. */
const AHEAD_MAX: Micros = 2 * SECOND

/** `1,204,332`, `12.3 M`, `4.57 G`. */
export function countText(count: number): string {
  if (count < WHOLE_MAX) return Math.round(count).toLocaleString('en-US')
  const [value, unit] = count < 999.5e6 ? [count / 1e6, 'M'] : [count / 1e9, 'G']
  return `${value.toPrecision(3)} ${unit}`
}

/** Of a rate per second: `0`, `0.1`, `41`, `48,210`. */
export function rateText(rate: number): string {
  if (rate === 0) return '0'
  return rate < 9.95 ? Math.max(0.1, rate).toFixed(1) : Math.round(rate).toLocaleString('en-US')
}

/** `now`, `1.2 s ago`; `in 3 s` for what a clock that is ahead says. */
export function agoText(at: Micros, now: Micros): string {
  const span = now - at
  if (span < -AHEAD_MAX) return `in ${spanText(-span)}`
  return span < SECOND ? 'now' : `${spanText(span)} ago`
}

/** A cell in the style of everything else. */
export function plain(text: string): Cell {
  return { text, style: null }
}

/** Quiet when it is nothing, loud when it is something. */
export function tally(count: number, style: NonNullable<Cell['style']>, text = countText(count)): Cell {
  return { text: count === 0 ? '0' : text, style: count === 0 ? 'dim' : style }
}
