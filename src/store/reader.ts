/**
 * Reading a store, beside its writer and any number of other readers: each question is answered from the manifest's files as of
 * one moment, by a DuckDB in memory that may open nothing else. Rows not sealed yet are read from the hot files.
 *
 * Repeats never count: sealed segments share no id, and hot rows that are sealed already, or written twice, are left out.
 */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { AppError } from '../errors.ts'
import { FIELD_NAMES, type FieldName } from '../fields.ts'
import { safeText } from '../safe-text.ts'
import type { Micros } from '../time.ts'
import type { ChainHead } from './chain.ts'
import { columnName, columnType, fromHot } from './columns.ts'
import { type Cell, type Database, literal, openDuckdb, type Parameter } from './duckdb.ts'
import { layoutOf, type StoreLayout } from './layout.ts'
import { type Contents, type HotEntry, type Manifest, readManifest, type Segment } from './manifest.ts'
import { fileSha256, hotSource } from './seal.ts'

/** What a question looks at. */
export type Scope = {
  /** Null = all but the ledger's own. */
  readonly datasets: readonly string[] | null
  /** Both included. */
  readonly since: Micros
  readonly until: Micros
  /** Columns the SQL names; null = every field. */
  readonly columns: readonly FieldName[] | null
}

export type Result = { readonly names: readonly string[]; readonly rows: readonly (readonly Cell[])[] }

export type StoreReader = {
  readonly dir: string
  /**
   * Runs SQL over the table `events`, which holds the scope's rows and columns. `parameters` are for the `$n` in it. Throws AppError
   * `bad-store` where nothing can be read; what is left out because it is damaged is told in `damage`.
   */
  select(scope: Scope, sql: string, parameters?: readonly Parameter[]): Promise<Result>
  /** Oldest and newest row by dataset and day, from the manifest alone; hot rows are not in it. */
  segments(): readonly Segment[]
  head(): ChainHead
  /** Segments left out so far because they are damaged or gone, each told once. */
  readonly damage: readonly string[]
  close(): void
}

/** Internal: what the ledger is rebuilt from. Never shown by a search. */
export const LEDGER_DATASET = 'peertrail.ledger'

export const ALL_TIME = { since: -8_640_000_000_000_000, until: 8_640_000_000_000_000 } as const

/** A file listed a moment ago may be merged or sealed away; then the list is read again. */
const ATTEMPTS_MAX = 5
const MEMORY = '1GiB'

/** Throws AppError `no-store`, `newer-store`, `bad-store`. */
export async function openStoreReader(dir: string): Promise<StoreReader> {
  const layout = layoutOf(resolve(dir))
  const manifest = isThere(layout.manifest) ? readManifest(layout) : null
  if (manifest === null) {
    throw new AppError('no-store', `there is no store at ${safeText(dir)}`, {
      advice: 'Make one with `peertrail demo`, or with `peertrail replay DIR --store DIR`; or name it with --store.',
    })
  }
  const database = await openDuckdb({ directory: layout.dir, spill: '', memory: MEMORY, threads: 2 })
  const damaged = new Map<number, string>()

  async function select(scope: Scope, sql: string, parameters: readonly Parameter[] = []): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      const contents = manifest?.contents() ?? { segments: [], hot: [], columns: new Map() }
      const parts = partsOf(contents, scope, damaged)
      try {
        const events = await eventsSql(database, layout, parts, scope)
        return await database.rows(`WITH events AS (${events}) ${sql}`, parameters)
      } catch (cause) {
        const isNewDamage = await findDamage(layout, parts.segments, damaged)
        if (attempt < ATTEMPTS_MAX && (isNewDamage || hasChanged(contents, manifest))) continue
        throw readError(layout, cause)
      }
    }
  }

  return {
    dir: layout.dir,
    select,
    segments: () => manifest.contents().segments,
    head: () => manifest.head(),
    get damage() {
      return [...damaged.values()]
    },
    close() {
      database.close()
      manifest.close()
    },
  }
}

type Parts = {
  readonly segments: readonly Segment[]
  readonly hot: readonly HotEntry[]
  readonly columns: Contents['columns']
}

function partsOf({ segments, hot, columns }: Contents, scope: Scope, damaged: ReadonlyMap<number, string>): Parts {
  const isWanted = (dataset: string) =>
    scope.datasets === null ? dataset !== LEDGER_DATASET : scope.datasets.includes(dataset)
  return {
    segments: segments.filter(
      (segment) =>
        isWanted(segment.dataset) &&
        segment.newest >= scope.since &&
        segment.oldest <= scope.until &&
        !damaged.has(segment.number),
    ),
    hot: hot.filter(({ dataset }) => isWanted(dataset)),
    columns,
  }
}

