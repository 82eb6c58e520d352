/** A range of completeness in words. */
import type { SourceCompleteness } from './page-one.ts'

/** `≥ 94.7 %, ≤ 100 %`; with ` *` where it holds for all prefixes but the sampled ones. Rounded outwards. */
export function rangeText({ atLeast, atMost, besidesSampled = atLeast }: SourceCompleteness): string {
  const isSampled = atLeast === 0 && besidesSampled > 0
  return `≥ ${percentText(isSampled ? besidesSampled : atLeast, Math.floor)}${isSampled ? ' *' : ''}, ≤ ${percentText(atMost, Math.ceil)}`
}

/** One digit: 99.96 is never 100 where that would claim more. */
export function percentText(percent: number, round: (value: number) => number): string {
  return `${round(percent * 10) / 10} %`
}
