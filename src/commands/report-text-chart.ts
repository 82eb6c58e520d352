/** Charts of a report in characters: columns as heights, bars as lengths, what was recorded as a strip. */
import { amountOf, amountText } from '../reports/document/chart-scale.ts'
import { CELL_MAX, visibleText } from '../reports/document/html-escape.ts'
import type { BarChart, Chart, ColumnChart, StripChart, StripState } from '../reports/document/report-document.ts'
import { stampText } from '../reports/revocation/revocation-text.ts'
import { displayWidth } from './display-width.ts'
import { paint, type Terminal } from './terminal.ts'
import { shorten, wrapText } from './wrap-text.ts'

const HEIGHTS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const
/** Lines of a chart on a terminal. */
const [BARS_MAX, LANES_MAX] = [12, 30]
/** Characters of the longest bar. */
const BAR_MAX = 16
/** Characters of a label, and of a number beside it. */
const [LABEL, NUMBER] = [24, 9]
const MARKS: { readonly [state in StripState]: string } = { covered: '█', partly: '▒', gap: '✗', silent: '·' }
const LEGEND = '█ recorded  ▒ with losses  ✗ not recorded  · nothing was said'
/** The worst first: it is what a character shows. */
const WORST: readonly StripState[] = ['gap', 'silent', 'partly', 'covered']

export function chartLines(terminal: Terminal, width: number, chart: Chart): string[] {
  const isBars = chart.kind === 'bars'
  const title = isBars ? `${chart.title} (${chart.unit})` : chart.title
  const head = wrapText(visibleText(title, CELL_MAX), width)
  switch (chart.kind) {
    case 'columns':
      return [...head, ...columnLines(width, chart)]
    case 'bars':
      return [...head, ...barLines(width, chart)]
    case 'strip':
      return [...head, ...stripLines(terminal, width, chart)]
    default:
      return chart satisfies never
  }
}

function columnLines(width: number, { unit, series, buckets, width: span }: ColumnChart): string[] {
  const [first, last] = [buckets[0], buckets.at(-1)]
  if (first === undefined || last === undefined) return ['  nothing recorded']
  const room = width - LABEL - NUMBER - 4
  const each = Math.ceil(buckets.length / room)
  const lines = series.map(({ name }, i) => {
    const values = buckets.map(({ values: all }) => amountOf(all[i]))
    const sums = Array.from({ length: Math.ceil(values.length / each) }, (_, at) =>
      values.slice(at * each, (at + 1) * each).reduce((sum, value) => sum + value, 0),
    )
    const most = Math.max(...sums)
    const total = values.reduce((sum, value) => sum + value, 0)
    const drawn = sums.map((sum) => (sum === 0 ? ' ' : HEIGHTS[Math.min(7, Math.ceil((sum / most) * 8) - 1)])).join('')
    return `${cell(name, LABEL)}  ${amountText(total, unit).padStart(NUMBER)}  ${drawn}`
  })
  return [
    ...lines,
    ...wrapText(`${stampText(first.at)} to ${stampText(last.at + span)}; each line has its own scale`, width),
  ]
}

function barLines(width: number, { unit, series, bars }: BarChart): string[] {
  const sums = bars.map(({ values }) => series.reduce((sum, _, i) => sum + amountOf(values[i]), 0))
  const most = Math.max(0, ...sums)
  if (most === 0) return ['  nothing recorded']
  // What the parts are is told beside the bars, where there is room for it.
  const room = Math.min(BAR_MAX, width - LABEL - NUMBER - 4)
  const lines = bars.slice(0, BARS_MAX).map(({ label, values }, i) => {
    const sum = sums[i] ?? 0
    const [part = '', ...others] = series.flatMap(({ name }, at) => {
      const value = amountOf(values[at])
      return value === 0 || series.length < 2 ? [] : [`${amountText(value, unit)} ${name}`]
    })
    const bar = '█'.repeat(sum === 0 ? 0 : Math.max(1, Math.round((sum / most) * room)))
    const line = `${cell(label, LABEL)}  ${amountText(sum, unit).padStart(NUMBER)}  ${bar}`
    return others.length === 0 ? line : withParts(line, [part, ...others], width)
  })
  const more = bars.length - BARS_MAX
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])]
}

/** As many parts as stand on the line whole; the page has them all. */
function withParts(line: string, parts: readonly string[], width: number): string {
  const told = parts.map((_, i) => `${line} ${parts.slice(0, i + 1).join(', ')}${i + 1 < parts.length ? ', …' : ''}`)
  return told.findLast((text) => displayWidth(text) <= width) ?? line
}

function stripLines(terminal: Terminal, width: number, { from, to, lanes }: StripChart): string[] {
  if (!(to > from) || lanes.length === 0) return ['  no source is known']
  const room = width - LABEL - 2
  const step = (to - from) / room
  const lines = lanes.slice(0, LANES_MAX).map(({ label, spans }) => {
    const states: (StripState | null)[] = Array.from({ length: room }, () => null)
    for (const span of spans) {
      if (span.to < from || span.from > to) continue
      const first = Math.min(room - 1, Math.max(0, Math.floor((span.from - from) / step)))
      const last = Math.min(room - 1, Math.max(first, Math.ceil((span.to - from) / step) - 1))
      for (let i = first; i <= last; i++) {
        const known = states[i] ?? null
        if (known === null || WORST.indexOf(span.state) < WORST.indexOf(known)) states[i] = span.state
      }
    }
    const drawn = states.map((state) => {
      if (state === null) return ' '
      return state === 'gap' ? paint(terminal, 'red', MARKS.gap) : MARKS[state]
    })
    return `${cell(label, LABEL)}  ${drawn.join('')}`
  })
  const more = lanes.length - LANES_MAX
  return [
    ...lines,
    ...(more > 0 ? [`and ${more} more sources`] : []),
    ...wrapText(`${stampText(from)} to ${stampText(to)}; ${LEGEND}`, width),
  ]
}

/** At most `width` characters, padded to it. */
function cell(text: string, width: number): string {
  const shown = shorten(visibleText(text, CELL_MAX), width)
  return shown + ' '.repeat(width - displayWidth(shown))
}
