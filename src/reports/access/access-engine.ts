/**
 * Every access of a period: as lines into a file, as numbers for the report. The database makes rows of documents, one stretch of time
 * after the other, and prints them; memory does not grow with the period, only with the number of groups and of different names.
 *
 * A row is one connection by its `wireguard.flow.id`: as its `flow-ended` says, or its newest document in the period; bytes are the
 * sum of the deltas of the period. Or it is one packet log line that belongs to no connection: each line is a row, whether the sender
 * tried once or again and again. A line that belongs to a connection gives it its rule and is no row. Rows come in the order of the
 * stretches in which they ended, within one by the text of
 * the time they began.
 */

import { printCsv } from '../../csv.ts'
import type { Query } from '../../kql/ast.ts'
import { equals } from '../../kql/build.ts'
import { allOf, anyOf } from '../../kql/combine.ts'
import { literal } from '../../store/duckdb.ts'
import type { EventReader, Scope } from '../../store/event-reader.ts'
import type { WorkTables } from '../../store/work-tables.ts'
import { INSTANT_MAX, INSTANT_MIN, MINUTE, type Micros } from '../../time.ts'
import type { Dispute } from '../disputes.ts'
import type { Names } from '../names/names.ts'
import type { ReportQuestion } from '../report-question.ts'
import type { RowOutlet } from '../rows/row-outlet.ts'
import { BLOCK_TABLES, fillTable } from './access-block-tables.ts'
import { ACCESS_COLUMNS, ACCESS_FIELDS } from './access-columns.ts'
import { ACCESS_FILE, type AccessFilter, type AccessResult } from './access-rows.ts'
import { LATE_REASONS } from './access-slices.ts'
import { createStretches } from './access-stretches.ts'
import { bucketWidth, readTotals, TOTALS_TABLES } from './access-totals.ts'

const DATASETS = ['wireguard.flow', 'wireguard.firewall']
/** Documents of one stretch that are aimed at: with 50 columns about 60 MB of the database's memory, and their lines 25 MB of ours. */
const SLICE_DOCUMENTS = 300_000
/** Times that a stretch may get longer than the mean. */
const WIDER_MAX = 8
/** Flows whose end was followed by something that counts. Beyond it they may wait in vain, and nothing else. */
const LATE_MAX = 500_000

/**
 * Throws AppError of the reader. `filter.keys`: rows of these keys, and rows that may be theirs (candidates). Rows are written in the
 * forms that the outlet has; numbers come also without any. `sliceDocuments` changes the order of the rows, nothing else.
 */
export async function readAccess(
  reader: EventReader,
  question: ReportQuestion,
  filter: AccessFilter,
  disputes: readonly Dispute[],
  outlet: RowOutlet,
  sliceDocuments = SLICE_DOCUMENTS,
): Promise<AccessResult> {
  const { period, names } = question
  const sink = outlet.open(ACCESS_FILE)
  const until = period.to - 1
  const selection = { datasets: DATASETS, since: period.from, until, query: queryOf(filter) }
  const late = await readLate(reader, selection)
  const total = await reader.count(selection)
  const tables = await reader.openTables(scopeOf(selection))
  try {
    if (outlet.forms.includes('csv')) await sink.write('csv', printCsv(ACCESS_COLUMNS, []))
    const where = await prepare(tables, filter, names, disputes, late)
    const width = bucketWidth(period)
    const facts = {
      where,
      period,
      hasKnown: names.known.length > 0,
      hasDisputes: disputes.length > 0,
      isSlow: (filter.owners ?? []).length > 0,
    }
    const stretches = { facts, names, width, wanted: sliceDocuments }
    const work = createStretches(tables, stretches, outlet.forms, (form, lines) => sink.write(form, lines))
    const step =
      total <= sliceDocuments
        ? until - period.from + 1
        : Math.ceil(((until - period.from + 1) / total) * sliceDocuments)
    let wide = Math.max(MINUTE, step)
    let done = 0
    question.progress('rows', 0, total)
    for (let since = period.from; since <= until; ) {
      const end = Math.min(until, since + wide - 1)
      const count = await work.add(since, end, end === until)
      since = end + 1
      // Where little is recorded stretches get longer, within reason: a busy hour may begin at any time.
      wide =
        count < sliceDocuments / 2 ? Math.min(wide * 2, WIDER_MAX * Math.max(MINUTE, step)) : Math.max(MINUTE, step)
      done += count
      question.progress('rows', Math.min(done, total), total)
    }
    const rows = await work.end()
    const totals = await readTotals(tables, period, width)
    await sink.end(outlet.forms.length === 0 ? totals.all.rows : rows)
    return { ...totals, file: ACCESS_FILE }
  } finally {
    await tables.close()
  }
}

