/**
 * Rows that are not sealed yet, as tables: each id once, without what sealed segments hold already. Read from files that may grow
 * meanwhile, so a torn last line is nothing strange; any other line that cannot be read is damage, and told.
 */
import { join } from 'node:path'
import type { FieldName } from '../fields.ts'
import { columnName, columnType, fromHot } from './columns.ts'
import { type Database, faultOf } from './duckdb.ts'
import { type HotTable, type Parts, parquetSource } from './events-sql.ts'
import type { StoreLayout } from './layout.ts'
import type { HotEntry, Segment } from './manifest.ts'
import { hotSource } from './seal.ts'

export type HotRows = {
  readonly tables: readonly HotTable[]
  /** What of a file could not be read, by file. */
  readonly damage: ReadonlyMap<string, string>
  /** Files that could not be read at all, with what DuckDB said. */
  readonly unreadable: readonly { readonly file: string; readonly error: unknown }[]
}

/** What no row can do without, whatever the question names. */
const NEEDED: readonly FieldName[] = ['@timestamp', 'event.id']
const IS_EVENT =
  'o._define IS NULL AND o._shape IS NOT NULL AND o."@timestamp" IS NOT NULL AND o."event.id" IS NOT NULL'

/** `columns` null: every field. The tables stay until they are dropped (dropHotRows). */
export async function loadHotRows(
  database: Database,
  layout: StoreLayout,
  parts: Parts,
  columns: readonly FieldName[] | null,
): Promise<HotRows> {
  const tables: HotTable[] = []
  const damage = new Map<string, string>()
  const unreadable: { file: string; error: unknown }[] = []
  for (const [dataset, entries] of Map.groupBy(parts.hot, (entry) => entry.dataset)) {
    const known = parts.columns.get(dataset) ?? []
    // No column was named yet: nothing was written.
    if (known.length === 0) continue
    const wanted = columns === null ? known : known.filter((name) => columns.includes(name))
    const table = { name: tableName(tables.length), columns: [...new Set([...NEEDED, ...wanted])] }
    tables.push(table)
    const list = table.columns.map((name) => `${columnName(name)} ${columnType(name)}`)
    await database.run(`CREATE OR REPLACE TABLE ${table.name} (${list.join(', ')})`)
    for (const entry of entries) {
      try {
        const what = await addRows(database, layout, table, entry)
        if (what !== '') damage.set(entry.file, `${entry.file} is damaged: ${what}`)
      } catch (error) {
        if (faultOf(error) === 'memory' || faultOf(error) === 'interrupt') throw error
        unreadable.push({ file: entry.file, error })
      }
    }
    const segments = parts.segments.filter((segment) => segment.dataset === dataset)
    await dropRepeats(database, layout, table.name, segments)
  }
  return { tables, damage, unreadable }
}

/** Removes the tables that loadHotRows made of these parts. */
export async function dropHotRows(database: Database, parts: Parts): Promise<void> {
  const datasets = new Set(parts.hot.map(({ dataset }) => dataset)).size
  for (let i = 0; i < datasets; i++) await database.run(`DROP TABLE IF EXISTS ${tableName(i)}`)
}

function tableName(index: number): string {
  return `hot_${index}`
}

/** Adds the rows of a file; says what of it is damaged, '' for nothing. */
async function addRows(database: Database, layout: StoreLayout, table: HotTable, entry: HotEntry): Promise<string> {
  const columns = table.columns.map((name) => fromHot(name, `coalesce(o.${columnName(name)}, s.${columnName(name)})`))
  try {
    await database.run(
      `CREATE OR REPLACE TABLE lines AS SELECT * FROM ${hotSource(join(layout.dir, entry.file), table.columns)};
       CREATE OR REPLACE TABLE shapes AS SELECT * FROM lines WHERE rowid IN (SELECT min(rowid) FROM lines WHERE _define IS NOT NULL GROUP BY _define);
       INSERT INTO ${table.name} SELECT ${columns.join(', ')} FROM lines o LEFT JOIN shapes s ON o._shape = s._define WHERE ${IS_EVENT}`,
    )
    const { rows } = await database.rows(
      `SELECT count(*) FILTER (WHERE o._define IS NULL AND NOT (${IS_EVENT}) AND o.rowid < (SELECT max(rowid) FROM lines)),
       count(*) FILTER (WHERE ${IS_EVENT} AND o._shape NOT IN (SELECT _define FROM shapes)) FROM lines o`,
    )
    const [lines = 0, shapeless = 0] = (rows[0] ?? []).map(Number)
    const told = [
      lines === 1 ? '1 line' : `${lines} lines`,
      shapeless === 1 ? 'what 1 row shares' : `what ${shapeless} rows share`,
    ]
    return told.filter((_, i) => [lines, shapeless][i] !== 0).join(', ')
  } finally {
    await database.run('DROP TABLE IF EXISTS lines; DROP TABLE IF EXISTS shapes')
  }
}

/** The first row of an id stays, and none that is sealed. */
async function dropRepeats(
  database: Database,
  layout: StoreLayout,
  table: string,
  segments: readonly Segment[],
): Promise<void> {
  await database.run(`DELETE FROM ${table} WHERE rowid NOT IN (SELECT min(rowid) FROM ${table} GROUP BY "event.id")`)
  // As text: a number of ours may round a far year's stamp.
  const { rows } = await database.rows(
    `SELECT count(*), epoch_us(min("@timestamp"))::VARCHAR, epoch_us(max("@timestamp"))::VARCHAR FROM ${table}`,
  )
  const [count = 0, oldest = '', newest = ''] = rows[0] ?? []
  const near = segments.filter((segment) => segment.oldest <= Number(newest) && segment.newest >= Number(oldest))
  if (count === 0 || near.length === 0) return
  // Both columns are in every segment; what else differs does not matter.
  await database.run(
    `DELETE FROM ${table} WHERE "event.id" IN (SELECT "event.id" FROM ${parquetSource(layout, near, false)} WHERE "@timestamp" BETWEEN make_timestamp(${String(oldest)}) AND make_timestamp(${String(newest)}))`,
  )
}
