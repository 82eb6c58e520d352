/**
 * What charts are painted with. Every series has a colour by its tone and a pattern by its place, so that two of one tone, and all of
 * them on paper without colours, are still told apart. Colours are from the Okabe-Ito family (told apart by the colour-blind), darkened.
 */

import { htmlText, visibleText } from './html-escape.ts'
import type { Series, StripState, Tone } from './report-document.ts'

/** Units of a drawing's width; the page scales it. */
export const CHART_WIDTH = 720
/** Units: room for a letter of the labels, on average. */
const LETTER = 5.6

/** A colour, and what is drawn over it. */
export type Paint = { readonly color: string; readonly over: Pattern }

type Pattern = 'none' | 'rising' | 'falling' | 'bars' | 'rows' | 'wide'

const PATTERNS: readonly Pattern[] = ['none', 'rising', 'bars', 'falling', 'rows', 'wide']
/** Dark first; the next series of the same tone takes the next. */
const COLORS: { readonly [tone in Tone | 'neutral']: readonly string[] } = {
  good: ['#00684b', '#4fa88a', '#8fcbb5'],
  warning: ['#b06a00', '#dd9a33', '#efc27d'],
  bad: ['#9e2a1f', '#cf6659', '#e6a59c'],
  neutral: ['#245a8d', '#5f93c3', '#9dbfdf'],
  plain: ['#5b6470', '#8d96a2', '#bcc3cb'],
}
const STATES: { readonly [state in StripState]: Paint & { readonly label: string } } = {
  covered: { color: '#4fa88a', over: 'none', label: 'recorded' },
  partly: { color: '#dd9a33', over: 'rising', label: 'recorded with losses' },
  gap: { color: '#9e2a1f', over: 'rows', label: 'not recorded' },
  silent: { color: '#dfe3e8', over: 'falling', label: 'nothing was said' },
}

/** In the order of legends. */
export const STRIP_STATES: readonly StripState[] = ['covered', 'partly', 'gap', 'silent']

/** One for each series. */
export function paintsOf(series: readonly Series[]): readonly Paint[] {
  return series.map(({ tone }, i) => {
    const place = series.slice(0, i).filter((other) => other.tone === tone).length
    const colors = COLORS[tone]
    return { color: colors[place % colors.length] ?? '#000', over: PATTERNS[i % PATTERNS.length] ?? 'none' }
  })
}

/** How a stretch of a lane is painted, and what it is called in a legend. */
export function stripPaint(state: StripState): Paint & { readonly label: string } {
  return STATES[state]
}

/** Definitions, and how each paint is named in `fill`. `prefix` is unique in the page. */
export function definedPaints(
  prefix: string,
  paints: readonly Paint[],
): { readonly defs: string; readonly fills: readonly string[] } {
  const stripes = paints.map(({ color, over }, i) =>
    over === 'none'
      ? ''
      : `<linearGradient id="${prefix}-p${i}" gradientUnits="userSpaceOnUse" spreadMethod="repeat" x1="0" y1="0" ${STRIPES[over]}><stop offset="0" stop-color="${color}"/><stop offset=".7" stop-color="${color}"/><stop offset=".7" stop-color="${inkOn(color)}"/><stop offset="1" stop-color="${inkOn(color)}"/></linearGradient>`,
  )
  return {
    defs: stripes.join('') === '' ? '' : `<defs>${stripes.join('')}</defs>`,
    fills: paints.map(({ color, over }, i) => (over === 'none' ? color : `url(#${prefix}-p${i})`)),
  }
}

/** From one stripe to the next. Gradients stay lines in a PDF; what `<pattern>` draws becomes pixels there, ten times as large. */
const STRIPES: { readonly [pattern in Exclude<Pattern, 'none'>]: string } = {
  rising: 'x2="2.5" y2="2.5"',
  falling: 'x2="2.5" y2="-2.5"',
  bars: 'x2="4" y2="0"',
  rows: 'x2="0" y2="3.5"',
  wide: 'x2="5" y2="5"',
}

/** Light colours get dark stripes. */
function inkOn(color: string): string {
  return Number.parseInt(color.slice(1, 3), 16) > 0xb0 ? '#aab2bc' : '#fff'
}

/** A coordinate with two digits, the same on every machine. */
export function unit(value: number): string {
  return String(Math.round(value * 100) / 100)
}

/** An element of text in a drawing. `anchor`: which end of it stands at x. The text is data. */
export function label(
  x: number,
  y: number,
  text: string,
  anchor: 'start' | 'middle' | 'end' = 'start',
  kind = 'label',
): string {
  return `<text x="${unit(x)}" y="${unit(y)}" text-anchor="${anchor}" class="${kind}">${htmlText(text)}</text>`
}

/**
 * Labels below a time axis from `left` to `right`: in the middle below their marks, at its ends within it. One that would touch the
 * one before it is left out; its mark stays.
 */
export function axisLabels(
  left: number,
  right: number,
  y: number,
  marks: readonly { readonly x: number; readonly text: string }[],
): string {
  let taken = Number.NEGATIVE_INFINITY
  return marks
    .map(({ x, text }) => {
      const half = (text.length * LETTER) / 2
      const anchor = x - half < left ? 'start' : x + half > right ? 'end' : 'middle'
      const begin = x - (anchor === 'start' ? 0 : anchor === 'end' ? 2 * half : half)
      if (begin < taken) return ''
      taken = begin + 2 * half + LETTER
      return label(x, y, text, anchor)
    })
    .join('')
}

/** At most as many characters as have room in `width` units, with `…` for what was left out. */
export function fittingText(text: string, width: number): string {
  const all = Array.from(visibleText(text, Math.ceil(width)))
  const most = Math.floor(width / LETTER)
  return all.length > most ? `${all.slice(0, Math.max(1, most - 1)).join('')}…` : all.join('')
}

/** Swatches and names in lines; `height` is what they take. */
export function legend(
  top: number,
  items: readonly { readonly fill: string; readonly text: string }[],
): { readonly svg: string; readonly height: number } {
  let [x, y] = [0, top]
  const parts = items.map(({ fill, text }) => {
    const shown = fittingText(text, 300)
    const width = 18 + Array.from(shown).length * LETTER + 16
    if (x > 0 && x + width > CHART_WIDTH) [x, y] = [0, y + 18]
    const part = `<rect x="${unit(x)}" y="${y}" width="12" height="12" fill="${fill}" class="swatch"/>${label(x + 18, y + 10, shown)}`
    x += width
    return part
  })
  return { svg: parts.join(''), height: items.length === 0 ? 0 : y - top + 18 }
}

/** A drawing with what it is called and what it says, for those who do not see it. `id` is unique in the page. */
export function drawing(id: string, height: number, title: string, description: string, body: string): string {
  return `<figure class="chart"><figcaption>${htmlText(title)}</figcaption><svg viewBox="0 0 ${CHART_WIDTH} ${unit(height)}" role="img" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">${htmlText(title)}</title><desc id="${id}-d">${htmlText(description)}</desc>${body}</svg></figure>\n`
}
