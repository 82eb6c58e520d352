/** Charts as drawings: nothing outside, nothing hidden, never a number that is none. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { amountText, amountTicks, timeTicks } from '../../../src/reports/document/chart-scale.ts'
import { SPANS_MAX, spansDrawn } from '../../../src/reports/document/chart-strip.ts'
import { chartSvg } from '../../../src/reports/document/chart-svg.ts'
import type { Chart, Series, StripState } from '../../../src/reports/document/report-document.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/time.ts'
import { FROM, TO } from './made-document.ts'

const SERIES: readonly Series[] = [
  { name: 'connected', tone: 'good' },
  { name: 'also good', tone: 'good' },
]

function rects(svg: string): readonly { x: number; width: number; fill: string }[] {
  return [
    ...svg.matchAll(
      /<rect x="([\d.-]+)" y="[\d.]+" width="([\d.]+)" height="[\d.]+" fill="([^"]+)"(?! class="swatch")/g,
    ),
  ].map(([, x, width, fill = '']) => ({ x: Number(x), width: Number(width), fill }))
}

/** Where labels of the time axis begin and end, at the 5.6 units a letter takes on average. */
function axisTexts(svg: string): readonly { begin: number; end: number }[] {
  const texts = [...svg.matchAll(/<text x="([\d.-]+)" y="[\d.]+" text-anchor="(\w+)" class="label">([\d: -]+)</g)]
  return texts
    .filter(([, , , text = '']) => /^(?:\d\d(?::\d\d)+|\d+-\d\d.*)$/.test(text))
    .map(([, x, anchor, text = '']) => {
      const size = text.length * 5.6
      const begin = Number(x) - (anchor === 'end' ? size : anchor === 'middle' ? size / 2 : 0)
      return { begin, end: begin + size - 0.01 }
    })
}

describe('axes', () => {
  test.each([
    [FROM, FROM + 7 * MINUTE, ['11-01 00:00', '00:01', '00:02', '00:03', '00:04', '00:05', '00:06', '00:07']],
    [
      FROM - HOUR,
      FROM + HOUR,
      ['10-31 23:00', '23:15', '23:30', '23:45', '11-01 00:00', '00:15', '00:30', '00:45', '01:00'],
    ],
    [FROM, FROM + 7 * DAY, ['11-01', '11-02', '11-03', '11-04', '11-05', '11-06', '11-07', '11-08']],
    [FROM, TO, ['11-01', '11-06', '11-11', '11-16', '11-21', '11-26', '12-01']],
    [FROM, FROM + 365 * DAY, ['2026-11', '2027-01', '2027-03', '2027-05', '2027-07', '2027-09', '2027-11']],
  ])('times of %d to %d', (from, to, labels) => {
    expect(timeTicks(from, to).map(({ label }) => label)).toEqual(labels)
  })

  test('times are few, in order and inside, whatever the period', () => {
    const span = fc.integer({ min: 1, max: 900 * 365 })
    fc.assert(
      fc.property(
        fc.integer({ min: -3e10, max: 6e10 }),
        span,
        fc.constantFrom(SECOND, MINUTE, HOUR, DAY),
        (start, count, unit) => {
          const [from, to] = [start * SECOND, start * SECOND + count * unit]
          const marks = timeTicks(from, to)
          expect(marks.length).toBeLessThanOrEqual(11)
          marks.forEach(({ at }, i) => {
            expect(at >= from && at <= to && at > (marks[i - 1]?.at ?? Number.NEGATIVE_INFINITY)).toBe(true)
          })
        },
      ),
    )
    expect(timeTicks(5, 5)).toEqual([])
    expect(timeTicks(Number.NaN, 5)).toEqual([])
  })

  test('labels do not touch each other and stay inside, whatever the period', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -3e10, max: 6e10 }),
        fc.integer({ min: 1, max: 900 * 365 }),
        fc.constantFrom(SECOND, MINUTE, HOUR, DAY),
        (start, count, unit) => {
          const [from, to] = [start * SECOND, start * SECOND + count * unit]
          const lanes = [{ label: 'gw1 conntrack', spans: [] }]
          const buckets = [{ at: from, values: [1, 1] }]
          const charts: readonly Chart[] = [
            { kind: 'strip', title: 't', from, to, lanes },
            { kind: 'columns', title: 't', unit: 'rows', series: SERIES, width: to - from, buckets },
          ]
          for (const chart of charts) {
            const all = axisTexts(chartSvg(chart, 'd'))
            for (const [i, { begin, end }] of all.entries()) {
              expect(begin).toBeGreaterThanOrEqual(all[i - 1]?.end ?? 0)
              expect(end).toBeLessThanOrEqual(720)
            }
          }
        },
      ),
    )
    const short = { kind: 'strip', title: 't', from: FROM - 10 * SECOND, to: FROM + 220 * SECOND } as const
    expect(axisTexts(chartSvg({ ...short, lanes: [{ label: 'gw1', spans: [] }] }, 'd')).length).toBeGreaterThan(5)
  })

  test('amounts reach the most, in few round steps, never below one thing', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 1e15, noNaN: true }), (most) => {
        const marks = amountTicks(most, 'connections')
        expect(marks.at(-1)?.at).toBeGreaterThanOrEqual(most)
        expect(marks.length).toBeLessThanOrEqual(6)
        expect(marks[0]?.at).toBe(0)
        expect(marks.every(({ at }) => Number.isInteger(at))).toBe(true)
      }),
    )
    expect(amountText(1234567, 'rows')).toBe('1,234,567')
    expect(amountText(1_200_000, 'bytes')).toBe('1.2 MB')
  })
})

