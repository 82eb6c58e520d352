/**
 * A hot file becomes segments: one Parquet file for each day in it, sorted by time, without what other segments hold already.
 * Nothing counts before the manifest says so; what a kill leaves in work/ or below segments/ is removed by the next writer.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { FIELD_NAMES, type FieldName } from '../fields.ts'
import { DAY, type Micros } from '../time.ts'
import { columnName, fromHot, hotColumnType } from './columns.ts'
import { type Database, fileLiteral } from './duckdb.ts'
import { HOT_LINE_BYTES_MAX } from './hot-lines.ts'
import type { HotEntry, Segment } from './manifest.ts'
import { sizeProblem, soundSegments } from './segment-check.ts'
import { isDiskFull, reasonOf } from './write-error.ts'
import { type SegmentTools, writeSegment } from './write-segment.ts'

/** Columns that occur in a hot file: of events themselves, of what they share. */
export type HotColumns = { readonly own: readonly FieldName[]; readonly shared: readonly FieldName[] }

export type SealResult = {
  readonly segments: readonly Segment[]
  /** Rows that other segments, or this file, had already. */
  readonly repeated: number
  /** Lines that could not be read back, and rows whose shared fields could not. The rows themselves are in the segments. */
  readonly damaged: number
}

/**
 * More days than that in one hot file share segments, a few days each: they have less than a thousand rows a day then. It also keeps
 * a log full of wild stamps from becoming a file a row.
 */
const SEGMENT_DAYS_MAX = 100

/** What a line must have to be an event again. */
const IS_EVENT = '_shape IS NOT NULL AND "@timestamp" IS NOT NULL AND "event.id" IS NOT NULL'

/**
 * `columns` null: unknown, as in a file found after a kill; all fields are looked for. `known`: segments of the same dataset.
 * `{ unreadable }`, the reason in words, when DuckDB cannot read the file at all: it stays as it is.
 */
export async function sealHot(
  tools: SegmentTools,
  hot: HotEntry,
  columns: HotColumns | null,
  known: readonly Segment[],
): Promise<SealResult | { readonly unreadable: string }> {
  const { database } = tools
  const written: Segment[] = []
  try {
    const damaged = await loadHot(tools, hot, columns ?? { own: FIELD_NAMES, shared: FIELD_NAMES })
    if (typeof damaged === 'string') return { unreadable: damaged }
    const before = await one(database, 'SELECT count(*) FROM own')
    await dropRepeats(tools, known)
    const rows = await one(database, 'SELECT count(*) FROM own')
    const selected = await selection(database, columns)
    for (const { first, end } of await spans(database)) {
      const source = `SELECT ${selected.sql} FROM own o LEFT JOIN shapes s ON o._shape = s._define WHERE o."@timestamp" >= ${first} AND o."@timestamp" < ${end} ORDER BY o."@timestamp", o."event.id"`
      written.push(await writeSegment(tools, hot.dataset, first, source, selected.names))
    }
    const sealed = written.reduce((sum, segment) => sum + segment.rows, 0)
    if (sealed !== rows) throw new Error(`${rows} rows of ${hot.file} became ${sealed}`)
    return { segments: written, repeated: before - rows, damaged }
  } catch (error) {
    for (const { file } of written) rmSync(join(tools.layout.dir, file), { force: true })
    throw error
  } finally {
    await database.run('DROP TABLE IF EXISTS own; DROP TABLE IF EXISTS shapes').catch(() => {})
  }
}

/** Makes the tables `own` and `shapes`, numbers of shapes unique; returns how much is damaged, or why nothing can be read. */
async function loadHot(
  { database, layout }: SegmentTools,
  hot: HotEntry,
  columns: HotColumns,
): Promise<number | string> {
  const path = join(layout.dir, hot.file)
  const { own, shared } = columns
  const names = (list: readonly FieldName[]) => list.map((name) => `, ${columnName(name)}`).join('')
  try {
    await database.run(
      `CREATE TABLE own AS SELECT _shape${names(own)} FROM ${hotSource(path, own)} WHERE _define IS NULL;
       CREATE TABLE shapes AS SELECT _define${names(shared)} FROM ${hotSource(path, shared)} WHERE _define IS NOT NULL`,
    )
  } catch (error) {
    if (isDiskFull(error)) throw error
    return reasonOf(error)
  }
  const lines = await one(database, `SELECT count(*) FROM own WHERE NOT (${IS_EVENT})`)
  if (lines > 0) await database.run(`DELETE FROM own WHERE NOT (${IS_EVENT})`)
  const repeated = await one(database, 'SELECT count(*) - count(DISTINCT _define) FROM shapes')
  if (repeated > 0)
    await database.run('DELETE FROM shapes WHERE rowid NOT IN (SELECT min(rowid) FROM shapes GROUP BY _define)')
  const shapeless = await one(database, 'SELECT count(*) FROM own WHERE _shape NOT IN (SELECT _define FROM shapes)')
  return lines + repeated + shapeless
}

