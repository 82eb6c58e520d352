/** What every kind of report can be asked for on the command line: a period, files, names, a signature. */
import type { Command } from 'commander'
import { AppError } from '../errors.ts'
import type { NamesMode } from '../reports/names/names.ts'
import type { RowForm } from '../reports/rows/row-outlet.ts'
import { quoted } from '../safe-text.ts'
import { type Micros, toIso } from '../time.ts'
import { withReader, withStretch } from './reader-options.ts'
import type { ReaderOptions as PlaceOptions } from './reader-place.ts'
import type { PeriodOptions } from './search-arguments.ts'

/** Files instead of a terminal; '' = not given. */
export type FileArguments = {
  /** Folder for the files; '' = the report goes to the terminal. */
  readonly out: string
  /** Names parted by commas; '' = DEFAULT_FORMATS. */
  readonly format: string
  readonly reportTime: string
  readonly everyClause: boolean
  /** File of a private key. */
  readonly sign: string
  /** File of the secret. */
  readonly pseudonymise: string
  /** `COUNT:HASH` each. */
  readonly anchor: readonly string[]
}

/** As given; '' = not given. */
export type ReportArguments = PlaceOptions &
  PeriodOptions &
  FileArguments & {
    /** `2026-10`, or `last`; '' = not given. */
    readonly month: string
    readonly names: string
    /** Print the document as JSON. */
    readonly json: boolean
  }

/** A file of a report folder: pages, then rows. */
export type ReportFormat = 'html' | 'pdf' | 'json' | RowForm

const FORMATS: readonly ReportFormat[] = ['html', 'pdf', 'json', 'csv', 'ndjson']
/** A page to read, rows to count again, the facts for programs. */
const DEFAULT_FORMATS: readonly ReportFormat[] = ['html', 'json', 'csv']

/** Adds them to a command, those that say what to read included. */
export function withReport(command: Command): Command {
  withStretch(command)
    .option('--month <month>', 'one month of UTC instead: 2026-10, or last', '')
    .option('--names <mode>', 'as-recorded: as documents of the time have them; or as-known-now', '')
  withFiles(command)
  return withReader(command).option('--json', 'print the document as one JSON object', false)
}

/** What a kind leaves open that has no such options. */
export const WHOLE = { last: '', month: '', names: '' } as const

/** `--out` and what only files have. */
export function withFiles(command: Command): Command {
  return command
    .option('--out <dir>', 'write the report into this folder, with its manifest and checksums', '')
    .option('--format <list>', `which files: ${FORMATS.join(',')} or all (default: ${DEFAULT_FORMATS.join(',')})`, '')
    .option('--report-time <time>', 'the date on it; that of the newest record when left out', '')
    .option('--every-clause', 'show clauses too whose wording nobody compared', false)
    .option('--sign <file>', 'sign the manifest with this private key (peertrail keygen)', '')
    .option('--pseudonymise <file>', 'people, devices and keys by pseudonyms of this secret (keygen --pseudonyms)', '')
    .option('--anchor <count:hash...>', 'heads of the chain that were kept elsewhere', [])
}

/** Any of the options that only a report in the common shape can heed: the kinds with a terminal page of their own print that else. */
export function areFilesWanted(args: FileArguments): boolean {
  const { out, format, reportTime, everyClause, sign, pseudonymise, anchor } = args
  return [out, format, reportTime, sign, pseudonymise].some((text) => text !== '') || everyClause || anchor.length > 0
}

/** In the order of FORMATS. `pack`: '' = none; one has rows in every form. Throws AppError `usage`. */
export function parseFormats(
  { format, out }: Pick<ReportArguments, 'format' | 'out'>,
  pack = '',
): readonly ReportFormat[] {
  if (format !== '' && out === '' && pack === '')
    throw new AppError('usage', '--format says which files, and there is no --out', {
      advice: 'Name a folder with --out, or leave --format out to read the report here.',
    })
  const names = format.split(',').map((name) => name.trim())
  const stranger = names.find((name) => name !== 'all' && !FORMATS.some((known) => known === name))
  if (format !== '' && stranger !== undefined)
    throw new AppError('usage', `--format: there is no format ${quoted(stranger)}`, {
      advice: `Formats are ${FORMATS.join(', ')} and all.`,
    })
  if (names.includes('all')) return FORMATS
  if (format === '' && pack !== '') return [...DEFAULT_FORMATS, 'ndjson']
  return format === '' ? DEFAULT_FORMATS : FORMATS.filter((known) => names.includes(known))
}

/** Throws AppError `usage`. */
export function parseNames(text: string): NamesMode {
  if (text === '' || text === 'as-recorded') return 'as-recorded'
  if (text === 'as-known-now') return 'as-known-now'
  throw new AppError('usage', `--names: expected as-recorded or as-known-now, found ${quoted(text)}`, {
    advice: 'as-recorded names people as the documents of the time do; as-known-now as the newest inventory does.',
  })
}

const MONTH = /^(\d{4})-(0[1-9]|1[0-2])$/

/** The other way to name a stretch of time, as the first way has it. `now` says which month was last. Throws AppError `usage`. */
export function withMonth(options: PeriodOptions, month: string, now: Micros): PeriodOptions {
  if (month === '') return options
  if (options.since !== '' || options.until !== '' || options.last !== '')
    throw new AppError('usage', '--month names a whole month, and --since, --until or --last another time', {
      advice: 'Give one of them.',
    })
  const [, year, number] = MONTH.exec(month === 'last' ? lastMonth(now) : month) ?? []
  if (year === undefined || number === undefined)
    throw new AppError('usage', `--month: expected a month such as 2026-10, or last, found ${quoted(month)}`, {
      advice: 'For other stretches of time use --since and --until.',
    })
  const next =
    number === '12'
      ? `${String(Number(year) + 1).padStart(4, '0')}-01`
      : `${year}-${String(Number(number) + 1).padStart(2, '0')}`
  return { since: `${year}-${number}-01`, until: `${next}-01`, last: '' }
}

function lastMonth(now: Micros): string {
  const [year = 0, month = 1] = toIso(now).slice(0, 7).split('-').map(Number)
  return month === 1 ? `${year - 1}-12` : `${year}-${String(month - 1).padStart(2, '0')}`
}

/** Options that have to come together. Throws AppError `usage`. */
export function checkOptions(args: ReportArguments, pack: string): void {
  if (pack !== '' && (args.out !== '' || args.json))
    throw new AppError('usage', '--pack writes the report into an archive, --out and --json put it elsewhere', {
      advice: 'Give --pack alone; the archive holds the whole report.',
    })
  if (pack !== '' && args.pseudonymise !== '')
    throw new AppError('usage', '--pack and --pseudonymise exclude each other', {
      advice:
        'A pack holds records as they were written, which is what makes it evidence. Pseudonymise a report with --out.',
    })
  if (args.format !== '' && args.out === '' && pack === '') parseFormats(args)
  if (args.sign !== '' && args.out === '' && pack === '')
    throw new AppError('usage', '--sign signs the files of a report, and there is no --out', {
      advice: 'Name a folder with --out.',
    })
  if (args.json && args.out !== '')
    throw new AppError('usage', '--json prints the report, --out writes it', {
      advice: 'The folder has it as report.json.',
    })
}
