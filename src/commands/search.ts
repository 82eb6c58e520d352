/**
 * `peertrail search ['KQL']`: the documents that a query in Kibana's language asks for. Documents go to standard output;
 * what is said about them (who was asked, how many, what could not be read) to stderr.
 */
import { AppError, ERROR_EXITS } from '../errors.ts'
import type { FieldName } from '../fields.ts'
import type { EventReader, Selection } from '../store/event-reader.ts'
import type { Micros } from '../time.ts'
import { type AccessBegin, accessPlace, withAccess } from './access-log.ts'
import { accessWords } from './access-words.ts'
import { createDocumentPrinter } from './document-output.ts'
import { readQuery } from './query-problem.ts'
import { openFoundReader, type ReaderOptions, reportDamage } from './reader-place.ts'
import {
  COUNTERS,
  type OutputForm,
  type Period,
  type PeriodOptions,
  parseDatasets,
  parseFields,
  parseForm,
  parseLimit,
  parsePeriod,
} from './search-arguments.ts'
import { findDocuments, PAGE_ROWS } from './search-query.ts'
import type { Environment } from './store-place.ts'
import { storedPeriod } from './stored-period.ts'
import { paint, type Terminal } from './terminal.ts'
import { createTextOutlet, type TextStream } from './text-outlet.ts'

/** As given on the command line; '' = not given. */
export type SearchArguments = ReaderOptions &
  PeriodOptions & {
    /** '' = everything. */
    readonly query: string
    readonly datasets: readonly string[]
    readonly fields: string
    readonly limit: string
    readonly isOldestFirst: boolean
    readonly isCount: boolean
    readonly isJson: boolean
    readonly isCsv: boolean
  }

/** What a command that asks a reader gets from the process. */
export type CommandContext = {
  readonly environment: Environment
  readonly terminal: Terminal
  readonly stdout: TextStream
  /** What `now` and offsets mean. */
  readonly now: Micros
}

type Asked = {
  readonly selection: Selection
  readonly period: Period
  readonly fields: readonly FieldName[]
  readonly form: OutputForm
  readonly limit: number
}

/**
 * Exit 0, also when nothing matches; 1 when damaged segments are missing from the answer; 2 for a query that cannot be read, which is
 * printed here. Throws AppError for other wrong arguments and for a reader that cannot be opened.
 */
export async function runSearch(args: SearchArguments, context: CommandContext): Promise<number> {
  const asked = readArguments(args, context)
  if (asked === null) return ERROR_EXITS['bad-query']
  const { environment, terminal } = context
  const reader = await openFoundReader(args, environment, terminal)
  try {
    return await withAccess(
      accessPlace(reader),
      recordOf(args, asked, context),
      environment,
      terminal,
      async (count) => {
        const total = await reader.count(asked.selection)
        const isRead = args.isCount
          ? await printCount(total, asked.form, context)
          : await printFound(reader, asked, args.isOldestFirst, total, context, count)
        if (isRead) await sayMissing(reader, asked, args.datasets.length > 0, total, context)
        return reportDamage(reader, terminal) ? 1 : 0
      },
    )
  } finally {
    reader.close()
  }
}

/** For the access log. */
function recordOf(args: SearchArguments, { period }: Asked, { now }: CommandContext): AccessBegin {
  const { query, isOldestFirst, ...rest } = args
  const command = accessWords(['search', ...(query === '' ? [] : [query])], { ...rest, isOldest: isOldestFirst })
  return { action: 'search', command, at: now, period: { from: period.since, to: period.until }, query }
}

/** Null for a query that was refused. Throws AppError `usage`. */
function readArguments(args: SearchArguments, { now, terminal }: CommandContext): Asked | null {
  const form = parseForm(args)
  if (args.isCount && args.isCsv) {
    throw new AppError('usage', '--count and --csv exclude each other', { advice: '--count prints one number.' })
  }
  const period = parsePeriod(args, now)
  const datasets = parseDatasets(args.datasets)
  const fields = parseFields(args.fields)
  const limit = parseLimit(args.limit)
  const query = readQuery(args.query, now, terminal)
  if (query === null) return null
  return {
    selection: { datasets, since: period.since, until: period.until, query },
    period,
    fields,
    form,
    limit,
  }
}

/** False when nobody reads the output any more. */
async function printCount(total: number, form: OutputForm, { stdout }: CommandContext): Promise<boolean> {
  return createTextOutlet(stdout).write(form === 'json' ? `${JSON.stringify({ count: total })}\n` : `${total}\n`)
}

/** False when nobody reads the output any more. */
async function printFound(
  reader: EventReader,
  { selection, fields, form, limit }: Asked,
  isOldestFirst: boolean,
  total: number,
  { stdout, terminal }: CommandContext,
  count: (documents: number) => void,
): Promise<boolean> {
  const outlet = createTextOutlet(stdout)
  const printer = createDocumentPrinter(terminal, { form, fields, width: outlet.width })
  const isWatched = terminal.isInteractive && stdout.isTTY !== true && Math.min(total, limit) > PAGE_ROWS
  let shown = 0
  let isRead = await outlet.write(printer.head)
  const view = { order: isOldestFirst ? 'oldest' : 'newest', limit, columns: printer.columns } as const
  for await (const documents of total === 0 ? [] : findDocuments(reader, selection, view)) {
    isRead &&= await outlet.write(printer.print(documents))
    if (!isRead) break
    shown += documents.length
    count(documents.length)
    if (isWatched) terminal.err(`\r\u001b[K  ${shown.toLocaleString('en-US')} of ${total.toLocaleString('en-US')}`)
  }
  if (isWatched) terminal.err('\r\u001b[K')
  if (isRead && total > 0) terminal.err(`${paint(terminal, 'dim', shownText(shown, total, isOldestFirst))}\n`)
  return isRead
}

/** `50 of 1,234 documents, newest first; --limit N for more`. */
function shownText(shown: number, total: number, isOldestFirst: boolean): string {
  const order = isOldestFirst ? 'oldest first' : 'newest first'
  if (shown >= total) return total === 1 ? '1 document' : `${total.toLocaleString('en-US')} documents, ${order}`
  return `${shown.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} documents, ${order}; --limit N for more, 0 for all`
}

/** Why nothing was found, and counters that match and were not asked for. */
async function sayMissing(
  reader: EventReader,
  { selection, period }: Asked,
  areDatasetsGiven: boolean,
  total: number,
  { terminal }: CommandContext,
): Promise<void> {
  const named = areDatasetsGiven ? selection.datasets : null
  if (total === 0) terminal.err(`${await storedPeriod(reader, named, period, 'nothing matches')}\n`)
  if (areDatasetsGiven) return
  const counters = await reader.count({ ...selection, datasets: [COUNTERS], isAside: true })
  if (counters > 0)
    terminal.err(
      `${paint(terminal, 'dim', `${counters.toLocaleString('en-US')} counter readings match too; --dataset peer shows them`)}\n`,
    )
}
