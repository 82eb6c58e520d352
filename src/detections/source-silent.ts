/**
 * A source that should speak does not: one that the inventory promises and that never spoke, polls of `wg` that stopped, or a log that is
 * silent for longer than it ever was. Silence alone proves nothing (a quiet night has no connections), so a log is held against its own
 * week, and only polls, which come whatever happens, against their period.
 *
 * Heartbeats tell of silence in steps that double, each with the seconds since the newest record. They carry the time their interval
 * began and come when it is over: they are looked at in order of their ends.
 */
import { type Event, fieldOf } from '../event.ts'
import type { Fields } from '../fields.ts'
import { createFindingDocuments } from '../finding-document.ts'
import { quoteText } from '../kql/print-query.ts'
import { spanText } from '../quantity-text.ts'
import { DAY, HOUR, MINUTE, type Micros, SECOND } from '../time.ts'
import type { Detection, DetectionAbout, DetectionContext, DetectionKind, SeenDocument } from './catalogue/detection.ts'
import { BASELINE } from './catalogue/peer-history.ts'

/** Polls are missed when nothing came for this long, and for so many times their usual distance. */
const POLL_SILENCE: Micros = 5 * MINUTE
const USUAL_DISTANCES = 20
/** A log is silent when nothing came for this long, and for so many times its longest silence of the last two weeks. */
const LOG_SILENCE: Micros = 30 * MINUTE
const LONGEST_TIMES = 2
/** Records from which on a usual distance is known. */
const RECORDS_MIN = 20
const SUPPRESSION: Micros = DAY
/** Sources (machine and kind); beyond it the one that was heard of longest ago begins anew. */
const SOURCES_MAX = 20_000
/** Heartbeats of silence that wait for the end of their interval; beyond it the first has its turn early. */
const PENDING_MAX = 20_000
const WEEK: Micros = 7 * DAY
/** Two heartbeats speak of the same silence when it began within this: the lag is in whole seconds. */
const SAME: Micros = 2 * SECOND

const ABOUT: DetectionAbout = {
  id: 'source-silent',
  title: 'Log source silent',
  severity: 3,
  origin: 'detection',
  description:
    'A source that the inventory promises has not spoken, polls of WireGuard have stopped, or a log is silent for longer than it was in its ' +
    'own last weeks. What happens meanwhile is not seen, and without polls nothing is attributed.',
  runbook: [
    'Does its collector run, and can it read: `peertrail status`, `peertrail doctor` on that machine.',
    'Does the machine write it: the log daemon, the logging rules, auditd, `wg show`.',
    'When did it begin, and who was logged in there then?',
    'A source that is not meant to be there: take it out of `sources` in the inventory.',
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
    promised: 'never spoke since the start',
    polls: `5 min and ${USUAL_DISTANCES} times their usual distance`,
    logs: `30 min, ${USUAL_DISTANCES} times the usual distance and ${LONGEST_TIMES} times the longest silence of the last weeks, after 7 days`,
    severity: 'high: promised and never spoke, or polls; medium: logs',
  },
  suppression: SUPPRESSION,
  baseline: BASELINE,
  query:
    'event.dataset : "wireguard.coverage" and ((event.action : "source-heartbeat" and wireguard.coverage.seen : 0) or wireguard.coverage.reason : "never-spoke")',
  knownGaps: [
    'A machine whose collector is down sends no heartbeats: `peertrail status` says given-up.',
    'A log that is often silent for hours is missed only after twice that.',
    'Some records lost among others are no silence.',
    'Logs are not judged before 7 days of their heartbeats; polls are, from the first whole hour on.',
  ],
}

type Source = {
  /** Of coverage, silence included. */
  covered: Micros
  records: number
  /** The silence that lasts, or the last one: since when, and how long as far as was told. */
  since: Micros
  length: Micros
  /** Longest silences that are over, by week: the newest week and the one before. */
  week: number
  longest: Micros
  longestBefore: Micros
}
type Saved = {
  readonly sources: Map<string, Source>
  readonly pending: SeenDocument[]
  readonly quiet: Map<string, Micros>
}

export const sourceSilent: DetectionKind = {
  about: ABOUT,
  reads: ['wireguard.coverage'],
  wants: (event) =>
    isSilence(event) ||
    (fieldOf(event, 'wireguard.coverage.reason') === 'never-spoke' && fieldOf(event, 'event.action') === 'source-gap'),
  tallies: [
    {
      reads: ['wireguard.coverage'],
      span: HOUR,
      keyOf: (event) => (isHeartbeat(event) && !isSilence(event) ? keyOf(event) : null),
      amountOf: (event) => fieldOf(event, 'wireguard.coverage.seen') ?? 0,
    },
  ],
  open,
}

