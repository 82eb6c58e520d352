/** What was recorded when, a lane each, as a drawing. Short gaps are drawn wider than they were: none is hidden by the scale. */

import { stampText } from '../revocation/revocation-text.ts'
import {
  axisLabels,
  CHART_WIDTH,
  definedPaints,
  drawing,
  fittingText,
  label,
  legend,
  STRIP_STATES,
  stripPaint,
  unit,
} from './chart-paint.ts'
import { timeTicks } from './chart-scale.ts'
import { htmlText } from './html-escape.ts'
import type { StripChart, StripState } from './report-document.ts'

const LANES_MAX = 60
/** Spans of a lane drawn one by one; of more, each part of the lane shows the worst in it. */
export const SPANS_MAX = 300
const [LEFT, RIGHT, ROW, LANE, AXIS] = [190, 10, 18, 11, 22]
/** Units: least width of what is missing. */
const GAP_LEAST = 1.5
/** Parts of a condensed lane. */
const PARTS = 260
/** What stands against the records, the worst first. */
const WORST: readonly StripState[] = ['gap', 'silent', 'partly', 'covered']
/** Gaps of a lane that are told to who does not see. */
const TOLD_MAX = 5

type Span = StripChart['lanes'][number]['spans'][number]

/** `id` is unique in the page. More than 60 lanes are left out and counted. */
export function stripSvg({ title, from, to, lanes }: StripChart, id: string): string {
  const shown = lanes.slice(0, LANES_MAX)
  if (!(to > from) || shown.length === 0)
    return drawing(id, 30, title, 'Nothing to draw.', label(0, 18, 'no source is known', 'start', 'empty'))
  const room = CHART_WIDTH - LEFT - RIGHT
  const x = (at: number) => LEFT + ((Math.min(to, Math.max(from, at)) - from) / (to - from)) * room
  const drawn = shown.map(({ spans }) => spansDrawn(spans, from, to))
  const used = STRIP_STATES.filter((state) => drawn.some((spans) => spans.some((span) => span.state === state)))
  const paints = definedPaints(id, used.map(stripPaint))
  const fill = (state: StripState) => paints.fills[used.indexOf(state)] ?? ''
  const key = legend(
    0,
    used.map((state) => ({ fill: fill(state), text: stripPaint(state).label })),
  )
  const top = key.height + 6
  const rows = shown.map((lane, row) => {
    const y = top + row * ROW
    // What is against the records is drawn last, over what is for it.
    const spans = (drawn[row] ?? []).toSorted((a, b) => WORST.indexOf(b.state) - WORST.indexOf(a.state))
    const rects = spans.map(({ from: start, to: end, state, note }) => {
      const least = state === 'covered' ? 0 : GAP_LEAST
      const width = Math.max(least, x(end) - x(start))
      const left = Math.min(x(start), CHART_WIDTH - RIGHT - width)
      const told = note === '' ? '' : `<title>${htmlText(`${lane.label}: ${note}`)}</title>`
      return width === 0
        ? ''
        : `<rect x="${unit(left)}" y="${y}" width="${unit(width)}" height="${LANE}" fill="${fill(state)}">${told}</rect>`
    })
    return `${label(LEFT - 8, y + 9.5, fittingText(lane.label, LEFT - 12), 'end')}<rect x="${LEFT}" y="${y}" width="${room}" height="${LANE}" class="lane"/>${rects.join('')}`
  })
  const bottom = top + shown.length * ROW
  const times = timeTicks(from, to).map(({ at, label: text }) => ({ x: x(at), text }))
  const marks = times.map((time) => `<path d="M${unit(time.x)} ${top - 3}V${bottom}" class="grid"/>`)
  const dates = axisLabels(LEFT, CHART_WIDTH, bottom + 11, times)
  const left = lanes.length - shown.length
  const note = left === 0 ? '' : label(LEFT, bottom + AXIS + 6, `and ${left} more sources, not drawn`, 'start', 'empty')
  const told = `${stampText(from)} to ${stampText(to)}. ${shown.map(laneText).join('. ')}.`
  const body = `${paints.defs}${key.svg}${marks.join('')}${dates}${rows.join('')}${note}`
  return drawing(id, bottom + AXIS - 4 + (left === 0 ? 0 : 16), title, told, body)
}

/** Spans within the time, few enough to be drawn. */
export function spansDrawn(spans: readonly Span[], from: number, to: number): readonly Span[] {
  const inside = spans.filter((span) => span.to >= from && span.from <= to)
  if (inside.length <= SPANS_MAX) return inside
  const width = (to - from) / PARTS
  const parts: (StripState | null)[] = Array.from({ length: PARTS }, () => null)
  for (const span of inside) {
    const first = Math.max(0, Math.floor((span.from - from) / width))
    const last = Math.min(PARTS - 1, Math.max(first, Math.ceil((span.to - from) / width) - 1))
    for (let i = first; i <= last; i++) {
      const known = parts[i]
      if (known === null || known === undefined || WORST.indexOf(span.state) < WORST.indexOf(known))
        parts[i] = span.state
    }
  }
  const joined: { from: number; to: number; state: StripState; note: string }[] = []
  parts.forEach((state, i) => {
    const before = joined.at(-1)
    if (state === null) return
    const [start, end] = [from + i * width, from + (i + 1) * width]
    if (before !== undefined && before.state === state && before.to === start) before.to = end
    else joined.push({ from: start, to: end, state, note: '' })
  })
  return joined
}

function laneText({ label: name, spans }: StripChart['lanes'][number]): string {
  const missing = spans.filter(({ state }) => state !== 'covered')
  const told = missing.slice(0, TOLD_MAX).map(({ from, state, note }) => {
    const what = note === '' ? stripPaint(state).label : note
    return `${what} from ${stampText(from)}`
  })
  const more = missing.length - told.length
  return `${name}: ${told.length === 0 ? 'nothing stated against it' : told.join(', ')}${more === 0 ? '' : ` and ${more} more`}`
}
