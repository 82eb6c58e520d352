/**
 * Coverage of one source of one gateway: its heartbeats, its gaps, its lines that could not be used, and how complete it is.
 * Everything that arrives passes here once, in order of arrival, before the core sees it.
 */
import type { Event } from '../event.ts'
import type { FileGap } from '../sources/line-source.ts'
import type { Notice, Tally } from '../sources/source.ts'
import type { Micros } from '../time.ts'
import { isMark, lossOf } from './collector-marks.ts'
import { type Completeness, createCompleteness, type Range } from './completeness.ts'
import { createCoverageEvents, type Say } from './coverage-events.ts'
import type { SavedCoveredSource } from './covered-source-saved.ts'
import type { Damage } from './damage-gaps.ts'
import { createGapFinders } from './gap-finders.ts'
import { createGaps, type Gap, type StatedGap } from './gaps.ts'
import { createHeartbeats, type HeartbeatCount, type HeartbeatCounts } from './heartbeats.ts'
import type { IntakeHost, Item, SourceName } from './intake.ts'
import type { Interval } from './interval-set.ts'
import { createLineQuota } from './line-quota.ts'
import { noticeDraft } from './notice-events.ts'
import { EDGE_SLACK } from './poll-gaps.ts'
import { createRemarkEvents } from './remark-events.ts'
import { createSourcePulse, staleAfter } from './source-pulse.ts'

export type SourceReport = {
  readonly host: string
  readonly source: SourceName
  /** Null when its decoders' tally was not told. */
  readonly lines: number | null
  readonly skipped: number | null
  /** Of the skipped: repetitions of the kernel's ring. Null where the source knows of none. */
  readonly replayed: number | null
  readonly records: number
  readonly unparsed: number
  readonly suspect: number
  readonly outOfScope: number
  /** Documents emitted from it, coverage left out. */
  readonly events: number
  /** Records known to be lost, where a number was given. */
  readonly lost: number
  /** Losses without a number. */
  readonly uncountedLosses: number
  readonly firstAt: Micros | null
  readonly lastAt: Micros | null
  readonly gaps: readonly StatedGap[]
  readonly gapsOmitted: number
  readonly completeness: Range
  /** The same without regard to rules that log only some of their packets: holds for all other prefixes. */
  readonly besidesSampled: Range
}

/** How alive a source is, for whoever has a clock: coverage itself has none. */
export type Freshness = {
  readonly host: string
  readonly source: SourceName
  /**
   * The newest sign of life; of `wireguard` the newest complete poll, of `conntrack` its event stream where there is one. 0 = none
   * with a time.
   */
  readonly newestAt: Micros
  readonly hasSpoken: boolean
  /** Nine out of ten silences are shorter; of `wireguard` the polling period. 0 = not known yet. */
  readonly usualDistance: Micros
  /** A longer silence is worth an alarm. It is no gap. */
  readonly staleAfter: Micros
}

export type CoveredSource = ReturnType<typeof createCoveredSource>

/** Losses that are not the packet log's: said, but no reason to doubt it (formats.md 1.6). */
const OTHER_LOSS: ReadonlySet<string> = new Set(['printk', 'journald-suppressed', 'nf-log-buffer'])
/** Inferred gaps that wait for the collector's runs. */
const HELD_MAX = 1000
/** Rows of the table are read by another program than its events: they prove nothing about each other. */
function isOfDump(item: Item): boolean {
  if (item.kind === 'packet' || item.kind === 'snapshot' || item.kind === 'audit' || item.kind === 'hostfacts')
    return false
  if (item.kind === 'conntrack') return item.event === 'list'
  return item.kind === 'dump' || item.file.name.startsWith('conntrack.snapshots')
}

export type SourceOptions = {
  readonly host: IntakeHost
  readonly source: SourceName
  /** A rule that logs only some packets stood at that time. */
  readonly isSampledAt: (at: Micros) => boolean
  /** Whether its records become documents in this process. */
  readonly knowsDocuments: boolean
}