/** A hot file as a table function. Every column is declared: nothing is guessed from what the file holds. */
export function hotSource(path: string, columns: readonly FieldName[]): string {
  const types = columns.map((name) => `'${name}': '${hotColumnType(name)}'`)
  return `read_json(${fileLiteral(path)}, format = 'newline_delimited', ignore_errors = true, maximum_object_size = ${HOT_LINE_BYTES_MAX}, columns = {${["'_define': 'INTEGER'", "'_shape': 'INTEGER'", ...types].join(', ')}})`
}

/** An id counts once: the first row of it stays, here and in the segments before. */
async function dropRepeats({ database, layout }: SegmentTools, known: readonly Segment[]): Promise<void> {
  // As text: a number of ours may round a far year's stamp.
  const { rows } = await database.rows(
    'SELECT count(*), count(DISTINCT "event.id"), min("@timestamp")::VARCHAR, max("@timestamp")::VARCHAR FROM own',
  )
  const [count = 0, distinct = 0, oldest = '', newest = ''] = rows[0] ?? []
  if (count === 0) return
  if (distinct !== count)
    await database.run('DELETE FROM own WHERE rowid NOT IN (SELECT min(rowid) FROM own GROUP BY "event.id")')
  const drop = async (segments: readonly Segment[]): Promise<void> => {
    if (segments.length === 0) return
    const list = segments.map(({ file }) => fileLiteral(join(layout.dir, file))).join(', ')
    await database.run(
      `DELETE FROM own WHERE "event.id" IN (SELECT "event.id" FROM read_parquet([${list}]) WHERE "@timestamp" BETWEEN make_timestamp(${String(oldest)}) AND make_timestamp(${String(newest)}))`,
    )
  }
  const near = known.filter(
    (segment) =>
      segment.oldest <= Number(newest) && segment.newest >= Number(oldest) && sizeProblem(layout, segment) === '',
  )
  try {
    await drop(near)
  } catch (error) {
    // A damaged segment must not stop new rows from being sealed; rows that only it holds are then stored again.
    const sound = await soundSegments(layout, near)
    if (sound.length === near.length) throw error
    await drop(sound)
  }
}

/** The columns of the segment: of the event itself, else of what it shares. */
async function selection(database: Database, columns: HotColumns | null): Promise<{ names: FieldName[]; sql: string }> {
  const own = new Set(columns?.own ?? (await filled(database, 'own')))
  const shared = new Set(columns?.shared ?? (await filled(database, 'shapes')))
  const names = FIELD_NAMES.filter((name) => own.has(name) || shared.has(name))
  const expression = (name: FieldName): string => {
    const column = columnName(name)
    if (!shared.has(name)) return `o.${column}`
    return own.has(name) ? `coalesce(o.${column}, s.${column})` : `s.${column}`
  }
  return { names, sql: names.map((name) => `${fromHot(name, expression(name))} AS ${columnName(name)}`).join(', ') }
}

/** Columns of a table that have any value. */
async function filled(database: Database, table: 'own' | 'shapes'): Promise<FieldName[]> {
  const { rows } = await database.rows(
    `SELECT ${FIELD_NAMES.map((name) => `count(${columnName(name)})`).join(', ')} FROM ${table}`,
  )
  return FIELD_NAMES.filter((_, i) => Number(rows[0]?.[i] ?? 0) > 0)
}

/** The days (UTC) that rows of `own` lie in, each as its first moment and that of the day after; several together where there are too many. */
async function spans(database: Database): Promise<{ first: Micros; end: Micros }[]> {
  // Trap: DuckDB's // and % cut towards zero, and before 1970 a day begins below.
  const { rows } = await database.rows(
    `SELECT DISTINCT "@timestamp" - (("@timestamp" % ${DAY}) + ${DAY}) % ${DAY} AS day FROM own ORDER BY day`,
  )
  const days = rows.map(([day]) => Number(day))
  const together = Math.ceil(days.length / SEGMENT_DAYS_MAX)
  return days
    .filter((_, i) => i % together === 0)
    .map((first, i) => ({ first, end: (days[Math.min((i + 1) * together, days.length) - 1] ?? first) + DAY }))
}

async function one(database: Database, sql: string): Promise<number> {
  const { rows } = await database.rows(sql)
  return Number(rows[0]?.[0] ?? 0)
}
