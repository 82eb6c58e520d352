/** Stacked bars, one a thing, as a drawing. */

import { CHART_WIDTH, definedPaints, drawing, fittingText, label, legend, paintsOf, unit } from './chart-paint.ts'
import { amountOf, amountText } from './chart-scale.ts'
import { htmlText } from './html-escape.ts'
import type { BarChart } from './report-document.ts'

const BARS_MAX = 30
const [LEFT, RIGHT, ROW, BAR] = [190, 70, 20, 13]

/** `id` is unique in the page. More than 30 bars are left out and counted. */
export function barsSvg({ title, unit: of, series, bars }: BarChart, id: string): string {
  const shown = bars.slice(0, BARS_MAX)
  const sums = shown.map(({ values }) => series.reduce((sum, _, i) => sum + amountOf(values[i]), 0))
  const most = Math.max(0, ...sums)
  if (most === 0) return drawing(id, 30, title, 'Nothing to draw.', label(0, 18, 'nothing recorded', 'start', 'empty'))
  const paints = definedPaints(id, paintsOf(series))
  const key = legend(
    0,
    series.length < 2 ? [] : series.map(({ name }, i) => ({ fill: paints.fills[i] ?? '', text: name })),
  )
  const top = key.height + 6
  const scale = (CHART_WIDTH - LEFT - RIGHT) / most
  const rows = shown.map((bar, row) => {
    const y = top + row * ROW
    let x = LEFT
    const parts = series.map(({ name }, i) => {
      const value = amountOf(bar.values[i])
      if (value === 0) return ''
      // What happened once beside what happened a million times is still there.
      const width = Math.max(1, value * scale)
      const part = `<rect x="${unit(x)}" y="${unit(y)}" width="${unit(width)}" height="${BAR}" fill="${paints.fills[i]}" class="part"><title>${htmlText(`${bar.label}, ${name}: ${amountText(value, of)}`)}</title></rect>`
      x += width
      return part
    })
    return `<g>${label(LEFT - 8, y + 10.5, fittingText(bar.label, LEFT - 12), 'end')}${parts.join('')}${label(x + 6, y + 10.5, amountText(sums[row] ?? 0, of))}</g>`
  })
  const left = bars.length - shown.length
  const bottom = top + shown.length * ROW
  const note = left === 0 ? '' : label(LEFT, bottom + 10, `and ${left} more, not drawn`, 'start', 'empty')
  const told = shown
    .map(({ label: name, values }) => {
      const parts = series.map((each, i) => `${each.name} ${amountText(amountOf(values[i]), of)}`)
      return `${name}: ${parts.join(', ')}`
    })
    .join('; ')
  const body = `${paints.defs}${key.svg}${rows.join('')}${note}`
  return drawing(id, bottom + (left === 0 ? 0 : 16), `${title} (${of})`, told, body)
}