/** A SELECT of all rows of the scope, and the tables it needs. */
async function eventsSql(database: Database, layout: StoreLayout, parts: Parts, scope: Scope): Promise<string> {
  const columns = scope.columns ?? FIELD_NAMES
  const datasets = [...new Set([...parts.segments, ...parts.hot].map(({ dataset }) => dataset))].sort()
  const selects: string[] = []
  for (const [i, dataset] of datasets.entries()) {
    const segments = parts.segments.filter((segment) => segment.dataset === dataset)
    const hot = parts.hot.filter((entry) => entry.dataset === dataset)
    const sealed = segments.length === 0 ? null : sealedSql(layout, segments)
    if (sealed !== null)
      selects.push(selectColumns(columns, new Set(segments.flatMap((each) => each.columns)), sealed, scope))
    const names = parts.columns.get(dataset) ?? []
    if (hot.length === 0 || names.length === 0) continue
    const table = `hot_${i}`
    await loadHotRows(
      database,
      table,
      hot.map(({ file }) => join(layout.dir, file)),
      names,
      sealed,
    )
    selects.push(selectColumns(columns, new Set(names), table, scope))
  }
  if (selects.length === 0) return `SELECT ${columns.map((name) => missing(name)).join(', ')} WHERE false`
  return selects.join('\nUNION ALL\n')
}

function sealedSql(layout: StoreLayout, segments: readonly Segment[]): string {
  const files = segments.map(({ file }) => literal(join(layout.dir, file)))
  return `read_parquet([${files.join(', ')}], union_by_name = true)`
}

function selectColumns(
  columns: readonly FieldName[],
  present: ReadonlySet<FieldName>,
  source: string,
  scope: Scope,
): string {
  const list = columns.map((name) => (present.has(name) ? columnName(name) : missing(name)))
  // Numbers of ours, printed as numbers: a bound would be the same, a parameter would shift the caller's.
  return `SELECT ${list.join(', ')} FROM ${source} WHERE "@timestamp" BETWEEN make_timestamp(${scope.since}) AND make_timestamp(${scope.until})`
}

function missing(name: FieldName): string {
  return `NULL::${columnType(name)} AS ${columnName(name)}`
}

/** The rows of hot files as a table, each id once, without what sealed segments hold already. */
async function loadHotRows(
  database: Database,
  table: string,
  paths: readonly string[],
  names: readonly FieldName[],
  sealed: string | null,
): Promise<void> {
  const columns = names.map(
    (name) => `${fromHot(name, `coalesce(o.${columnName(name)}, s.${columnName(name)})`)} AS ${columnName(name)}`,
  )
  await database.run(`DROP TABLE IF EXISTS ${table}`)
  for (const [i, path] of paths.entries()) {
    await database.run(
      `CREATE OR REPLACE TABLE lines AS SELECT * FROM ${hotSource(path, names)};
       ${i === 0 ? `CREATE TABLE ${table} AS` : `INSERT INTO ${table}`}
       SELECT ${columns.join(', ')} FROM lines o JOIN lines s ON o._shape = s._define WHERE o."@timestamp" IS NOT NULL`,
    )
  }
  await database.run(
    `DROP TABLE lines; DELETE FROM ${table} WHERE rowid NOT IN (SELECT min(rowid) FROM ${table} GROUP BY "event.id")`,
  )
  if (sealed === null) return
  await database.run(
    `DELETE FROM ${table} WHERE "event.id" IN (SELECT "event.id" FROM ${sealed} WHERE "@timestamp" >= (SELECT min("@timestamp") FROM ${table}) AND "@timestamp" <= (SELECT max("@timestamp") FROM ${table}))`,
  )
}

/** Looks which of the files is gone or not what was sealed; true when one is found that was not known. */
async function findDamage(
  layout: StoreLayout,
  segments: readonly Segment[],
  damaged: Map<number, string>,
): Promise<boolean> {
  const known = damaged.size
  for (const segment of segments) {
    const path = join(layout.dir, segment.file)
    const what = !isThere(path) ? 'is gone' : (await isWhole(path, segment)) ? '' : 'is damaged'
    if (what !== '') damaged.set(segment.number, `${segment.file} ${what}: ${segment.rows} rows of ${segment.dataset}`)
  }
  return damaged.size > known
}

async function isWhole(path: string, segment: Segment): Promise<boolean> {
  try {
    return statSync(path).size === segment.bytes && (await fileSha256(path)) === segment.sha256
  } catch {
    return false
  }
}

function hasChanged(before: Contents, manifest: Manifest | null): boolean {
  const names = ({ segments, hot }: Contents) => JSON.stringify([...segments, ...hot].map(({ file }) => file))
  return manifest !== null && names(before) !== names(manifest.contents())
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function readError(layout: StoreLayout, cause: unknown): AppError {
  return new AppError('bad-store', `the store ${safeText(layout.dir)} could not answer`, {
    cause,
    advice: 'Run `peertrail verify` on it: that names every file that is damaged.',
  })
}
