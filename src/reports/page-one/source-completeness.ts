/**
 * How complete each source is in a period, as a range (design 7), out of documents. The arithmetic is the live engine's own
 * (correlate/completeness.ts); what is in no document is doubt here, so that a report never claims more than the engine did:
 * time without a heartbeat, how much of a gap is certainly missing, whether a rule that logs only some packets is still there.
 */
import { createCompleteness } from '../../correlate/completeness.ts'
import { createIntervalSet, type Interval } from '../../correlate/interval-set.ts'
import type { EventReader } from '../../store/event-reader.ts'
import { MINUTE, type Micros } from '../../time.ts'
import type { ReportPeriod } from '../report-question.ts'
import { spansOf } from './coverage-strip.ts'
import type { Declared } from './declared-sources.ts'
import type { SourceCompleteness } from './page-one.ts'
import { comparePlaces, isCovered, keyOfPlace, type Place } from './place.ts'
import { readBridges } from './silence-bridges.ts'
import { type BeatSums, type Beats, readBeats, type Stretch } from './source-beats.ts'
import { CERTAIN_REASONS, GAPS_READ_MAX, type GapRow, type PlaceGaps, readGapRows, readSampled } from './source-gaps.ts'

/** Sources told of: machines times four, and names of machines come from people. */
export const SOURCES_MAX = 2_000
/** Gaps told of a source on page one; the coverage report writes all of them. */
export const GAPS_TOLD_MAX = 100

/** All that is known of one source, with what was read of it. */
export type SourceFacts = {
  readonly place: Place
  readonly isDeclared: boolean
  readonly beats: Beats | null
  readonly gaps: readonly GapRow[]
  readonly gapTotal: number
  readonly sampled: readonly string[]
  /** First and last document of any kind of its machine in the period; null = none. */
  readonly machine: Interval | null
  /** Its silence at an end of the period is one between records (silence-bridges.ts). */
  readonly silence: { readonly before: boolean; readonly after: boolean }
}

/** Throws AppError of the reader. */
export async function readCompleteness(
  reader: EventReader,
  period: ReportPeriod,
  declared: Declared,
): Promise<{ readonly sources: SourceCompleteness[]; readonly omitted: number }> {
  const facts = await readFacts(reader, period, declared)
  return {
    sources: facts.slice(0, SOURCES_MAX).map((each) => completenessOf(each, period)),
    omitted: Math.max(0, facts.length - SOURCES_MAX),
  }
}

async function readFacts(reader: EventReader, period: ReportPeriod, declared: Declared): Promise<SourceFacts[]> {
  const read = await readBeats(reader, period)
  const bridges = await readBridges(reader, read, period)
  const beats = new Map(read.map((each) => [keyOfPlace(each.place), each]))
  const gaps = await readGapRows(reader, period)
  const sampled = await readSampled(reader, period)
  const machines = withStretches(await readMachines(reader, period), [...beats.values()])
  const places = new Map<string, Place>()
  for (const { place } of [...beats.values(), ...gaps.values()]) places.set(keyOfPlace(place), place)
  for (const key of declared.places) {
    const [machine = '', source = ''] = key.split('\0')
    places.set(key, { machine, source })
  }
  return [...places.values()]
    .filter(isCovered)
    .sort(comparePlaces)
    .flatMap((place) => {
      const own = gaps.get(keyOfPlace(place))
      const found = beats.get(keyOfPlace(place)) ?? null
      const isPromised = own?.rows.some(({ reason }) => reason === 'never-spoke') === true
      const isDeclared = declared.places.has(keyOfPlace(place)) || isPromised
      // What spoke only in other times is not of this report.
      if (!isDeclared && own === undefined && !isHere(found)) return []
      const key = keyOfPlace(place)
      const silence = { before: bridges.before.has(key), after: bridges.after.has(key) }
      return [{ ...factsOf(place, isDeclared, found, own, sampled, machines), silence }]
    })
}

function isHere(beats: Beats | null): boolean {
  return beats !== null && (beats.stretches.length > 0 || (beats.hasSpokenBefore && beats.hasSpokenAfter))
}

function factsOf(
  place: Place,
  isDeclared: boolean,
  beats: Beats | null,
  gaps: PlaceGaps | undefined,
  sampled: ReadonlyMap<string, readonly string[]>,
  machines: ReadonlyMap<string, Interval>,
): Omit<SourceFacts, 'silence'> {
  return {
    place,
    isDeclared,
    beats,
    gaps: (gaps?.rows ?? []).filter(({ reason }) => isOwn(place, reason)),
    gapTotal: gaps?.total ?? 0,
    sampled: place.source === 'nftables' ? (sampled.get(place.machine) ?? []).toSorted() : [],
    machine: machines.get(place.machine) ?? null,
  }
}

/** The kernel log tells of auditd also where nobody collects audit.log: that is nothing against the kernel log. */
function isOwn({ source }: Place, reason: string): boolean {
  return source === 'auditd' || !reason.startsWith('audit-')
}

/** From the first to the last document of each machine in the period. */
async function readMachines(reader: EventReader, { from, to }: ReportPeriod): Promise<Map<string, Interval>> {
  const groups = await reader.groups({ datasets: null, since: from, until: to - 1, query: { kind: 'all' } }, [
    'host.name',
  ])
  return new Map(groups.map(({ values, oldest, newest }) => [String(values[0] ?? ''), { from: oldest, to: newest }]))
}

/** A heartbeat of silence is no document of its minute, and yet somebody was there. */
function withStretches(machines: ReadonlyMap<string, Interval>, beats: readonly Beats[]): Map<string, Interval> {
  const wide = new Map(machines)
  for (const { place, stretches } of beats) {
    for (const { from, to } of stretches) {
      const known = wide.get(place.machine) ?? { from, to }
      wide.set(place.machine, { from: Math.min(known.from, from), to: Math.max(known.to, to) })
    }
  }
  return wide
}

