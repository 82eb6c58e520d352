/**
 * A hot file becomes segments: one Parquet file for each day in it, sorted by time, without what other segments hold already.
 * Nothing counts before the manifest says so; what a kill leaves in work/ or below segments/ is removed by the next writer.
 */
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, fsyncSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FIELD_NAMES, type FieldName } from '../fields.ts'
import { DAY, type Micros, toIso } from '../time.ts'
import { columnName, fromHot, hotColumnType } from './columns.ts'
import { type Database, literal } from './duckdb.ts'
import { DIRECTORY_MODE, type StoreLayout, segmentFile } from './layout.ts'
import type { HotEntry, Segment } from './manifest.ts'

/** Columns that occur in a hot file: of events themselves, of what they share. */
export type HotColumns = { readonly own: readonly FieldName[]; readonly shared: readonly FieldName[] }

export type SealResult = {
  readonly segments: readonly Segment[]
  /** Rows that other segments, or this file, had already. */
  readonly repeated: number
  /** Lines that could not be read back. */
  readonly damaged: number
}

/** The longest line of a hot file DuckDB accepts, bytes. */
export const HOT_LINE_BYTES_MAX = 2 * 1024 * 1024

export type SealTools = {
  readonly database: Database
  readonly layout: StoreLayout
  nextNumber(): number
}

/** `columns` null: unknown, as in a file found after a kill; all fields are looked for. `known`: segments of the same dataset. */
export async function sealHot(
  tools: SealTools,
  hot: HotEntry,
  columns: HotColumns | null,
  known: readonly Segment[],
): Promise<SealResult> {
  const { database, layout } = tools
  try {
    const path = join(layout.dir, hot.file)
    const damaged = await loadHot(database, path, columns ?? { own: FIELD_NAMES, shared: FIELD_NAMES })
    const before = await one(database, 'SELECT count(*) FROM own')
    await dropRepeats(database, layout, known)
    const rows = await one(database, 'SELECT count(*) FROM own')
    const selected = await selection(database, columns)
    const segments: Segment[] = []
    for (const day of await days(database)) {
      const source = `SELECT ${selected.sql} FROM (SELECT * FROM own WHERE "@timestamp" >= ${day} AND "@timestamp" < ${day + DAY} ORDER BY "@timestamp", "event.id") o JOIN shapes s ON o._shape = s._define`
      segments.push(await writeSegment(tools, hot.dataset, day, source, selected.names))
    }
    const lost = rows - segments.reduce((sum, segment) => sum + segment.rows, 0)
    return { segments, repeated: before - rows, damaged: damaged + lost }
  } finally {
    await database.run('DROP TABLE IF EXISTS own; DROP TABLE IF EXISTS shapes')
  }
}

/** Makes the tables `own` and `shapes`; returns how many lines are neither. */
async function loadHot(database: Database, path: string, { own, shared }: HotColumns): Promise<number> {
  const names = (list: readonly FieldName[]) => list.map((name) => `, ${columnName(name)}`).join('')
  await database.run(
    `CREATE TABLE own AS SELECT _shape${names(own)} FROM ${hotSource(path, own)} WHERE _define IS NULL;
     CREATE TABLE shapes AS SELECT _define${names(shared)} FROM ${hotSource(path, shared)} WHERE _define IS NOT NULL`,
  )
  const damaged = await one(
    database,
    'SELECT count(*) FROM own WHERE _shape IS NULL OR "@timestamp" IS NULL OR "event.id" IS NULL',
  )
  if (damaged > 0)
    await database.run('DELETE FROM own WHERE _shape IS NULL OR "@timestamp" IS NULL OR "event.id" IS NULL')
  return damaged
}

/** A hot file as a table function. Every column is declared: nothing is guessed from what the file holds. */
export function hotSource(path: string, columns: readonly FieldName[]): string {
  const types = columns.map((name) => `'${name}': '${hotColumnType(name)}'`)
  return `read_json(${literal(path)}, format = 'newline_delimited', ignore_errors = true, maximum_object_size = ${HOT_LINE_BYTES_MAX}, columns = {${["'_define': 'INTEGER'", "'_shape': 'INTEGER'", ...types].join(', ')}})`
}

/** An id counts once: the first row of it stays, here and in the segments before. */
async function dropRepeats(database: Database, layout: StoreLayout, known: readonly Segment[]): Promise<void> {
  const { rows } = await database.rows(
    'SELECT count(*), count(DISTINCT "event.id"), min("@timestamp"), max("@timestamp") FROM own',
  )
  const [count = 0, distinct = 0, oldest = 0, newest = 0] = (rows[0] ?? []).map(Number)
  if (count === 0) return
  if (distinct < count)
    await database.run('DELETE FROM own WHERE rowid NOT IN (SELECT min(rowid) FROM own GROUP BY "event.id")')
  const files = known.filter((segment) => segment.oldest <= newest && segment.newest >= oldest)
  if (files.length === 0) return
  const list = files.map(({ file }) => literal(join(layout.dir, file))).join(', ')
  await database.run(
    `DELETE FROM own WHERE "event.id" IN (SELECT "event.id" FROM read_parquet([${list}]) WHERE "@timestamp" BETWEEN make_timestamp(${oldest}) AND make_timestamp(${newest}))`,
  )
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

/** First moments of the days (UTC) that rows of `own` lie in. */
async function days(database: Database): Promise<Micros[]> {
  const { rows } = await database.rows(`SELECT DISTINCT "@timestamp" // ${DAY} AS day FROM own ORDER BY day`)
  return rows.map(([day]) => Number(day) * DAY)
}

/** Writes what `source` selects as a segment of that day: beside its place, synced, then renamed. */
export async function writeSegment(
  tools: SealTools,
  dataset: string,
  day: Micros,
  source: string,
  columns: readonly FieldName[],
): Promise<Segment> {
  const { database, layout } = tools
  const number = tools.nextNumber()
  const date = toIso(day).slice(0, 10)
  const file = segmentFile(number, dataset, date)
  const path = join(layout.dir, file)
  const partial = join(layout.work, `${number}.parquet`)
  await database.run(
    `COPY (${source}) TO ${literal(partial)} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION V2, ROW_GROUP_SIZE 20480)`,
  )
  const { rows } = await database.rows(
    `SELECT count(*), min("@timestamp"), max("@timestamp") FROM read_parquet(${literal(partial)})`,
  )
  const [count = 0, oldest = 0, newest = 0] = (rows[0] ?? []).map(Number)
  syncFile(partial)
  const sha256 = await fileSha256(partial)
  mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE })
  renameSync(partial, path)
  for (const folder of [dirname(path), dirname(dirname(path)), layout.segments]) syncFile(folder)
  const { size } = statSync(path)
  return { number, dataset, day: date, file, rows: count, bytes: size, oldest, newest, columns, sha256 }
}

/** Makes what was written to a file, or the names in a directory, survive a power loss. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Hex. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(bytes)
  return hash.digest('hex')
}

async function one(database: Database, sql: string): Promise<number> {
  const { rows } = await database.rows(sql)
  return Number(rows[0]?.[0] ?? 0)
}