function open({ emit, saved: before }: DetectionContext): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const saved = before as Saved | undefined
  const sources = saved?.sources ?? new Map<string, Source>()
  let pending: SeenDocument[] = saved?.pending ?? []
  /** Until when nothing is said of a source. */
  const quiet = saved?.quiet ?? new Map<string, Micros>()
  const toDocument = createFindingDocuments(ABOUT)

  function sourceOf(key: string): Source {
    const known = sources.get(key)
    const source = known ?? emptySource()
    sources.delete(key)
    sources.set(key, source)
    if (sources.size > SOURCES_MAX) forgetFirst(sources)
    return source
  }

  function say(document: SeenDocument, since: Micros, severity: 2 | 3, what: string): void {
    const { fields, id } = document
    const host = fields['host.name'] ?? 'a host'
    const source = fields['wireguard.coverage.source'] ?? 'a source'
    const subject = `${host} ${source}`
    if (since < (quiet.get(subject) ?? Number.NEGATIVE_INFINITY)) return
    quiet.delete(subject)
    quiet.set(subject, since + SUPPRESSION)
    if (quiet.size > SOURCES_MAX) forgetFirst(quiet)
    emit(
      toDocument({
        at: since,
        subject,
        start: since,
        end: endOf(fields),
        summary: `${source} of ${host} ${what}`,
        severity,
        evidence: [id],
        about: { 'host.name': host, 'wireguard.coverage.source': source, 'related.hosts': fields['related.hosts'] },
        query: `event.dataset : "wireguard.coverage" and host.name : ${quoteText(host)} and wireguard.coverage.source : ${quoteText(source)}`,
      }),
    )
  }

  function judge(document: SeenDocument): void {
    const { fields } = document
    if (fields['event.action'] === 'source-gap') {
      say(document, document.at, 3, 'is promised by the inventory and has not spoken')
      return
    }
    const lag = fields['wireguard.coverage.lag']
    // It never spoke: nothing says that it should.
    if (lag === undefined) return
    const end = endOf(fields)
    const isPolled = fields['wireguard.coverage.source'] === 'wireguard'
    const source = sourceOf(`${fields['host.name'] ?? ''} ${fields['wireguard.coverage.source'] ?? ''}`)
    source.covered += Math.max(0, end - document.at)
    const length = lag * SECOND
    noteSilence(source, end - length, length)
    if (source.records < RECORDS_MIN || length < USUAL_DISTANCES * (source.covered / source.records)) return
    const severity = isPolled ? 3 : 2
    const what = `has been silent for ${spanText(length)}`
    if (isPolled ? length >= POLL_SILENCE : isLongSilence(source, length)) say(document, source.since, severity, what)
  }

  /** Those that are over by then, in order of their ends. */
  function judgeBefore(at: Micros): void {
    if (pending.length === 0) return
    const due = pending.filter(({ fields }) => endOf(fields) <= at)
    if (due.length === 0) return
    pending = pending.filter(({ fields }) => endOf(fields) > at)
    due.sort((a, b) => endOf(a.fields) - endOf(b.fields) || a.at - b.at || (a.id < b.id ? -1 : 1))
    for (const document of due) judge(document)
  }

  return {
    observe(document) {
      judgeBefore(document.at)
      pending.push(document)
      if (pending.length > PENDING_MAX) judgeBefore(Math.min(...pending.map(({ fields }) => endOf(fields))))
    },
    tally({ key, end, count, sum }) {
      judgeBefore(end)
      const source = sourceOf(key)
      source.covered += count * MINUTE
      source.records += sum
    },
    tick: judgeBefore,
    save: () => ({ sources, pending, quiet }) satisfies Saved,
  }
}

function emptySource(): Source {
  return { covered: 0, records: 0, since: Number.NEGATIVE_INFINITY, length: 0, week: 0, longest: 0, longestBefore: 0 }
}

/** What is over counts for its week; the one that lasts does not yet. */
function noteSilence(source: Source, since: Micros, length: Micros): void {
  if (Math.abs(source.since - since) > SAME) {
    const week = Math.floor(since / WEEK)
    if (week !== source.week) {
      source.longestBefore = week === source.week + 1 ? source.longest : 0
      source.longest = 0
      source.week = week
    }
    source.longest = Math.max(source.longest, source.length)
    source.since = since
    source.length = 0
  }
  source.length = Math.max(source.length, length)
}

function isLongSilence({ covered, longest, longestBefore }: Source, length: Micros): boolean {
  return covered >= BASELINE && length >= LOG_SILENCE && length >= LONGEST_TIMES * Math.max(longest, longestBefore)
}

function isHeartbeat(event: Event): boolean {
  // One with a reason says how far a source can be relied on.
  return (
    fieldOf(event, 'event.action') === 'source-heartbeat' && fieldOf(event, 'wireguard.coverage.reason') === undefined
  )
}

function isSilence(event: Event): boolean {
  return isHeartbeat(event) && fieldOf(event, 'wireguard.coverage.seen') === 0
}

function keyOf(event: Event): string {
  return `${fieldOf(event, 'host.name') ?? ''} ${fieldOf(event, 'wireguard.coverage.source') ?? ''}`
}

function endOf(fields: Fields): Micros {
  return fields['event.end'] ?? fields['@timestamp'] ?? 0
}

function forgetFirst(map: Map<string, unknown>): void {
  const first = map.keys().next()
  if (first.done !== true) map.delete(first.value)
}
