/** Documents of a period one page after the other, in order of time, so that a list of any length goes to its file without being held. */
import type { FieldName, Fields } from '../../fields.ts'
import type { Query } from '../../kql/ast.ts'
import { fieldsOf } from '../../kql/query-fields.ts'
import { type SqlParameter, toSql } from '../../kql/to-sql.ts'
import { toDocuments } from '../../store/documents.ts'
import type { EventReader, Place } from '../../store/event-reader.ts'
import type { ReportPeriod } from '../report-question.ts'
import { type Row, rowLines } from '../rows/row-lines.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'

/** Documents in memory at a time: some 20 MB of audit events. */
const PAGE_MAX = 5000

export type DocumentList = {
  readonly datasets: readonly string[]
  readonly period: ReportPeriod
  readonly query: Query
  /** What is read of each document, beside its time and id. */
  readonly fields: readonly FieldName[]
}

/** How a list is written and what of it is shown. */
export type ListFile = {
  /** Name of the file, of our own. */
  readonly name: string
  readonly columns: readonly string[]
  toRow(document: Fields): Row
  /** Documents that are handed back for the page. */
  readonly shown: number
}

export type Listed = {
  /** The first ones. */
  readonly shown: readonly Fields[]
  readonly total: number
}

/** Writes all documents of the list to the outlet, oldest first, and hands back the first ones. Throws AppError of the reader. */
export async function writeDocuments(
  reader: EventReader,
  list: DocumentList,
  file: ListFile,
  outlet: RowOutlet,
): Promise<Listed> {
  if (outlet.forms.length === 0) {
    const shown = file.shown === 0 ? [] : await readPage(reader, list, null, file.shown)
    const { period, ...selection } = list
    const total =
      shown.length < file.shown
        ? shown.length
        : await reader.count({ ...selection, since: period.from, until: period.to - 1 })
    return { shown, total }
  }
  const sink = outlet.open(file.name)
  for (const form of outlet.forms) await sink.write(form, rowLines(form, file.columns, [], true))
  const shown: Fields[] = []
  let total = 0
  for (let after: Place | null = null; ; ) {
    const page: readonly Fields[] = await readPage(reader, list, after, PAGE_MAX)
    total += page.length
    if (shown.length < file.shown) shown.push(...page.slice(0, file.shown - shown.length))
    const rows = page.map((document) => file.toRow(document))
    for (const form of outlet.forms) await sink.write(form, rowLines(form, file.columns, rows, false))
    const last = page.at(-1)
    if (page.length < PAGE_MAX || last === undefined) break
    after = { at: last['@timestamp'] ?? 0, id: last['event.id'] ?? '' }
  }
  await sink.end(total)
  return { shown, total }
}

async function readPage(
  reader: EventReader,
  { datasets, period, query, fields }: DocumentList,
  after: Place | null,
  limit: number,
): Promise<readonly Fields[]> {
  const parameters: SqlParameter[] = []
  let where = toSql(query, parameters)
  if (after !== null) {
    parameters.push(BigInt(after.at), after.id)
    const [at, id] = [`make_timestamp($${parameters.length - 1}::BIGINT)`, `$${parameters.length}`]
    where = `(${where}) AND ("@timestamp" > ${at} OR ("@timestamp" = ${at} AND "event.id" > ${id}))`
  }
  const columns: readonly FieldName[] = [...new Set<FieldName>(['@timestamp', 'event.id', ...fields])]
  const result = await reader.select(
    {
      datasets,
      since: after?.at ?? period.from,
      until: period.to - 1,
      columns: [...new Set([...columns, ...fieldsOf(query)])],
      filter: query,
    },
    `SELECT ${columns.map((name) => `"${name}"`).join(', ')} FROM events WHERE ${where}
     ORDER BY "@timestamp", "event.id" LIMIT ${limit}`,
    parameters,
  )
  return toDocuments(result)
}
