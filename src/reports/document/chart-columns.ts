/** Stacked columns over time, as a drawing. */

import { stampText } from '../revocation/revocation-text.ts'
import { axisLabels, CHART_WIDTH, definedPaints, drawing, label, legend, paintsOf, unit } from './chart-paint.ts'
import { amountOf, amountText, amountTicks, timeTicks } from './chart-scale.ts'
import type { ColumnChart } from './report-document.ts'

const BUCKETS_MAX = 400
const [LEFT, RIGHT, PLOT, AXIS] = [56, 10, 150, 30]

/** `id` is unique in the page. More than 400 columns are left out and counted. */
export function columnsSvg(chart: ColumnChart, id: string): string {
  const { title, unit: of, series, width } = chart
  const buckets = chart.buckets.slice(0, BUCKETS_MAX)
  const totals = series.map((_each, i) => buckets.reduce((sum, { values }) => sum + amountOf(values[i]), 0))
  const sums = buckets.map(({ values }) => series.reduce((sum, _each, i) => sum + amountOf(values[i]), 0))
  const most = Math.max(0, ...sums)
  const [first, last] = [buckets[0], buckets.at(-1)]
  if (most === 0 || first === undefined || last === undefined)
    return drawing(id, 30, title, 'Nothing to draw.', label(0, 18, 'nothing recorded', 'start', 'empty'))
  const paints = definedPaints(id, paintsOf(series))
  const names = series.map(({ name }, i) => `${name} ${amountText(totals[i] ?? 0, of)}`)
  const key = legend(
    0,
    names.map((text, i) => ({ fill: paints.fills[i] ?? '', text })),
  )
  const top = key.height + 22
  const [from, to] = [first.at, last.at + width]
  const room = CHART_WIDTH - LEFT - RIGHT
  const ticks = amountTicks(most, of)
  const scale = PLOT / (ticks.at(-1)?.at ?? most)
  const x = (at: number) => LEFT + ((at - from) / (to - from)) * room
  const grid = ticks.map(({ at, label: text }) => {
    const y = top + PLOT - at * scale
    return `<path d="M${LEFT} ${unit(y)}H${CHART_WIDTH - RIGHT}" class="${at === 0 ? 'axis' : 'grid'}"/>${label(LEFT - 6, y + 4, text, 'end')}`
  })
  const step = room / buckets.length
  const gap = step > 5 ? 1 : 0
  const bases = buckets.map(() => top + PLOT)
  const stacks = series.map((_each, i) => {
    const path = buckets.map(({ at, values }, place) => {
      const height = amountOf(values[i]) * scale
      if (height === 0) return ''
      const base = bases[place] ?? 0
      bases[place] = base - height
      return `M${unit(x(at) + gap / 2)} ${unit(base)}h${unit(step - gap)}v${unit(-height)}h${unit(gap - step)}z`
    })
    return path.join('') === '' ? '' : `<path d="${path.join('')}" fill="${paints.fills[i]}" class="part"/>`
  })
  const times = timeTicks(from, to).map(({ at, label: text }) => ({ x: x(at), text }))
  const marks = times.map((time) => `<path d="M${unit(time.x)} ${top + PLOT}v4" class="axis"/>`)
  const dates = axisLabels(LEFT, CHART_WIDTH, top + PLOT + 16, times)
  const left = chart.buckets.length - buckets.length
  const rest = left === 0 ? '' : ` ${left} later columns are left out.`
  const told = `${stampText(from)} to ${stampText(to)}, ${of}: ${names.join(', ')}; at most ${amountText(most, of)} in one column.${rest}`
  const body = `${paints.defs}${key.svg}${label(0, top - 8, of, 'start', 'unit')}${grid.join('')}${stacks.join('')}${marks.join('')}${dates}`
  return drawing(id, top + PLOT + AXIS - 8, title, told, body)
}
