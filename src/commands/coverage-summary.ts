/** The coverage part of `replay`'s summary: how complete each source is, its gaps, and what nobody can see however well it is collected. */
import type { BlindSpot } from '../correlate/blind-spots.ts'
import type { CoverageReport } from '../correlate/coverage.ts'
import type { SourceReport } from '../correlate/covered-source.ts'
import { safeText } from '../safe-text.ts'
import { type Micros, SECOND, toIso } from '../time.ts'
import { paint, type Terminal, table } from './terminal.ts'

/** Gaps shown; the rest are counted, all are documents. */
const GAPS_SHOWN_MAX = 12

const SPOTS: Readonly<Record<BlindSpot['what'], (name: string) => string>> = {
  'no-source': (name) => `no ${name} source`,
  'no-ruleset': () => 'no ruleset: verdicts only from configured prefixes',
  'unlogged-interface': (name) => `${name} has no log rule`,
  'unseen-interface': (name) => `${name} is documented and never seen`,
  'sampled-prefix': (name) => `"${name}" is rate-limited: some of its packets are not logged`,
  'unread-log-group': (name) => `rules log to group ${name}, which nobody reads`,
}

/** Lines for a person; '' when nothing in the capture had a time. */
export function printCoverage(terminal: Terminal, report: CoverageReport): string {
  if (report.period === null) return ''
  const { from, to } = report.period
  const rows = report.sources.map((source) => [
    source.host,
    source.source,
    ...rangeOf(source),
    source.gaps.length + source.gapsOmitted === 0 ? '·' : String(source.gaps.length + source.gapsOmitted),
    source.lost + source.uncountedLosses === 0
      ? '·'
      : source.uncountedLosses > 0
        ? `${source.lost}+?`
        : String(source.lost),
  ])
  const head = `${paint(terminal, 'bold', 'Coverage')} ${toIso(from).slice(0, 19)} to ${toIso(to).slice(0, 19)} UTC\n`
  const lines = table(
    terminal,
    [
      { title: 'host' },
      { title: 'source' },
      { title: 'complete', align: 'right' },
      { title: 'at most', align: 'right' },
      { title: 'gaps', align: 'right' },
      { title: 'lost', align: 'right' },
    ],
    rows,
  )
  return `${head}${lines}${gapLines(terminal, report)}${spotLines(terminal, report)}`
}

/** `>= 93.4 %`, `<= 100 %`. A sampled prefix leaves nothing certain; the range of all other prefixes says more. */
function rangeOf({ completeness, besidesSampled }: SourceReport): [string, string] {
  const isSampled = completeness.atLeast === 0 && besidesSampled.atLeast > 0
  const range = isSampled ? besidesSampled : completeness
  return [`>= ${percent(range.atLeast)}${isSampled ? ' *' : ''}`, `<= ${percent(range.atMost)}`]
}

function percent(value: number): string {
  return `${Math.floor(value * 10) / 10} %`
}

function gapLines(terminal: Terminal, report: CoverageReport): string {
  const gaps = report.sources.flatMap(({ host, source, gaps: stated }) =>
    stated.map((gap) => ({ host, source, ...gap })),
  )
  const shown = gaps.toSorted((a, b) => a.from - b.from).slice(0, GAPS_SHOWN_MAX)
  const lines = shown.map(
    (gap) =>
      `${paint(terminal, 'yellow', 'gap')}   ${safeText(gap.host)} ${gap.source}  ${clock(gap.from)} to ${clock(gap.to)}, ${seconds(gap.to - gap.from)}: ${gap.reason}\n`,
  )
  const rest = gaps.length - shown.length
  return lines.join('') + (rest > 0 ? `      and ${rest} more, all of them documents of wireguard.coverage\n` : '')
}

function spotLines(terminal: Terminal, report: CoverageReport): string {
  const lines: string[] = []
  for (const { host, source } of report.neverSpoke) lines.push(`${host}: ${source} is documented and never spoke`)
  for (const { host, spots } of report.blindSpots) {
    if (spots.length > 0) lines.push(`${host}: ${spots.map(({ what, name }) => SPOTS[what](name)).join('; ')}`)
  }
  const isSampled = report.sources.some((each) => each.completeness.atLeast === 0 && each.besidesSampled.atLeast > 0)
  if (isSampled) lines.push('* all prefixes but the rate-limited ones')
  return lines.map((line) => `${paint(terminal, 'dim', 'blind')} ${safeText(line)}\n`).join('')
}

/** Time of day; the period above names the date. */
function clock(at: Micros): string {
  return toIso(at).slice(11, 23).replace('Z', '')
}

function seconds(duration: Micros): string {
  return `${(duration / SECOND).toFixed(1)} s`
}