/** The range, and what stands beside it. */
export function completenessOf(facts: SourceFacts, period: ReportPeriod): SourceCompleteness {
  const { place, isDeclared, beats, gaps, gapTotal, sampled } = facts
  const missed = gaps.filter(({ from, to, isLoss }) => !isLoss && to > from)
  const losses = gaps.filter(({ isLoss, lost }) => isLoss && lost === 0)
  const covered = coveredTimes(beats?.stretches ?? [], period, facts.silence)
  const { whole, besides } = rangesOf(facts, covered, period)
  const sums = beats?.sums
  const inBeats = (beats?.stretches ?? []).reduce((sum, { from, to }) => sum + to - from, 0)
  return {
    ...place,
    isDeclared,
    atLeast: whole.atLeast,
    atMost: whole.atMost,
    events: sums?.events ?? 0,
    lost: sums?.lost ?? 0,
    gaps: missed.slice(0, GAPS_TOLD_MAX).map(({ from, to, reason }) => ({ from, to, reason })),
    hasSpoken: beats?.stretches.some(({ first }) => first !== null) === true,
    gapCount: missed.length + Math.max(0, gapTotal - GAPS_READ_MAX),
    uncountedLosses: losses.length,
    sampled,
    besidesSampled: besides.atLeast,
    received: sums?.received ?? 0,
    unparsed: sums?.unparsed ?? 0,
    suspect: sums?.suspect ?? 0,
    outOfScope: sums?.outOfScope ?? 0,
    heartbeats: Math.floor((inBeats / Math.max(1, period.to - period.from)) * 10_000) / 100,
    quiet: sums?.quiet ?? 0,
    lagMax: sums?.lagMax ?? 0,
    pollPeriod: place.source === 'wireguard' ? pollPeriodOf(sums, inBeats) : null,
    spans: spansOf({ period, covered, gaps: missed, doubts: doubtsOf(facts), isSampled: sampled.length > 0 }),
  }
}

function rangesOf(facts: SourceFacts, covered: readonly Interval[], period: ReportPeriod) {
  const { beats, gaps, sampled, machine, gapTotal } = facts
  const completeness = createCompleteness()
  for (const hole of holesOf(covered, period)) completeness.doubt(hole.from, hole.to)
  for (const { from, to } of doubtsOf(facts)) completeness.doubt(from, to)
  for (const { from, to, reason } of gaps) {
    if (CERTAIN_REASONS.has(reason)) completeness.miss({ from, to })
  }
  const lastRead = gaps.at(-1)
  if (lastRead !== undefined && gapTotal > GAPS_READ_MAX) completeness.doubt(lastRead.from, period.to)
  for (const { from, to, seen, lost } of beats?.losses ?? []) completeness.loss(from, to, seen, lost)
  const cutAt = beats?.lossesCutAt ?? null
  if (cutAt !== null) completeness.doubt(cutAt, period.to)
  for (const hole of missingOf(machine, period)) completeness.miss(hole)
  if (sampled.length > 0) completeness.sampled(period.from, period.to)
  // Where no record is, before the first and after the last, was said above to be doubt.
  return {
    whole: completeness.rangeOf(period, period.from, period.to, true),
    besides: completeness.rangeOf(period, period.from, period.to, false),
  }
}

/** Where gaps and losses without a number leave doubt. */
function doubtsOf({ gaps }: SourceFacts): Interval[] {
  return gaps.flatMap(({ from, to, isLoss, lost, spokenBefore }) => {
    if (!isLoss) return [{ from, to }]
    // A counted loss is in its minute's heartbeat. One without a number lies between the record before it and its report.
    return lost > 0 ? [] : [{ from: Math.min(from, spokenBefore ?? from - MINUTE), to: Math.max(to, from + 1) }]
  })
}

/** Before the first and after the last document of the machine, nothing of it is recorded, for certain. */
function missingOf(machine: Interval | null, { from, to }: ReportPeriod): Interval[] {
  if (machine === null) return [{ from, to }]
  return [
    { from, to: machine.from },
    // Documents come some time after what they tell: the minute of the last one is left open.
    { from: machine.to + MINUTE, to },
  ]
}

/**
 * Where the source was there: in each stretch of heartbeats from the first minute in which anything came to the last one. A stretch that
 * runs over an end of the period does so up to that end where it goes on to a record beyond it.
 */
function coveredTimes(
  stretches: readonly Stretch[],
  period: ReportPeriod,
  silence: SourceFacts['silence'],
): Interval[] {
  return stretches.flatMap(({ from, to, first, last }) => {
    const begin = from <= period.from && silence.before ? period.from : first
    const end = to >= period.to && silence.after ? period.to : last
    return begin !== null && end !== null && begin < end ? [{ from: begin, to: end }] : []
  })
}

function holesOf(covered: readonly Interval[], period: ReportPeriod): Interval[] {
  const set = createIntervalSet('grow')
  for (const { from, to } of covered) set.add(from, to)
  const holes: Interval[] = []
  let at: Micros = period.from
  for (const { from, to } of set.intervals) {
    if (at < from) holes.push({ from: at, to: from })
    at = to
  }
  if (at < period.to) holes.push({ from: at, to: period.to })
  return holes
}

/** Polls that come less often than once a minute are told by their mean distance. */
function pollPeriodOf(sums: BeatSums | undefined, time: Micros): Micros | null {
  if (sums === undefined || sums.received === 0) return null
  return sums.usual >= 2 ? Math.round(MINUTE / sums.usual) : Math.round(time / sums.received)
}