type Selected = {
  readonly datasets: readonly string[]
  readonly since: Micros
  readonly until: Micros
  readonly query: Query
}

function scopeOf({ datasets, since, until, query }: Selected): Scope {
  return { datasets, since, until, columns: ACCESS_FIELDS, filter: query }
}

function queryOf({ keys, resource }: AccessFilter): Query {
  return allOf([
    ...(keys.length === 0
      ? []
      : [anyOf([equals('wireguard.peer.public_key', keys), equals('wireguard.attribution.candidates', keys)])]),
    ...(resource === '' ? [] : [equals('wireguard.resource.name', [resource])]),
  ])
}

type Late = { readonly flow: string; readonly until: Micros }

async function readLate(reader: EventReader, selection: Selected): Promise<Late[]> {
  const reasons = LATE_REASONS.map(literal).join(', ')
  const { rows } = await reader.select(
    {
      ...scopeOf(selection),
      datasets: ['wireguard.flow'],
      columns: ['@timestamp', 'event.reason', 'wireguard.flow.id'],
      filter: allOf([selection.query, equals('event.reason', LATE_REASONS)]),
    },
    `SELECT "wireguard.flow.id", max("@timestamp") FROM events WHERE "event.reason" IN (${reasons}) AND "wireguard.flow.id" IS NOT NULL
     GROUP BY ALL ORDER BY 1 LIMIT ${LATE_MAX}`,
  )
  return rows.map(([flow, until]) => ({ flow: String(flow), until: Number(until) }))
}

/** Tables that the statements name; gives the condition of the documents that are meant. */
async function prepare(
  tables: WorkTables,
  { keys, resource, owners = [], tenures = [] }: AccessFilter,
  names: Names,
  disputes: readonly Dispute[],
  late: readonly Late[],
): Promise<string> {
  for (const sql of [...TOTALS_TABLES, ...BLOCK_TABLES]) await tables.run(sql)
  const time = (at: Micros) => Math.max(INSTANT_MIN, Math.min(INSTANT_MAX, at))
  await fillTable(tables, 'wanted', { key: 'VARCHAR', resource: 'VARCHAR', owner: 'VARCHAR' }, [
    ...keys.map((key) => ({ key })),
    ...owners.map((owner) => ({ owner })),
    ...(resource === '' ? [] : [{ resource }]),
  ])
  await fillTable(
    tables,
    'tenure_text',
    { key: 'VARCHAR', since: 'BIGINT', until: 'BIGINT' },
    tenures.map(({ publicKey: key, from, to }) => ({ key, since: time(from), until: time(to) })),
  )
  await fillTable(
    tables,
    'known_text',
    { number: 'INTEGER', key: 'VARCHAR', since: 'BIGINT', until: 'BIGINT' },
    names.known.map(({ publicKey: key, since, until }, i) => ({
      number: i + 1,
      key,
      since: time(since),
      until: time(until),
    })),
  )
  await fillTable(
    tables,
    'dispute_text',
    { finding: 'VARCHAR', key: 'VARCHAR', since: 'BIGINT', until: 'BIGINT' },
    disputes.map(({ finding, publicKey: key, from, to }) => ({ finding, key, since: time(from), until: time(to) })),
  )
  await fillTable(tables, 'late_text', { flow: 'VARCHAR', until: 'BIGINT' }, late)
  const times = '* REPLACE (make_timestamp(since) AS since, make_timestamp(until) AS until)'
  await tables.run(`CREATE TABLE known AS SELECT ${times} FROM known_text; CREATE TABLE dispute AS SELECT ${times} FROM dispute_text;
    CREATE TABLE late AS SELECT flow, make_timestamp(until) AS until FROM late_text`)
  const ofKeys = `("wireguard.peer.public_key" IN (SELECT key FROM wanted) OR list_has_any("wireguard.attribution.candidates", (SELECT list(key) FROM wanted)))`
  const conditions = [
    ...(keys.length === 0 ? [] : [`coalesce(${ofKeys}, false)`]),
    ...(resource === '' ? [] : [`"wireguard.resource.name" IN (SELECT resource FROM wanted)`]),
  ]
  return conditions.join(' AND ') || 'true'
}
