/**
 * Lines that claim to come from the kernel or from auditd and cannot (docs/operations.md, suspect lines): somebody writes into a log so that
 * connections or logins seem to be there that never were. Their text is kept and never used; that they are there is the finding.
 */
import { type Event, fieldOf } from '../event.ts'
import { quoteText } from '../kql/print-query.ts'
import { HOUR, MINUTE, type Micros, SECOND } from '../time.ts'
import type { DetectionAbout, DetectionKind } from './catalogue/detection.ts'
import { createEscalating, type Raised, type SavedEscalating } from './catalogue/escalating.ts'
import { listed } from './catalogue/login-words.ts'
import type { Described } from './catalogue/thresholds.ts'

const WINDOW: Micros = MINUTE
const SUPPRESSION: Micros = HOUR
/** From here on within ten seconds they are no accident of the log daemon. */
const MANY = 3

/** An accident can look like it: of the log daemon, of a program that quotes a packet line, of a clock. */
const DOUBTFUL = 1
/** Nobody writes these by accident: the tag of the kernel with a process id, whole records in the name of a socket or table. */
const DELIBERATE = 2
const NUMEROUS = 3

const DELIBERATE_REASONS: ReadonlySet<string> = new Set([
  'pid',
  'not-kernel',
  'path-line-feed',
  'message-line-feed',
  'enriched-tail',
])
/** A poll with a time nobody believes: clock-step speaks of it. */
const OF_CLOCKS = 'unconfirmed-time'

const ABOUT: DetectionAbout = {
  id: 'forged-lines',
  title: 'Forged lines in a log',
  severity: 3,
  origin: 'detection',
  description:
    'Lines of a log claim to be the kernel’s or auditd’s and are not. Nothing was taken from them. Whoever wrote them wanted connections or ' +
    'logins to be seen that never were, or to hide among them.',
  runbook: [
    'Read the lines: they stand in `event.original` of the evidence, with file and offset.',
    'Who can write there: any local user through the log socket. Look who was logged in on the machine then.',
    'A program of yours that quotes packet lines: let it write to a log of its own.',
    'Use the journal (`journalctl -o json`) as source: it knows who wrote a line.',
  ],
  attack: [{ id: 'T1565.001', name: 'Stored Data Manipulation', tactic: { id: 'TA0040', name: 'Impact' } }],
  limits: {
    window: '60 s from the first line',
    severity: `high: ${MANY} lines within 10 s; medium: a line that is no accident; low: others`,
  },
  suppression: SUPPRESSION,
  baseline: 0,
  query:
    'event.dataset : "wireguard.coverage" and event.action : "suspect-line" and not wireguard.coverage.reason : "unconfirmed-time"',
  knownGaps: [
    'A forged line that looks right in every respect is not recognised: tag, uptime and stamp of a file prove little.',
    'Root writes what it likes.',
    'Which process wrote a line is not known, except in the journal.',
  ],
}

export const forgedLines: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      reads: ['wireguard.coverage'],
      span: 10 * SECOND,
      keyOf,
      distinctOf: (event) => fieldOf(event, 'wireguard.coverage.reason'),
    },
  ],
  open({ emit, saved }) {
    // What was saved under the detection's id is what `save` below gave.
    const findings = createEscalating(
      { about: ABOUT, window: WINDOW, describe: describeLines },
      emit,
      saved as SavedEscalating | undefined,
    )
    return {
      tally(tally) {
        const isDeliberate = tally.distinct.some((reason) => DELIBERATE_REASONS.has(reason))
        findings.add(tally.key, tally.count >= MANY ? NUMEROUS : isDeliberate ? DELIBERATE : DOUBTFUL, tally)
      },
      tick: (watermark) => findings.tick(watermark),
      save: () => findings.save(),
    }
  },
}

/** `host source` */
function keyOf(event: Event): string | null {
  if (fieldOf(event, 'event.action') !== 'suspect-line') return null
  if (fieldOf(event, 'wireguard.coverage.reason') === OF_CLOCKS) return null
  return `${fieldOf(event, 'host.name') ?? ''} ${fieldOf(event, 'wireguard.coverage.source') ?? ''}`
}

function describeLines({ rank, count, distinct, first }: Raised): Described {
  const host = first['host.name'] ?? 'a host'
  const source = first['wireguard.coverage.source'] ?? 'a source'
  return {
    summary: `${count === 1 ? 'a line' : `${count} lines`} in the ${source} log of ${host} ${
      count === 1 ? 'claims' : 'claim'
    } more than can be true (${listed(distinct)})`,
    severity: rank === NUMEROUS ? 3 : rank === DELIBERATE ? 2 : 1,
    about: { 'host.name': host, 'wireguard.coverage.source': source, 'wireguard.coverage.reason': distinct[0] },
    query: `event.action : "suspect-line" and host.name : ${quoteText(host)} and wireguard.coverage.source : ${quoteText(source)}`,
  }
}
