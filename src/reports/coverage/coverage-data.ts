/** A coverage report for programs. */
import { MS, SECOND, toIso } from '../../time.ts'
import type { JsonValue } from '../document/report-document.ts'
import type { PageOne, SourceCompleteness } from '../page-one/page-one.ts'
import type { Days } from './day-rows.ts'
import type { Holes } from './hole-rows.ts'

export function coverageData(pageOne: PageOne, holes: Holes, days: Days): JsonValue {
  return {
    sources: pageOne.sources.map(sourceData),
    sourcesOmitted: pageOne.sourcesOmitted ?? 0,
    gaps: holes.gaps,
    losses: holes.losses,
    rows: { days: days.rows, gaps: holes.rows },
    blind: pageOne.blind.map(({ machine, text }) => ({ machine, text })),
    clocks: pageOne.clocks.map(({ machine, offset, joins }) => ({
      machine,
      offsetMs: offset === null ? null : offset / MS,
      joins,
    })),
    oldest: pageOne.oldest === null ? null : toIso(pageOne.oldest),
    newest: pageOne.newest === null ? null : toIso(pageOne.newest),
    damage: [...(pageOne.damage ?? [])],
  }
}

function sourceData(source: SourceCompleteness): JsonValue {
  const { gaps, pollPeriod = null, quiet = 0, sampled = [] } = source
  return {
    machine: source.machine,
    source: source.source,
    isDeclared: source.isDeclared,
    hasSpoken: source.hasSpoken,
    atLeastPercent: source.atLeast,
    atMostPercent: source.atMost,
    besidesSampledAtLeastPercent: source.besidesSampled,
    sampledPrefixes: [...sampled],
    received: source.received,
    documents: source.events,
    unparsed: source.unparsed,
    suspect: source.suspect,
    outOfScope: source.outOfScope,
    lost: source.lost,
    uncountedLosses: source.uncountedLosses,
    heartbeatPercent: source.heartbeats,
    quietSeconds: quiet / SECOND,
    lagMaxSeconds: source.lagMax,
    pollPeriodMs: pollPeriod === null ? null : pollPeriod / MS,
    gapCount: source.gapCount,
    gaps: gaps.map(({ from, to, reason }) => ({ from: toIso(from), to: toIso(to), reason })),
  }
}
