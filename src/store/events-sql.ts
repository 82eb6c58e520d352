/** The table `events` of a question: which files it is made of, and the SQL that reads them as one. */
import { join } from 'node:path'
import { FIELD_NAMES, type FieldName } from '../fields.ts'
import { columnName, columnType } from './columns.ts'
import { fileLiteral } from './duckdb.ts'
import type { Scope } from './event-reader.ts'
import type { StoreLayout } from './layout.ts'
import type { Contents, HotEntry, Segment } from './manifest.ts'

/** The files of a scope, by what the manifest says of them. Columns as in Contents. */
export type Parts = {
  readonly segments: readonly Segment[]
  readonly hot: readonly HotEntry[]
  readonly columns: Contents['columns']
}

/** Hot rows of one dataset, loaded. */
export type HotTable = { readonly name: string; readonly columns: readonly FieldName[] }

/**
 * Files that differ in their columns are read as one only by looking into all of them first, which costs twice the time and keeps
 * every footer in memory (1 GB for 3000 files). Up to so many groups of equal ones are put together by us instead.
 */
const GROUPS_MAX = 16

/** A question that only counts names no column; a SELECT has to. */
const NOTHING: readonly FieldName[] = ['@timestamp']

/** A SELECT of all rows of the scope from its segments and from tables of hot rows. */
export function eventsSql(
  layout: StoreLayout,
  segments: readonly Segment[],
  hot: readonly HotTable[],
  scope: Scope,
): string {
  const columns = scope.columns?.length === 0 ? NOTHING : (scope.columns ?? FIELD_NAMES)
  const sources = [
    ...sealedSources(layout, segments),
    ...hot.map((table) => ({ from: table.name, columns: table.columns })),
  ]
  if (sources.length === 0) return `SELECT ${columns.map((name) => missing(name)).join(', ')} WHERE false`
  return sources
    .map((source) => selectColumns(columns, new Set(source.columns), source.from, scope))
    .join('\nUNION ALL\n')
}

/** Segments as a table function; those with the same columns need no look into each of them. */
export function parquetSource(layout: StoreLayout, segments: readonly Segment[], isMixed: boolean): string {
  const files = segments.map(({ file }) => fileLiteral(join(layout.dir, file)))
  return `read_parquet([${files.join(', ')}], union_by_name = ${isMixed})`
}

function sealedSources(layout: StoreLayout, segments: readonly Segment[]): { from: string; columns: FieldName[] }[] {
  const groups = [...Map.groupBy(segments, ({ columnsHash }) => columnsHash).values()]
  const isMixed = groups.length > GROUPS_MAX
  return (isMixed ? [segments] : groups).map((group) => ({
    from: parquetSource(layout, group, isMixed),
    columns: group.flatMap((each) => each.columns),
  }))
}

function selectColumns(
  columns: readonly FieldName[],
  present: ReadonlySet<FieldName>,
  from: string,
  { since, until }: Scope,
): string {
  const list = columns.map((name) => (present.has(name) ? columnName(name) : missing(name)))
  // Numbers of ours, printed as numbers: a bound would be the same, a parameter would shift the caller's.
  return `SELECT ${list.join(', ')} FROM ${from} WHERE "@timestamp" BETWEEN make_timestamp(${since}) AND make_timestamp(${until})`
}

function missing(name: FieldName): string {
  return `NULL::${columnType(name)} AS ${columnName(name)}`
}
