/**
 * What a report is made from: a reader that hashes what it reads, the period meant, and what is known about the records as a whole.
 * Nothing here asks the clock: times that are not given come from the records, so that the same store gives the same report.
 */
import { resolve } from 'node:path'
import { AppError } from '../errors.ts'
import { readNames } from '../reports/names/read-names.ts'
import type { Progress, ReportPeriod, ReportQuestion, SourceIntegrity } from '../reports/report-question.ts'
import type { ChainHead } from '../store/chain.ts'
import type { EventReader } from '../store/event-reader.ts'
import { layoutOf } from '../store/layout.ts'
import { readManifest } from '../store/manifest.ts'
import type { StoreReader } from '../store/reader.ts'
import { verifyStore } from '../store/verify.ts'
import { DAY, type Micros } from '../time.ts'
import { accessUser } from './access-log.ts'
import { parseAnchor } from './anchor-argument.ts'
import { parseNames, type ReportArguments, withMonth } from './report-arguments.ts'
import type { CommandContext } from './search.ts'
import { type PeriodOptions, parsePeriod } from './search-arguments.ts'
import { statedRetention } from './stated-retention.ts'
import { parseTimeArgument, printTime } from './time-argument.ts'

/** How far back a report goes that says nothing else. */
export const PERIOD_DEFAULT: Micros = 30 * DAY

/** The question of a report, out of its options and the records. Throws AppError. */
export async function askReport(
  reader: EventReader | StoreReader,
  args: ReportArguments,
  { environment, now }: CommandContext,
  progress: Progress,
): Promise<ReportQuestion> {
  const mode = parseNames(args.names)
  const anchors = args.anchor.map(parseAnchor)
  const given = args.reportTime === '' ? null : parseTimeArgument(args.reportTime, now, '--report-time')
  const span = await recordedSpan(reader)
  const period = reportPeriod(withMonth(args, args.month, now), now, span)
  const hashing = (done: number, total: number) => progress('hashing the segments', done, total)
  return {
    period,
    reportTime: given ?? span?.newest ?? period.to,
    names: await readNames(reader, mode),
    isEveryClause: args.everyClause,
    ...(await statedRetention(args, environment)),
    askedBy: accessUser(environment).name,
    integrity:
      'segments' in reader
        ? await storeIntegrity(reader, period, anchors, hashing)
        : notVerifiable(reader.name, args.anchor),
    progress,
  }
}

function notVerifiable(place: string, anchors: readonly string[]): SourceIntegrity {
  if (anchors.length > 0)
    throw new AppError('usage', `--anchor names the head of a store's chain, and ${place} has none`, {
      advice: 'Make the report from the store, or leave --anchor out.',
    })
  return { kind: 'not-verifiable', place }
}

export type RecordedSpan = { readonly oldest: Micros; readonly newest: Micros }

/** When the records begin and end; null = there is none. */
export async function recordedSpan(reader: EventReader): Promise<RecordedSpan | null> {
  const bounds = await reader.bounds(null)
  return bounds === null ? null : { oldest: bounds.oldestEvent, newest: bounds.newest }
}

/**
 * As asked; else up to the newest record, and PERIOD_DEFAULT back, though not before the oldest. A time of which nothing is recorded is a
 * period like any other: that it is empty is the answer. Throws AppError `usage`, also where nothing is recorded and no period was given.
 */
export function reportPeriod(options: PeriodOptions, now: Micros, span: RecordedSpan | null): ReportPeriod {
  const asked = parsePeriod(options, now)
  const from = asked.sinceOption !== '' ? asked.since : null
  const recordsEnd = span === null ? null : span.newest + 1
  const isOpen = options.until === '' && options.last === ''
  // From a time after the newest record on: up to now there is nothing, and only up to now anybody can know that.
  const isBeyond = isOpen && from !== null && from < now && (recordsEnd === null || from >= recordsEnd)
  const end = options.until !== '' ? asked.until : options.last !== '' || isBeyond ? now : recordsEnd
  if (end === null)
    throw new AppError('usage', 'nothing is recorded, and no period was given', {
      advice: 'Give --since and --until; or name other records with --store or --elasticsearch.',
    })
  const begin = from ?? defaultBegin(end, span)
  if (begin >= end)
    throw new AppError(
      'usage',
      `the period would begin ${printTime(begin)} and end ${printTime(end)}${isOpen ? '; the records end there' : ''}`,
      { advice: 'Give a beginning with --since that lies before the end.' },
    )
  return { from: begin, to: end }
}

function defaultBegin(end: Micros, span: RecordedSpan | null): Micros {
  const begin = end - PERIOD_DEFAULT
  return span === null || span.oldest >= end ? begin : Math.max(span.oldest, begin)
}

/** The chain recomputed, and the bytes of every segment of the period compared with what was sealed. */
export async function storeIntegrity(
  reader: StoreReader,
  period: ReportPeriod,
  anchors: readonly ChainHead[],
  progress: (done: number, total: number) => void,
): Promise<SourceIntegrity> {
  const layout = layoutOf(resolve(reader.dir))
  const manifest = readManifest(layout)
  if (manifest === null) throw new AppError('no-store', 'the store is gone', { advice: 'Name one with --store.' })
  try {
    const found = await verifyStore(
      layout,
      manifest,
      anchors,
      progress,
      ({ oldest, newest }) => newest >= period.from && oldest < period.to,
    )
    return {
      kind: 'chain',
      count: found.head.count,
      head: found.head.hash,
      segments: found.segments,
      rows: found.rows,
      unsealedFiles: found.hot.files,
      problems: found.problems,
      anchors: found.anchored.map(({ count, hash }) => `${count}:${hash}`),
    }
  } finally {
    manifest.close()
  }
}
