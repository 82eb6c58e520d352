/** The coverage strip: what was recorded when, a lane for each source. Its spans are in order and do not overlap. */
import type { Interval } from '../../correlate/interval-set.ts'
import { spanText } from '../../quantity-text.ts'
import { type Micros, MS } from '../../time.ts'
import type { StripChart, StripState } from '../document/report-document.ts'
import type { ReportPeriod } from '../report-question.ts'

type Span = StripChart['lanes'][number]['spans'][number]

/** What a lane is drawn of. */
export type StripFacts = {
  readonly period: ReportPeriod
  readonly covered: readonly Interval[]
  readonly gaps: readonly (Interval & { readonly reason: string })[]
  /** Losses, and gaps again: whatever overlaps them is recorded in part. */
  readonly doubts: readonly Interval[]
  readonly isSampled: boolean
}

/** Spans of a lane; beyond it neighbours are put together, the worse one tells. */
export const SPANS_MAX = 400
/** Lanes of a strip, by the contract of charts. */
export const LANES_MAX = 60

const RANK: Readonly<Record<StripState, number>> = { covered: 0, partly: 1, silent: 2, gap: 3 }

/** Spans of one lane over the whole period, at most SPANS_MAX. */
export function spansOf(facts: StripFacts): Span[] {
  const { period, covered, gaps, doubts, isSampled } = facts
  const clip = ({ from, to }: Interval) => ({ from: Math.max(from, period.from), to: Math.min(to, period.to) })
  const edges = new Set<Micros>([period.from, period.to])
  for (const interval of [...covered, ...gaps, ...doubts]) {
    const { from, to } = clip(interval)
    if (from < to) edges.add(from).add(to)
  }
  const times = [...edges].sort((a, b) => a - b)
  const coverage = createSweep(covered)
  const holes = createSweep(gaps)
  const doubtful = createSweep(doubts)
  const spans: Span[] = []
  for (let i = 0; i + 1 < times.length; i++) {
    const [from = 0, to = 0] = [times[i], times[i + 1]]
    const gap = holes(from)
    const isCovered = coverage(from) !== null
    const isDoubtful = doubtful(from) !== null
    const state: StripState =
      gap !== null ? 'gap' : !isCovered ? 'silent' : isDoubtful || isSampled ? 'partly' : 'covered'
    const reason = gap?.reason ?? ''
    const last = spans.at(-1)
    const note = state === 'gap' ? reason : state === 'partly' ? (isDoubtful ? 'losses' : 'sampled') : ''
    if (last !== undefined && last.state === state && last.note === note) spans[spans.length - 1] = { ...last, to }
    else spans.push({ from, to, state, note })
  }
  return coarser(spans, period).map((span) => ({ ...span, note: noteOf(span) }))
}

/** What of a list, sorted by its beginnings, stands at a time; times are asked in order. Of several, the one that began last. */
function createSweep<T extends Interval>(intervals: readonly T[]): (at: Micros) => T | null {
  const sorted = intervals.toSorted((a, b) => a.from - b.from)
  let next = 0
  let open: T[] = []
  return (at) => {
    for (let each = sorted[next]; each !== undefined && each.from <= at; each = sorted[++next]) open.push(each)
    open = open.filter(({ to }) => to > at)
    return open.at(-1) ?? null
  }
}

/** At most SPANS_MAX: each cell of a grid over the period is as bad as the worst that lies in it. */
function coarser(spans: readonly Span[], { from, to }: ReportPeriod): Span[] {
  if (spans.length <= SPANS_MAX) return [...spans]
  const width = (to - from) / SPANS_MAX
  const cells: Span[] = []
  let next = 0
  for (let cell = 0; cell < SPANS_MAX; cell++) {
    const begin = Math.round(from + cell * width)
    const end = cell + 1 === SPANS_MAX ? to : Math.round(from + (cell + 1) * width)
    let worst: Span | null = null
    for (let i = next; i < spans.length; i++) {
      const span = spans[i]
      if (span === undefined || span.from >= end) break
      if (span.to <= begin) {
        next = i + 1
        continue
      }
      if (worst === null || RANK[span.state] > RANK[worst.state]) worst = span
    }
    const { state, note } = worst ?? { state: 'silent' as const, note: '' }
    const last = cells.at(-1)
    if (last !== undefined && last.state === state && last.note === note) cells[cells.length - 1] = { ...last, to: end }
    else cells.push({ from: begin, to: end, state, note })
  }
  return cells
}

/** `collector-stopped, 8.9 s`. */
function noteOf({ from, to, state, note }: Span): string {
  const length = to - from < MS ? 'less than 1 ms' : spanText(to - from)
  const what =
    state === 'covered' ? 'recorded' : state === 'silent' ? 'nothing of it is recorded' : partText(state, note)
  return `${what}, ${length}`
}

function partText(state: StripState, note: string): string {
  if (state === 'gap') return note === '' ? 'gap' : note
  return note === 'sampled' ? 'some prefixes only in part' : 'losses'
}

/** Lanes in the order given, at most LANES_MAX; what is left out is for the caller to say. */
export function stripOf(
  title: string,
  { from, to }: ReportPeriod,
  lanes: readonly { readonly label: string; readonly spans: readonly Span[] }[],
): StripChart {
  return { kind: 'strip', title, from, to, lanes: lanes.slice(0, LANES_MAX) }
}
