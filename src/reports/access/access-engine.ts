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
import { AppError } from '../../errors.ts'
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
import type { RowForm, RowOutlet } from '../rows/row-outlet.ts'
import { BLOCK_TABLES, fillBlocks, fillTable } from './access-block-tables.ts'
import { ACCESS_COLUMNS, ACCESS_FIELDS, WHO_FIELDS } from './access-columns.ts'
import { lineSelect, releasedLines, writeLines } from './access-lines.ts'
import { ACCESS_FILE, type AccessFilter, type AccessResult } from './access-rows.ts'
import {
  COLLISIONS,
  facetStatements,
  fastRows,
  LATE_REASONS,
  mergeStatements,
  type SliceFacts,
  sliceStatements,
} from './access-slices.ts'
import {
  bucketWidth,
  countReleased,
  countSums,
  PART_MAX,
  readTotals,
  sumsSelect,
  TOTALS_TABLES,
} from './access-totals.ts'

const DATASETS = ['wireguard.flow', 'wireguard.firewall']
/** Documents of one stretch that are aimed at: with 50 columns about 60 MB of the database's memory, and their lines 25 MB of ours. */
const SLICE_DOCUMENTS = 150_000
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
    let rows = 0
    let done = 0
    let partMax = PART_MAX
    let writing: Promise<number> = Promise.resolve(0)
    const hasOwners = (filter.owners ?? []).length > 0
    question.progress('rows', 0, total)
    const doSlice = async (slice: Slice): Promise<void> => {
      const facts: SliceFacts = {
        where,
        period,
        until: slice.until,
        isLast: slice.until === until,
        hasKnown: names.known.length > 0,
        hasDisputes: disputes.length > 0,
        isSlow: hasOwners,
      }
      const printed = await printFast(tables, slice, facts, names, width, outlet.forms)
      if (printed === null) {
        // Documents may be a hundred times as wide as ours.
        const middle = Math.floor((slice.since + slice.until) / 2)
        await doSlice({ ...slice, until: middle, count: 0 })
        return await doSlice({ ...slice, since: middle + 1 })
      }
      await countSums(tables, 'fast_sums')
      for (const sql of mergeStatements(facts)) await tables.run(sql)
      if (hasOwners) for (const sql of OTHERS_LEFT_OUT) await tables.run(sql)
      partMax = await countReleased(tables, period, width, partMax)
      const lines = await releasedLines(tables, printed)
      // While these are written the database makes the next ones.
      rows += await writing
      writing = writeLines(lines, (form, chunk) => sink.write(form, chunk))
      writing.catch(() => {})
      done += slice.count
      question.progress('rows', Math.min(done, total), total)
    }
    for await (const slice of slices(reader, selection, total, sliceDocuments)) await doSlice(slice)
    rows += await writing
    const totals = await readTotals(tables, period, width)
    await sink.end(outlet.forms.length === 0 ? totals.all.rows : rows)
    return { ...totals, file: ACCESS_FILE }
  } finally {
    await tables.close()
  }
}

/**
 * Makes the tables of a stretch; counts and prints those of its rows of which it says everything, the most of them, without ever making
 * a table of them: that costs twice what the rest does. Null: the stretch does not fit into memory, and can be cut.
 */
async function printFast(
  tables: WorkTables,
  { since, until }: Slice,
  facts: SliceFacts,
  names: Names,
  width: Micros,
  forms: readonly RowForm[],
): Promise<ReadonlyMap<RowForm, Buffer> | null> {
  const printed = new Map<RowForm, Buffer>()
  const made = tables.within(since, until, async () => {
    for (const sql of facetStatements(facts)) await tables.run(sql)
    const { rows } = await tables.rows(COLLISIONS)
    const hasCollisions = Number(rows[0]?.[0]) > 0
    for (const sql of sliceStatements(facts, hasCollisions)) await tables.run(sql)
    await fillBlocks(tables, names)
    const fast = `(${fastRows(facts, hasCollisions)})`
    await tables.run(`CREATE OR REPLACE TABLE fast_sums AS ${sumsSelect(fast, facts.period, width)}`)
    for (const form of forms) printed.set(form, await tables.print(lineSelect(form, fast, true)))
  })
  try {
    await made
    return printed
  } catch (error) {
    if (error instanceof AppError && error.code === 'bad-query' && since < until) return null
    throw error
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

/** Of the finished rows, those that a key of hers made in the hands of somebody else. */
const OTHERS_LEFT_OUT = [
  `DELETE FROM docs USING person p WHERE p.who = docs.who AND p.known = docs.known AND p.owner <> ''
  AND p.owner NOT IN (SELECT owner FROM wanted WHERE owner IS NOT NULL)`,
  `DELETE FROM docs USING who WHERE who.number = docs.who AND who.c0 IS NULL AND NOT EXISTS (SELECT 1 FROM tenure_text t
    WHERE list_contains(who.c${WHO_FIELDS.indexOf('wireguard.attribution.candidates')}, t.key)
      AND docs.start >= make_timestamp(t.since) AND docs.start <= make_timestamp(t.until))`,
]

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

type Slice = { readonly since: Micros; readonly until: Micros; readonly count: number }

/** The period in stretches of about SLICE_DOCUMENTS, without holes; the same documents give the same stretches. */
async function* slices(reader: EventReader, selection: Selected, total: number, wanted: number): AsyncGenerator<Slice> {
  const { since: from, until: to } = selection
  let width = total <= wanted ? to - from + 1 : Math.max(MINUTE, Math.ceil(((to - from + 1) / total) * wanted))
  for (let since = from; since <= to; ) {
    const until = Math.min(to, since + width - 1)
    const count = until === to && since === from ? total : await reader.count({ ...selection, since, until })
    if (count > 2 * wanted && until > since) {
      width = Math.max(1, Math.floor((until - since + 1) / 2))
      continue
    }
    yield { since, until, count }
    since = until + 1
    if (count < wanted / 2) width *= 2
  }
}
