/** The sources of a daemon as a table: one row a source, or one a machine where there are too many to look at. */
import { basename } from 'node:path'
import type { DaemonStatus, SourceStatus } from '../live/status.ts'
import { bytesText } from '../quantity-text.ts'
import type { Cell } from './document-line.ts'
import { type FittedColumn, fittedTable } from './fitted-table.ts'
import { agoText, countText, plain, rateText, tally } from './status-text.ts'
import { paint, type Terminal } from './terminal.ts'

/** More sources than this are told by machine. */
export const SOURCES_MAX = 24
/** Bytes unread that a busy machine has at any moment. */
const BEHIND_MAX = 4 * 1024 * 1024
const NAME_LEAST = 9
const PATH_LEAST = 16
/** Characters of a path shown, from its end. */
const PATH_MAX = 60

export type SourcesView = {
  readonly width: number
  /** Every source has a row, however many there are. */
  readonly isAll: boolean
  /** Rows there is room for; of more, those that need somebody most are shown. Infinity = all of them. */
  readonly rowsMax: number
}

/** '' without sources. */
export function sourcesTable(terminal: Terminal, status: DaemonStatus, { width, isAll, rowsMax }: SourcesView): string {
  const { sources } = status
  if (sources.length === 0) return ''
  const { columns, rows } = isEach(status, isAll) ? bySource(status) : byHost(status)
  if (rows.length <= rowsMax) {
    const cells = rows.map((row) => row.cells)
    return fittedTable(terminal, width, columns, cells)
  }
  const shown = rows.toSorted((a, b) => a.rank - b.rank).slice(0, Math.max(1, rowsMax - 1))
  const table = fittedTable(
    terminal,
    width,
    columns,
    shown.map((row) => row.cells),
  )
  return `${table}${paint(terminal, 'dim', `the stalest; ${rows.length - shown.length} more have no room`)}\n`
}

/** Rows of the table when nothing is left out. */
export function sourceRows(status: DaemonStatus, isAll: boolean): number {
  return isEach(status, isAll) ? status.sources.length : new Set(status.sources.map(({ host }) => host)).size
}

function isEach({ sources }: DaemonStatus, isAll: boolean): boolean {
  return isAll || sources.length <= SOURCES_MAX
}

/** The lower the rank, the more a row needs somebody. */
type Row = { readonly cells: readonly Cell[]; readonly rank: number }
type Table = { readonly columns: readonly FittedColumn[]; readonly rows: readonly Row[] }

/** A column of numbers that the sources' sum decides: what is nothing everywhere needs no room. */
type Sum = { readonly column: FittedColumn; readonly cell: (sources: readonly SourceStatus[]) => Cell }

function sums(sources: readonly SourceStatus[]): readonly Sum[] {
  const sum = (of: (source: SourceStatus) => number) => (some: readonly SourceStatus[]) =>
    some.reduce((total, source) => total + of(source), 0)
  const [rate, lines, records] = [sum((s) => s.rate), sum((s) => s.lines), sum((s) => s.records)]
  const [unparsed, suspect, lost] = [sum((s) => s.unparsed), sum((s) => s.suspect), sum((s) => s.lostBytes)]
  const [behind, waiting] = [sum((s) => s.behind), sum((s) => s.waiting)]
  const right = (title: string, rank?: number): FittedColumn => ({
    title,
    align: 'right',
    ...(rank === undefined ? {} : { rank }),
  })
  return [
    { column: right('lines/s'), cell: (some) => plain(rateText(rate(some))) },
    { column: right('lines', 4), cell: (some) => plain(countText(lines(some))) },
    { column: right('records'), cell: (some) => plain(countText(records(some))) },
    { column: right('unparsed', 1), cell: (some) => tally(unparsed(some), 'yellow') },
    ...(suspect(sources) === 0
      ? []
      : [{ column: right('suspect', 2), cell: (some: readonly SourceStatus[]) => tally(suspect(some), 'yellow') }]),
    ...(lost(sources) === 0
      ? []
      : [
          {
            column: right('lost'),
            cell: (some: readonly SourceStatus[]) => tally(lost(some), 'red', bytesText(lost(some))),
          },
        ]),
    { column: right('waiting', 3), cell: (some) => plain(countText(waiting(some))) },
    {
      column: right('behind'),
      cell: (some) => {
        const bytes = behind(some)
        return { text: bytesText(bytes), style: bytes > BEHIND_MAX ? 'yellow' : bytes === 0 ? 'dim' : null }
      },
    },
  ]
}

function bySource(status: DaemonStatus): Table {
  const { sources } = status
  const numbers = sums(sources)
  const isTwice = (source: SourceStatus) =>
    sources.filter(({ host, name }) => host === source.host && name === source.name).length > 1
  return {
    columns: [
      { title: 'host', least: NAME_LEAST },
      { title: 'source', least: NAME_LEAST },
      ...numbers.map(({ column }) => column),
      { title: 'newest', align: 'right' },
      { title: 'file', rank: 5, least: PATH_LEAST },
    ],
    rows: sources.map((source) => ({
      rank: rankOf(source),
      cells: [
        plain(source.host),
        plain(isTwice(source) ? `${source.name} ${basename(source.path)}` : source.name),
        ...numbers.map(({ cell }) => cell([source])),
        newestCell(source, status),
        { text: tail(source.path), style: 'dim' },
      ],
    })),
  }
}

function byHost(status: DaemonStatus): Table {
  const numbers = sums(status.sources)
  const hosts = Map.groupBy(status.sources, ({ host }) => host)
  return {
    columns: [
      { title: 'host', least: NAME_LEAST },
      { title: 'sources', align: 'right', rank: 0 },
      ...numbers.map(({ column }) => column),
      { title: 'stalest', align: 'right' },
      { title: '' },
    ],
    rows: [...hosts].map(([host, sources]) => {
      const stalest = sources.toSorted((a, b) => rankOf(a) - rankOf(b))[0]
      return {
        rank: stalest === undefined ? 0 : rankOf(stalest),
        cells: [
          plain(host),
          plain(countText(sources.length)),
          ...numbers.map(({ cell }) => cell(sources)),
          stalest === undefined ? plain('') : newestCell(stalest, status),
          { text: stalest?.name ?? '', style: 'dim' },
        ],
      }
    }),
  }
}

/** Those that need somebody come first. Rulesets, which speak when they please, come last. */
function rankOf({ name, problem, newestAt }: SourceStatus): number {
  if (problem !== '') return Number.NEGATIVE_INFINITY
  if (name === 'ruleset') return Number.POSITIVE_INFINITY
  return newestAt ?? Number.MIN_SAFE_INTEGER
}

function newestCell(source: SourceStatus, { alarms, now }: DaemonStatus): Cell {
  if (source.problem !== '') return { text: 'unreadable', style: 'red' }
  // Rulesets are no source of records: what they say holds until the next one.
  if (source.newestAt === null) return source.name === 'ruleset' ? plain('') : { text: 'never', style: 'yellow' }
  const isStale = alarms.some(({ kind, about }) => kind.endsWith('-stale') && about === `${source.host} ${source.name}`)
  return { text: agoText(source.newestAt, now), style: isStale ? 'red' : null }
}

function tail(path: string): string {
  const all = Array.from(path)
  return all.length <= PATH_MAX ? path : `…${all.slice(1 - PATH_MAX).join('')}`
}
