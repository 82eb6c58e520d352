/** An access report of a store, and the rows that it writes, read back from its CSV. */
import { readAccess } from '../../src/reports/access/access-engine.ts'
import { accessReportWith } from '../../src/reports/access/access-report.ts'
import type { AccessReading } from '../../src/reports/access/access-report-facts.ts'
import type { AccessFilter } from '../../src/reports/access/access-rows.ts'
import type { Dispute } from '../../src/reports/disputes.ts'
import type { Block, Cell, ReportDocument, Table } from '../../src/reports/document/report-document.ts'
import type { Names } from '../../src/reports/names/names.ts'
import { readNames } from '../../src/reports/names/read-names.ts'
import type { ReportPeriod, ReportQuestion } from '../../src/reports/report-question.ts'
import type { RowForm, RowOutlet } from '../../src/reports/rows/row-outlet.ts'
import type { EventReader } from '../../src/store/event-reader.ts'
import { openStoreReader } from '../../src/store/reader.ts'

export type Asked = {
  readonly document: ReportDocument
  /** By name of the file, ending included. */
  readonly files: ReadonlyMap<string, string>
  /** What each file was said to hold. */
  readonly counts: ReadonlyMap<string, number>
}

export type Asking = {
  readonly filter?: Partial<AccessFilter>
  /** Null = all that is recorded. */
  readonly period?: ReportPeriod | null
  readonly names?: Names
  readonly forms?: readonly RowForm[]
  readonly disputes?: readonly Dispute[]
  readonly readAccess?: AccessReading['readAccess']
}

export async function askAccess(dir: string, asking: Asking = {}): Promise<Asked> {
  const reader = await openStoreReader(dir)
  try {
    return await askReader(reader, asking)
  } finally {
    reader.close()
  }
}

export async function askReader(
  reader: EventReader,
  {
    filter = {},
    period = null,
    names,
    forms = ['csv', 'ndjson'],
    disputes = [],
    readAccess: rows = readAccess,
  }: Asking = {},
): Promise<Asked> {
  const bounds = await reader.bounds(null)
  const whole = { from: bounds?.oldest ?? 0, to: (bounds?.newest ?? 0) + 1 }
  const question: ReportQuestion = {
    period: period ?? whole,
    reportTime: whole.to,
    names: names ?? (await readNames(reader, 'as-recorded')),
    isEveryClause: false,
    retentionDays: 0,
    askedBy: 'auditor',
    integrity: { kind: 'not-verifiable', place: 'a test' },
    progress: () => {},
  }
  const files = new Map<string, string>()
  const counts = new Map<string, number>()
  const build = accessReportWith({ readAccess: rows, readDisputes: () => Promise.resolve(disputes) })
  const document = await build(
    reader,
    question,
    { keys: [], resource: '', ...filter },
    createMemoryOutlet(files, counts, forms),
  )
  return { document, files, counts }
}

export function createMemoryOutlet(
  files: Map<string, string>,
  counts: Map<string, number>,
  forms: readonly RowForm[],
): RowOutlet {
  return {
    forms,
    open(name) {
      if (counts.has(name)) throw new Error(`${name} was opened twice`)
      counts.set(name, -1)
      return {
        write(form, lines) {
          const file = `${name}.${form}`
          files.set(file, (files.get(file) ?? '') + lines)
          return Promise.resolve()
        },
        end(rows) {
          counts.set(name, rows)
          return Promise.resolve()
        },
      }
    },
  }
}

/** Lines of a file of NDJSON. */
export function ndjsonRows(files: ReadonlyMap<string, string>, name: string): { readonly [column: string]: unknown }[] {
  const text = files.get(`${name}.ndjson`) ?? ''
  return text === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
}

/** Records of a CSV without line ends in cells, as ours are: cells by column. */
export function csvRows(files: ReadonlyMap<string, string>, name: string): { readonly [column: string]: string }[] {
  const [head = '', ...lines] = (files.get(`${name}.csv`) ?? '').trimEnd().split('\n')
  const columns = csvCells(head)
  return lines.map((line) => {
    const cells = csvCells(line)
    return Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? '']))
  })
}

function csvCells(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  )
}

export function tablesOf(document: ReportDocument, section?: string): Table[] {
  return document.sections
    .filter(({ id }) => section === undefined || id === section)
    .flatMap(({ blocks }) => blocks)
    .filter((block): block is Table => block.kind === 'table')
}

export function cellText(cell: Cell | undefined): string {
  if (cell === undefined) return ''
  return typeof cell === 'string' ? cell : `${cell.text}${cell.note === undefined ? '' : ` [${cell.note}]`}`
}

/** Everything that a section says, a line a cell. */
export function textOf(document: ReportDocument, section: string): string {
  return document.sections
    .filter(({ id }) => id === section)
    .flatMap(({ blocks }) => blocks.flatMap(blockTexts))
    .join('\n')
}

function blockTexts(block: Block): string[] {
  switch (block.kind) {
    case 'paragraph':
    case 'note':
      return [block.text]
    case 'facts':
      return block.rows.map(([label, value]) => `${label}: ${cellText(value)}`)
    case 'bullets':
      return block.items.map(cellText)
    case 'figures':
      return block.items.map(({ label, value, note = '' }) => `${label}: ${value} ${note}`)
    case 'table':
      return [
        block.caption,
        ...(block.rows.length === 0 ? [block.empty] : block.rows.map((row) => row.map(cellText).join(' | '))),
      ]
    case 'chart':
    case 'form':
      return []
    default:
      return block satisfies never
  }
}