export function createCoveredSource(
  { host, source, isSampledAt, knowsDocuments }: SourceOptions,
  emit: (event: Event) => void,
  saved?: SavedCoveredSource,
) {
  const say = createCoverageEvents(host.name, source, emit)
  const completeness = createCompleteness(saved?.completeness)
  const totals = saved?.totals ?? { records: 0, unparsed: 0, suspect: 0, outOfScope: 0, events: 0, lost: 0 }
  const gaps = createGaps(say, (gap) => noteGap(completeness, gap), saved?.gaps)
  const heartbeats = createHeartbeats(say, noteMinutes, knowsDocuments, saved?.heartbeats)
  const finders = createGapFinders(host, source, { state: gaps.state, say, onLoss: noteLoss }, saved?.finders)
  const { daemon, polls, runs, marks, damaged, unread } = finders
  const pulse = createSourcePulse(saved?.pulse)
  const toRemarkEvent = createRemarkEvents(host.name, source)
  const quotas = createQuotas(say, saved?.quotas)
  let first: Micros = saved?.first ?? Number.NaN
  let last: Micros = saved?.last ?? Number.NaN
  /** Arrival of the first of all; NaN while nothing came. */
  let spokeAt: Micros = saved?.spokeAt ?? Number.NaN
  /** Something came that is no row of a table dump. */
  let isStreaming = saved?.isStreaming ?? false
  let held: Gap[] = saved?.held ?? []
  let uncountedLosses = saved?.uncountedLosses ?? 0
  let lines: number | null = saved?.lines ?? null
  let skipped: number | null = saved?.skipped ?? null
  let replayed: number | null = saved?.replayed ?? null

  function noteMinutes(from: Micros, to: Micros, counts: HeartbeatCounts): void {
    if (counts.lost > 0) completeness.loss(from, to, counts.records, counts.lost)
    if (source === 'nftables' && (isSampledAt(from) || isSampledAt(to))) completeness.sampled(from, to)
  }

  function noteLoss(from: Micros, to: Micros): void {
    uncountedLosses++
    completeness.doubt(from, to)
  }

  function count(what: HeartbeatCount, at: Micros, amount: number): void {
    totals[what] += amount
    heartbeats.arrived(at, what, amount)
  }

  function takeNotice(notice: Notice): void {
    const at = notice.arrival
    // The kernel log tells of auditd also where nobody collects audit.log.
    const isOwn = notice.about === undefined || notice.about === source
    if (isOwn && notice.what === 'loss' && !OTHER_LOSS.has(notice.reason)) {
      if (notice.lost > 0) count('lost', at, notice.lost)
      // What was lost before the first record cannot be placed.
      else noteLoss(Number.isNaN(last) ? at : last, at + 1)
    }
    if (notice.what === 'running') return
    if (notice.what === 'stopped' || notice.what === 'started' || notice.about === undefined) daemon.notice(notice)
    if (quotas.notice.take(at)) say(noticeDraft(notice))
  }

  /** Of our own collector. What it says of itself is known to the moment. */
  function takeMark(notice: Notice): void {
    const { what, arrival: at } = notice
    const from = Number.isNaN(marks.aliveAt) ? at : Math.min(at, marks.aliveAt)
    runs.marked()
    marks.mark(what, at)
    if (what === 'loss') noteLoss(from, Math.max(at, from + 1))
    if (what === 'running' || !quotas.notice.take(at)) return
    const draft = noticeDraft(notice)
    say(what === 'loss' ? { ...draft, reason: lossOf(notice), at: from, end: at } : draft)
  }

  function takeRecord(item: Exclude<Item, { kind: 'unparsed' | 'suspect' | 'notice' | 'dump' }>): void {
    count('records', item.arrival, item.kind === 'audit' ? item.records.length + item.dropped : 1)
    if (item.arrival > 0) {
      if (Number.isNaN(first)) first = item.arrival
      last = item.arrival
    }
    if (item.kind === 'snapshot') polls.poll(item.arrival, item.isComplete)
    else if (!isOfDump(item)) daemon.line(item.arrival)
  }

  /** What it says about when the source was there. */
  function notePlace(item: Item): void {
    if (item.kind === 'notice' && item.about !== undefined) return
    const at = item.arrival
    if (Number.isNaN(spokeAt)) spokeAt = at
    const isStream = !isOfDump(item)
    if (isStream) isStreaming = true
    // Rows of the table would hide that nobody listens to its events any more.
    if (isStream || !isStreaming) pulse.heard(at)
    if (!isStream) return
    unread.line(at)
    if (item.kind === 'notice') return
    if (source === 'conntrack') {
      runs.line(at)
      if (at > 0) marks.line(at)
    }
    damaged.line(item.file, at)
  }

  function take(item: Item): void {
    notePlace(item)
    switch (item.kind) {
      case 'unparsed':
      case 'suspect':
        count(item.kind, item.arrival, 1)
        if (quotas[item.kind].take(item.arrival)) emit(toRemarkEvent(item))
        break
      case 'notice':
        if (source === 'conntrack' && item.arrival > 0 && isMark(item) && !isOfDump(item)) takeMark(item)
        else takeNotice(item)
        break
      case 'dump':
        break
      case 'packet':
      case 'conntrack':
      case 'snapshot':
      case 'audit':
      case 'hostfacts':
        takeRecord(item)
        break
      default:
        item satisfies never
    }
  }

  return {
    say,
    gaps,
    take,
    begin: heartbeats.begin,
    damage: (damage: Damage) => damaged.damage(damage),
    unread: (gap: FileGap, after: Micros) => unread.gap(gap, after),
    /** Documents emitted, or records found out of scope, since the last time. */
    decided(what: 'events' | 'outOfScope', amount: number): void {
      totals[what] += amount
      heartbeats.decided(what, amount)
    },
    tally(tally: Tally & { readonly replayed?: number }): void {
      if (tally.replayed !== undefined) replayed = (replayed ?? 0) + tally.replayed
      lines = (lines ?? 0) + tally.lines
      skipped = (skipped ?? 0) + tally.skipped
    },
    tick: heartbeats.tick,
    /** Nothing more will come. Before `end`. */
    finish(): void {
      runs.finish()
      damaged.end()
      unread.end()
      for (const gap of held) gaps.state(gap)
      held = []
    },
    /** What other sources make of its silence. The collector's runs may say it better, but say it only at `finish`. */
    infer(gap: Gap): void {
      if (runs.isPending && held.length < HELD_MAX) held.push(gap)
      else gaps.state(gap)
    },
    end(period: Interval | null, isDeclared: boolean): void {
      if (source === 'wireguard' && period !== null) {
        polls.end(isDeclared ? period.from : null, period.to)
        // Nothing can be attributed before the first poll, whether or not anybody promised one.
        completeness.miss({ from: period.from, to: first - EDGE_SLACK })
      }
      if (period !== null) {
        completeness.miss({ from: daemon.stoppedAt, to: period.to })
        completeness.miss({ from: marks.stoppedAt, to: period.to })
      }
      for (const quota of Object.values(quotas)) quota.flush()
      heartbeats.end(period?.to ?? 0)
    },
    /** Anything at all came from it. */
    get hasSpoken() {
      return !Number.isNaN(spokeAt)
    },
    /** Arrival of the first thing that came, 0 when it had no time; NaN while nothing came. */
    get spokeAt() {
      return spokeAt
    },
    freshness(): Freshness {
      const isPolled = source === 'wireguard'
      const usualDistance = isPolled ? polls.period : pulse.usualDistance
      return {
        host: host.name,
        source,
        newestAt: isPolled ? polls.newest : pulse.newestAt,
        hasSpoken: !Number.isNaN(spokeAt),
        usualDistance,
        staleAfter: isPolled ? polls.staleAfter : staleAfter(usualDistance),
      }
    },
    report(period: Interval): SourceReport {
      return {
        host: host.name,
        source,
        lines,
        skipped,
        replayed,
        ...totals,
        uncountedLosses,
        firstAt: Number.isNaN(first) ? null : first,
        lastAt: Number.isNaN(last) ? null : last,
        gaps: gaps.stated,
        gapsOmitted: gaps.omitted,
        completeness: completeness.rangeOf(period, first, last, true),
        besidesSampled: completeness.rangeOf(period, first, last, false),
      }
    },
    save(): SavedCoveredSource {
      return {
        completeness: completeness.save(),
        totals,
        gaps: gaps.save(),
        heartbeats: heartbeats.save(),
        finders: finders.save(),
        pulse: pulse.save(),
        quotas: { unparsed: quotas.unparsed.save(), suspect: quotas.suspect.save(), notice: quotas.notice.save() },
        first,
        last,
        spokeAt,
        isStreaming,
        held,
        uncountedLosses,
        lines,
        skipped,
        replayed,
      }
    },
  }
}

/** Of the three kinds of lines that become a document each. */
function createQuotas(say: Say, saved: SavedCoveredSource['quotas'] | undefined) {
  return {
    unparsed: createLineQuota('parse-failed', say, saved?.unparsed),
    suspect: createLineQuota('suspect-line', say, saved?.suspect),
    notice: createLineQuota('source-lost', say, saved?.notice),
  }
}

function noteGap(completeness: Completeness, { from, to, certain }: Gap): void {
  completeness.doubt(from, to)
  if (certain !== null) completeness.miss(certain)
}