describe('columns', () => {
  const chart = (values: readonly (readonly number[])[]): Chart => ({
    kind: 'columns',
    title: 'Over time',
    unit: 'connections',
    series: SERIES,
    width: HOUR,
    buckets: values.map((each, i) => ({ at: FROM + i * HOUR, values: each })),
  })

  test('say their totals, and two of one tone differ by colour and pattern', () => {
    const svg = chartSvg(
      chart([
        [3, 1],
        [1200, 0],
      ]),
      'c',
    )
    expect(svg).toContain('connected 1,203')
    expect(svg).toContain('also good 1<')
    const fills = [...svg.matchAll(/fill="([^"]+)" class="part"/g)].map(([, fill]) => fill)
    expect(fills).toEqual(['#00684b', 'url(#c-p1)'])
    expect(svg).toContain('<linearGradient id="c-p1"')
  })

  test('numbers that are none are nothing; without any that is said', () => {
    const svg = chartSvg(chart([[Number.NaN, -4], [Number.POSITIVE_INFINITY]]), 'c')
    expect(svg).toContain('nothing recorded')
    expect(chartSvg(chart([]), 'c')).toContain('nothing recorded')
    expect(chartSvg(chart([[2], [Number.NaN, 3]]), 'c')).not.toMatch(/NaN|Infinity|undefined/)
  })

  test('stay inside whatever the numbers', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1e9), fc.double()), { minLength: 1, maxLength: 420 }), (values) => {
        const svg = chartSvg(chart(values), 'c')
        expect(svg).not.toMatch(/NaN|Infinity|undefined/)
        for (const [, x, y] of svg.matchAll(/M([\d.-]+) ([\d.-]+)h/g)) {
          expect(Number(x)).toBeGreaterThanOrEqual(56)
          expect(Number(x)).toBeLessThanOrEqual(710.01)
          expect(Number(y)).toBeGreaterThanOrEqual(-0.01)
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('bars', () => {
  test('one of a million is still drawn, and what is not drawn is counted', () => {
    const svg = chartSvg(
      {
        kind: 'bars',
        title: 'By resource',
        unit: 'connections',
        series: SERIES,
        bars: Array.from({ length: 33 }, (_, i) => ({ label: `r${i}`, values: i === 0 ? [1_000_000, 1] : [0, 1] })),
      },
      'b',
    )
    expect(rects(svg)).toHaveLength(31)
    expect(rects(svg).every(({ x, width }) => width >= 1 && x + width <= 720)).toBe(true)
    expect(svg).toContain('and 3 more, not drawn')
  })
})

describe('the strip', () => {
  const lane = (spans: readonly (readonly [number, number, StripState])[]) => ({
    label: 'gw1 conntrack',
    spans: spans.map(([from, to, state]) => ({ from, to, state, note: state === 'covered' ? '' : `${state} here` })),
  })

  test('shows a gap of a second in a month, over what is recorded around it, with its note', () => {
    const svg = chartSvg(
      {
        kind: 'strip',
        title: 'Recorded',
        from: FROM,
        to: TO,
        lanes: [
          lane([
            [FROM, FROM + DAY, 'covered'],
            [FROM + DAY, FROM + DAY + SECOND, 'gap'],
            [FROM + DAY + SECOND, TO, 'covered'],
          ]),
        ],
      },
      's',
    )
    const drawn = rects(svg)
    expect(drawn).toHaveLength(3)
    expect(drawn.at(-1)?.fill).toBe('url(#s-p1)')
    expect(drawn.at(-1)?.width).toBe(1.5)
    expect(svg).toContain('<title>gw1 conntrack: gap here</title>')
    expect(svg).toContain('gap here from 2026-11-02 00:00:00 UTC')
  })

  test('thousands of spans become few, and no gap is lost', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(SPANS_MAX * 4), { minLength: 1, maxLength: 5 }), (places) => {
        const step = (TO - FROM) / (SPANS_MAX * 4 + 1)
        const { spans } = lane(
          Array.from({ length: SPANS_MAX * 4 + 1 }, (_, i) => [
            FROM + i * step,
            FROM + (i + 1) * step,
            places.includes(i) ? 'gap' : i % 2 === 0 ? 'covered' : 'partly',
          ]),
        )
        const drawn = spansDrawn(spans, FROM, TO)
        expect(drawn.length).toBeLessThanOrEqual(SPANS_MAX)
        for (const i of places) {
          const at = FROM + (i + 0.5) * step
          expect(drawn.find((span) => span.from <= at && at <= span.to)?.state).toBe('gap')
        }
      }),
      { numRuns: 20 },
    )
  })
})
