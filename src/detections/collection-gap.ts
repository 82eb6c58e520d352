/**
 * Nothing of a source for some time, or a part of it lost: whoever relies on the absence of rows must know. Coverage documents say it
 * (docs/operations.md lists the reasons); this makes one finding for a source and hour, and another when something graver comes in it.
 */
import { type Event, fieldOf } from '../event.ts'
import { quoteText } from '../kql/print-query.ts'
import { spanText } from '../quantity-text.ts'
import { HOUR, MINUTE, type Micros, SECOND, toIso } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { createEscalating, type Raised, type SavedEscalating } from './catalogue/escalating.ts'
import { listed } from './catalogue/login-words.ts'
import type { Described } from './catalogue/thresholds.ts'

/** Gaps and losses that begin within this time of the first are one finding. */
const WINDOW: Micros = MINUTE
const SUPPRESSION: Micros = HOUR
/** A shorter gap is what a restart takes. */
const RESTART_MAX: Micros = 30 * SECOND
/** A longer one hides more than a moment. */
const LONG: Micros = 10 * MINUTE
/** One poll that is late or lost leaves every answer exact: two are missing from three periods on (design 5.3). */
const POLLS_MIN = 2

const LOW = 1
const MEDIUM = 2
const HIGH = 3

/** source-silent speaks of the first. The others are how a source is configured, or lose nothing that is used here. */
const OTHERS: ReadonlySet<string> = new Set([
  'never-spoke',
  'sampled-rule',
  'journald-suppressed',
  'printk',
  'nf-log-buffer',
])
/** What is lost by them is little and happens every day where logs are rotated so. */
const HARMLESS: ReadonlySet<string> = new Set(['copied-and-cut', 'message-repeated', 'lines-missing'])

const ABOUT: DetectionAbout = {
  id: 'collection-gap',
  title: 'Log source with a gap or loss',
  severity: 2,
  origin: 'detection',
  description:
    'A source was not collected for some time, or lost records. What happened then may have left no trace; the absence of documents in that ' +
    'time proves nothing. Somebody who wants to act unseen stops a collector first.',
  runbook: [
    'Was it maintenance? Compare with your records; a restart of seconds is of low severity.',
    "All gaps of the source: `peertrail search 'event.action : (source-gap or source-lost) and host.name : HOST'`; docs/operations.md says what each reason means and what to do.",
    'Who was logged in on that machine then, and what ran there: `peertrail timeline PEER`, the audit documents of the host.',
    'Other sources may have seen that time: the packet log where conntrack is missing, and the other way round.',
  ],
  attack: [
    { id: 'T1562.006', name: 'Indicator Blocking', tactic: { id: 'TA0005', name: 'Defense Evasion' } },
    {
      id: 'T1562.012',
      name: 'Disable or Modify Linux Audit System',
      tactic: { id: 'TA0005', name: 'Defense Evasion' },
    },
  ],
  limits: {
    window: '60 s from the first',
    severity: 'low: gaps up to 30 s; medium: longer ones, and losses; high: gaps from 10 min on',
    polls: `${POLLS_MIN} polls missing`,
  },
  suppression: SUPPRESSION,
  baseline: 0,
  query:
    'event.dataset : "wireguard.coverage" and event.action : (source-gap or source-lost) and not wireguard.coverage.reason : (never-spoke or sampled-rule)',
  knownGaps: [
    'A gap is told when it is over, with the time it began.',
    'Silence that nothing proves to be a gap is not one: source-silent looks at that.',
    'A rule whose lines are limited (sampled-rule) is a matter of configuration: `peertrail posture`.',
    'A machine whose collector does not run at all says nothing; `peertrail status` does.',
  ],
}

export const collectionGap: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      reads: ['wireguard.coverage'],
      span: 10 * SECOND,
      keyOf,
      distinctOf: (event) => fieldOf(event, 'wireguard.coverage.reason'),
      amountOf: durationOf,
    },
  ],
  open({ emit, saved }) {
    // What was saved under the detection's id is what `save` below gave.
    const findings = createEscalating(
      { about: ABOUT, window: WINDOW, describe: describeGap },
      emit,
      saved as SavedEscalating | undefined,
    )
    return {
      tally(tally) {
        const [rank, host = '', source = ''] = tally.key.split('\0')
        findings.add(`${host} ${source}`, Number(rank), tally)
      },
      tick: (watermark) => findings.tick(watermark),
      save: () => findings.save(),
    }
  },
}

/** `rank\0host\0source` */
function keyOf(event: Event): string | null {
  const action = fieldOf(event, 'event.action')
  if (action !== 'source-gap' && action !== 'source-lost') return null
  const reason = fieldOf(event, 'wireguard.coverage.reason') ?? ''
  if (OTHERS.has(reason)) return null
  if (reason === 'polls-missing' && (fieldOf(event, 'wireguard.coverage.lost') ?? POLLS_MIN) < POLLS_MIN) return null
  const rank = action === 'source-lost' ? rankOfLoss(reason) : rankOfGap(reason, durationOf(event))
  return `${rank}\0${fieldOf(event, 'host.name') ?? ''}\0${fieldOf(event, 'wireguard.coverage.source') ?? ''}`
}

function rankOfLoss(reason: string): number {
  return HARMLESS.has(reason) ? LOW : MEDIUM
}

function rankOfGap(reason: string, duration: Micros): number {
  if (duration >= LONG) return HIGH
  return duration > RESTART_MAX && !HARMLESS.has(reason) ? MEDIUM : LOW
}

/** 0 where it has none. */
function durationOf(event: Event): Micros {
  const start = fieldOf(event, 'event.start')
  const end = fieldOf(event, 'event.end')
  return start === undefined || end === undefined ? 0 : Math.max(0, end - start)
}

function describeGap({ rank, count, sum, distinct, first, firstAt }: Raised): Described {
  const host = first['host.name'] ?? 'a host'
  const source = first['wireguard.coverage.source'] ?? 'a source'
  const what =
    sum === 0 ? `${source} of ${host} lost records` : `${source} of ${host} was not collected for ${spanText(sum)}`
  return {
    summary: `${what}${count === 1 ? '' : `, ${count} times`} (${listed(distinct)})`,
    severity: rank === HIGH ? 3 : rank === MEDIUM ? 2 : 1,
    about: { 'host.name': host, 'wireguard.coverage.source': source, 'wireguard.coverage.reason': distinct[0] },
    query: `event.action : (source-gap or source-lost) and host.name : ${quoteText(host)} and wireguard.coverage.source : ${quoteText(source)} and @timestamp >= ${quoteText(toIso(firstAt))}`,
  }
}
