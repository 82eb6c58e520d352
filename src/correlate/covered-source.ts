/**
 * Coverage of one source of one gateway: its heartbeats, its gaps, its lines that could not be used, and how complete it is.
 * Everything that arrives passes here once, in order of arrival, before the core sees it.
 */
import type { Event } from '../event.ts'
import { decodeBytes } from '../event-json.ts'
import type { Notice, Tally } from '../sources/source.ts'
import type { Micros } from '../time.ts'
import { createCollectorRuns } from './collector-runs.ts'
import { type Completeness, createCompleteness, type Range } from './completeness.ts'
import { type CoverageAction, createCoverageEvents } from './coverage-events.ts'
import { createDaemonGaps } from './daemon-gaps.ts'
import { createDamageGaps, type Damage } from './damage-gaps.ts'
import { createGaps, type Gap, type StatedGap } from './gaps.ts'
import { createHeartbeats, type HeartbeatCount, type HeartbeatCounts } from './heartbeats.ts'
import type { IntakeHost, Item, SourceName } from './intake.ts'
import type { Interval } from './interval-set.ts'
import { createLineQuota } from './line-quota.ts'
import { createPollGaps, EDGE_SLACK } from './poll-gaps.ts'
import { createRemarkEvents } from './remark-events.ts'

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

export type CoveredSource = ReturnType<typeof createCoveredSource>

/** Losses that are not the packet log's: said, but no reason to doubt it (formats.md 1.6). */
const OTHER_LOSS: ReadonlySet<string> = new Set(['printk', 'journald-suppressed', 'nf-log-buffer'])
/** Inferred gaps that wait for the collector's runs. */
const HELD_MAX = 1000
/** Rows of the table are read by another program than its events: they prove nothing about each other. */
function isOfDump(item: Item): boolean {
  if (item.kind === 'packet' || item.kind === 'snapshot' || item.kind === 'audit') return false
  if (item.kind === 'conntrack') return item.event === 'list'
  return item.kind === 'dump' || item.file.name.startsWith('conntrack.snapshots')
}

export type SourceOptions = {
  readonly host: IntakeHost
  readonly source: SourceName
  /** A rule that logs only some packets stood at that time. */
  readonly isSampledAt: (at: Micros) => boolean
}

export function createCoveredSource({ host, source, isSampledAt }: SourceOptions, emit: (event: Event) => void) {
  const say = createCoverageEvents(host.name, source, emit)
  const completeness = createCompleteness()
  const totals = { records: 0, unparsed: 0, suspect: 0, outOfScope: 0, events: 0, lost: 0 }
  const gaps = createGaps(say, (gap) => noteGap(completeness, gap))
  const heartbeats = createHeartbeats(say, noteMinutes)
  const daemon = createDaemonGaps(gaps.state)
  const polls = createPollGaps(host.options.poll === 0 ? null : host.options.poll, gaps.state)
  const runs = createCollectorRuns(source === 'conntrack' ? host.conntrackRuns : [], gaps.state, say, noteLoss)
  const damaged = createDamageGaps(gaps.state, say, noteLoss)
  const toRemarkEvent = createRemarkEvents(host.name, source)
  const quotas = {
    unparsed: createLineQuota('parse-failed', say),
    suspect: createLineQuota('suspect-line', say),
    notice: createLineQuota('source-lost', say),
  }
  let first: Micros = Number.NaN
  let last: Micros = Number.NaN
  let hasSpoken = false
  let held: Gap[] = []
  let uncountedLosses = 0
  let lines: number | null = null
  let skipped: number | null = null
  let replayed: number | null = null

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
    if (notice.what === 'stopped' || notice.what === 'started' || notice.about === undefined) daemon.notice(notice)
    if (!quotas.notice.take(at)) return
    const isLimit = notice.reason === 'limit'
    say({
      action: actionOf(notice),
      reason: notice.reason,
      at,
      identity: `${notice.file.identity} ${notice.offset}`,
      fields: {
        'event.original': isLimit || notice.text === '' ? undefined : decodeBytes(notice.text),
        'wireguard.coverage.lost': !isLimit && notice.lost > 0 ? notice.lost : undefined,
        'wireguard.coverage.limit': isLimit ? notice.text : undefined,
        'wireguard.coverage.count': isLimit ? notice.lost : undefined,
        'wireguard.coverage.file': notice.file.name,
        'wireguard.coverage.offset': notice.offset,
      },
    })
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

  function take(item: Item): void {
    if (item.kind !== 'notice' || item.about === undefined) hasSpoken = true
    const isStream = !isOfDump(item)
    if (isStream && item.kind !== 'notice') {
      if (source === 'conntrack') runs.line(item.arrival)
      damaged.line(item.file, item.arrival)
    }
    switch (item.kind) {
      case 'unparsed':
      case 'suspect':
        count(item.kind, item.arrival, 1)
        if (quotas[item.kind].take(item.arrival)) emit(toRemarkEvent(item))
        break
      case 'notice':
        takeNotice(item)
        break
      case 'dump':
        break
      case 'packet':
      case 'conntrack':
      case 'snapshot':
      case 'audit':
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
      if (period !== null) completeness.miss({ from: daemon.stoppedAt, to: period.to })
      for (const quota of Object.values(quotas)) quota.flush()
      heartbeats.end(period?.to ?? 0)
    },
    /** Anything at all came from it. */
    get hasSpoken() {
      return hasSpoken
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
  }
}

function actionOf({ what, reason }: Notice): CoverageAction {
  if (what === 'loss' || reason === 'limit') return 'source-lost'
  // How far the source can be relied on: nothing is missing by it.
  if (what === 'remark') return 'source-heartbeat'
  return what === 'started' ? 'source-started' : 'source-stopped'
}

function noteGap(completeness: Completeness, { from, to, certain }: Gap): void {
  completeness.doubt(from, to)
  if (certain !== null) completeness.miss(certain)
}
